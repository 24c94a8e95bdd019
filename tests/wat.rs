//! A connector made by hand, for tests that need another version of one in no time: it returns one
//! constant. The core module is WebAssembly text; `wit/` gives it its types.

use serde_json::{Value, json};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::bed::checkout;

/// A sealed connector `name` whose only action `say` returns `{"said": VERSION}`.
pub(crate) fn speaker(name: &str, version: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut manifest = json!({
        "name": name,
        "version": version,
        "title": "Speaker",
        "actions": {
            "say": {
                "title": "Say",
                "effect": "read",
                "input": { "type": "object", "properties": {}, "additionalProperties": false },
                "output": { "type": "object" },
            },
        },
    });
    change(&mut manifest);
    let manifest = manifest.to_string();
    let said = json!({ "said": version }).to_string();
    let mut module = wat::parse_str(text(&manifest, &said)).unwrap();
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(checkout().path("wit")).unwrap();
    let world = resolve.select_world(&[package], Some("action-connector")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    wharf_package::seal(&wharf_package::componentize(&module).unwrap(), &manifest).unwrap()
}

/// `describe` returns a string: its address and length, at 16. `run` returns `ok(done(string))`: the
/// tags of result and variant at 32 and 40, the string at 48 (canonical ABI, alignment 8).
fn text(manifest: &str, said: &str) -> String {
    let (manifest_at, said_at) = (4096, 1024);
    format!(
        r#"(module
            (memory (export "memory") 4)
            (global $next (mut i32) (i32.const 131072))
            (data (i32.const {manifest_at}) "{}")
            (data (i32.const {said_at}) "{}")
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
                (global.set $next (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (func (export "wharf:connector/manifest@0.1.0#describe") (result i32)
                (i32.store (i32.const 16) (i32.const {manifest_at}))
                (i32.store (i32.const 20) (i32.const {}))
                (i32.const 16))
            (func (export "wharf:connector/actions@0.1.0#run") (param i32) (result i32)
                (i32.store (i32.const 48) (i32.const {said_at}))
                (i32.store (i32.const 52) (i32.const {}))
                (i32.const 32)))"#,
        escaped(manifest),
        escaped(said),
        manifest.len(),
        said.len(),
    )
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("\\{byte:02x}")).collect()
}
