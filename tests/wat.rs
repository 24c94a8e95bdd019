//! Connectors made by hand: the core module is WebAssembly text, `wit/` gives it its types. For tests
//! that need a version of one in no time, or a guest that no compiler would make.
//!
//! Addresses in every guest: 16 what `describe` returns, 32 what `run` returns (`done` with the text at
//! 1024), 128 to 1023 for the case, 4096 the manifest, 131072 and up `cabi_realloc`.

use serde_json::{Value, json};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::bed::checkout;

/// The parts of a core module that a test fills in.
#[derive(Clone, Debug)]
pub(crate) struct Core {
    /// More WIT packages, for imports that are not ours.
    pub(crate) wit: &'static str,
    /// What the world imports besides the capabilities: `import wasi:random/random@0.2.0;`.
    pub(crate) world: &'static str,
    /// Imports of the module, which WAT wants first.
    pub(crate) imports: String,
    /// Pages of memory.
    pub(crate) pages: u32,
    /// The text at 1024.
    pub(crate) said: String,
    /// The body of `run`; it returns an address. `$n` and `$m` are free locals.
    pub(crate) run: String,
    /// More fields of the module.
    pub(crate) more: String,
}

impl Default for Core {
    fn default() -> Self {
        Self {
            wit: "",
            world: "",
            imports: String::new(),
            pages: 4,
            said: "{}".to_owned(),
            run: "i32.const 32".to_owned(),
            more: String::new(),
        }
    }
}

/// A sealed connector `name` whose only action `say` returns `{"said": VERSION}`.
pub(crate) fn speaker(name: &str, version: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let said = json!({ "said": version }).to_string();
    connector(name, version, change, &Core { said, ..Core::default() })
}

/// A sealed connector `name` whose only action `say` is the `run` of `core`.
pub(crate) fn connector(name: &str, version: &str, change: impl FnOnce(&mut Value), core: &Core) -> Vec<u8> {
    let mut manifest = json!({
        "name": name,
        "version": version,
        "title": "Speaker",
        "actions": {
            "say": {
                "title": "Say",
                "effect": "read",
                "input": { "type": "object", "properties": {}, "additionalProperties": false },
                "output": {},
            },
        },
    });
    change(&mut manifest);
    let manifest = manifest.to_string();
    wharf_package::seal(&component(&manifest, core), &manifest).unwrap()
}

/// The component, not sealed.
pub(crate) fn component(manifest: &str, core: &Core) -> Vec<u8> {
    let mut module = wat::parse_str(text(manifest, core)).unwrap();
    let mut resolve = Resolve::default();
    resolve.push_dir(checkout().path("wit")).unwrap();
    if !core.wit.is_empty() {
        resolve.push_str("more.wit", &format!("package test:more; {}", core.wit)).unwrap();
    }
    let world = format!(
        "package test:guest; world guest {{ include wharf:connector/action-connector@0.1.0; {} }}",
        core.world
    );
    let package = resolve.push_str("guest.wit", &world).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    wharf_package::componentize(&module).unwrap()
}

/// `describe` returns a string: its address and length, at 16. `run` returns `ok(done(string))`: the
/// tags of result and variant at 32 and 40, the string at 48 (canonical ABI, alignment 8).
fn text(manifest: &str, core: &Core) -> String {
    let Core { imports, pages, said, run, more, .. } = core;
    let (manifest_bytes, said_bytes) = (escaped(manifest.as_bytes()), escaped(said.as_bytes()));
    let describes = escaped(&[word(4096), word(manifest.len())].concat());
    let says = escaped(&[word(1024), word(said.len())].concat());
    format!(
        r#"(module {imports}
            (memory (export "memory") {pages})
            (global $next (mut i32) (i32.const 131072))
            (data (i32.const 16) "{describes}")
            (data (i32.const 48) "{says}")
            (data (i32.const 4096) "{manifest_bytes}")
            (data (i32.const 1024) "{said_bytes}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "wharf:connector/manifest@0.1.0#describe") (result i32) i32.const 16)
            (func (export "wharf:connector/actions@0.1.0#run") (param i32) (result i32)
                (local $n i32) (local $m i32)
                {run})
            {more})"#
    )
}

fn word(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap().to_le_bytes()
}

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// Text as bytes.
pub(crate) fn parse(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}
