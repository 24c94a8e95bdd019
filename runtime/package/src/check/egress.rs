//! Addresses that a manifest asks for. Their grammar is the gate's; what is added here is that the
//! settings which they name exist.

use serde_json::Value;
use wharf_model::{
    egress::{Rule, Settings},
    manifest::{EgressRequest, Manifest},
};

use super::{Findings, Pointer};

pub(super) fn check(findings: &mut Findings, manifest: &Manifest, at: &Pointer) {
    requests(findings, manifest, at, &manifest.egress);
}

/// Checks requests; those that are sound come back as rules.
pub(super) fn requests(
    findings: &mut Findings,
    manifest: &Manifest,
    at: &Pointer,
    requests: &[EgressRequest],
) -> Vec<Rule> {
    let mut rules = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        let at = at.index(index);
        match Rule::parse(request) {
            Ok(rule) => {
                defaults_fit(findings, manifest, &at.at("url"), &rule);
                rules.push(rule);
            }
            Err(error) => {
                findings.report(&at, format!("`{}` cannot be asked for", request.url), error.problem);
            }
        }
        settings_exist(findings, manifest, &at.at("url"), &request.url);
    }
    rules
}

/// A rule whose setting no connection can have would allow nothing, silently.
pub(super) fn settings_exist(findings: &mut Findings, manifest: &Manifest, at: &Pointer, url: &str) {
    let properties = manifest.settings.as_ref().and_then(|schema| schema.get("properties"));
    for name in settings(url) {
        match properties.and_then(|properties| properties.get(name)) {
            None => {
                let fix = format!("add the property `{name}` of type string to the schema under /settings");
                findings.report(at, format!("no setting `{name}`"), fix);
            }
            Some(property) if property.get("type").and_then(|kind| kind.as_str()) != Some("string") => {
                let fix = format!("give /settings/properties/{name} the type \"string\"");
                findings.report(at, format!("the setting `{name}` is not text"), fix);
            }
            Some(_) => {}
        }
    }
}

/// A default that cannot stand where a rule wants it would fail every connection that leaves it alone.
pub(super) fn defaults_fit(findings: &mut Findings, manifest: &Manifest, at: &Pointer, rule: &Rule) {
    let defaults = Settings { schema: manifest.settings.as_ref(), values: &Value::Null };
    if let Err(error) = rule.resolve(defaults) {
        let fix = "give that setting another default under /settings, or none";
        findings.report(at, format!("its defaults do not fit: {}", error.problem), fix);
    }
}

/// The `x` of each `{connection.x}`.
pub(crate) fn settings(url: &str) -> impl Iterator<Item = &str> {
    url.split("{connection.").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
