//! A guest that says whatever the fuzzer wants: every export returns a pointer to bytes of the input,
//! and before that it calls imports with words of the input.
//!
//! It is compiled once. The input comes in as hexadecimal digits behind [`MAGIC`] in some string
//! parameter, wherever the host put that; `$take` looks for it, so one guest serves every export.
//!
//! The image in memory: at 1 the number of imports to call, at 16 what the export returns, at 512
//! three calls of 136 bytes: the import's number, then at 8 sixteen words of 8 bytes.

use std::fmt::Write as _;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{
    Resolve, WorldItem,
    abi::{AbiVariant, WasmSignature, WasmType},
};

/// Goes before the digits.
pub const MAGIC: &str = "FUZZ";

/// Where the image begins.
pub const IMAGE: u32 = 1024;

/// Bytes of an image.
pub const IMAGE_BYTES: usize = 16 << 10;

const CONTRACT: &str = "wharf:connector";
const VERSION: &str = "0.1.0";

/// The component.
pub fn build() -> Vec<u8> {
    let mut resolve = Resolve::default();
    resolve.push_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).expect("the contract is there");
    let mut text = format!("package test:guest; world guest {{ include {CONTRACT}/capabilities@{VERSION};");
    for export in crate::INTERFACES {
        let _ = write!(text, "export {CONTRACT}/{export}@{VERSION};");
    }
    text.push('}');
    let package = resolve.push_str("guest.wit", &text).expect("the world is sound");
    let world = resolve.select_world(&[package], Some("guest")).expect("the world is there");
    let imports = functions(&resolve, resolve.worlds[world].imports.values(), AbiVariant::GuestImport);
    let exports = functions(&resolve, resolve.worlds[world].exports.values(), AbiVariant::GuestExport);
    let mut module = wat::parse_str(module(&imports, &exports)).expect("the text is sound");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
        .expect("the module fits the world");
    ComponentEncoder::default()
        .module(&module)
        .and_then(|mut encoder| encoder.encode())
        .expect("it is a component")
}

/// A function by interface and name.
type Function = (String, String, WasmSignature);

fn functions<'a>(
    resolve: &Resolve,
    items: impl Iterator<Item = &'a WorldItem>,
    variant: AbiVariant,
) -> Vec<Function> {
    let mut all = Vec::new();
    for item in items {
        let WorldItem::Interface { id, .. } = item else { continue };
        let interface = resolve.id_of(*id).unwrap_or_default();
        for function in resolve.interfaces[*id].functions.values() {
            let signature = resolve.wasm_signature(variant, function);
            all.push((interface.clone(), function.name.clone(), signature));
        }
    }
    all
}

fn module(imports: &[Function], exports: &[Function]) -> String {
    let (mut head, mut calls, mut tail) = (String::new(), String::new(), String::new());
    for (at, (interface, name, signature)) in imports.iter().enumerate() {
        let _ = writeln!(head, r#"(import "{interface}" "{name}" (func $i{at} {}))"#, types(signature));
        let arguments: String = signature
            .params
            .iter()
            .enumerate()
            .map(|(index, ty)| format!("({}.load offset={} (local.get $at))", core(*ty), 8 + 8 * index))
            .collect();
        let drops = "drop ".repeat(signature.results.len());
        let _ = writeln!(
            calls,
            "(if (i32.eq (i32.load8_u (local.get $at)) (i32.const {at})) (then (call $i{at} {arguments}) {drops}))"
        );
    }
    let answer = IMAGE + 16;
    for (interface, name, signature) in exports {
        let result = match signature.results.as_slice() {
            [] => String::new(),
            [ty, ..] => format!("({}.const {answer})", core(*ty)),
        };
        let _ = writeln!(
            tail,
            r#"(func (export "{interface}#{name}") {} (call $take) (call $calls) {result})"#,
            types(signature)
        );
    }
    let magic = u32::from_le_bytes(MAGIC.as_bytes().try_into().unwrap_or_default());
    format!(
        r#"(module {head}
        (memory (export "memory") 8)
        (global $heap (mut i32) (i32.const 65536))
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
            (local $at i32)
            (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 15)) (i32.const -16)))
            (global.set $heap (i32.add (local.get $at) (local.get 3)))
            (local.get $at))
        (func $digit (param $at i32) (result i32)
            (local $c i32)
            (local.set $c (i32.load8_u (local.get $at)))
            (if (i32.and (i32.ge_u (local.get $c) (i32.const 48)) (i32.le_u (local.get $c) (i32.const 57)))
                (then (return (i32.sub (local.get $c) (i32.const 48)))))
            (if (i32.and (i32.ge_u (local.get $c) (i32.const 97)) (i32.le_u (local.get $c) (i32.const 102)))
                (then (return (i32.sub (local.get $c) (i32.const 87)))))
            (i32.const -1))
        (func $take
            (local $at i32) (local $to i32)
            (local.set $at (i32.const 65536))
            (block $found
                (loop $look
                    (br_if $found (i32.eq (i32.load (local.get $at)) (i32.const {magic})))
                    (local.set $at (i32.add (local.get $at) (i32.const 1)))
                    (br_if $look (i32.lt_u (local.get $at) (global.get $heap))))
                (return))
            (local.set $at (i32.add (local.get $at) (i32.const 4)))
            (local.set $to (i32.const {IMAGE}))
            (block $done
                (loop $next
                    (br_if $done (i32.lt_s (call $digit (local.get $at)) (i32.const 0)))
                    (br_if $done (i32.ge_u (local.get $to) (i32.const {end})))
                    (i32.store8 (local.get $to) (i32.or
                        (i32.shl (call $digit (local.get $at)) (i32.const 4))
                        (call $digit (i32.add (local.get $at) (i32.const 1)))))
                    (local.set $at (i32.add (local.get $at) (i32.const 2)))
                    (local.set $to (i32.add (local.get $to) (i32.const 1)))
                    (br $next))))
        (func $calls
            (local $at i32) (local $left i32)
            (local.set $at (i32.const {calls_at}))
            (local.set $left (i32.and (i32.load8_u (i32.const {count_at})) (i32.const 3)))
            (block $done
                (loop $next
                    (br_if $done (i32.eqz (local.get $left)))
                    {calls}
                    (local.set $at (i32.add (local.get $at) (i32.const 136)))
                    (local.set $left (i32.sub (local.get $left) (i32.const 1)))
                    (br $next))))
        {tail})"#,
        end = IMAGE as usize + IMAGE_BYTES,
        calls_at = IMAGE + 512,
        count_at = IMAGE + 1,
    )
}

fn types(signature: &WasmSignature) -> String {
    let list = |types: &[WasmType]| types.iter().map(|ty| core(*ty)).collect::<Vec<_>>().join(" ");
    format!("(param {}) (result {})", list(&signature.params), list(&signature.results))
}

fn core(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
    }
}
