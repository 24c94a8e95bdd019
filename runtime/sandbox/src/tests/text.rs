//! Text of a guest, made safe.

use wharf_model::call::LogLevel;

use crate::{inert, inert::inert_json, log::Log};

#[test]
fn what_acts_is_escaped() {
    for (text, expected) in [
        ("plain ä 漢 🦀", "plain ä 漢 🦀"),
        ("\u{1b}[31mred", "\\u{1b}[31mred"),
        ("\u{1b}]52;c;aGk=\u{7}", "\\u{1b}]52;c;aGk=\\u{7}"),
        ("one\r\ntwo", "one\\u{d}\\u{a}two"),
        ("\u{9b}31m", "\\u{9b}31m"),
        ("a\u{202e}b\u{2066}", "a\\u{202e}b\\u{2066}"),
        ("\u{e0041}", "\\u{e0041}"),
    ] {
        assert_eq!(inert(text), expected);
    }
}

#[test]
fn json_keeps_its_meaning() {
    for (json, expected) in [
        ("{\n\"a\": \"\u{202e}\"}", r#"{ "a": "\u202e"}"#),
        (r#"{"a":"\u001b"}"#, r#"{"a":"\u001b"}"#),
        ("{\"a\":\"\u{e0041}\"}", r#"{"a":"\udb40\udc41"}"#),
    ] {
        let inert = inert_json(json);
        assert_eq!(inert, expected);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&inert).unwrap(),
            serde_json::from_str::<serde_json::Value>(json).unwrap()
        );
    }
}

#[test]
fn a_full_log_is_marked_once() {
    let log = Log::new(100);
    for _ in 0..5 {
        log.push(LogLevel::Info, &"é\u{1b}".repeat(10), "");
    }
    let lines = log.take();
    assert_eq!(lines.last().unwrap().message, "log truncated at 100 bytes");
    assert_eq!(lines.iter().filter(|line| line.message.contains("truncated")).count(), 1);
    assert!(lines.iter().map(|line| line.message.len()).sum::<usize>() <= 100 + 26);
}
