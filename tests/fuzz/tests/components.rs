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
        fs::create_dir_all(path.parent().unwrap()).unwrap();
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
    golden("component_load", "guest", b"edit");
    golden("component_load", "guest-edited", b"edit\x00\x20\x0b\x00\x28\x00\x00\x10\x7f");
    golden("component_load", "empty", b"\0asm\x0d\0\x01\0");
    golden("component_load", "plain", &outside(""));
}

/// An image as `guest` reads it: the export's number, words from byte 16 on (what the export returns),
/// text from byte 256 on, and calls of imports from byte 512 on, each with pairs of address and length.
#[cfg(feature = "engine")]
fn image(export: u8, words: &[(usize, u32)], text: &str, calls: &[u8]) -> Vec<u8> {
    const TEXT: usize = 256;
    let end = if calls.is_empty() { TEXT + text.len() } else { 512 + 136 * calls.len() };
    let mut image = vec![0; end];
    image[0] = export;
    image[1] = u8::try_from(calls.len()).unwrap();
    for (at, word) in words {
        image[16 + at..16 + at + 4].copy_from_slice(&word.to_le_bytes());
    }
    image[TEXT..TEXT + text.len()].copy_from_slice(text.as_bytes());
    for (call, number) in calls.iter().enumerate() {
        let at = 512 + 136 * call;
        image[at] = *number;
        for word in 0..16 {
            let value = if word % 2 == 0 { here(256) } else { u32::try_from(text.len()).unwrap() };
            image[at + 8 + 8 * word..][..4].copy_from_slice(&value.to_le_bytes());
        }
    }
    image
}

/// Where a byte of the image is in the guest's memory.
#[cfg(feature = "engine")]
fn here(at: u32) -> u32 {
    wharf_fuzz::guest::IMAGE + at
}

#[cfg(feature = "engine")]
#[test]
fn seeds_of_values() {
    let text = |at: usize, length: u32| [(at, here(256)), (at + 4, length)];
    let done = text(16, 7);
    golden("lift_values", "done", &image(0, &done, r#"{"a":1}"#, &[]));
    golden("lift_values", "resumed", &image(1, &done, r#"{"a":1}"#, &[]));
    // A page of two texts, their addresses behind the answer, and a cursor.
    let page = [
        &[(8, 1), (16, here(116)), (20, 2), (24, 1), (28, here(256)), (32, 2)],
        &text(100, 1)[..],
        &text(108, 1),
    ]
    .concat();
    golden("lift_values", "page", &image(0, &page, "12", &[]));
    let suspended = [&[(8, 2), (16, 1), (24, 5_000)], &text(32, 4)[..]].concat();
    golden("lift_values", "suspended", &image(0, &suspended, "null", &[]));
    // A failure: class, words, status, code, delay, doubt, one field and one item.
    let failure = [
        &[(0, 1), (8, 6), (20, 429 << 16 | 1), (24, 1), (40, 1), (48, 1_000), (56, 1)],
        &text(12, 7)[..],
        &text(28, 7),
        &[(60, here(116)), (64, 1), (68, here(136)), (72, 1)],
        &text(100, 7),
        &text(108, 7),
        &[(120, 0), (124, 6)],
        &text(128, 7),
    ]
    .concat();
    for export in [0, 2, 4, 7, 11, 16, 20] {
        golden("lift_values", &format!("failure-{export:02}"), &image(export, &failure, "/sad\u{202e}", &[]));
    }
    // A million empty texts, and one that lies outside of memory.
    golden("lift_values", "empty-texts", &image(0, &[(8, 1), (16, here(116)), (20, 1_000_000)], "", &[]));
    golden("lift_values", "outside", &image(0, &[(16, 0xffff_fff0), (20, 0x20)], "", &[]));
    for (at, calls) in
        [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10, 11], [12, 13, 14], [15, 16, 17]].iter().enumerate()
    {
        golden("lift_values", &format!("calls-{at}"), &image(0, &done, r#"{"a":1}"#, calls));
    }
}
