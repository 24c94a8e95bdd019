//! What a manifest asks for, in the words of the person who is asked. `permissions` is shown at
//! install, `diff` at upgrade; both are made of the same lines.

use indexmap::IndexMap;
use wharf_model::manifest::{
    AuthMethod, EffectClass, EgressRequest, Manifest, PlacedField, Placement, Position, TriggerSource,
    Verification,
};

use crate::{
    check::{names_one_origin, settings_of},
    json::inert,
    words::{in_bytes, in_time},
};

/// What it asks to do, a line each, after "It asks to".
#[must_use]
pub fn permissions(manifest: &Manifest) -> Vec<String> {
    let calls = manifest.egress.iter();
    let mut lines: Vec<String> = calls.map(|request| call_line(manifest, request)).collect();
    lines.extend(manifest.store.as_ref().map(|store| keep_line(store.max_bytes)));
    lines.extend(manifest.scratch.as_ref().map(|scratch| scratch_line(scratch.max_bytes)));
    lines.extend(manifest.auth.iter().map(|(name, method)| use_line(name, method)));
    lines.extend(manifest.auth.iter().flat_map(|(name, method)| reveal_lines(name, method)));
    lines.extend(trigger_lines(manifest));
    lines.extend(effect_lines(manifest));
    lines
}

/// `call POST, GET https://slack.com/api/… as the connected Slack account`.
pub(crate) fn call_line(manifest: &Manifest, request: &EgressRequest) -> String {
    let methods = request.methods.join(", ");
    let place = place(manifest, &request.url);
    let account = if request.url == "*" {
        // Which of all addresses get a credential is said with the credential.
        String::new()
    } else if gets_credential(manifest, &request.url) {
        format!(" as the connected {} account", manifest.title)
    } else {
        " without a credential".to_owned()
    };
    let clear = if request.url.starts_with("http://") { ", unencrypted" } else { "" };
    inert(&format!("call {methods} {place}{account}{clear}"))
}

/// An address as a person reads it; a setting is shown by its default.
fn place(manifest: &Manifest, url: &str) -> String {
    if url == "*" {
        return "any public address of the internet".to_owned();
    }
    let settings: Vec<String> = settings_of(url).map(|name| format!("`{name}`")).collect();
    let settings = settings.join(", ");
    let end = |url: &str| if url.ends_with('/') { "…" } else { "" };
    match (with_defaults(manifest, url), url.contains('*')) {
        (Some(shown), _) if shown != url => {
            format!("{shown}{} (or where the connection's setting {settings} says)", end(&shown))
        }
        (None, _) => format!("{url}{} (where the connection's setting {settings} says)", end(url)),
        (Some(_), true) => format!("{url}{} (any host of that domain)", end(url)),
        (Some(_), false) => format!("{url}{}", end(url)),
    }
}

/// The address with every setting's default in its place; none when one has no default.
fn with_defaults(manifest: &Manifest, url: &str) -> Option<String> {
    let properties = manifest.settings.as_ref().and_then(|schema| schema.get("properties"));
    let mut shown = url.to_owned();
    for name in settings_of(url) {
        let default = properties?.get(name)?.get("default")?.as_str()?;
        let marker = format!("{{connection.{name}}}");
        let rest = shown.split_once(&marker).map(|(_, rest)| rest).unwrap_or_default();
        // The gate joins a base address and a path with one slash.
        let default = if rest.starts_with('/') { default.trim_end_matches('/') } else { default };
        shown = shown.replacen(&marker, default, 1);
    }
    Some(shown)
}

fn gets_credential(manifest: &Manifest, url: &str) -> bool {
    let goes_out = |method: &&AuthMethod| method.placement.is_some() || method.client_certificate.is_some();
    manifest.auth.values().filter(goes_out).any(|method| {
        if method.audience.is_empty() {
            names_one_origin(url)
        } else {
            url == "*"
                || method
                    .audience
                    .iter()
                    .any(|origin| url.starts_with(origin_of(origin)) || origin.starts_with(origin_of(url)))
        }
    })
}

/// Scheme, host and port of an egress URL as it is written.
fn origin_of(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url.get(start..).and_then(|rest| rest.find('/')).map_or(url.len(), |at| start + at);
    url.get(..end).unwrap_or(url)
}

pub(crate) fn keep_line(max_bytes: u64) -> String {
    format!("keep up to {} of its own state per connection", in_bytes(max_bytes))
}

/// `use up to 64 MB of scratch files during a call`.
pub(crate) fn scratch_line(max_bytes: u64) -> String {
    format!("use up to {} of scratch files during a call", in_bytes(max_bytes))
}

/// `have `bot-token` (token) sent as a bearer token, without seeing it`.
pub(crate) fn use_line(name: &str, method: &AuthMethod) -> String {
    let how = method.placement.as_ref().map(how).unwrap_or_default();
    let placed = method.placement.as_ref().map(Placement::slots).unwrap_or_default();
    let shown = method.client_certificate.as_ref();
    let shown = shown.map(|shown| vec![shown.certificate.as_str(), &shown.key]).unwrap_or_default();
    let sent = |slot: &&String| placed.contains(slot);
    let shown = |slot: &&String| !sent(slot) && shown.contains(&slot.as_str());
    let to = if method.audience.is_empty() {
        String::new()
    } else {
        format!(" to {}", method.audience.join(", "))
    };
    let hashed = |slot: &&String| method.slots.get(*slot).is_some_and(|about| about.hmac);
    let uses = [
        (quoted(method.slots.keys().filter(sent)), format!("{how}{to}")),
        (quoted(method.slots.keys().filter(shown)), format!("used as a client certificate in TLS{to}")),
        (
            quoted(method.slots.keys().filter(|slot| !sent(slot) && !shown(slot))),
            "used to check deliveries".to_owned(),
        ),
        (quoted(method.slots.keys().filter(hashed)), "used for signatures that it asks for".to_owned()),
    ];
    let uses = uses.iter().filter(|(slots, _)| !slots.is_empty());
    let uses: Vec<String> = uses.map(|(slots, how)| format!("{slots} {how}")).collect();
    inert(&format!("have the secrets of `{name}`, without seeing them: {}", uses.join("; ")))
}

/// What the gate makes of a credential.
fn how(placement: &Placement) -> String {
    match placement {
        Placement::Bearer { .. } => "sent as a bearer token".to_owned(),
        Placement::Basic { .. } => "sent as user name and password".to_owned(),
        Placement::Header { name, .. } => format!("sent in the header {name}"),
        Placement::Query { name, .. } => format!("sent in the query parameter {name}"),
        Placement::BodyField { name, .. } => format!("sent in the body's field {name}"),
        Placement::Fields { fields } => {
            let places: Vec<String> = fields.iter().map(place_of).collect();
            format!("sent in {}", places.join(", "))
        }
        Placement::Signature(recipe) => {
            let places: Vec<String> = recipe.fields.iter().map(place_of).collect();
            format!("used to sign requests, in {},", places.join(", "))
        }
        Placement::Jwt(jwt) => {
            format!("used to sign tokens ({}), sent in the header {},", jwt.algorithm.name(), jwt.header)
        }
        Placement::AwsSigV4(_) => "used to sign requests as AWS asks for".to_owned(),
        Placement::OAuth1(_) => "used to sign requests with OAuth 1.0a".to_owned(),
        Placement::Digest { .. } => "used to answer Digest challenges".to_owned(),
    }
}

fn place_of(field: &PlacedField) -> String {
    let kind = match field.position {
        Position::Header => "the header",
        Position::Query => "the query parameter",
        Position::Body => "the body's field",
    };
    format!("{kind} {}", field.name)
}

/// The secrets that it asks to read. Nothing of this comes with the rest: each needs a grant by name.
pub(crate) fn reveal_lines(name: &str, method: &AuthMethod) -> Vec<String> {
    let slots = method.slots.iter().filter_map(|(slot, about)| Some((slot, about.reveal.as_ref()?)));
    slots.map(|(slot, reason)| reveal_line(name, slot, reason)).collect()
}

/// `READ the secret `key/private` itself, which no other permission lets it; its reason: …`.
pub(crate) fn reveal_line(name: &str, slot: &str, reason: &str) -> String {
    inert(&format!(
        "READ the secret `{name}/{slot}` itself, once that is granted by name (--reveal {name}/{slot}); its reason: {reason}"
    ))
}

fn quoted<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The triggers; those whose events come in the same way share a line.
fn trigger_lines(manifest: &Manifest) -> Vec<String> {
    let mut sources: Vec<(Kind<'_>, Vec<&String>)> = Vec::new();
    for (name, trigger) in &manifest.triggers {
        let kind = Kind::of(&trigger.source);
        match sources.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, names)) => names.push(name),
            None => sources.push((kind, vec![name])),
        }
    }
    sources.iter().map(|(kind, names)| kind.line(&quoted(names.iter().copied()))).collect()
}

/// The line of one trigger.
pub(crate) fn trigger_line(name: &str, source: &TriggerSource) -> String {
    Kind::of(source).line(&format!("`{name}`"))
}

/// How events come, as far as an operator cares.
#[derive(PartialEq)]
enum Kind<'a> {
    Polled(u64),
    Signed(&'a str),
    Unsigned,
}

impl<'a> Kind<'a> {
    fn of(source: &'a TriggerSource) -> Self {
        match source {
            TriggerSource::Poll { min_interval_ms } => Self::Polled(*min_interval_ms),
            TriggerSource::Webhook(hook) => match &hook.verification {
                Verification::HmacSha256 { slot, .. } | Verification::StandardWebhooks { slot } => {
                    Self::Signed(slot)
                }
                Verification::Unsigned => Self::Unsigned,
            },
        }
    }

    fn line(&self, names: &str) -> String {
        inert(&match self {
            Self::Polled(millis) => {
                format!("look for {names} events every {} at most", in_time(*millis))
            }
            Self::Signed(slot) => format!("receive {names} deliveries signed with `{slot}`"),
            Self::Unsigned => {
                format!(
                    "receive {names} deliveries that nobody signs: whoever knows the address can send them"
                )
            }
        })
    }
}

/// The writing actions, a line for each class, the gravest last.
fn effect_lines(manifest: &Manifest) -> Vec<String> {
    let mut classes: IndexMap<&str, (EffectClass, Vec<String>)> = IndexMap::new();
    for (name, action) in manifest.actions.iter().filter(|(_, action)| action.effect.writes()) {
        let (_, names) = classes.entry(action.effect.name()).or_insert_with(|| (action.effect, Vec::new()));
        names.push(format!("`{name}`"));
    }
    classes.sort_by(|_, a, _, b| weight(a.0).cmp(&weight(b.0)));
    classes
        .values()
        .map(|(effect, names)| inert(&format!("{} with {}", effect_words(*effect), names.join(", "))))
        .collect()
}

/// What a class means for the account.
pub(crate) fn effect_words(effect: EffectClass) -> &'static str {
    match effect {
        EffectClass::Read => "read",
        EffectClass::IdempotentWrite => "set things, where twice is as once,",
        EffectClass::KeyedWrite => "create or change things, once a key,",
        EffectClass::UnsafeWrite => "create or change things",
        EffectClass::Destructive => "destroy things for good",
    }
}

/// Orders the classes by what a mistaken call costs.
pub(crate) fn weight(effect: EffectClass) -> u8 {
    match effect {
        EffectClass::Read => 0,
        EffectClass::IdempotentWrite => 1,
        EffectClass::KeyedWrite => 2,
        EffectClass::UnsafeWrite => 3,
        EffectClass::Destructive => 4,
    }
}
