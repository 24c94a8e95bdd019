//! From a compiler's core module to a component.

use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use crate::{PackageError, componentize, open, seal};

const WIT: &str = "
    package wharf:connector@0.1.0;
    interface manifest { describe: func() -> string; }
    interface actions { run: func(name: string) -> string; }
    world small { export manifest; export actions; }
";

const MODULE: &str = r#"(module
    (memory (export "memory") 1)
    (data (i32.const 0) "\08\00\00\00\02\00\00\00{}")
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
    (func (export "wharf:connector/manifest@0.1.0#describe") (result i32) i32.const 0)
    (func (export "wharf:connector/actions@0.1.0#run") (param i32 i32) (result i32) i32.const 0))"#;

/// What a guest's bindings leave in its core module.
fn compiled() -> Vec<u8> {
    let mut module = wat::parse_str(MODULE).expect("the WAT is right");
    let mut resolve = Resolve::default();
    let package = resolve.push_str("contract.wit", WIT).expect("the WIT is right");
    let world = resolve.select_world(&[package], Some("small")).expect("the world is there");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("the types embed");
    module
}

#[test]
fn makes_a_connector_and_passes_one_through() {
    let component = componentize(&compiled()).expect("it becomes a component");
    assert_eq!(componentize(&component).expect("it is one"), component);
    let manifest = r#"{"name":"small","version":"0.1.0","title":"Small","actions":{"run":{"title":"Run","effect":"read","input":{"type":"object"},"output":{}}}}"#;
    let package = open(&seal(&component, manifest).expect("it seals")).expect("it opens");
    assert_eq!(package.exports, ["wharf:connector/manifest@0.1.0", "wharf:connector/actions@0.1.0"]);
    assert_eq!(package.imports, Vec::<String>::new());
}

#[track_caller]
fn refuses(wat: &str, expected: &str) {
    let error = componentize(&wat::parse_str(wat).expect("the WAT is right")).expect_err("it is refused");
    assert!(matches!(error, PackageError::Componentize(_)), "{error:?}");
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn says_what_to_change_about_imports_of_other_platforms() {
    refuses(r#"(module (import "wasi_snapshot_preview1" "fd_write" (func)))"#, "wasm32-unknown-unknown");
    refuses(r#"(module (import "__wbindgen_placeholder__" "__wbindgen_throw" (func)))"#, "wasm-bindgen");
    refuses(r#"(module (import "env" "SHA256_Init" (func)))"#, "`SHA256_Init` from `env`");
    refuses(r#"(module (import "strange" "thing" (func)))"#, "strange");
}
