//! Secrets on their way back: echoes, errors, logs; and the use of a secret without its sight.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

use super::bed::{A, After, Bed, Http2, SENTINEL, authority, build, log, reply, signed};
use wharf_model::manifest::HashAlgorithm;

use crate::{Credentials, Redactor, Secret, constant_time_equal};

const URL: &str = "https://api.allowed.test/v1/x";

#[tokio::test]
async fn se_04_and_05_an_echo_is_redacted() {
    let bed = Bed::new(|_, request| {
        let echo = format!("{{\"echo\":{}}}", json!(request));
        let head = format!("HTTP/1.1 401 X\r\nx-echo: {SENTINEL}\r\ncontent-length: {}\r\n\r\n", echo.len());
        (format!("{head}{echo}").into_bytes(), After::Keep)
    })
    .await;
    let sent = bed.send(&authority(&[A]), signed(URL)).await;
    assert_eq!(sent.verdict, "401");
    assert!(sent.body().contains("Bearer [redacted]"), "{}", sent.body());
    assert!(sent.result.unwrap().headers.iter().any(|field| field.value == b"[redacted]"));
}

#[test]
fn se_07_the_spellings_that_are_found() {
    let redactor = Redactor::new([SENTINEL.as_bytes(), b"p\"w/+=\n\xc3\xa9 x9", b"short"]);
    let basic = |text: &str| STANDARD.encode(text);
    for (text, expected) in [
        (format!("a {SENTINEL} b"), "a [redacted] b"),
        (hex::encode(SENTINEL), "[redacted]"),
        (hex::encode_upper(SENTINEL), "[redacted]"),
        (SENTINEL.chars().rev().collect(), "[redacted]"),
        (SENTINEL.bytes().map(|b| format!("%{b:02x}")).collect(), "[redacted]"),
        (SENTINEL.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect(), "[redacted]"),
        ("p%22w%2F%2B%3D%0A%C3%A9%20x9".to_owned(), "[redacted]"),
        ("p%22w%2f%2b%3d%0a%c3%a9%20x9".to_owned(), "[redacted]"),
        (json!("p\"w/+=\n\u{e9} x9").to_string(), "\"[redacted]\""),
        ("short".to_owned(), "short"),
        (SENTINEL[1..].to_owned(), &SENTINEL[1..]),
    ] {
        assert_eq!(redactor.text(&text), expected, "{text}");
        assert_eq!(redactor.bytes(text.as_bytes()).as_ref(), expected.as_bytes());
    }
    for prefix in ["", "a", "ab", "abc", "user:"] {
        for suffix in ["", "x", "xy", "xyz"] {
            for text in [
                basic(&format!("{prefix}{SENTINEL}{suffix}")),
                basic(&format!("{prefix}{SENTINEL}{suffix}")).replace('+', "-").replace('/', "_"),
            ] {
                assert!(redactor.finds(text.as_bytes()), "{prefix} {suffix} {text}");
            }
        }
    }
    assert!(!Redactor::new([]).finds(b"anything"));
    assert!(!Redactor::new([b"".as_slice()]).finds(b"anything"));
}

#[tokio::test]
async fn se_08_nothing_at_trace_level_holds_the_secret() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    bed.send(&authority(&[A]), signed(URL)).await;
    let query = build(&[A], &json!({ "kind": "query", "name": "key", "slot": "t" }), &[("t", SENTINEL)]);
    bed.send(&query, signed(URL)).await;
    let basic = build(
        &[A],
        &json!({ "kind": "basic", "user": "u", "password": "p" }),
        &[("u", "user"), ("p", SENTINEL)],
    );
    bed.send(&basic, signed(URL)).await;
    // The same over HTTP/2, whose header frames are logged apart.
    let h2 = Http2::start().await;
    bed.script.lead("93.184.216.34:443", h2.address);
    let fresh = build(&[A], &json!({ "kind": "query", "name": "key", "slot": "t" }), &[("t", SENTINEL)]);
    for authority in [authority(&[A]), fresh] {
        let sent = bed.send(&authority, signed(URL)).await;
        assert_eq!(sent.verdict, "200", "{:?}", sent.result);
        assert!(sent.body().contains("HTTP/2.0") && sent.body().contains("[redacted]"), "{}", sent.body());
    }
    bed.script.name("api.allowed.test", &[&["127.0.0.1"]]);
    let failing = build(&[A], &json!({ "kind": "query", "name": "key", "slot": "t" }), &[("t", SENTINEL)]);
    bed.send(&failing, signed(URL)).await;
    let log = log();
    assert!(
        log.contains("hyper_util") && log.contains("rustls") && log.contains("wharf_gate"),
        "the log is captured"
    );
    assert!(!Redactor::new([SENTINEL.as_bytes()]).finds(log.as_bytes()));
}

#[test]
fn hmac_by_the_published_vectors() {
    // RFC 4231, case 2, and RFC 2202, case 2 for SHA-1: key `Jefe`.
    let credentials = Credentials {
        method: "key".to_owned(),
        slots: [("k".to_owned(), Secret::new("Jefe")), ("e".to_owned(), Secret::new(""))].into(),
    };
    let data = b"what do ya want for nothing?";
    for (algorithm, expected) in [
        (HashAlgorithm::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
        (HashAlgorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (
            HashAlgorithm::Sha512,
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
        ),
    ] {
        assert_eq!(hex::encode(credentials.hmac("k", algorithm, data).unwrap()), expected);
    }
    assert!(credentials.hmac("e", HashAlgorithm::Sha256, data).is_err());
    assert!(credentials.hmac("missing", HashAlgorithm::Sha256, data).is_err());
    assert!(
        constant_time_equal(b"ab", b"ab")
            && !constant_time_equal(b"ab", b"ac")
            && !constant_time_equal(b"a", b"ab")
    );
    assert_eq!(format!("{credentials:?}").matches("Jefe").count(), 0);
}
