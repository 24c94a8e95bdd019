//! The seeds that are components: made from text here, so that nobody has to trust bytes. With
//! `WHARF_BLESS=1` the test writes them.

use std::{fs, path::Path};

use wharf_package::{CONTRACT, seal};

/// Empty instances under the names of every interface that the manifest in `seeds/manifest/full`
/// promises.
fn outside(more: &str) -> Vec<u8> {
    let (package, version) = CONTRACT.split_once('@').unwrap();
    let names = [
        "manifest",
        "options",
        "actions",
        "resumption",
        "confirmation",
        "batches",
        "polling",
        "deliveries",
        "handshakes",
        "subscriptions",
        "routing",
        "entities",
    ];
    let exports: String =
        names.iter().map(|name| format!(r#"(export "{package}/{name}@{version}" (instance $i))"#)).collect();
    wat::parse_str(format!("(component (instance $i) {exports} {more})")).unwrap()
}

#[track_caller]
fn golden(target: &str, name: &str, bytes: &[u8]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(target).join(name);
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(&path, bytes).unwrap();
    }
    let found = fs::read(&path).unwrap_or_default();
    assert!(found == bytes, "{} is not what its text makes; WHARF_BLESS=1 writes it", path.display());
}

#[test]
fn seeds_of_packages() {
    let manifest = include_str!("../seeds/manifest/full");
    let plain = outside("");
    let with_code = outside("(core module (memory 1) (func nop))");
    for (name, component) in [("plain", &plain), ("code", &with_code)] {
        golden("package", name, &seal(component, manifest).unwrap());
    }
    golden("package", "nested", &outside("(component (component (core module)))"));
    golden("package", "empty", b"\0asm\x0d\0\x01\0");
    golden("package", "core", b"\0asm\x01\0\0\0");
    golden("package", "parted", &[&plain[..], &[0xff; 8], manifest.as_bytes()].concat());
}

#[cfg(feature = "engine")]
#[test]
fn seeds_of_connectors() {
    golden("component_load", "every-export", &wharf_fuzz::guest::build());
    golden("component_load", "empty", b"\0asm\x0d\0\x01\0");
    golden("component_load", "plain", &outside(""));
}
