//! Flow files by table: what is read, and every message as a person sees it.

use serde_json::{Value, json};

use super::{Branch, Catalog, CatalogConnection, Flow, InputValidator, On, OnError, StepKind, check, render};
use crate::{manifest::Manifest, retry::RetryPolicy, template::Scope};

mod broken;
mod reference;
mod starts;
mod structure;

pub(super) const TRIAGE: &str = r##"flow: triage-bugs
owner: platform-team
on: { trigger: github/issue-opened, connection: acme-github, with: { repository: acme/app } }
steps:
  - id: route
    switch:
      - case: bug
        if: ${ "bug" in event.labels }
        steps:
          - id: shape
            map:
              text: "#${event.number} ${event.title} — ${event.author}"
          - id: tell
            action: slack/post-message
            connection: acme-slack
            with:
              channel: C024BE91L
              text: ${steps.shape.text}
            retry: { attempts: 3, backoff: 250ms }
            timeout: 10s
            on-error: continue
    otherwise:
      - id: note
        map: ${event.title}
  - id: last
    if: ${ steps.tell != null }
    map: { ts: "${steps.tell.ts}", took: "${steps.route.case}" }
"##;

pub(super) fn manifest(value: Value) -> Manifest {
    serde_json::from_value(value).unwrap()
}

pub(super) fn slack() -> Manifest {
    manifest(json!({
        "name": "slack", "version": "1.4.0", "title": "Slack",
        "auth": { "bot": { "title": "Bot", "slots": { "token": { "title": "Token" } } },
                  "hook": { "title": "Hook", "slots": { "secret": { "title": "Secret" } } } },
        "actions": {
            "post-message": {
                "title": "Post", "effect": "unsafe-write", "auth": ["bot"],
                "input": { "type": "object", "additionalProperties": false, "required": ["channel", "text"], "properties": {
                    "channel": { "type": "string" }, "text": { "type": "string" }, "thread_ts": { "type": "string" },
                    "unfurl": { "type": "boolean" }, "blocks": { "type": "array", "items": { "$ref": "#/$defs/Block" } },
                }, "$defs": { "Block": { "type": "object", "required": ["kind"] } } },
                "output": { "type": "object", "properties": { "ts": { "type": "string" } } },
            },
            "list-channels": { "title": "List", "effect": "read", "input": { "type": "object" }, "output": {}, "auth": ["bot"] },
        },
    }))
}

pub(super) fn github() -> Manifest {
    manifest(json!({
        "name": "github", "version": "2.0.1", "title": "GitHub",
        "auth": { "app": { "title": "App", "slots": { "token": { "title": "Token" }, "webhook-secret": { "title": "Secret" } } } },
        "triggers": { "issue-opened": {
            "title": "Issue opened", "auth": ["app"],
            "source": { "kind": "webhook", "verification": { "scheme": "hmac-sha256", "header": "x-hub-signature-256", "prefix": "sha256=", "slot": "webhook-secret" } },
            "settings": { "type": "object", "additionalProperties": false, "required": ["repository"], "properties": { "repository": { "type": "string", "pattern": "^[^/]+/[^/]+$" } } },
            "event": { "type": "object", "additionalProperties": false, "properties": {
                "number": { "type": "integer" }, "title": { "type": "string" }, "author": { "$ref": "#/$defs/Author" }, "labels": { "type": "array" },
            }, "$defs": { "Author": { "type": "object", "properties": { "login": { "type": "string" } } } } },
        }, "issue-changed": {
            "title": "Something changed", "source": { "kind": "poll", "min-interval-ms": 60_000 },
            "settings": { "type": "object", "additionalProperties": false, "properties": { "repository": { "type": "string" } } },
            "event": { "type": "object", "additionalProperties": false, "properties": {
                "repository": { "type": "string" },
                "issue": { "type": "object", "properties": { "number": { "type": "integer" }, "title": { "type": "string" } } },
            } },
        } },
    }))
}

/// Problems of a file as they are shown, those of the check included.
pub(super) fn shown(source: &str) -> String {
    let (slack, github) = (slack(), github());
    let connection = |connector: &str, method: &str| CatalogConnection {
        connector: connector.to_owned(),
        method: Some(method.to_owned()),
    };
    let catalog = Catalog {
        connectors: [("slack".to_owned(), &slack), ("github".to_owned(), &github)].into(),
        connections: [
            ("acme-slack".to_owned(), connection("slack", "bot")),
            ("acme-hook".to_owned(), connection("slack", "hook")),
            ("acme-github".to_owned(), connection("github", "app")),
        ]
        .into(),
        flows: ["tell-ops", "orders", "bills"].map(str::to_owned).into(),
        follows: [("bills".to_owned(), "orders".to_owned())].into(),
    };
    let problems = match Flow::parse(source) {
        Ok(flow) => check(&flow, &catalog),
        Err(problems) => problems,
    };
    render(&problems, "f.yaml", source)
}

#[test]
fn a_flow_is_read() {
    assert_eq!(shown(TRIAGE), "");
    let flow = Flow::parse(TRIAGE).unwrap();
    assert_eq!((flow.name.as_str(), flow.owner.as_deref()), ("triage-bugs", Some("platform-team")));
    assert_eq!(flow.source_digest, crate::digest::Digest::of(TRIAGE.as_bytes()));
    let On::Trigger(binding) = &flow.on else { panic!("a trigger") };
    assert_eq!((binding.connector.as_str(), binding.trigger.as_str()), ("github", "issue-opened"));
    assert_eq!(binding.with, json!({ "repository": "acme/app" }));
    let paths: Vec<_> = flow.all_steps().iter().map(|step| step.path.as_str()).collect();
    assert_eq!(paths, ["route", "route/bug/shape", "route/bug/tell", "route/otherwise/note", "last"]);
    let tell = flow.step("route/bug/tell").unwrap();
    assert_eq!((tell.id.as_str(), tell.timeout.unwrap().as_secs()), ("tell", 10));
    assert!(matches!(tell.on_error, OnError::Continue));
    assert_eq!((tell.retry.attempts, tell.retry.backoff.as_millis()), (3, 250));
    assert_eq!(flow.step("last").unwrap().retry, RetryPolicy::default());
    assert!(flow.step("tell").is_none());
}

#[test]
fn json_is_read_too() {
    let source = r#"{"flow": "a", "on": "manual", "steps": [{"id": "x", "map": {"n": 9007199254740993, "s": "${event.a}"}}]}"#;
    let flow = Flow::parse(source).unwrap();
    let StepKind::Map(template) = &flow.steps[0].kind else { panic!("a map") };
    let event = json!({ "a": "${run.id}" });
    let rendered = template.render(&Scope::new(&event, [], "r", "a")).unwrap();
    assert_eq!(rendered, json!({ "n": 9_007_199_254_740_993_u64, "s": "${run.id}" }));
}

#[test]
fn branches_are_named() {
    let flow = Flow::parse(TRIAGE).unwrap();
    let StepKind::Switch(switch) = &flow.steps[0].kind else { panic!("a switch") };
    assert_eq!(
        (switch.branch_name(Branch::Case(0)), switch.branch_named("bug")),
        ("bug", Some(Branch::Case(0)))
    );
    assert_eq!((switch.branch_name(Branch::Otherwise), switch.branch_named("x")), ("otherwise", None));
    assert!(switch.branch(Branch::Case(9)).is_empty());
}

#[test]
fn webhooks_of_a_flow() {
    let source = "flow: a\non: { webhook: hmac-sha256, connection: acme-hook, header: X-Sig, prefix: sha256=, delivery-id-header: X-Id }\nsteps: [{ id: x, map: 1 }]\n";
    assert_eq!(shown(source), "");
    let On::Webhook(binding) = Flow::parse(source).unwrap().on else { panic!("a webhook") };
    let verification = serde_json::to_value(&binding.verification).unwrap();
    assert_eq!(
        verification,
        json!({ "scheme": "hmac-sha256", "header": "x-sig", "prefix": "sha256=", "slot": "secret" })
    );
    assert_eq!(binding.delivery_id_header.as_deref(), Some("x-id"));
}

#[test]
fn plain_scalars_follow_yaml_1_2() {
    let source = "flow: a\non: manual\nsteps: [{ id: x, map: [no, yes, on, 1_000, 0x1F, 0o17, -1, +2, 1.5, 1e3, ~, null, True, '0123', 12:30, 2026-11-21, 1.2.3, .5, 18446744073709551615] }]";
    let flow = Flow::parse(source).unwrap();
    let StepKind::Map(template) = &flow.steps[0].kind else { panic!("a map") };
    let expected = json!([
        "no",
        "yes",
        "on",
        "1_000",
        31,
        15,
        -1,
        2,
        1.5,
        1000.0,
        null,
        null,
        true,
        "0123",
        "12:30",
        "2026-11-21",
        "1.2.3",
        0.5,
        u64::MAX
    ]);
    assert_eq!(template.source(), &expected);
}

#[test]
fn inputs_are_checked_at_run_time_without_being_quoted() {
    let manifest = slack();
    let validator = InputValidator::new(&manifest.actions["post-message"]).unwrap();
    validator.check(&json!({ "channel": "C", "text": "t" })).unwrap();
    let failure = validator.check(&json!({ "channel": 5, "txt": "s3cret", "blocks": [{}] })).unwrap_err();
    let fields: Vec<_> =
        failure.fields.iter().map(|field| (field.path.as_str(), field.message.as_str())).collect();
    assert_eq!(
        fields,
        [
            ("", "\"text\" is a required property"),
            ("/channel", "it is not of type \"string\""),
            ("/blocks/0", "\"kind\" is a required property"),
            ("", "Additional properties are not allowed ('txt' was unexpected)"),
        ]
    );
    assert!(!failure.message.contains("s3cret"));
}

#[test]
fn no_file_makes_the_reader_panic() {
    let mut random = 7_u64;
    let mut below = |bound: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % bound
    };
    let pieces = [
        "\n", "  ", "- ", ": ", "{", "}", "[", "]", "\"", "'", "|", ">-", "#", "&a", "*a", "!!t", "${", "}",
        "?", "\t", "é", "\r\n", "---", "0",
    ];
    let rounds = std::env::var("WHARF_FUZZ_ROUNDS").map_or(400, |rounds| rounds.parse().unwrap());
    for _ in 0..rounds {
        let mut chars: Vec<char> = TRIAGE.chars().collect();
        for _ in 0..=below(4) {
            let at = below(chars.len());
            let end = (at + below(12)).min(chars.len());
            chars.splice(at..end, pieces[below(pieces.len())].chars());
        }
        shown(&chars.into_iter().collect::<String>());
    }
}

#[test]
fn hostile_files_are_refused_quickly() {
    let deep =
        format!("flow: a\non: manual\nsteps:\n  - id: x\n    map: {}1{}\n", "[".repeat(100), "]".repeat(100));
    assert!(shown(&deep).starts_with("error: lists and objects nest deeper than 64\n"), "{}", shown(&deep));
    let large = format!("flow: a\n#{}", "x".repeat(300 << 10));
    assert!(shown(&large).starts_with("error: a file of 300 KiB; at most 256 KiB are read\n"));
    let steps: String = (0..501).map(|n| format!("  - {{ id: s{n}, map: 1 }}\n")).collect();
    assert!(
        shown(&format!("flow: a\non: manual\nsteps:\n{steps}")).starts_with("error: more than 500 steps\n")
    );
    for junk in [
        "\u{0}",
        "%",
        "---\n...",
        "&a [*a]",
        "? {a: b}\n: c",
        "[",
        "{",
        "\"",
        "- - - -",
        "!!binary x",
        "a: b: c",
        "\t",
        "\u{feff}flow: a",
    ] {
        assert!(Flow::parse(junk).is_err(), "{junk:?}");
    }
    assert!(Flow::parse(&"[".repeat(200_000)).is_err());
    assert!(Flow::parse(&"- ".repeat(100_000)).is_err());
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n";
    assert!(shown(bomb).contains("error: an alias\n"));
}
