//! Triggers: that deliveries can be verified with a secret that a connection has, and that somebody
//! turns them into events.

use wharf_model::manifest::{Trigger, TriggerSource, Verification, Webhook};

use super::{Findings, Ground, Pointer, action, listed, schema};

/// Polling faster is for webhooks; the host's clock ticks coarser than this anyway.
const MIN_INTERVAL_MS: u64 = 1_000;

pub(super) fn check(findings: &mut Findings, ground: &Ground<'_>, at: &Pointer) {
    for (name, trigger) in &ground.manifest.triggers {
        let at = at.at(name);
        findings.name(&at, name);
        findings.title(&at.at("title"), &trigger.title);
        findings.text(&at.at("description"), &trigger.description);
        schema::object(findings, &at.at("settings"), &trigger.settings);
        schema::loaders(findings, ground, &at.at("settings"), &trigger.settings);
        schema::any(findings, &at.at("event"), &trigger.event);
        ground.knows_auth(findings, &at.at("auth"), &trigger.auth);
        action::scopes(findings, &at.at("scopes"), &trigger.scopes);
        let source = at.at("source");
        match &trigger.source {
            TriggerSource::Webhook(hook) => webhook(findings, ground, trigger, hook, &source),
            TriggerSource::Poll { min_interval_ms } => {
                ground.needs_export(findings, &source, "it is polled", "polling");
                if *min_interval_ms < MIN_INTERVAL_MS {
                    let fix = format!("wait at least {MIN_INTERVAL_MS} ms between polls");
                    findings.report(
                        &source.at("min-interval-ms"),
                        format!("every {min_interval_ms} ms is too often"),
                        fix,
                    );
                }
            }
        }
    }
}

fn webhook(findings: &mut Findings, ground: &Ground<'_>, trigger: &Trigger, hook: &Webhook, at: &Pointer) {
    ground.needs_export(findings, at, "its events are delivered", "deliveries");
    let promises = [
        (hook.self_registering, "self-registering", "it registers itself", "subscriptions"),
        (hook.handshake, "handshake", "it answers handshakes", "handshakes"),
        (hook.app_level, "app-level", "one address serves the whole app", "routing"),
    ];
    for (promised, field, promise, interface) in promises {
        if promised {
            ground.needs_export(findings, &at.at(field), promise, interface);
        }
    }
    let verification = at.at("verification");
    match &hook.verification {
        Verification::HmacSha256 { header, prefix, slot } => {
            findings.header(&verification.at("header"), header);
            findings.text(&verification.at("prefix"), prefix);
            known_slot(findings, ground, trigger, &verification.at("slot"), slot);
        }
        Verification::StandardWebhooks { slot } => {
            known_slot(findings, ground, trigger, &verification.at("slot"), slot)
        }
        Verification::Unsigned => {}
    }
    if let Some(header) = &hook.delivery_id_header {
        findings.header(&at.at("delivery-id-header"), header);
    }
    if let Some(filter) = &hook.event_filter {
        findings.header(&at.at("event-filter").at("header"), &filter.header);
        if filter.values.is_empty() {
            findings.report(
                &at.at("event-filter").at("values"),
                "no values: every delivery would be dropped",
                "list the kinds that are meant",
            );
        }
    }
}

/// The slot must be one of an auth method that serves the trigger; of any, when it names none.
fn known_slot(findings: &mut Findings, ground: &Ground<'_>, trigger: &Trigger, at: &Pointer, slot: &str) {
    let serving = || {
        let all = ground.manifest.auth.iter();
        all.filter(|(name, _)| trigger.auth.is_empty() || trigger.auth.contains(name))
            .map(|(_, method)| method)
    };
    if !serving().any(|method| method.slots.contains_key(slot)) {
        let known = listed(serving().flat_map(|method| method.slots.keys()));
        let fix = format!("name one of {known}, or declare it in an auth method of this trigger");
        findings.report(at, format!("no slot `{slot}`"), fix);
    }
}
