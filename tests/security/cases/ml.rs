//! Malformed components and linking: files that nobody would build, given to the install address.

use serde_json::json;

use crate::{
    security::{
        bed::{Bed, RUNTIME},
        play::{Case, Ends, Findings, Guest, Load, cases},
    },
    wat::{self, Core},
};

/// What the package reader and the sandbox refuse with.
const REFUSED: &[&str] = &["bad-package", "refused-by-sandbox", "bad-manifest", "describes-itself-otherwise"];
const MALFORMED: &[&str] = &["bad-package"];

fn load(
    what: impl Into<String>,
    file: impl Into<Vec<u8>>,
    codes: &'static [&'static str],
    says: &'static str,
) -> Load {
    Load { what: what.into(), file: file.into(), codes, says }
}

cases! {
    ml_01_files_that_are_no_components => Case::Load({
        let good = wat::speaker("ml-01", "1.0.0", |_| {});
        let mut layer = good.clone();
        layer[6] = 2;
        let mut loads = vec![
            load("empty", b"", MALFORMED, ""),
            load("MZ", b"MZ\x90\x00", MALFORMED, ""),
            load("text", b"hello", MALFORMED, ""),
            load("a core module", wat::parse("(module)"), MALFORMED, ""),
            load("another layer", layer, MALFORMED, ""),
        ];
        for connector in ["plugins/http", "plugins/github", "plugins/slack"] {
            let whole = std::fs::read(RUNTIME.block_on(crate::bed::built(connector))).unwrap();
            for cut in 1..65 {
                loads.push(load(format!("{connector} cut at {cut}/65"), &whole[..whole.len() * cut / 65], MALFORMED, ""));
            }
        }
        loads
    });

    ml_02_mutants_of_a_shipped_connector => Case::Own(|bed, _| Box::pin(mutants(bed)));

    ml_03_sockets => imports("wasi:sockets/tcp@0.2.0", "wasi:sockets/tcp@0.2.0");

    ml_04_directories_are_there_and_empty => Case::Guest(Guest {
        core: super::fs::directories(),
        ends: Ends::Done(json!(0)),
        ..Guest::default()
    });

    ml_05_contracts_of_another_time => Case::Load(vec![
        importing("wharf:connector/http@99.0.0", "wharf:connector@0.1.0"),
        importing("wharf:connector/http@1.999.0", "wharf:connector@0.1.0"),
        importing("wharf:connector/http@0.1.1", "wharf:connector@0.1.0"),
        importing("wharf:connector/shell@0.1.0", "wharf:connector/shell@0.1.0"),
    ]);

    ml_06_a_custom_section_of_64_megabytes => Case::Load(vec![load("padded", {
        let mut file = wat::speaker("ml-06", "1.0.0", |_| {});
        append_section(&mut file, "padding", &vec![0; (64 << 20) - 100_000]);
        file
    }, &["refused-by-sandbox", "bad-package", "too-large"], "")]);

    ml_07_exports_that_are_too_many_or_too_long => Case::Load(vec![
        load("a name of a megabyte", exporting(&format!("(export \"{}\" (func $f))", "x".repeat(1 << 20))), REFUSED, ""),
        load(
            "100,000 exports",
            exporting(&(0..100_000).map(|n| format!("(export \"e{n}\" (func $f))")).collect::<String>()),
            REFUSED,
            "",
        ),
        load("an action twice", twice(), REFUSED, ""),
    ]);

    ml_08_a_compiled_artifact => Case::Load(vec![
        // What an engine writes to disk is an ELF file.
        load("ELF", [b"\x7fELF\x02\x01\x01\0".as_slice(), &[0; 56]].concat(), MALFORMED, ""),
        load("from the cache", cached(), MALFORMED, ""),
    ]);

    ml_09_text => Case::Load(vec![
        load("(component)", b"(component)", MALFORMED, ""),
        load("(module)", b"(module)", MALFORMED, ""),
    ]);

    ml_10_exports_that_are_missing => Case::Load(vec![
        load("the empty component", b"\0asm\x0d\0\x01\0", MALFORMED, ""),
        load("imports and no exports", wat::parse(r#"(component (import "wharf:connector/log@0.1.0" (instance)))"#), MALFORMED, ""),
        load("an interface without its function", wat::parse(
            r#"(component (instance $m) (export "wharf:connector/manifest@0.1.0" (instance $m)))"#
        ), REFUSED, ""),
    ]);
}

/// A sealed connector that imports this besides.
fn importing(import: &'static str, says: &'static str) -> Load {
    let component = wat::parse(&format!(
        r#"(component
            (import "{import}" (instance))
            (core module $m (memory (export "memory") 1) (func (export "describe") (result i32) i32.const 16))
            (core instance $i (instantiate $m))
            (func $describe (result string) (canon lift (core func $i "describe") (memory $i "memory")))
            (instance $manifest (export "describe" (func $describe)))
            (export "wharf:connector/manifest@0.1.0" (instance $manifest)))"#
    ));
    let manifest = json!({ "name": "importing", "version": "1.0.0", "title": "X" }).to_string();
    let file = wharf_package::seal(&component, &manifest).unwrap();
    load(import, file, REFUSED, says)
}

fn imports(import: &'static str, says: &'static str) -> Case {
    Case::Load(vec![importing(import, says)])
}

/// A sealed connector whose core module has these fields too.
fn exporting(fields: &str) -> Vec<u8> {
    let component = wat::parse(&format!(
        r#"(component
            (core module $m
                (memory (export "memory") 1)
                (func $f (export "describe") (result i32) i32.const 16)
                {fields})
            (core instance $i (instantiate $m))
            (func $describe (result string) (canon lift (core func $i "describe") (memory $i "memory")))
            (instance $manifest (export "describe" (func $describe)))
            (export "wharf:connector/manifest@0.1.0" (instance $manifest)))"#
    ));
    sealed_by_hand(component, r#"{"name":"exporting","version":"1.0.0","title":"X"}"#)
}

/// A sealed connector whose manifest has one action twice: a member of a JSON object that is there twice.
fn twice() -> Vec<u8> {
    let action = r#""say":{"title":"Say","effect":"read","input":{"type":"object"},"output":{}}"#;
    let manifest =
        format!(r#"{{"name":"twice","version":"1.0.0","title":"X","actions":{{{action},{action}}}}}"#);
    sealed_by_hand(wat::component(&manifest, &Core::default()), &manifest)
}

/// What `seal` would write if it did not look at what it seals.
fn sealed_by_hand(mut component: Vec<u8>, manifest: &str) -> Vec<u8> {
    append_section(&mut component, wharf_package::MANIFEST_SECTION, manifest.as_bytes());
    append_section(&mut component, wharf_package::CONTRACT_SECTION, wharf_package::CONTRACT.as_bytes());
    component
}

/// An artifact as this machine's own cache has it, if there is one already.
fn cached() -> Vec<u8> {
    RUNTIME.block_on(async {
        let bed = crate::security::bed::Group::Ml.bed().await;
        let cache = std::fs::read_dir(bed.dir.join("data/cache")).into_iter().flatten().flatten();
        let mut files = cache.map(|entry| entry.path()).filter(|path| path.is_file());
        files.find_map(|path| std::fs::read(path).ok()).expect("the canary was compiled")
    })
}

/// A custom section behind everything else (WebAssembly core specification 2.0, section 5.5.3).
pub(crate) fn append_section(file: &mut Vec<u8>, name: &str, data: &[u8]) {
    let mut body = leb128(name.len());
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    file.push(0);
    file.extend(leb128(body.len()));
    file.extend(body);
}

fn leb128(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let low = u8::try_from(value & 0x7f).unwrap();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return out;
        }
        out.push(low | 0x80);
    }
}

/// Bytes of a shipped connector flipped at fixed places. The whole number is the fuzzing tools'; here it
/// is that a server takes them one after the other.
async fn mutants(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    let whole = std::fs::read(crate::bed::built("plugins/http").await).unwrap();
    let (mut loaded, mut refused) = (0, 0);
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..200 {
        let mut mutant = whole.clone();
        for _ in 0..=random % 3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let at = usize::try_from(random >> 16).unwrap() % mutant.len();
            mutant[at] ^= u8::try_from(random & 0xff).unwrap() | 1;
        }
        match bed.install(mutant).await {
            Ok(_) => loaded += 1,
            Err(fault) if REFUSED.contains(&fault.code.as_str()) || fault.code == "refused" => refused += 1,
            Err(fault) => findings.wrong.push(format!("{}: {}", fault.code, fault.message)),
        }
    }
    findings.figures = format!("200 mutants: {refused} refused, {loaded} loaded");
    findings
}
