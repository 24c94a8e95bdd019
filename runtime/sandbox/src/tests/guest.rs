//! A guest is a core module in WAT; `wit-component` makes a component of it, as it does for real
//! guests. The template holds what every guest needs, a case fills in the rest.
//!
//! Addresses: 16 the output `{}`, 32 what `describe` returns, 64 what `run` returns (`done` with
//! the text at 16), 128 and up for the case, 4096 and up for `cabi_realloc`, 65536 and up for the
//! case again.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{
    FunctionKind, Resolve, WorldId, WorldItem,
    abi::{AbiVariant, WasmType},
};

/// What a case puts into the template.
#[derive(Clone, Copy)]
pub(super) struct Guest {
    /// Imports, which WAT wants first.
    pub(super) imports: &'static str,
    /// Pages of memory.
    pub(super) pages: u32,
    /// The body of `describe`; it returns an address.
    pub(super) describe: &'static str,
    /// The body of `run`; it returns an address. `$n` and `$m` are free locals.
    pub(super) run: &'static str,
    /// More fields of the module.
    pub(super) more: &'static str,
    /// Interfaces that it imports beside those of the contract, and the WIT packages they are in.
    pub(super) foreign: (&'static str, &'static str),
    /// How `run` is lifted.
    pub(super) lift: Lift,
}

/// The type that a function of the contract is exported with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lift {
    /// `func`, as the contract says.
    Plain,
    /// `async func`, which may wait for what WASI 0.3 offers.
    Async,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            imports: "",
            pages: 2,
            describe: "i32.const 32",
            run: "i32.const 64",
            more: "",
            foreign: ("", ""),
            lift: Lift::Plain,
        }
    }
}

pub(super) const LOG: &str =
    r#"(import "wharf:connector/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;

pub(super) const HTTP: &str = r#"
    (import "wharf:connector/http@0.1.0" "send" (func $send
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "wharf:connector/http@0.1.0" "[method]body.read" (func $read (param i32 i32 i32)))
    (import "wharf:connector/http@0.1.0" "[resource-drop]body" (func $drop (param i32)))"#;

pub(super) const BLOBS: &str = r#"
    (import "wharf:connector/blobs@0.1.0" "create" (func $create (param i32 i32 i32 i32 i32)))
    (import "wharf:connector/blobs@0.1.0" "[method]writer.write" (func $write (param i32 i32 i32 i32)))
    (import "wharf:connector/blobs@0.1.0" "[static]writer.finish" (func $finish (param i32 i32)))"#;

impl Guest {
    /// The component, with the interfaces `manifest` and `actions`.
    pub(super) fn build(&self) -> Vec<u8> {
        let Self { imports, pages, describe, run, more, foreign, lift } = self;
        let wat = format!(
            r#"(module {imports}
            (memory (export "memory") {pages})
            (global $heap (mut i32) (i32.const 4096))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                (global.set $heap (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
            (data (i32.const 16) "{{}}")
            (data (i32.const 32) "\10\00\00\00\02\00\00\00")
            (data (i32.const 80) "\10\00\00\00\02\00\00\00")
            (func $describe (export "wharf:connector/manifest@0.1.0#describe") (result i32) {describe})
            (func $run (export "wharf:connector/actions@0.1.0#run") (param i32) (result i32)
                (local $n i32) (local $m i32)
                {run})
            {more})"#
        );
        encode_with(&wat, &["manifest", "actions"], *foreign, *lift)
    }
}

/// A component of a core module that exports these interfaces of the contract.
pub(super) fn encode(wat: &str, exports: &[&str]) -> Vec<u8> {
    encode_with(wat, exports, ("", ""), Lift::Plain)
}

fn encode_with(wat: &str, exports: &[&str], foreign: (&str, &str), lift: Lift) -> Vec<u8> {
    let mut module = wat::parse_str(wat).unwrap();
    let (mut resolve, world) = world(exports, foreign);
    if lift == Lift::Async {
        let actions = resolve.interfaces.iter_mut().map(|(_, interface)| interface);
        let mut actions = actions.filter(|interface| interface.name.as_deref() == Some("actions"));
        actions.next().unwrap().functions["run"].kind = FunctionKind::AsyncFreestanding;
    }
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
}

fn world(exports: &[&str], (imports, packages): (&str, &str)) -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).unwrap();
    let mut text = "package test:guest; world guest { include wharf:connector/capabilities@0.1.0;".to_owned();
    for export in exports {
        write!(text, "export wharf:connector/{export}@0.1.0;").unwrap();
    }
    text.push_str(imports);
    text.push('}');
    text.push_str(packages);
    let package = resolve.push_str("guest.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("guest")).unwrap();
    (resolve, world)
}

/// A component that imports every function of the contract and exports every interface: loading
/// it compares all types of the contract with those that the host links and calls.
pub(super) fn everything(exports: &[&str]) -> Vec<u8> {
    let (resolve, world) = world(exports, ("", ""));
    let (mut imports, mut functions) = (String::new(), String::new());
    let interfaces = |items: Vec<&WorldItem>| -> Vec<_> {
        let ids = items.into_iter().map(|item| match item {
            WorldItem::Interface { id, .. } => *id,
            _ => panic!("the world has interfaces only"),
        });
        ids.collect()
    };
    let of = &resolve.worlds[world];
    for id in interfaces(of.imports.values().collect()) {
        let interface = resolve.id_of(id).unwrap();
        for function in resolve.interfaces[id].functions.values() {
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            writeln!(
                imports,
                r#"(import "{interface}" "{}" (func {}))"#,
                function.name,
                types(&signature.params, &signature.results)
            )
            .unwrap();
        }
    }
    for id in interfaces(of.exports.values().collect()) {
        let interface = resolve.id_of(id).unwrap();
        for function in resolve.interfaces[id].functions.values() {
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            writeln!(
                functions,
                r#"(func (export "{interface}#{}") {} unreachable)"#,
                function.name,
                types(&signature.params, &signature.results)
            )
            .unwrap();
        }
    }
    encode(
        &format!(
            r#"(module {imports} (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable) {functions})"#
        ),
        exports,
    )
}

fn types(params: &[WasmType], results: &[WasmType]) -> String {
    let list = |types: &[WasmType]| types.iter().map(|ty| core(*ty)).collect::<Vec<_>>().join(" ");
    format!("(param {}) (result {})", list(params), list(results))
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}
