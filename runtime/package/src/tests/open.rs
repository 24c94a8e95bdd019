//! Files from enemies, and files from people who took the wrong one.

use serde_json::json;

use super::fixture::{ALL, by_hand, component, full, section};
use crate::{CONTRACT, CONTRACT_SECTION, MANIFEST_SECTION, MAX_BYTES, open, seal};

#[track_caller]
fn refuses(bytes: &[u8], expected: &str) {
    let error = open(bytes).expect_err("it is refused").to_string();
    assert!(error.contains(expected), "expected `{expected}` in `{error}`");
}

#[test]
fn names_what_a_file_is_instead() {
    for (bytes, expected) in [
        (&b""[..], "empty"),
        (b"\0as", "within its header"),
        (b"\0asm\x0d\0", "within its header"),
        (b"(component)", "it is text"),
        (b"\x7fELF\x02\x01\x01", "never loaded from outside"),
        (b"PK\x03\x04zip", "archive"),
        (b"\x1f\x8b\x08", "archive"),
        (b"\0asm\x0d\0\x02\0", "version"),
        (b"\0asm\x02\0\0\0", "version"),
        (b"\xff\xfe\x00", "first bytes"),
        (b"\0asm\x01\0\0\0", "core module"),
        (b"\0asm\x0d\0\x01\0", "does not export"),
    ] {
        if bytes == b"\0asm\x0d\0\x01\0" {
            // An empty component is sound; it is only not sealed.
            refuses(bytes, "was not sealed");
        } else {
            refuses(bytes, expected);
        }
    }
    refuses(&vec![0; MAX_BYTES + 1], "more than the");
}

#[test]
fn an_import_that_nothing_is_asked_for() {
    for (import, member) in [("http", "egress"), ("store", "store"), ("credentials", "auth")] {
        let import = crate::interface(import);
        let wat = format!(r#"(import "{import}" (instance))"#);
        let asks = json!({
            "name": "some", "version": "1.0.0", "title": "Some",
            "egress": [{ "url": "https://a.test/", "methods": ["GET"] }],
            "store": { "max-bytes": 10 },
            "auth": { "key": { "title": "Key", "slots": { "key": { "title": "Key" } } } },
        });
        let sealed = seal(&component(&["manifest"], &wat), &asks.to_string());
        assert!(sealed.is_ok(), "{import}: {sealed:?}");
        let mut asks_not = asks;
        asks_not.as_object_mut().expect("an object").shift_remove(member);
        if member == "egress" {
            // A credential needs an address to go to.
            asks_not.as_object_mut().expect("an object").shift_remove("auth");
        }
        let refused = seal(&component(&["manifest"], &wat), &asks_not.to_string());
        let refused = refused.expect_err("it is refused").to_string();
        assert!(refused.contains(&import) && refused.contains(member), "{refused}");
    }
}

#[test]
fn refuses_wrong_sections() {
    let text = full().to_string();
    let good = by_hand(&ALL, text.as_bytes(), CONTRACT.as_bytes());
    open(&good).expect("the one that the others are bent from is sound");

    let mut twice = good.clone();
    twice.extend(section(MANIFEST_SECTION, text.as_bytes()));
    refuses(&twice, "`wharf:manifest` is there more than once");
    let mut contracts = good.clone();
    contracts.extend(section(CONTRACT_SECTION, CONTRACT.as_bytes()));
    refuses(&contracts, "`wharf:contract` is there more than once");

    let mut unsealed = component(&ALL, "");
    refuses(&unsealed, "`wharf:contract` is missing");
    unsealed.extend(section(CONTRACT_SECTION, CONTRACT.as_bytes()));
    refuses(&unsealed, "`wharf:manifest` is missing");

    refuses(&by_hand(&ALL, &vec![b' '; 1 << 21], CONTRACT.as_bytes()), "more than 1048576");
    refuses(&by_hand(&ALL, b"\xff\xfe", CONTRACT.as_bytes()), "not UTF-8");
    refuses(&by_hand(&ALL, b"{", CONTRACT.as_bytes()), "EOF");
    refuses(&by_hand(&ALL, text.as_bytes(), b"wharf:connector@9.0.0"), "`wharf:connector@9.0.0`");
    refuses(&by_hand(&ALL, text.as_bytes(), b"\x1b[31m"), "`\u{fffd}[31m`");
    refuses(&by_hand(&["actions"], text.as_bytes(), CONTRACT.as_bytes()), "not a connector");
    refuses(
        &by_hand(&["manifest"], text.as_bytes(), CONTRACT.as_bytes()),
        "does not export `wharf:connector/actions@0.1.0`",
    );
}

/// What the validator quotes is a stranger's text.
#[test]
fn an_error_moves_no_cursor() {
    let mut file = component(&["manifest", "polling"], "");
    let at = file.windows(7).position(|window| window == b"polling").expect("the name is there");
    file[at..at + 7].copy_from_slice(b"p\x1b[31m\n");
    let error = open(&file).expect_err("no name has an escape").to_string();
    assert!(error.contains("p\u{fffd}[31m"), "{error:?}");
    assert!(!error.contains(char::is_control), "{error:?}");
}

#[test]
fn takes_no_section_from_inside() {
    let inner = format!(
        r#"(core module (@custom "{MANIFEST_SECTION}" "{{}}") (@custom "{CONTRACT_SECTION}" "{CONTRACT}"))"#
    );
    refuses(&component(&ALL, &inner), "`wharf:contract` is missing");
    let inner = format!(
        r#"(component (@custom "{MANIFEST_SECTION}" "{{}}") (@custom "{CONTRACT_SECTION}" "{CONTRACT}"))"#
    );
    refuses(&component(&ALL, &inner), "`wharf:contract` is missing");
}

#[test]
fn refuses_deep_nesting() {
    let nested = |depth: usize| format!("{}{}", "(component ".repeat(depth), ")".repeat(depth));
    refuses(&component(&ALL, &nested(40)), "nested more than 16 deep");
    refuses(&component(&ALL, &nested(3)), "was not sealed");
}

#[test]
fn refuses_every_truncation_and_survives_every_flipped_byte() {
    let component = component(&ALL, "(core module (func nop))");
    let sealed = seal(&component, &full().to_string()).expect("it seals");
    for end in 0..sealed.len() {
        open(&sealed[..end]).expect_err("a part is not the whole");
    }
    for at in 0..sealed.len() {
        for bit in [0x01, 0x80] {
            let mut bent = sealed.clone();
            bent[at] ^= bit;
            // Whether it opens is not the question; that it answers is.
            let _ = open(&bent);
        }
    }
    let mut longer = sealed;
    longer.extend_from_slice(b"\x00\xff\xff\xff\xff\x0f");
    refuses(&longer, "malformed");
}

#[test]
fn refuses_an_unknown_contract_by_its_exports() {
    let file = wat::parse_str(
        r#"(component (instance $i) (export "wharf:connector/manifest@0.2.0" (instance $i)))"#,
    )
    .expect("right");
    let error = seal(&file, &full().to_string()).expect_err("another contract").to_string();
    assert!(error.contains("`wharf:connector@0.2.0`"), "{error}");
}
