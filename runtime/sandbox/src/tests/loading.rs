//! What is refused before it runs, by the stable name of the reason.

use wharf_model::digest::Digest;

use super::{
    SANDBOX, block_on,
    guest::{Guest, encode, everything},
    load,
};
use crate::{LoadError, Sandbox, SandboxConfig, ScanLimits};

#[track_caller]
fn check(id: &str, wasm: &[u8], reason: &str, says: &str) {
    match block_on(load(wasm)) {
        Ok(_) => panic!("{id} loaded"),
        Err(error) => {
            assert_eq!(error.reason(), reason, "{id}: {error}");
            assert!(error.to_string().contains(says), "{id}: {error}");
        }
    }
}

fn component(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap()
}

const ALL: [&str; 15] = [
    "manifest",
    "connections",
    "options",
    "fields",
    "actions",
    "resumption",
    "confirmation",
    "batches",
    "polling",
    "deliveries",
    "handshakes",
    "subscriptions",
    "routing",
    "samples",
    "entities",
];

#[test]
fn the_whole_contract_loads() {
    let connector = block_on(load(&everything(&ALL))).unwrap();
    let names: Vec<_> = connector.interfaces().iter().map(crate::Interface::name).collect();
    assert_eq!(names, ALL);
}

#[test]
fn ml_01_not_components() {
    let good = Guest::default().build();
    let mut layer = good.clone();
    layer[6] = 2;
    check("empty", b"", "malformed", "");
    check("MZ", b"MZ\x90\x00", "malformed", "");
    check("text", b"hello", "malformed", "");
    check("core module", &component("(module)"), "malformed", "wharf build");
    check("layer", &layer, "malformed", "");
    // The end of the file is custom sections, which may be missing.
    for cut in 1..32 {
        let cut = good.len() * cut / 32;
        if let Err(error) = block_on(load(&good[..cut])) {
            let known = ["malformed", "export-missing"].contains(&error.reason());
            assert!(known, "cut at {cut}: {error}");
        }
    }
}

#[test]
fn ml_03_imports_that_nobody_offers() {
    for import in [
        "wasi:sockets/tcp@0.2.0",
        "wasi:sockets/types@0.3.0",
        "wasi:http/incoming-handler@0.2.0",
        "wasi:cli/environment@0.3.0-rc-2025-09-16",
        "wharf:connector/shell@0.1.0",
        "env",
    ] {
        let wasm = component(&format!(r#"(component (import "{import}" (instance)))"#));
        check(import, &wasm, "import-unknown", import);
    }
}

#[test]
fn ml_05_other_versions_of_the_contract() {
    for import in
        ["wharf:connector/http@99.0.0", "wharf:connector/http@1.999.0", "wharf:connector/http@0.1.1"]
    {
        let wasm = component(&format!(r#"(component (import "{import}" (instance)))"#));
        check(import, &wasm, "wit-version", "wharf:connector@0.1.0");
    }
}

#[test]
fn ml_08_a_compiled_artifact_is_no_component() {
    let engine = crate::engine::compiler(crate::engine::Flavour::Plain).unwrap();
    let artifact = engine.precompile_component(&Guest::default().build()).unwrap();
    check("ML-08", &artifact, "malformed", "");
}

#[test]
fn ml_09_text_is_not_parsed() {
    check("ML-09", b"(component)", "malformed", "");
}

#[test]
fn ml_10_exports() {
    check("empty", b"\0asm\x0d\0\x01\0", "export-missing", "wharf:connector/manifest@0.1.0");
    let only_actions = encode(
        r#"(module (memory (export "memory") 1)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) unreachable)
            (func (export "wharf:connector/actions@0.1.0#run") (param i32) (result i32) unreachable))"#,
        &["actions"],
    );
    check("no manifest", &only_actions, "export-missing", "manifest");
    let wrong = component(
        r#"(component
            (core module $m (func (export "describe") (result i32) i32.const 0))
            (core instance $i (instantiate $m))
            (func $describe (result u32) (canon lift (core func $i "describe")))
            (instance $manifest (export "describe" (func $describe)))
            (export "wharf:connector/manifest@0.1.0" (instance $manifest)))"#,
    );
    check("type", &wrong, "export-type", "manifest.describe");
    let partial = component(
        r#"(component (instance $manifest) (export "wharf:connector/manifest@0.1.0" (instance $manifest)))"#,
    );
    check("partial", &partial, "export-missing", "describe");
}

#[test]
fn gr_03_a_start_function_that_never_ends() {
    let guest = Guest { more: "(func $start (loop $l (br $l))) (start $start)", ..Guest::default() };
    check("GR-03", &guest.build(), "start", "fuel");
}

#[test]
fn what_starts_too_large() {
    check("GR-05", &Guest { pages: 16_384, ..Guest::default() }.build(), "memory-min", "1073741824");
    let table = Guest { more: "(table 100000000 funcref)", ..Guest::default() };
    check("GR-06", &table.build(), "table-min", "100000000");
}

#[test]
fn gr_20_a_function_too_large_to_compile() {
    let body: &'static str = format!("(func {})", "nop ".repeat(300_000)).leak();
    check("GR-20", &Guest { more: body, ..Guest::default() }.build(), "function-size", "262144");
}

#[test]
fn limits_of_the_scan_and_the_digest() {
    let wasm = Guest::default().build();
    let scan = ScanLimits { component_bytes: 100_000, functions: 2, ..ScanLimits::default() };
    let sandbox = Sandbox::new(SandboxConfig { slots: 1, scan, ..SandboxConfig::default() }).unwrap();
    let error = block_on(sandbox.load(&wasm, Digest::of(&wasm))).unwrap_err();
    assert_eq!(error.reason(), "function-size", "{error}");
    let error = block_on(sandbox.load(&[0; 100_001], Digest::of(&wasm))).unwrap_err();
    assert_eq!(error, LoadError::Size { bytes: 100_001, max: 100_000 });
    let error = block_on(SANDBOX.load(&wasm, Digest::of(b"other"))).unwrap_err();
    assert_eq!(error.reason(), "digest");
}
