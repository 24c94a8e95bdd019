//! Auth methods: that the credential has a place to go and a place it may be sent to.

mod recipe;

use wharf_model::{
    egress::{Rule, covers},
    http::{is_forbidden, spelling},
    manifest::{AuthMethod, EgressRequest, Manifest, Placement},
};

use super::{Findings, Pointer, egress, listed};

pub(super) fn check(findings: &mut Findings, manifest: &Manifest, at: &Pointer) {
    for (name, method) in &manifest.auth {
        let at = at.at(name);
        findings.name(&at, name);
        findings.title(&at.at("title"), &method.title);
        if method.slots.is_empty() {
            findings.report(&at.at("slots"), "no slots", "declare the secrets that a person enters");
        }
        for (slot, about) in &method.slots {
            findings.name(&at.at("slots").at(slot), slot);
            findings.title(&at.at("slots").at(slot).at("title"), &about.title);
            if let Some(reason) = &about.reveal {
                let at = at.at("slots").at(slot).at("reveal");
                findings.text(&at, reason);
                if reason.trim().is_empty() {
                    findings.report(&at, "no reason", "say why the connector must read this secret itself");
                }
            }
        }
        audience(findings, manifest, method, &at);
        if let Some(placement) = &method.placement {
            let at = at.at("placement");
            place(findings, method, placement, &at);
            recipe::check(findings, manifest, method, placement, &at);
        }
        if let Some(shown) = &method.client_certificate {
            let at = at.at("client-certificate");
            known_slot(findings, method, &at.at("certificate"), &shown.certificate);
            known_slot(findings, method, &at.at("key"), &shown.key);
        }
    }
}

fn place(findings: &mut Findings, method: &AuthMethod, placement: &Placement, at: &Pointer) {
    match placement {
        Placement::Bearer { slot } => known_slot(findings, method, &at.at("slot"), slot),
        Placement::Basic { user, password } => {
            known_slot(findings, method, &at.at("user"), user);
            known_slot(findings, method, &at.at("password"), password);
        }
        Placement::Header { name, prefix, slot } => {
            header(findings, &at.at("name"), name);
            printable(findings, &at.at("prefix"), prefix);
            known_slot(findings, method, &at.at("slot"), slot);
        }
        Placement::Query { name, slot } | Placement::BodyField { name, slot } => {
            named(findings, &at.at("name"), name);
            known_slot(findings, method, &at.at("slot"), slot);
        }
        Placement::Digest { user, password, allow_md5: _ } => {
            known_slot(findings, method, &at.at("user"), user);
            known_slot(findings, method, &at.at("password"), password);
        }
        // See `recipe`.
        Placement::Fields { .. }
        | Placement::Signature(_)
        | Placement::Jwt(_)
        | Placement::AwsSigV4(_)
        | Placement::OAuth1(_) => {}
    }
}

/// A header that carries a credential.
fn header(findings: &mut Findings, at: &Pointer, name: &str) {
    findings.header(at, name);
    let spelled = spelling(name);
    let frames = is_forbidden(&spelled) && spelled != "authorization";
    if frames || spelled == "content-type" {
        let fix = "use the header that the provider documents, such as `X-Api-Key`";
        findings.report(at, format!("`{name}` cannot carry a credential"), fix);
    }
}

/// What goes before a value in a header.
fn printable(findings: &mut Findings, at: &Pointer, prefix: &str) {
    if !prefix.bytes().all(|b| (b' '..0x7f).contains(&b)) {
        let fix = "use printable ASCII, such as `Token `";
        findings.report(at, "characters that a header cannot hold", fix);
    }
}

/// A query parameter's or body field's name.
fn named(findings: &mut Findings, at: &Pointer, name: &str) {
    if name.is_empty() {
        findings.report(at, "no name", "name the parameter or field");
    }
    findings.text(at, name);
}

fn known_slot(findings: &mut Findings, method: &AuthMethod, at: &Pointer, slot: &str) {
    if !method.slots.contains_key(slot) {
        let fix = format!("name one of {}, or declare it under `slots`", listed(method.slots.keys()));
        findings.report(at, format!("no slot `{slot}`"), fix);
    }
}

/// Origins that get the credential: as listed, else those of `egress` that name one origin.
fn audience(findings: &mut Findings, manifest: &Manifest, method: &AuthMethod, at: &Pointer) {
    let declared: Vec<Rule> = manifest.egress.iter().filter_map(|request| any_method(&request.url)).collect();
    for (index, url) in method.audience.iter().enumerate() {
        let at = at.at("audience").index(index);
        egress::settings_exist(findings, manifest, &at, url);
        match Rule::parse_place(url) {
            Err(error) => findings.report(&at, format!("`{url}` is no audience"), error.problem),
            Ok(_) if url == "*" => {
                findings.report(
                    &at,
                    "a credential for every address",
                    "list the origins that it belongs to, or a setting `{connection.x}`",
                );
            }
            Ok(rule) => {
                egress::defaults_fit(findings, manifest, &at, &rule);
                let meets = any_method(url).is_none_or(|wanted| {
                    covers(&declared, &wanted)
                        || declared.iter().any(|rule| covers(std::slice::from_ref(&wanted), rule))
                });
                if !meets {
                    findings.report(
                        &at,
                        format!("`{url}` is not among the addresses under /egress"),
                        "ask for it there, or take it out here",
                    );
                }
            }
        }
    }
    let nowhere =
        method.audience.is_empty() && !manifest.egress.iter().any(|request| names_one_origin(&request.url));
    if (method.placement.is_some() || method.client_certificate.is_some()) && nowhere {
        let fix = "list the origins that may get it under `audience`, or ask under /egress for an address without `*`";
        findings.report(at, "its credential may be sent nowhere", fix);
    }
}

/// As a rule that can be compared by place alone.
fn any_method(url: &str) -> Option<Rule> {
    Rule::parse(&EgressRequest { url: url.to_owned(), methods: vec!["GET".to_owned()] }).ok()
}

/// Neither `*` nor a wildcard; a setting stands for one origin once a connection has it.
pub(crate) fn names_one_origin(url: &str) -> bool {
    !url.contains('*')
}
