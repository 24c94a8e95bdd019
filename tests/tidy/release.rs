//! A release build obeys no test: what only a test may switch on is not compiled into it.
//!
//! Told by the source, because building for release takes minutes: what stands behind
//! `#[cfg(debug_assertions)]` is taken out of every file of the product, and in what is left nothing
//! may name a test's variable.

use std::fs;

use super::{root, sources};

/// How the variables begin that only a test's build obeys.
const TEST_VARIABLES: [&str; 2] = ["WHARF_TEST_", "WHARF_CRASH_"];

/// What a release build leaves out.
const GUARDS: [&str; 3] =
    ["#[cfg(debug_assertions)]", "#[cfg(any(test, debug_assertions))]", "if cfg!(debug_assertions)"];

/// The text without what stands behind a guard, and without comments.
fn in_release(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    let mut left: String = lines.flat_map(|line| [line, "\n"]).collect();
    while let Some((start, guard)) = GUARDS.iter().filter_map(|guard| Some((left.find(guard)?, *guard))).min()
    {
        let end = start + guard.len() + item_length(&left[start + guard.len()..]);
        left.replace_range(start..end, "");
    }
    left
}

/// Bytes up to the end of an item, a field, an arm or a block: what is open is closed before that.
fn item_length(text: &str) -> usize {
    let (mut depth, mut before) = (0_i32, ' ');
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if matches!(before, '-' | '=') => {}
            ')' | ']' | '>' => depth -= 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            ';' | ',' if depth == 0 => return at + 1,
            _ => {}
        }
        before = letter;
    }
    text.len()
}

/// The modules whose file a release build does not read: `FOLDER/NAME` of `#[cfg(…)] mod NAME;`.
fn left_out(path: &std::path::Path, text: &str) -> Vec<std::path::PathBuf> {
    let folder = match path.file_stem().unwrap().to_str().unwrap() {
        "lib" | "main" => path.parent().unwrap().to_owned(),
        _ => path.with_extension(""),
    };
    let kept = in_release(text);
    let modules = text.lines().filter_map(|line| line.trim().strip_prefix("mod ")?.strip_suffix(';'));
    modules
        .filter(|name| !kept.contains(&format!("mod {name};")))
        .map(|name| folder.join(format!("{name}.rs")))
        .collect()
}

#[test]
fn a_release_build_obeys_no_test() {
    let files: Vec<_> = sources("runtime")
        .into_iter()
        .filter(|(path, _)| !path.components().any(|part| part.as_os_str() == "tests"))
        .collect();
    let unread: Vec<_> = files.iter().flat_map(|(path, text)| left_out(path, text)).collect();
    assert!(unread.contains(&root().join("runtime/gate/src/script.rs")), "{unread:?}");
    let mut named = 0;
    for (path, text) in &files {
        let hits = |text: &str| TEST_VARIABLES.iter().map(|name| text.matches(name).count()).sum::<usize>();
        named += hits(text);
        if !unread.contains(path) {
            let left = in_release(text);
            assert_eq!(hits(&left), 0, "{} names a test's variable in a release build", path.display());
        }
    }
    assert!(named >= 4, "the variables have other names by now: {named}");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert!(!manifest.contains("debug-assertions"), "a profile says otherwise than its name");
}

#[test]
fn what_a_guard_stands_before_is_found() {
    for (text, expected) in [
        ("a; #[cfg(debug_assertions)] fn f(x: &str) -> Result<A, B> { g(\"X\") } b", "a;  b"),
        ("enum E { #[cfg(any(test, debug_assertions))] X(Y, Z), W }", "enum E {  W }"),
        ("#[cfg(debug_assertions)]\nmod x;\nmod y;", "\nmod y;"),
        ("if cfg!(debug_assertions) { X } else { Y }", " else { Y }"),
        ("#[cfg(not(debug_assertions))] fn f() {}", "#[cfg(not(debug_assertions))] fn f() {}"),
        ("// X\nY", "Y"),
    ] {
        assert_eq!(in_release(text).trim_end_matches('\n'), expected, "{text}");
    }
}
