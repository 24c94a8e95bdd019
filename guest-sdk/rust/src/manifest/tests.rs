//! The JSON of a manifest, whole: its shape is the host's, held here by hand because host and guest share
//! the contract only.

use serde_json::{Value, json};

use super::{Action, Auth, Effect, Entity, EntityOperation, FailureClass, Manifest, Trigger, Webhook};
use crate::action::{Actions, NoInput, Page, Verdict};
use crate::bindings::wharf::connector::types::Context;
use crate::call::Call;
use crate::connector::Connector;
use crate::failure::Result;

/// A thing.
#[wharf::input]
struct Thing {
    /// What it is called.
    name: String,
}

#[wharf::output]
struct Made {
    id: u64,
}

/// Make a thing.
///
/// It is made
/// only once.
#[wharf::action(
    effect = "keyed-write",
    scopes = ["things:write"],
    timeout_ms = 5000,
    key_header = "Idempotency-Key",
    confirm = find_thing
)]
fn make_thing(_call: &Call, input: Thing) -> Result<Made> {
    let Thing { name } = input;
    Ok(Made { id: name.len() as u64 })
}

fn find_thing(_call: &Call, _input: Thing) -> Result<Verdict<Made>> {
    Ok(Verdict::Unknown)
}

/// List things.
#[wharf::action(effect = "read", name = "things", title = "All things", auth = [])]
fn list_things(_call: &Call) -> Result<Page<Made>> {
    Ok(Page { items: Vec::new(), next: None })
}

struct Things;

impl Connector for Things {
    const AUTH: Option<&'static str> = Some("key");

    fn manifest() -> Manifest {
        Manifest::new("things", "1.2.3", "Things")
            .description("Things.")
            .egress(&["GET", "POST"], "https://things.example/v1/")
            .store(1024)
            .settings::<Thing>()
            .auth(
                "key",
                Auth::new("API key")
                    .slot("key", "Key")
                    .optional_slot("secret", "Secret")
                    .header("x-key", "Key ", "key")
                    .audience("https://things.example/"),
            )
            .action(
                "raw",
                Action::new("Raw", Effect::Read)
                    .reads(&["POST"], "https://things.example/v1/search")
                    .retryable(FailureClass::NotFound),
            )
            .trigger(
                "made",
                Trigger::webhook::<NoInput, Made>(
                    "A thing was made",
                    Webhook::hmac_sha256("x-signature", "sha256=", "secret")
                        .delivery_id("x-id")
                        .only("x-kind", &["made"]),
                )
                .auth(&["key"]),
            )
            .trigger("changed", Trigger::poll::<NoInput, Made>("A thing changed", 60_000))
            .entity("thing", Entity::new::<Made>("Thing", &[EntityOperation::ListSince]).match_key(&["id"]))
            .options("things")
    }

    fn actions() -> Actions {
        crate::actions![make_thing, list_things]
    }
}

fn made() -> Value {
    json!({
        "type": "object",
        "properties": { "id": { "type": "integer", "format": "uint64", "minimum": 0 } },
        "required": ["id"],
    })
}

fn thing() -> Value {
    json!({
        "type": "object",
        "description": "A thing.",
        "properties": { "name": { "type": "string", "description": "What it is called." } },
        "required": ["name"],
        "additionalProperties": false,
    })
}

fn manifest() -> Value {
    serde_json::to_value(Manifest::of::<Things>()).unwrap()
}

#[test]
fn actions() {
    let (made, thing, nothing) = (made(), thing(), crate::schema::nothing());
    assert_eq!(
        manifest()["actions"],
        json!({
            "raw": {
                "title": "Raw",
                "effect": "read",
                "input": { "type": "object", "properties": {}, "additionalProperties": false },
                "output": true,
                "auth": ["key"],
                "reads": [{ "url": "https://things.example/v1/search", "methods": ["POST"] }],
                "retryable": ["not-found"],
            },
            "make-thing": {
                "title": "Make a thing",
                "description": "It is made only once.",
                "effect": "keyed-write",
                "idempotency": { "kind": "header", "name": "Idempotency-Key" },
                "input": thing,
                "output": made,
                "auth": ["key"],
                "scopes": ["things:write"],
                "timeout-ms": 5000,
                "confirms": true,
            },
            "things": {
                "title": "All things",
                "effect": "read",
                "input": nothing,
                "output": crate::schema::page_of(&made),
                "paged": true,
            },
        })
    );
}

#[test]
fn triggers() {
    let (made, nothing) = (made(), crate::schema::nothing());
    assert_eq!(
        manifest()["triggers"],
        json!({
            "made": {
                "title": "A thing was made",
                "source": {
                    "kind": "webhook",
                    "verification": {
                        "scheme": "hmac-sha256",
                        "header": "x-signature",
                        "prefix": "sha256=",
                        "slot": "secret",
                    },
                    "delivery-id-header": "x-id",
                    "event-filter": { "header": "x-kind", "values": ["made"] },
                },
                "settings": nothing,
                "event": made,
                "auth": ["key"],
            },
            "changed": {
                "title": "A thing changed",
                "source": { "kind": "poll", "min-interval-ms": 60000 },
                "settings": nothing,
                "event": made,
            },
        })
    );
}

#[test]
fn everything_else() {
    let (made, thing) = (made(), thing());
    let mut rest = manifest();
    let members = rest.as_object_mut().unwrap();
    members.remove("actions");
    members.remove("triggers");
    assert_eq!(
        rest,
        json!({
            "name": "things",
            "version": "1.2.3",
            "title": "Things",
            "description": "Things.",
            "egress": [{ "url": "https://things.example/v1/", "methods": ["GET", "POST"] }],
            "store": { "max-bytes": 1024 },
            "settings": thing,
            "auth": {
                "key": {
                    "title": "API key",
                    "slots": { "key": { "title": "Key" }, "secret": { "title": "Secret", "optional": true } },
                    "placement": { "kind": "header", "name": "x-key", "prefix": "Key ", "slot": "key" },
                    "audience": ["https://things.example/"],
                },
            },
            "entities": {
                "thing": {
                    "title": "Thing",
                    "schema": made,
                    "match-keys": [["id"]],
                    "operations": ["list-since"],
                },
            },
            "options": ["things"],
        })
    );
}

#[test]
fn the_table_runs_actions() {
    use crate::bindings::wharf::connector::outcomes::Outcome;
    let call = Call::new(Context::for_test(), None);
    let run = |name: &str, input: &str| <Things as Connector>::run(&call, name, input);
    match run("make-thing", r#"{"name":"abc"}"#).unwrap() {
        Outcome::Done(output) => assert_eq!(output, r#"{"id":3}"#),
        other => panic!("{other:?}"),
    }
    match run("things", "{}").unwrap() {
        Outcome::Page(page) => assert!(page.items.is_empty() && page.next.is_none()),
        other => panic!("{other:?}"),
    }
    let failure = run("make-thing", r#"{"nam":"abc"}"#).unwrap_err();
    assert_eq!(failure.class, FailureClass::InvalidInput);
    assert!(failure.message.contains("`nam`"), "{}", failure.message);
    assert_eq!(run("nothing", "{}").unwrap_err().class, FailureClass::ConnectorDefect);
    let verdict = Things::confirm(&call, "make-thing", r#"{"name":"abc"}"#).unwrap();
    assert_eq!(verdict, Verdict::Unknown);
    assert!(Things::confirm(&call, "things", "{}").is_err());
}
