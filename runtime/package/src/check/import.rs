//! A component imports what it calls; its manifest asks for what it needs. An import that the manifest
//! asks nothing for can only ever be denied, and is either a mistake of the author, who is told now,
//! or an attempt.
//!
//! Only our own interfaces are judged: toolchains link WASI's whether they are called or not.

use wharf_model::manifest::Manifest;

use crate::{PackageError, interface};

/// Refuses an import that needs a permission which the manifest does not ask for.
pub(crate) fn check_imports(manifest: &Manifest, imports: &[String]) -> Result<(), PackageError> {
    let needs = [
        ("http", manifest.egress.is_empty(), "list the addresses that it calls under `egress`"),
        ("store", manifest.store.is_none(), "ask for bytes under `store`"),
        ("credentials", manifest.auth.is_empty(), "declare how an account is connected under `auth`"),
    ];
    for (name, missing, fix) in needs {
        let import = interface(name);
        if missing && imports.contains(&import) {
            return Err(PackageError::ImportNotGranted { import, fix });
        }
    }
    Ok(())
}
