//! The rules of a manifest that its types cannot hold: names, references between its parts, and
//! that what it promises is exported. All problems are reported at once, each with its fix, since
//! an author corrects them in one sitting.

mod action;
mod auth;
mod egress;
mod entity;
mod finding;
mod import;
mod schema;
mod trigger;

use wharf_model::manifest::Manifest;

pub(crate) use auth::names_one_origin;
pub(crate) use egress::settings as settings_of;
pub use finding::ManifestProblem;
use finding::{Findings, Pointer};
pub(crate) use import::check_imports;

use crate::interface;

/// What the parts of a manifest are checked against.
struct Ground<'a> {
    manifest: &'a Manifest,
    exports: &'a [String],
}

impl Ground<'_> {
    /// Reports a promise whose interface is not exported.
    fn needs_export(&self, findings: &mut Findings, at: &Pointer, promise: &str, name: &str) {
        let full = interface(name);
        if !self.exports.contains(&full) {
            let fix = format!("implement `{name}` and register it, or take this out of the manifest");
            findings.report(at, format!("{promise}, and the component does not export `{full}`"), fix);
        }
    }

    /// Reports auth methods that are not declared.
    fn knows_auth(&self, findings: &mut Findings, at: &Pointer, methods: &[String]) {
        for (index, method) in methods.iter().enumerate() {
            if !self.manifest.auth.contains_key(method) {
                let known = listed(self.manifest.auth.keys());
                let fix = format!("name one of {known}, or declare it under /auth");
                findings.report(&at.index(index), format!("no auth method `{method}`"), fix);
            }
        }
    }
}

/// Checks a manifest against the rules and against what its component exports, by full name.
///
/// # Errors
/// Every problem that was found, up to 50.
pub fn check_manifest(manifest: &Manifest, exports: &[String]) -> Result<(), Vec<ManifestProblem>> {
    let ground = Ground { manifest, exports };
    let mut findings = Findings::default();
    let root = Pointer::root();
    head(&mut findings, manifest, &root);
    egress::check(&mut findings, manifest, &root.at("egress"));
    if let Some(settings) = &manifest.settings {
        schema::object(&mut findings, &root.at("settings"), settings);
    }
    auth::check(&mut findings, manifest, &root.at("auth"));
    action::check(&mut findings, &ground, &root.at("actions"));
    trigger::check(&mut findings, &ground, &root.at("triggers"));
    entity::check(&mut findings, &ground, &root.at("entities"));
    options(&mut findings, &ground, &root.at("options"));
    findings.finish()
}

fn head(findings: &mut Findings, manifest: &Manifest, root: &Pointer) {
    findings.name(&root.at("name"), &manifest.name);
    findings.title(&root.at("title"), &manifest.title);
    findings.text(&root.at("description"), &manifest.description);
    if let Some(license) = &manifest.license {
        findings.text(&root.at("license"), license);
    }
    if let Some(homepage) = &manifest.homepage {
        let at = root.at("homepage");
        findings.text(&at, homepage);
        if !(homepage.starts_with("https://") || homepage.starts_with("http://")) {
            findings.report(&at, "not a web address", "start it with https://");
        }
    }
    if manifest.store.as_ref().is_some_and(|store| store.max_bytes == 0) {
        findings.report(
            &root.at("store").at("max-bytes"),
            "a store of no bytes",
            "ask for some, or leave `store` out",
        );
    }
    if manifest.scratch.as_ref().is_some_and(|scratch| scratch.max_bytes == 0) {
        findings.report(
            &root.at("scratch").at("max-bytes"),
            "a scratch directory of no bytes",
            "ask for some, or leave `scratch` out",
        );
    }
}

fn options(findings: &mut Findings, ground: &Ground<'_>, at: &Pointer) {
    for (index, loader) in ground.manifest.options.iter().enumerate() {
        findings.name(&at.index(index), loader);
        if ground.manifest.options.iter().take(index).any(|earlier| earlier == loader) {
            findings.report(&at.index(index), format!("`{loader}` is listed twice"), "list it once");
        }
    }
    let full = [interface("options"), interface("fields")];
    if !ground.manifest.options.is_empty() && !ground.exports.iter().any(|export| full.contains(export)) {
        ground.needs_export(findings, at, "it lists option loaders", "options");
    }
}

/// Names for an error message: `a`, `b`; or that there are none.
fn listed<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.take(20).map(|name| format!("`{}`", crate::json::inert(name))).collect();
    if names.is_empty() { "(none are declared)".to_owned() } else { names.join(", ") }
}
