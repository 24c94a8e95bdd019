//! Header rules: what passes satisfies RFC 9110 and is on no forbidden list, and goes out unchanged;
//! what is plainly innocent passes.
//!
//! Input: fields parted by the byte FF, name and value by FE. Neither byte occurs in UTF-8.

use std::sync::LazyLock;

use serde_json::json;
use wharf_gate::{Authority, Gate, GateConfig, Scope};
use wharf_model::{
    grant::{Grant, Limits},
    http::{Body, Field, HttpRequest, Redirects},
    manifest::{EffectClass, Manifest},
};

/// RFC 9110 section 7.6.1 and 7.8, RFC 9112, RFC 7239, RFC 7838, RFC 8470, RFC 6455, and the names by which proxies and
/// frameworks pass on a client's address, host or method. `*` stands at the end of a prefix.
const FORBIDDEN: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "via",
    "max-forwards",
    "alt-used",
    "early-data",
    "http2-settings",
    "proxy-*",
    "forwarded",
    "x-forwarded-*",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "authorization",
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "sec-websocket-*",
    "x-original-url",
    "x-rewrite-url",
    "x-api-key",
    "accept-encoding",
];

/// What a connector needs every day.
const INNOCENT: &[&str] = &[
    "accept",
    "accept-language",
    "content-type",
    "if-none-match",
    "prefer",
    "x-request-id",
    "notion-version",
    "a",
];

static GATE: LazyLock<(Gate, Authority, Scope)> = LazyLock::new(|| {
    let gate = Gate::new(GateConfig::default()).expect("the default configuration is sound");
    let manifest: Manifest = serde_json::from_value(json!({
        "name": "p", "version": "1.0.0", "title": "P",
        "egress": [{ "url": "https://api.allowed.test/", "methods": ["GET"] }],
        "auth": { "key": {
            "title": "Key", "slots": { "key": { "title": "Key" } },
            "placement": { "kind": "header", "name": "X-Api-Key", "slot": "key" },
        } },
    }))
    .expect("the manifest is sound");
    let grant = Grant { egress: manifest.egress.clone(), ..Grant::default() };
    let authority = Authority::new("p", &manifest, &grant, None, None).expect("the rules are sound");
    (gate, authority, Scope::new(EffectClass::Read, &Limits::default()))
});

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let mut fields = Vec::new();
    for field in data.split(|byte| *byte == 0xff).filter(|field| !field.is_empty()) {
        let (name, value) = match field.iter().position(|byte| *byte == 0xfe) {
            Some(at) => (&field[..at], &field[at + 1..]),
            None => (field, &[] as &[u8]),
        };
        let Ok(name) = std::str::from_utf8(name) else { return };
        fields.push(Field::new(name, value));
    }
    let (gate, authority, scope) = &*GATE;
    let request = HttpRequest {
        method: "GET".to_owned(),
        url: "https://api.allowed.test/".to_owned(),
        headers: fields.clone(),
        body: Body::empty(),
        auth: None,
        timeout_ms: None,
        redirects: Redirects::Manual,
    };
    match gate.authorise(authority, scope, request) {
        Ok(authorised) => {
            assert!(fits(&fields), "{fields:?}");
            let sent = authorised.headers();
            let mut expected = 0;
            for field in fields.iter().filter(|field| !asks_for_plain_body(field)) {
                assert!(is_token(&field.name) && is_value(&field.value), "{field:?}");
                assert!(!is_forbidden(&field.name), "{field:?}");
                let values = sent.get_all(&field.name).iter().filter(|value| value.as_bytes() == field.value);
                assert!(values.count() > 0, "{field:?} was changed");
                expected += 1;
            }
            assert_eq!(sent.len(), expected, "{sent:?}");
        }
        Err(error) => {
            let innocent = |field: &Field| INNOCENT.contains(&field.name.as_str()) && is_value(&field.value);
            assert!(!(fits(&fields) && fields.iter().all(innocent)), "{error}: {fields:?}");
            crate::inert(error);
        }
    }
}

fn fits(fields: &[Field]) -> bool {
    let bytes: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
    fields.len() <= 64 && bytes <= 32 * 1024
}

/// Saying what holds anyway is taken and left out.
fn asks_for_plain_body(field: &Field) -> bool {
    field.name.eq_ignore_ascii_case("accept-encoding") && field.value.eq_ignore_ascii_case(b"identity")
}

/// `token` of RFC 9110, section 5.6.2.
fn is_token(name: &str) -> bool {
    let tchar = |c: char| matches!(c, '0'..='9' | 'a'..='z' | 'A'..='Z') || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(tchar)
}

/// `field-content` of RFC 9110, section 5.5: VCHAR, obs-text, SP and HTAB.
fn is_value(value: &[u8]) -> bool {
    value.iter().all(|byte| matches!(byte, b'\t' | 0x20..=0x7e | 0x80..=0xff))
}

/// In any case, and with `_` for `-`, which CGI cannot tell apart.
fn is_forbidden(name: &str) -> bool {
    let name: String = name.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect();
    FORBIDDEN.iter().any(|own| match own.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => name == *own,
    })
}
