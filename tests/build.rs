//! An author's crate becomes one file that says what it is.

use std::fs;

use crate::bed::connectors;

#[tokio::test(flavor = "multi_thread")]
async fn connectors_export_what_they_implement_and_import_no_ambient_authority() {
    let connectors = connectors().await;
    let cases = [
        (&connectors.http, &["actions", "manifest"][..]),
        (&connectors.slack, &["actions", "confirmation", "connections", "manifest", "options"][..]),
    ];
    for (file, expected) in cases {
        let package = wharf_package::open(&fs::read(file).unwrap()).unwrap();
        let name = |full: &String| full.rsplit('/').next().unwrap().split('@').next().unwrap().to_owned();
        let mut exports: Vec<String> = package.exports.iter().map(name).collect();
        exports.sort();
        assert_eq!(exports, expected, "{}", file.display());
        for import in &package.imports {
            assert!(import.starts_with("wharf:connector/"), "{} imports {import}", file.display());
        }
        assert!(package.size < 400_000, "{} has {} bytes", file.display(), package.size);
    }
}
