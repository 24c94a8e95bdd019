//! The decision: manifest ∩ grant, then what the operation's effect class leaves of it.
//!
//! A denial names the gate that denied and the line that would allow the call; which of a rule's
//! parts failed is taken from the rule that came nearest.

use std::fmt::Write as _;

use super::{parse::method_problem, rule::Rule, target::Target};
use crate::{
    http::{Denial, DeniedBy, is_safe},
    manifest::EgressRequest,
};

/// The rules of one connector under one grant, resolved against one connection.
#[derive(Clone, Copy, Debug)]
pub struct RuleSets<'a> {
    /// The connector's name, for messages.
    pub connector: &'a str,
    /// What the manifest declares.
    pub manifest: &'a [Rule],
    /// What the operator grants.
    pub grant: &'a [Rule],
}

/// What the running operation may do of it.
#[derive(Clone, Copy, Debug)]
pub struct Operation<'a> {
    /// Whether the operation may change the provider's state: `EffectClass::writes`.
    pub effect: crate::manifest::EffectClass,
    /// Unsafe methods that only read: `Action::reads`.
    pub reads: &'a [Rule],
}

/// What an allowed call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A safe method, or one that the action lists among its reads.
    Read,
    /// Anything else: the journal keeps it.
    Write,
}

/// Decides about one call.
///
/// # Errors
/// The denial for the guest, the journal and the audit.
pub fn decide(
    rules: RuleSets<'_>,
    operation: Operation<'_>,
    method: &str,
    target: &Target,
) -> Result<Access, Denial> {
    let tried = || format!("{} tried {} {}", rules.connector, shown(method), target.display());
    if let Some(problem) = method_problem(method) {
        return Err(denial(DeniedBy::Ceiling, "method", format!("{}\n  {problem}", tried())));
    }
    if !rules.manifest.iter().any(|rule| rule.allows(method, target)) {
        let reason = nearest(rules.manifest, method, target);
        return Err(denial(DeniedBy::Manifest, reason, undeclared(rules, &tried(), method, target)));
    }
    if !rules.grant.iter().any(|rule| rule.allows(method, target)) {
        let reason = nearest(rules.grant, method, target);
        return Err(denial(DeniedBy::Grant, reason, ungranted(rules, &tried(), method, target)));
    }
    if is_safe(method) || operation.reads.iter().any(|rule| rule.allows(method, target)) {
        return Ok(Access::Read);
    }
    if operation.effect.writes() {
        return Ok(Access::Write);
    }
    let message = format!(
        "{}\n  in an operation that is declared `read`\n  if it only reads, the author lists it:   reads: [{}]",
        tried(),
        line(method, &target.display())
    );
    Err(denial(DeniedBy::Manifest, "effect", message))
}

/// The denial for a credential asked for at an address it is not bound to.
#[must_use]
pub fn secret_binding(connector: &str, audience: &[Rule], method: &str, target: &Target) -> Denial {
    let bound = list(audience);
    let message = format!(
        "{connector} tried {} {} with its credential\n  the credential is bound to {bound}\n  if this is right, the author adds   audience: [\"{}/\"]   to the auth method and you approve the upgrade",
        shown(method),
        target.display(),
        target.base(),
    );
    denial(DeniedBy::Manifest, "secret-binding", message)
}

fn denial(by: DeniedBy, reason: &str, message: String) -> Denial {
    Denial { by, reason: reason.to_owned(), message }
}

/// A method as a person may see it: a guest wrote it.
fn shown(method: &str) -> String {
    method.chars().take(32).map(|c| if c.is_ascii_graphic() { c } else { '?' }).collect()
}

fn undeclared(rules: RuleSets<'_>, tried: &str, method: &str, target: &Target) -> String {
    let granted =
        if rules.grant.iter().any(|rule| rule.allows(method, target)) { "granted" } else { "not granted" };
    format!(
        "{tried}\n  not in its manifest (it declares {}) and {granted}\n  if this is right, the author adds   egress: [{}]   and you approve the upgrade",
        list(rules.manifest),
        line(method, &format!("{}/", target.base())),
    )
}

fn ungranted(rules: RuleSets<'_>, tried: &str, method: &str, target: &Target) -> String {
    // The manifest's own line is the one to grant; `*` would be too much for one call.
    let declared = rules.manifest.iter().find(|rule| rule.allows(method, target) && rule.url() != "*");
    let url = declared.map_or_else(|| format!("{}/", target.base()), |rule| rule.url().to_owned());
    format!(
        "{tried}\n  in its manifest, but not granted (granted is {})\n  to allow it   wharf connector grant {} --egress '{method} {}'",
        list(rules.grant),
        rules.connector,
        url.replace('\'', "%27"),
    )
}

fn line(method: &str, url: &str) -> String {
    let request = EgressRequest { url: url.to_owned(), methods: vec![method.to_owned()] };
    serde_json::to_string(&request).unwrap_or_default()
}

/// At most four rules: a message is read by a person.
fn list(rules: &[Rule]) -> String {
    if rules.is_empty() {
        return "nothing".to_owned();
    }
    let mut text = rules.iter().take(4).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if rules.len() > 4 {
        let _ = write!(text, "; and {} more", rules.len() - 4);
    }
    text
}

/// The part that failed in the rule that came nearest.
fn nearest(rules: &[Rule], method: &str, target: &Target) -> &'static str {
    let parts = ["host", "scheme", "port", "path", "method"];
    let passed = rules.iter().map(|rule| rule.passed(method, target)).max().unwrap_or(0);
    parts.get(passed).copied().unwrap_or("method")
}
