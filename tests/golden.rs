//! Published shapes have golden files. `WHARF_BLESS=1 cargo test` rewrites them; read the diff.

use std::fs;

use crate::bed::checkout;

#[track_caller]
pub(crate) fn check(file: &str, actual: &str) {
    let path = checkout().path(file);
    let actual = format!("{}\n", actual.trim_end());
    if std::env::var_os("WHARF_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        expected == actual,
        "{file} is not what the code says; WHARF_BLESS=1 cargo test golden rewrites it"
    );
}

#[test]
fn openapi() {
    check("tests/golden/openapi.json", &wharf_server::openapi());
}

#[test]
fn manifest_schema() {
    let schema = schemars::schema_for!(wharf_model::manifest::Manifest);
    check("wit/manifest.schema.json", &serde_json::to_string_pretty(&schema).unwrap());
}

#[test]
fn config_reference() {
    check("docs/reference/config.md", &wharf_server::config::reference());
}

/// The blocks of code in the README are the ones that are built and parsed.
#[test]
fn readme_examples() {
    let readme = fs::read_to_string(checkout().path("README.md")).unwrap();
    let block = |language: &str| {
        let start = readme.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
        let end = readme[start..].find("```").unwrap();
        readme[start..start + end].to_owned()
    };
    let bare = |code: &str| {
        let lines = code.lines().filter(|line| !line.starts_with("//!"));
        let text: String = lines.flat_map(str::chars).filter(|letter| !letter.is_whitespace()).collect();
        text.replace(",)", ")")
    };
    let example = fs::read_to_string(checkout().path("guest-sdk/rust/examples/notes/src/lib.rs")).unwrap();
    assert_eq!(bare(&block("rust")), bare(&example), "README.md and examples/notes differ");
    wharf_model::flow::Flow::parse(&block("yaml")).unwrap();
}
