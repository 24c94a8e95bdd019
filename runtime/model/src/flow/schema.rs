//! The flow file described twice from one source: as a JSON Schema for editors, as tables for people.
//!
//! What is surprising: the reader does not use it. It says more (places, near names), and a test keeps the
//! keys of both the same.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::read::KIND_KEYS;
use crate::failure::FailureClass;

/// One key of an object.
struct Key {
    name: &'static str,
    /// Its JSON Schema.
    schema: fn() -> Value,
    /// What it takes, for people.
    takes: &'static str,
    /// `required`, or what holds without it.
    without: &'static str,
    doc: &'static str,
}

/// An object of the flow file.
struct Shape {
    title: &'static str,
    /// Its name under `$defs`.
    def: &'static str,
    keys: &'static [Key],
}

macro_rules! keys {
    ($($name:literal $schema:expr, $takes:literal, $without:literal, $doc:literal;)*) => {
        &[$(Key { name: $name, schema: || $schema, takes: $takes, without: $without, doc: $doc }),*]
    };
}

const DURATION: &str = "^[0-9]+(ms|s|m|h|d)$";
const EXPRESSION: &str = r"^\$\{[\s\S]*\}\s*$";

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn pattern(pattern: &str) -> Value {
    json!({ "type": "string", "pattern": pattern })
}

fn def(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

fn list(name: &str, at_least: u64) -> Value {
    json!({ "type": "array", "items": def(name), "minItems": at_least })
}

static SHAPES: &[Shape] = &[
    Shape {
        title: "The file",
        def: "flow",
        keys: keys! {
            "flow" pattern("^[a-z][a-z0-9-]{0,62}$"), "a name: a-z, 0-9, `-`", "required", "The flow's name.";
            "owner" text(), "text", "none", "Who answers for it: a team or a person.";
            "runbook" text(), "text", "none", "Where to read what to do when it fails.";
            "deadline" pattern(DURATION), "a duration", "none", "How long a run may take, from its event or its replay, at most `400d`; then it fails.";
            "retention" pattern(DURATION), "a duration", "the server's", "How long a run is kept after its end, at most `400d`. What failed is kept until somebody decides.";
            "on-failure" pattern("^[a-z][a-z0-9-]{0,62}$"), "a flow's name", "none", "The flow that is told when a run fails for good: a run of it starts with the failure as its event.";
            "on" json!({ "oneOf": [{ "const": "manual" }, def("trigger"), def("webhook"), def("schedule"), def("after"), def("manual")] }), "`manual`, or an object", "required", "What starts a run. `manual`: a person or an API client, and what they send is the event.";
            "steps" list("step", 1), "a list of steps", "required", "What a run does, in order.";
        },
    },
    Shape {
        title: "`on` with a trigger",
        def: "trigger",
        keys: keys! {
            "trigger" pattern("^[^/]+/[^/]+$"), "`CONNECTOR/TRIGGER`", "required", "The trigger of a connector whose events start runs.";
            "connection" text(), "a name", "none", "The connection; required if the trigger takes one.";
            "with" json!({ "type": "object" }), "an object", "`{}`", "The trigger's settings, without expressions.";
            "poll" def("poll"), "an object", "see below", "How a trigger that is polled is; one that is delivered takes none.";
        },
    },
    Shape {
        title: "`poll`",
        def: "poll",
        keys: keys! {
            "every" pattern(DURATION), "a duration", "`1m`", "The interval while events come; never shorter than the trigger's manifest allows.";
            "slowest" pattern(DURATION), "a duration", "`15m`", "The longest interval: it grows by half with each poll that finds nothing new, up to this.";
            "look-back" pattern(DURATION), "a duration, at most `24h`", "`0s`", "How far behind the last poll the next begins, for a provider that shows events late. What comes twice is recognised.";
            "first" text(), "`now`, `all` or a time", "`now`", "What the first poll is to find: what happens from the time on at which the flow is applied, whatever the provider still has, or what happened at a time (RFC 3339) or later.";
        },
    },
    Shape {
        title: "`on` with a webhook",
        def: "webhook",
        keys: keys! {
            "webhook" json!({ "enum": ["hmac-sha256", "standard-webhooks", "unsigned"] }), "`hmac-sha256`, `standard-webhooks` or `unsigned`", "required", "How deliveries to the flow's own address are verified. The JSON body is the event. `unsigned` lets anybody start a run.";
            "connection" text(), "a name", "none", "The connection that holds the secret; required unless `unsigned`.";
            "slot" text(), "a name", "`secret`", "Which secret of the connection.";
            "header" text(), "a header's name", "none", "`hmac-sha256`: the header with the hexadecimal HMAC-SHA-256 of the body; required there.";
            "prefix" text(), "text", "none", "`hmac-sha256`: what stands before the digits, such as `sha256=`.";
            "delivery-id-header" text(), "a header's name", "see right", "The header that names a delivery once and for all: a second delivery of one id starts nothing. Without it: `webhook-id` for `standard-webhooks`, else the digest of the body.";
        },
    },
    Shape {
        title: "`on` with a schedule",
        def: "schedule",
        keys: keys! {
            "every" pattern(DURATION), "a duration", "one of two", "The interval, at least `1s`. Fires are at its multiples since 1970 in UTC, whenever the flow is applied: `every: 1h` is at each full hour.";
            "cron" text(), "five fields, or `@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`", "one of two", "Minute, hour, day of the month, month, day of the week, with `*`, `1,2`, `1-5`, `*/15`, names, `L` (last), `15W` (nearest weekday), `FRI#2` (second Friday). Days of the month and of the week are alternatives; `+MON` asks for both.";
            "zone" text(), "a time zone of the IANA database, or an offset", "`UTC`", "`cron`: whose clocks are meant.";
            "gap" json!({ "enum": ["forward", "skip"] }), "`forward` or `skip`", "`forward`", "`cron`: a time that does not exist because the clocks go forward fires at the instant of the change, or not at all.";
            "fold" json!({ "enum": ["once", "twice"] }), "`once` or `twice`", "`once`", "`cron`: a time that there is twice because the clocks go back fires the first time, or both times.";
            "missed" json!({ "enum": ["skip", "once", "all"] }), "`skip`, `once` or `all`", "`once`", "What becomes of fires that could not be made: none is made up for (later than a minute counts as missed), the newest stands for all, or each is made, up to the newest 100.";
            "jitter" pattern(DURATION), "a duration, at most `24h`", "`0s`", "A run begins up to this long after its fire, drawn by the flow and the fire.";
        },
    },
    Shape {
        title: "`on` with a flow",
        def: "after",
        keys: keys! {
            "flow" pattern("^[a-z][a-z0-9-]{0,62}$"), "a flow's name", "required", "The flow the end of whose runs starts one of this flow. The event is `{\"flow\", \"flow_version\", \"run\", \"status\", \"event\", \"output\"}`, or what `on-failure` gives for a run that failed.";
            "status" json!({ "enum": ["done", "failed", "any"] }), "`done`, `failed` or `any`", "`done`", "Which end is meant.";
        },
    },
    Shape {
        title: "`on` with a person",
        def: "manual",
        keys: keys! {
            "manual" json!({ "type": "object" }), "a JSON Schema", "required", "What a person or an API client has to send as the event. `on: manual` takes anything.";
        },
    },
    Shape {
        title: "A step",
        def: "step",
        keys: keys! {
            "id" pattern("^[a-z][a-z0-9_]{0,62}$"), "a name: a-z, 0-9, `_`", "required", "Unique in the flow; expressions read its output as `steps.ID`.";
            "if" pattern(EXPRESSION), "an expression", "always", "The step is skipped unless this is true; its output is then null.";
            "action" pattern("^[^/]+/[^/]+$"), "`CONNECTOR/ACTION`", "one of these", "Calls an action; its result is the step's output.";
            "connection" text(), "a name", "none", "`action`: the connection; required if the action takes one.";
            "with" json!({ "type": "object" }), "an object with expressions", "`{}`", "`action`: its input.";
            "switch" list("case", 1), "a list of cases", "one of these", "Takes the first case whose `if` is true. The output is `{\"case\": NAME}`.";
            "otherwise" list("step", 0), "a list of steps", "nothing", "`switch`: what to do when no case holds; `case` is then `otherwise`.";
            "map" json!(true), "any value with expressions", "one of these", "Computes a value; that is the step's output.";
            "for-each" json!({ "oneOf": [{ "type": "array" }, { "type": "string", "pattern": EXPRESSION }] }), "a list, or an expression that gives one", "one of these", "Does `steps` for each item. The output is `{\"count\", \"succeeded\", \"failed\", \"results\"}`.";
            "steps" list("step", 1), "a list of steps", "required there", "`for-each`: what is done for an item, which is `item` in expressions, and its place from 0 is `index`.";
            "concurrency" json!({ "type": "integer", "minimum": 1, "maximum": 64 }), "1 to 64", "1", "`for-each`: items under way at once.";
            "max-items" json!({ "type": "integer", "minimum": 1, "maximum": 10000 }), "1 to 10000", "1000", "`for-each`: a longer list fails.";
            "on-item-error" json!({ "enum": ["fail", "continue"] }), "`fail` or `continue`", "`fail`", "`for-each`: what an item that failed does: nothing more is begun and the step fails, or the others go on.";
            "parallel" list("branch", 1), "a list of branches", "one of these", "Does branches side by side. The output has the output of each branch's last step, by the branch's name.";
            "delay" pattern(DURATION), "a duration", "one of these", "Waits this long, at most `400d`.";
            "until" json!({ "type": ["string", "integer"] }), "a time, or an expression that gives one", "one of these", "Waits for a time: text as in RFC 3339, or milliseconds since 1970. One that is past is not waited for.";
            "wait" def("wait"), "an object", "one of these", "Waits for somebody: an approval or a signal.";
            "stop" text(), "text with expressions", "one of these", "Ends the run well, from wherever it stands; the text is the reason.";
            "fail" json!({ "oneOf": [text(), def("failure")] }), "text with expressions, or an object", "one of these", "Fails, and is not tried again.";
            "retry" json!({ "oneOf": [{ "const": "none" }, def("retry")] }), "`none`, or an object", "five attempts", "`action`: how a failed attempt is made again.";
            "timeout" pattern(DURATION), "a duration", "the action's", "`action`: an attempt is stopped after this long. The limits of the action and the grant hold too.";
            "on-error" json!({ "oneOf": [{ "enum": ["fail", "continue"] }, def("on-error")] }), "`fail`, `continue`, or an object", "`fail`", "What becomes of the run when the step has failed for good, or a step inside of it: it fails too, goes on with null as the output, or does other steps first.";
        },
    },
    Shape {
        title: "A case of a switch",
        def: "case",
        keys: keys! {
            "case" pattern("^[a-z][a-z0-9_-]{0,62}$"), "a name: a-z, 0-9, `_`, `-`", "required", "Unique in the switch, and not `otherwise`.";
            "if" pattern(EXPRESSION), "an expression", "required", "Whether the case is taken.";
            "steps" list("step", 0), "a list of steps", "required", "What to do then.";
        },
    },
    Shape {
        title: "A branch of `parallel`",
        def: "branch",
        keys: keys! {
            "branch" pattern("^[a-z][a-z0-9_-]{0,62}$"), "a name: a-z, 0-9, `_`, `-`", "required", "Unique in the step.";
            "steps" list("step", 0), "a list of steps", "required", "What to do there, in order.";
        },
    },
    Shape {
        title: "`wait`",
        def: "wait",
        keys: keys! {
            "approval" text(), "text with expressions", "one of two", "What is asked. The output is `{\"approved\", \"by\", \"at\", \"data\"}`.";
            "form" json!({ "type": "object" }), "a JSON Schema", "nothing is filled in", "`approval`: what has to be filled in, as `data`.";
            "approvers" json!({ "type": "array", "items": text(), "minItems": 1 }), "a list of actors", "everybody with a key", "`approval`: who may answer.";
            "signal" pattern("^[a-z][a-z0-9_-]{0,62}$"), "a name: a-z, 0-9, `_`, `-`", "one of two", "The name of a signal. One that came before the wait counts too, and each counts once. The output is `{\"name\", \"by\", \"at\", \"data\"}`.";
            "if" pattern(EXPRESSION), "an expression", "any", "`signal`: which one is meant, with its data as `signal`.";
            "expires" pattern(DURATION), "a duration", "`7d`", "How long is waited, at most `400d`; then the step fails, class `timed-out`.";
        },
    },
    Shape {
        title: "`fail` with a class",
        def: "failure",
        keys: keys! {
            "message" text(), "text with expressions", "required", "Why.";
            "class" json!({ "enum": FailureClass::ALL.map(FailureClass::name) }), "a class of failures", "`invalid-input`", "What the dead letter and `error.class` say.";
        },
    },
    Shape {
        title: "`on-error` with steps",
        def: "on-error",
        keys: keys! {
            "steps" list("step", 1), "a list of steps", "required", "Done after the failure, which is `error` in expressions: `step`, `class`, `message`, `http_status`, `provider_code`, `attempts`, `gave_up`.";
        },
    },
    Shape {
        title: "`retry`",
        def: "retry",
        keys: keys! {
            "attempts" json!({ "type": "integer", "minimum": 1, "maximum": 100 }), "1 to 100", "5", "Attempts at most, the first included.";
            "backoff" pattern(DURATION), "a duration", "`1s`", "The longest first delay; it doubles from attempt to attempt.";
            "max" pattern(DURATION), "a duration", "`5m`", "The longest delay of all.";
            "jitter" json!({ "enum": ["full", "none"] }), "`full` or `none`", "`full`", "`full` draws each delay evenly from zero to the longest; `none` takes the longest.";
        },
    },
];

/// The JSON Schema (2020-12) of a flow file, for editors. [`super::Flow::parse`] checks more than it can say.
#[must_use]
pub fn json_schema() -> Value {
    let mut definitions: Map<String, Value> =
        SHAPES.iter().map(|shape| (shape.def.to_owned(), object_schema(shape))).collect();
    if let Some(Value::Object(step)) = definitions.get_mut("step") {
        let one_of = KIND_KEYS.map(|key| json!({ "required": [key] }));
        step.insert("oneOf".to_owned(), json!(one_of));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Wharf flow",
        "$ref": "#/$defs/flow",
        "$defs": definitions,
    })
}

fn object_schema(shape: &Shape) -> Value {
    let properties: Map<String, Value> = shape
        .keys
        .iter()
        .map(|key| {
            let mut schema = (key.schema)();
            match &mut schema {
                Value::Object(schema) => {
                    schema.insert("description".to_owned(), json!(key.doc));
                }
                _ => schema = json!({ "description": key.doc }),
            }
            (key.name.to_owned(), schema)
        })
        .collect();
    let required: Vec<_> =
        shape.keys.iter().filter(|key| key.without == "required").map(|key| key.name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// The reference of the flow file as Markdown: keys of every object, functions of expressions.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for shape in SHAPES {
        let _ = write!(text, "### {}\n\n| Key | Takes | Without it | |\n|---|---|---|---|\n", shape.title);
        for key in shape.keys {
            let _ = writeln!(text, "| `{}` | {} | {} | {} |", key.name, key.takes, key.without, key.doc);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::{SHAPES, json_schema};
    use crate::flow::read::{
        AFTER_KEYS, CASE_KEYS, FAIL_KEYS, FLOW_KEYS, LANE_KEYS, MANUAL_KEYS, ON_ERROR_KEYS, POLL_KEYS,
        RETRY_KEYS, SCHEDULE_KEYS, STEP_KEYS, TRIGGER_KEYS, WAIT_KEYS, WEBHOOK_KEYS,
    };

    #[test]
    fn the_reader_takes_the_keys_that_are_described() {
        let read: [&[&str]; 14] = [
            &FLOW_KEYS,
            &TRIGGER_KEYS,
            &POLL_KEYS,
            &WEBHOOK_KEYS,
            &SCHEDULE_KEYS,
            &AFTER_KEYS,
            &MANUAL_KEYS,
            &STEP_KEYS,
            &CASE_KEYS,
            &LANE_KEYS,
            &WAIT_KEYS,
            &FAIL_KEYS,
            &ON_ERROR_KEYS,
            &RETRY_KEYS,
        ];
        assert_eq!(read.len(), SHAPES.len());
        for (shape, keys) in SHAPES.iter().zip(read) {
            let described: Vec<_> = shape.keys.iter().map(|key| key.name).collect();
            assert_eq!(described, keys, "{}", shape.title);
        }
    }

    #[test]
    fn the_schema_is_one() {
        jsonschema::meta::validate(&json_schema()).unwrap();
    }
}
