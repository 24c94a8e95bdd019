//! The release profile of a guest. What its author wrote stands; what was left open is set for small
//! and fast modules whose functions keep their names, so that a trap's backtrace says where.

use std::path::Path;

/// A key of `[profile.release]`, the variable that sets it, and its value.
const DEFAULTS: [(&str, &str, &str); 5] = [
    ("opt-level", "CARGO_PROFILE_RELEASE_OPT_LEVEL", "3"),
    ("lto", "CARGO_PROFILE_RELEASE_LTO", "fat"),
    ("codegen-units", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "1"),
    ("panic", "CARGO_PROFILE_RELEASE_PANIC", "abort"),
    ("strip", "CARGO_PROFILE_RELEASE_STRIP", "debuginfo"),
];

/// Variables for what the workspace in `dir` leaves open. A Cargo.toml that cannot be read leaves
/// everything open; cargo says what is wrong with it.
pub(super) fn variables(dir: &Path) -> Vec<(&'static str, &'static str)> {
    let text = std::fs::read_to_string(dir.join("Cargo.toml")).unwrap_or_default();
    left_open(&text)
}

fn left_open(manifest: &str) -> Vec<(&'static str, &'static str)> {
    let table: toml::Table = manifest.parse().unwrap_or_default();
    let release = table.get("profile").and_then(|profile| profile.get("release"));
    let set = |key: &str| release.is_some_and(|release| release.get(key).is_some());
    DEFAULTS.iter().filter(|(key, _, _)| !set(key)).map(|(_, variable, value)| (*variable, *value)).collect()
}

#[cfg(test)]
mod tests {
    use super::left_open;

    #[track_caller]
    fn check(manifest: &str, expected: &[&str]) {
        let open: Vec<&str> = left_open(manifest)
            .iter()
            .filter_map(|(variable, _)| variable.strip_prefix("CARGO_PROFILE_RELEASE_"))
            .collect();
        assert_eq!(open, expected);
    }

    #[test]
    fn sets_what_the_author_left_open() {
        let all = ["OPT_LEVEL", "LTO", "CODEGEN_UNITS", "PANIC", "STRIP"];
        check("", &all);
        check("[profile.dev]\nlto = true", &all);
        check("[profile.release]\nopt-level = 's'\nstrip = true", &["LTO", "CODEGEN_UNITS", "PANIC"]);
        check("profile.release = { lto = false }", &["OPT_LEVEL", "CODEGEN_UNITS", "PANIC", "STRIP"]);
        check("not toml", &all);
    }
}
