//! `docs/operating-connectors.md`: every command of it is run, in order, and prints what the page says.

use std::fs;

use serde_json::{Value, json};

use super::{text, wharf};
use crate::{bed::Bed, wat::speaker};

/// An authority of somebody's own.
const CA: &str = include_str!("../../runtime/gate/src/tests/fixtures/other-ca.pem");

/// How its fingerprint begins.
const CA_DIGITS: &str = "d851ec3e9cc4";

/// Every command of the page is run, in order, and prints what the page says.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_about_operating_connectors_is_true() {
    let bed = Bed::bare().await;
    let call = ("GET", "https://status.example/api/");
    for (file, wasm) in [
        ("greeter-1.0.0.wasm", greeter("1.0.0", &[call])),
        ("greeter-1.1.0.wasm", greeter("1.1.0", &[call, ("POST", "https://hooks.example/")])),
        ("greeter-1.2.0.wasm", greeter("1.2.0", &[])),
    ] {
        fs::write(bed.dir.path().join(file), wasm).unwrap();
    }
    fs::write(bed.dir.path().join("ca.pem"), CA).unwrap();
    let path = crate::tidy::root().join("docs/operating-connectors.md");
    let page = fs::read_to_string(&path).unwrap();
    let (mut out, mut block) = (String::new(), None);
    for line in page.lines() {
        match (line, block) {
            ("```console", None) => block = Some(true),
            ("```", Some(_)) => block = None,
            _ => {}
        }
        let Some(command) = line.strip_prefix("$ wharf ").filter(|_| block.is_some()) else {
            if block.is_none() || line.starts_with("```") {
                out.push_str(line);
                out.push('\n');
            }
            continue;
        };
        let words = shell_words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let answer = text(&wharf(&bed, &words, &[]));
        out.push_str(&format!("{line}\n{}", still(&answer)));
    }
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::write(&path, &out).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert_eq!(out, expected, "WHARF_BLESS=1 writes it anew");
}

fn greeter(version: &str, egress: &[(&str, &str)]) -> Vec<u8> {
    let egress: Vec<Value> =
        egress.iter().map(|(method, url)| json!({ "url": url, "methods": [method] })).collect();
    speaker("greeter", version, |manifest| {
        manifest["title"] = json!("Greeter");
        manifest["egress"] = json!(egress);
    })
}

/// What differs from run to run, made the same: digests, times, ids, sizes.
fn still(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let mut words: Vec<String> = line.split(' ').map(still_word).collect();
        // The size of a file made here follows from the contract's.
        if let Some(at) = words.iter().position(|word| word == "KB").filter(|at| *at > 0) {
            words[at - 1] = "5.1".to_owned();
        }
        out.push_str(words.join(" ").trim_end());
        out.push('\n');
    }
    out
}

fn still_word(word: &str) -> String {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(rest) = word.strip_prefix("sha256:") {
        let short = rest.trim_end_matches('…');
        // A file of the tree is the same everywhere.
        if digits(short) && !short.starts_with(CA_DIGITS) {
            let kept: String = "9f2c41d7a0b3".repeat(6).chars().take(short.len()).collect();
            return format!("sha256:{kept}{}", if rest.ends_with('…') { "…" } else { "" });
        }
    }
    if word.len() == 10 && word.as_bytes()[4] == b'-' && digits(&word.replace('-', "")) {
        return "2026-11-21".to_owned();
    }
    if word.len() == 8 && word.as_bytes()[2] == b':' && digits(&word.replace(':', "")) {
        return "19:13:12".to_owned();
    }
    match word.split_once('/') {
        Some(("api-key", rest)) => {
            format!("api-key/5f03c1d2a7b4{}", if rest.ends_with(')') { ")" } else { "" })
        }
        _ => word.to_owned(),
    }
}

/// Splits as a shell does, for single quotes.
fn shell_words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), String::new(), false);
    for character in line.chars() {
        match character {
            '\'' => quoted = !quoted,
            ' ' if !quoted => words.push(std::mem::take(&mut word)),
            _ => word.push(character),
        }
    }
    words.push(word);
    words
}
