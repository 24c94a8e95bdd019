//! Sealing: there and back, again and again.

use wharf_model::digest::Digest;

use super::fixture::{ALL, component, full};
use crate::{CONTRACT, PackageError, open, seal};

#[test]
fn opens_what_it_sealed() {
    let component = component(&ALL, r#"(import "wharf:connector/log@0.1.0" (instance))"#);
    let sealed = seal(&component, &full().to_string()).expect("it seals");
    let package = open(&sealed).expect("it opens");
    assert_eq!(package.digest, Digest::of(&sealed));
    assert_eq!(package.size, sealed.len() as u64);
    assert_eq!(package.contract, CONTRACT);
    assert_eq!(package.imports, ["wharf:connector/log@0.1.0"]);
    assert_eq!(package.exports.len(), ALL.len());
    assert_eq!(package.manifest, super::fixture::manifest(&full()));
}

#[test]
fn gives_the_same_bytes_whatever_was_sealed_before() {
    let bare = component(
        &ALL,
        r#"(@custom "name-of-mine" "kept") (core module (@custom "wharf:manifest" "inner"))"#,
    );
    let text = full().to_string();
    let once = seal(&bare, &text).expect("it seals");
    let spaced = serde_json::to_string_pretty(&full()).expect("it prints");
    assert_eq!(seal(&bare, &spaced).expect("it seals"), once, "white space does not matter");

    let other = super::fixture::bent("/title", Some("Other".into())).to_string();
    let resealed = seal(&seal(&bare, &other).expect("it seals"), &text).expect("it seals");
    assert_eq!(resealed, once, "an older seal leaves no trace");

    let mut twice = once.clone();
    twice.extend(super::fixture::section("wharf:manifest", b"{}"));
    twice.extend(super::fixture::section("trailing", b"kept too"));
    let cleaned = seal(&twice, &text).expect("it seals");
    assert_eq!(open(&cleaned).expect("it opens").manifest.title, "Slack");
    for kept in [&b"name-of-mine"[..], b"inner", b"kept too"] {
        assert!(cleaned.windows(kept.len()).any(|window| window == kept), "foreign sections stay");
    }
}

#[test]
fn refuses_a_manifest_that_breaks_rules() {
    let component = component(&["manifest"], "");
    let error = seal(&component, &full().to_string()).expect_err("its actions are not exported");
    let PackageError::Manifest(problems) = error else { panic!("{error:?}") };
    assert!(problems.iter().any(|problem| problem.pointer == "/actions"), "{problems:?}");
}
