//! Makes a component of what a compiler wrote. A guest's bindings leave their types in a custom
//! section of the core module; `wit-component` turns those into the component around it.

use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

use crate::{
    PackageError,
    header::{Kind, kind},
};

/// A validated component of a core module; a file that already is a component passes through.
pub fn componentize(core_module: &[u8]) -> Result<Vec<u8>, PackageError> {
    match kind(core_module)? {
        Kind::Component => Ok(core_module.to_vec()),
        Kind::CoreModule => {
            refuse_foreign_imports(core_module)?;
            ComponentEncoder::default()
                .validate(true)
                .module(core_module)
                .and_then(|mut encoder| encoder.encode())
                .map_err(|error| PackageError::Componentize(format!("{error:#}")))
        }
    }
}

/// Imports that no host offers come from a dependency built for another platform. They are named
/// here because the encoder's own words for them do not say what to change.
fn refuse_foreign_imports(core_module: &[u8]) -> Result<(), PackageError> {
    for payload in Parser::new(0).parse_all(core_module) {
        let Payload::ImportSection(section) = payload? else {
            continue;
        };
        for import in section.into_imports() {
            let import = import?;
            let reason = match import.module {
                "wasi_snapshot_preview1" | "wasi_unstable" => {
                    "it was built for WASI 0.1; build it for wasm32-unknown-unknown or wasm32-wasip2"
                }
                "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" => {
                    "a dependency expects a JavaScript host (wasm-bindgen); turn off its `js` or `wasm-bindgen` feature"
                }
                "env" => {
                    "a symbol was not linked; a dependency needs a C library or an `extern` function that is not there"
                }
                _ => continue,
            };
            let import = format!("it imports `{}` from `{}`: {reason}", import.name, import.module);
            return Err(PackageError::Componentize(import));
        }
    }
    Ok(())
}
