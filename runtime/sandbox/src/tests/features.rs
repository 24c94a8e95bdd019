//! Engine features that connectors do not need: a component that needs one is refused, and told which.

use super::{block_on, load};
use crate::LoadError;

#[test]
fn features_that_are_off_are_named() {
    for (feature, module) in [
        ("threads", "(memory 1 1 shared)"),
        ("threads", "(memory 1 1) (func (drop (i32.atomic.load (i32.const 0))))"),
        ("gc", "(type (struct (field i32)))"),
        ("gc", "(type (array i8)) (func (param (ref null 0)) (drop (array.len (local.get 0))))"),
        ("function-references", "(type (func)) (func (param (ref 0)) (call_ref 0 (local.get 0)))"),
        ("exceptions", "(tag)"),
        ("legacy-exceptions", "(func try catch_all end)"),
        ("memory64", "(memory i64 1)"),
        ("memory64", "(table i64 1 funcref)"),
        ("multi-memory", "(memory 1) (memory 1)"),
        ("relaxed-simd", "(func (param v128) (drop (i8x16.relaxed_swizzle (local.get 0) (local.get 0))))"),
        ("tail-call", "(func $f (return_call $f))"),
        ("stack-switching", "(type $f (func)) (type (cont $f))"),
        (
            "wide-arithmetic",
            "(func (param i64) (drop (drop (i64.add128 (local.get 0) (local.get 0) (local.get 0) (local.get 0)))))",
        ),
        ("custom-page-sizes", "(memory 1 (pagesize 1))"),
    ] {
        let wasm = wat::parse_str(format!("(component (core module {module}))")).unwrap();
        match block_on(load(&wasm)).unwrap_err() {
            LoadError::Feature { names, found } => {
                assert!(names.iter().any(|name| name == feature), "{module}: {names:?} ({found})");
            }
            other => panic!("{module}: {other}"),
        }
    }
}

#[test]
fn what_toolchains_emit_by_default_is_on() {
    for module in [
        "(memory 1) (func (memory.fill (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(func (param f32) (drop (i32.trunc_sat_f32_s (local.get 0))))",
        "(func (param i32) (drop (i32.extend8_s (local.get 0))))",
        "(func (result i32 i32) (i32.const 0) (i32.const 0))",
        "(table 1 funcref) (func (drop (table.size 0)))",
        "(func (param v128) (drop (i8x16.add (local.get 0) (local.get 0))))",
        "(global (mut i32) (i32.const 0)) (global i32 (i32.add (i32.const 0) (i32.const 1)))",
    ] {
        let wasm = wat::parse_str(format!("(component (core module {module}))")).unwrap();
        let error = block_on(load(&wasm)).unwrap_err();
        assert_eq!(error.reason(), "export-missing", "{module}: {error}");
    }
}
