//! Components by hand, and a manifest to bend.

use serde_json::{Value, json};
use wharf_model::manifest::Manifest;

use crate::{CONTRACT_SECTION, MANIFEST_SECTION};

pub(super) const ALL: [&str; 15] = [
    "manifest",
    "connections",
    "options",
    "fields",
    "actions",
    "resumption",
    "confirmation",
    "batches",
    "polling",
    "deliveries",
    "handshakes",
    "subscriptions",
    "routing",
    "samples",
    "entities",
];

/// Full names of interfaces of the contract.
pub(super) fn names(interfaces: &[&str]) -> Vec<String> {
    interfaces.iter().map(|name| crate::interface(name)).collect()
}

/// A component that exports empty instances under these names, with `more` WAT behind them.
pub(super) fn component(exports: &[&str], more: &str) -> Vec<u8> {
    let exports: String =
        names(exports).iter().map(|name| format!("(export \"{name}\" (instance $i))")).collect();
    wat::parse_str(format!("(component (instance $i) {exports} {more})")).expect("the WAT is right")
}

/// A core custom section, as any tool writes it.
pub(super) fn section(name: &str, data: &[u8]) -> Vec<u8> {
    let mut body = vec![u8::try_from(name.len()).expect("a short name")];
    body.extend_from_slice(name.as_bytes());
    body.extend_from_slice(data);
    let mut section = vec![0];
    let mut size = body.len();
    while size >= 0x80 {
        section.push(u8::try_from(size & 0x7f).expect("seven bits") | 0x80);
        size >>= 7;
    }
    section.push(u8::try_from(size).expect("seven bits"));
    section.extend_from_slice(&body);
    section
}

/// A connector file with these sections, sealed by hand.
pub(super) fn by_hand(exports: &[&str], manifest: &[u8], contract: &[u8]) -> Vec<u8> {
    let mut file = component(exports, "");
    file.extend(section(MANIFEST_SECTION, manifest));
    file.extend(section(CONTRACT_SECTION, contract));
    file
}

/// A manifest that uses every part and breaks no rule.
pub(super) fn full() -> Value {
    json!({
        "name": "slack", "version": "1.4.0", "title": "Slack", "description": "Post messages.",
        "license": "MIT OR Apache-2.0", "homepage": "https://example.com/slack",
        "egress": [
            { "url": "https://slack.com/api/", "methods": ["POST", "GET"] },
            { "url": "https://{connection.site}/files/", "methods": ["GET"] }
        ],
        "store": { "max-bytes": 1_000_000 },
        "settings": { "type": "object", "properties": { "site": { "type": "string" } } },
        "auth": {
            "token": {
                "title": "Bot token", "slots": { "bot-token": { "title": "Token" }, "signing-secret": { "title": "Secret", "optional": true } },
                "placement": { "kind": "bearer", "slot": "bot-token" }, "audience": ["https://slack.com/"]
            }
        },
        "actions": {
            "post": {
                "title": "Post", "effect": "keyed-write", "idempotency": { "kind": "header", "name": "Idempotency-Key" },
                "input": { "type": "object", "properties": { "channel": { "type": "string", "x-options": "channels" } } },
                "output": { "type": "object" }, "auth": ["token"], "scopes": ["chat:write"],
                "confirms": true, "suspends": true, "max-batch": 10
            },
            "search": {
                "title": "Search", "effect": "read", "input": { "type": "object" }, "output": {},
                "reads": [{ "url": "https://slack.com/api/search", "methods": ["POST"] }]
            }
        },
        "triggers": {
            "message": {
                "title": "Message", "event": {}, "auth": ["token"],
                "source": {
                    "kind": "webhook", "verification": { "scheme": "hmac-sha256", "header": "X-Signature", "prefix": "v0=", "slot": "signing-secret" },
                    "delivery-id-header": "X-Delivery", "event-filter": { "header": "X-Event", "values": ["message"] },
                    "self-registering": true, "handshake": true, "app-level": true
                }
            },
            "file": { "title": "File", "event": {}, "source": { "kind": "poll", "min-interval-ms": 60000 } }
        },
        "entities": {
            "user": {
                "title": "User", "schema": { "type": "object", "properties": { "email": { "type": "string" } } },
                "match-keys": [["email"]], "operations": ["list", "get"]
            }
        },
        "options": ["channels"]
    })
}

/// `full` with the value at a pointer replaced, or taken out by `None`.
pub(super) fn bent(pointer: &str, value: Option<Value>) -> Value {
    let mut manifest = full();
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let key = key.replace("~1", "/").replace("~0", "~");
    match (manifest.pointer_mut(parent).expect("the parent is there"), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(key, value)),
        (Value::Object(members), None) => drop(members.shift_remove(&key)),
        (Value::Array(items), Some(value)) => items[key.parse::<usize>().expect("an index")] = value,
        (Value::Array(items), None) => drop(items.remove(key.parse().expect("an index"))),
        (other, _) => panic!("no member in {other}"),
    }
    manifest
}

pub(super) fn manifest(value: &Value) -> Manifest {
    crate::parse_manifest(&value.to_string()).expect("the manifest parses")
}
