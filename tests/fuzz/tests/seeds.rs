//! Every target over its committed seeds.

use std::path::Path;

#[track_caller]
fn seeds(name: &str, run: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds").join(name);
    let count = wharf_fuzz::replay_path(&folder, run).unwrap();
    assert!(count > 0, "{} holds no seed", folder.display());
}

#[test]
fn url_policy() {
    seeds("url_policy", wharf_fuzz::url_policy::run);
}

#[test]
fn path_prefix() {
    seeds("path_prefix", wharf_fuzz::path_prefix::run);
}

#[test]
fn ip_class() {
    seeds("ip_class", wharf_fuzz::ip_class::run);
}

#[test]
fn header_rules() {
    seeds("header_rules", wharf_fuzz::header_rules::run);
}

#[test]
fn manifest() {
    seeds("manifest", wharf_fuzz::manifest::run);
}

#[test]
fn package() {
    seeds("package", wharf_fuzz::package::run);
}

#[test]
fn redactor() {
    seeds("redactor", wharf_fuzz::redactor::run);
}

#[test]
fn template() {
    seeds("template", wharf_fuzz::template::run);
}

#[test]
fn flow() {
    seeds("flow", wharf_fuzz::flow::run);
}

#[test]
fn webhook() {
    seeds("webhook", wharf_fuzz::webhook::run);
}

#[cfg(feature = "engine")]
#[test]
fn lift_values() {
    seeds("lift_values", wharf_fuzz::lift_values::run);
}

#[cfg(feature = "engine")]
#[test]
fn component_load() {
    seeds("component_load", wharf_fuzz::component_load::run);
}
