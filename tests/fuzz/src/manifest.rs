//! The manifest's reader: what is read means the same when it is written and read again, what is
//! accepted the gate can use, and nothing of it can move a cursor on a person's terminal.
//!
//! Input: the text of a manifest.

use std::fmt::Display;

use wharf_gate::Authority;
use wharf_model::grant::Grant;
use wharf_package::{CONTRACT, check_manifest, diff, parse_manifest, permissions};

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let manifest = match parse_manifest(text) {
        Ok(manifest) => manifest,
        Err(error) => return inert(&error.message),
    };
    let written = serde_json::to_string(&manifest).expect("a manifest is JSON");
    let again = parse_manifest(&written).unwrap_or_else(|error| panic!("{error}: {written}"));
    assert_eq!(again, manifest, "{written}");
    assert_eq!(serde_json::to_string(&again).expect("a manifest is JSON"), written);

    permissions(&manifest).iter().for_each(inert);
    assert!(diff(&manifest, &again).changes.is_empty(), "{written}");
    let (package, version) = CONTRACT.split_once('@').expect("the contract has a version");
    let exports: Vec<String> = crate::INTERFACES.iter().map(|name| format!("{package}/{name}@{version}")).collect();
    match check_manifest(&manifest, &exports) {
        Ok(()) => {
            let grant = Grant { egress: manifest.egress.clone(), ..Grant::default() };
            if let Err(error) = Authority::new(&manifest.name, &manifest, &grant, None, None) {
                panic!("it passes the checks, and the gate cannot use it: {error}: {written}");
            }
        }
        Err(problems) => {
            assert!((1..=50).contains(&problems.len()), "{problems:?}");
            problems.iter().for_each(inert);
        }
    }
}

/// What a person is shown moves no cursor and turns no text.
fn inert(shown: impl Display) {
    let shown = shown.to_string();
    let moves = |c: char| {
        (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!shown.contains(moves), "{shown:?}");
}
