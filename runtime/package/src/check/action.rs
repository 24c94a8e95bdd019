//! Actions: that the effect class, the idempotency carrier and what is exported agree, since the
//! host decides from them whether a write may be repeated.

use wharf_model::manifest::{Action, EffectClass, KeyCarrier};

use super::{Findings, Ground, Pointer, egress, schema};

pub(super) fn check(findings: &mut Findings, ground: &Ground<'_>, at: &Pointer) {
    if !ground.manifest.actions.is_empty() {
        ground.needs_export(findings, at, "it lists actions", "actions");
    }
    for (name, action) in &ground.manifest.actions {
        let at = at.at(name);
        findings.name(&at, name);
        findings.title(&at.at("title"), &action.title);
        findings.text(&at.at("description"), &action.description);
        schema::object(findings, &at.at("input"), &action.input);
        schema::any(findings, &at.at("output"), &action.output);
        schema::loaders(findings, ground, &at.at("input"), &action.input);
        ground.knows_auth(findings, &at.at("auth"), &action.auth);
        scopes(findings, &at.at("scopes"), &action.scopes);
        idempotency(findings, action, &at);
        promises(findings, ground, action, &at);
        reads(findings, ground, action, &at);
    }
}

pub(super) fn scopes(findings: &mut Findings, at: &Pointer, scopes: &[String]) {
    for (index, scope) in scopes.iter().enumerate() {
        // scope-token, RFC 6749, section 3.3.
        if scope.is_empty() || !scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\') {
            findings.report(
                &at.index(index),
                format!("`{scope}` is not a scope"),
                "write one scope an entry, without spaces",
            );
        }
    }
}

fn idempotency(findings: &mut Findings, action: &Action, at: &Pointer) {
    match (action.effect, &action.idempotency) {
        (EffectClass::KeyedWrite, None) => {
            let fix = "say where the provider takes the key, such as {\"kind\": \"header\", \"name\": \"Idempotency-Key\"}; if it takes none, the effect is `unsafe-write`";
            findings.report(&at.at("idempotency"), "a `keyed-write` without a place for the key", fix);
        }
        (
            EffectClass::Read
            | EffectClass::IdempotentWrite
            | EffectClass::UnsafeWrite
            | EffectClass::Destructive,
            Some(_),
        ) => {
            let fix = "make the effect `keyed-write`, or take `idempotency` out";
            findings.report(&at.at("idempotency"), format!("a `{}` sends no key", action.effect.name()), fix);
        }
        (EffectClass::KeyedWrite, Some(KeyCarrier::Header { name })) => {
            findings.header(&at.at("idempotency").at("name"), name)
        }
        (EffectClass::KeyedWrite, Some(KeyCarrier::BodyField { name })) if name.is_empty() => {
            findings.report(&at.at("idempotency").at("name"), "no name", "name the member of the body");
        }
        (EffectClass::KeyedWrite, Some(KeyCarrier::BodyField { .. }))
        | (
            EffectClass::Read
            | EffectClass::IdempotentWrite
            | EffectClass::UnsafeWrite
            | EffectClass::Destructive,
            None,
        ) => {}
    }
}

/// What the action says it can do needs the interface that does it.
fn promises(findings: &mut Findings, ground: &Ground<'_>, action: &Action, at: &Pointer) {
    if action.suspends {
        ground.needs_export(findings, &at.at("suspends"), "it suspends", "resumption");
    }
    if action.confirms {
        ground.needs_export(findings, &at.at("confirms"), "it confirms", "confirmation");
        if !action.effect.writes() {
            findings.report(
                &at.at("confirms"),
                "a `read` leaves nothing to confirm",
                "take `confirms` out, or correct `effect`",
            );
        }
    }
    if let Some(max_batch) = action.max_batch {
        ground.needs_export(findings, &at.at("max-batch"), "it takes batches", "batches");
        if max_batch == 0 {
            findings.report(&at.at("max-batch"), "batches of none", "allow at least 1, or leave it out");
        }
    }
    if action.timeout_ms == Some(0) {
        findings.report(&at.at("timeout-ms"), "no time at all", "give milliseconds, or leave it out");
    }
}

fn reads(findings: &mut Findings, ground: &Ground<'_>, action: &Action, at: &Pointer) {
    if action.reads.is_empty() {
        return;
    }
    let at = at.at("reads");
    if action.effect.writes() {
        findings.report(
            &at,
            format!("only a `read` needs it; this is a `{}`", action.effect.name()),
            "take `reads` out, or correct `effect`",
        );
    }
    let rules = egress::requests(findings, ground.manifest, &at, &action.reads);
    let declared: Vec<_> = ground
        .manifest
        .egress
        .iter()
        .filter_map(|request| wharf_model::egress::Rule::parse(request).ok())
        .collect();
    for missing in wharf_model::egress::uncovered(&declared, &rules) {
        let problem = format!(
            "{} {} is not among the addresses under /egress",
            missing.methods.join(", "),
            missing.url
        );
        findings.report(&at, problem, "ask for it there too");
    }
}
