//! Real deliveries, as GitHub's documentation has them, become the events that flows read.

use wharf::connector::Settings;
use wharf::http::Field;
use wharf::json::{self, Value, json};
use wharf::{FailureClass, HttpMessage};

use super::receive;

const OPENED: &str = include_str!("../../../../tests/fixtures/github/issues.opened.json");
const LABELED: &str = include_str!("../../../../tests/fixtures/github/issues.labeled.json");
const PULL: &str = include_str!("../../../../tests/fixtures/github/pull_request.opened.json");
const PING: &str = include_str!("../../../../tests/fixtures/github/ping.json");

fn message(kind: &str, body: &str) -> HttpMessage {
    let field = |name: &str, value: &str| Field { name: name.into(), value: value.into() };
    HttpMessage {
        method: "POST".into(),
        target: "/hooks/x".into(),
        headers: vec![
            field("X-GitHub-Event", kind),
            field("X-GitHub-Delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
        ],
        body: body.into(),
        received_at: 0,
    }
}

/// The data of the event, or null when the trigger does not mean the delivery.
#[track_caller]
fn data(trigger: &str, settings: Value, kind: &str, body: &str) -> Value {
    let events = receive(trigger, &Settings(settings), &message(kind, body)).unwrap();
    match events.as_slice() {
        [] => Value::Null,
        [event] => {
            assert_eq!(event.id, "72d3162e-cc78-11e3-81ab-4c9367dc0958");
            json::from_str(&event.data).unwrap()
        }
        more => panic!("{} events", more.len()),
    }
}

#[test]
fn an_opened_issue() {
    let here = json!({ "repository": "codertocat/hello-world" });
    let mut event = data("issue-opened", here, "issues", OPENED);
    assert!(event["body"].as_str().unwrap().starts_with("It looks like"));
    event.as_object_mut().unwrap().remove("body");
    assert_eq!(
        event,
        json!({
            "action": "opened",
            "number": 1,
            "title": "Spelling error in the README file",
            "author": "Codertocat",
            "labels": ["bug"],
            "assignees": ["Codertocat"],
            "state": "open",
            "url": "https://github.com/Codertocat/Hello-World/issues/1",
            "repository": "Codertocat/Hello-World",
            "sender": "Codertocat",
        })
    );
}

#[test]
fn an_event_knows_its_time_and_order() {
    let events = receive("issues", &Settings(json!({})), &message("issues", OPENED)).unwrap();
    assert_eq!(events[0].occurred_at_ms, Some(1_557_933_618_000));
    assert_eq!(events[0].ordering_key.as_deref(), Some("Codertocat/Hello-World#1"));
}

#[test]
fn triggers_mean_some_deliveries() {
    let none = || json!({});
    let there = json!({ "repository": "acme/app" });
    assert_eq!(data("issue-opened", there, "issues", OPENED), Value::Null);
    assert_eq!(data("issue-opened", none(), "issues", LABELED), Value::Null);
    assert_eq!(data("issue-opened", none(), "ping", PING), Value::Null);
    assert_eq!(data("issue-labeled", none(), "issues", LABELED)["label"], "bug");
    assert_eq!(data("issues", none(), "issues", LABELED)["action"], "labeled");
    let only = |action: &str| json!({ "actions": [action] });
    assert_eq!(data("issues", only("closed"), "issues", OPENED), Value::Null);
    assert_eq!(data("issues", only("opened"), "issues", OPENED)["number"], 1);
    assert_eq!(data("pull-request-opened", none(), "issues", OPENED), Value::Null);
}

#[test]
fn an_opened_pull_request() {
    let event = data("pull-request-opened", json!({}), "pull_request", PULL);
    assert_eq!(
        (&event["number"], &event["base"], &event["head"], &event["merged"]),
        (&json!(2), &json!("master"), &json!("changes"), &json!(false))
    );
}

#[test]
fn a_delivery_of_another_shape_is_refused() {
    let failure = receive("issues", &Settings(json!({})), &message("issues", "{}")).unwrap_err();
    assert_eq!(failure.class, FailureClass::SchemaMismatch);
    let wrong = Settings(json!({ "repo": "acme/app" }));
    let failure = receive("issues", &wrong, &message("issues", OPENED)).unwrap_err();
    assert_eq!(failure.class, FailureClass::ConfigurationInvalid);
    let failure = receive("nothing", &Settings(json!({})), &message("issues", OPENED)).unwrap_err();
    assert_eq!(failure.class, FailureClass::ConnectorDefect);
}
