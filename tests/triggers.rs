//! What starts by itself: schedules, polls, the ends of other flows; and what a person may send.
//!
//! A schedule of one second is what a real clock needs no long wait for; a day goes by with
//! `WHARF_CLOCK_AHEAD`, which debug builds know.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use wharf_cli::{
    client::Body,
    demo::provider::{Fault, GITHUB_TOKEN, Issue, Route},
};

use crate::{
    bed::{Bed, connectors},
    wat,
};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// Every run of a flow that there is, once there are so many and all have ended.
async fn runs(bed: &Bed, flow: &str, at_least: usize) -> Vec<Value> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let mut items = Vec::new();
        let mut before: Option<String> = None;
        loop {
            let mut query = vec![("flow", flow), ("limit", "200")];
            query.extend(before.as_deref().map(|before| ("before", before)));
            let page = bed.client.get(&["runs"], &query).await.unwrap();
            items.extend(page["items"].as_array().unwrap().clone());
            match page["next"].as_str() {
                Some(next) => before = Some(next.to_owned()),
                None => break,
            }
        }
        if items.len() >= at_least && items.iter().all(|run| !run["finished_at"].is_null()) {
            return items;
        }
        assert!(tokio::time::Instant::now() < deadline, "{} of {at_least} runs of {flow}", items.len());
        tokio::task::yield_now().await;
    }
}

/// The output of the step `x` of each run, sorted.
async fn outputs(bed: &Bed, runs: &[Value]) -> Vec<String> {
    let mut outputs = Vec::new();
    for run in runs {
        let record = bed.client.get(&["runs", run["id"].as_str().unwrap()], &[]).await.unwrap();
        assert_eq!(record["status"], "done", "{record:#}");
        outputs.push(record["steps"][0]["output"].as_str().unwrap().to_owned());
    }
    outputs.sort();
    outputs
}

#[expect(clippy::disallowed_methods, reason = "the server's clock is this one")]
fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

async fn trigger(bed: &Bed, flow: &str) -> Value {
    bed.client.get(&["triggers", flow], &[]).await.unwrap()
}

/// A flow whose only step gives what its event says.
fn flow(name: &str, on: &str, told: &str) -> String {
    format!("flow: {name}\non: {on}\nsteps: [{{ id: x, map: \"{told}\" }}]\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn fe_13_each_fire_is_made_once_whatever_the_instant() {
    let mut bed = Bed::bare().await;
    bed.apply(&flow("tick", "{ every: 1s, missed: all }", "${event.scheduled_at}")).await;
    runs(&bed, "tick", 1).await;
    bed.stop().await;
    for point in
        ["fire-before", "fire-after", "fire-before:2", "fire-after:2", "settle-before", "settle-after"]
    {
        bed.restart_to_die(&[("WHARF_CRASH_AT", point)]).await;
    }
    bed.restart(&[]).await;
    let shown = bed.client.get(&["flows", "tick"], &[]).await.unwrap();
    assert_eq!((&shown["trigger"], &shown["webhook_path"]), (&json!("every 1s"), &Value::Null));
    assert_eq!(shown["next_fires"].as_array().unwrap().len(), 5, "{shown:#}");
    // Nothing fires any more, and what has is whole.
    bed.apply(&flow("tick", "manual", "none")).await;
    let fired = outputs(&bed, &runs(&bed, "tick", 3).await).await;
    let instants: BTreeSet<u64> = fired
        .iter()
        .map(|text| wharf_model::time::Timestamp::parse(text).unwrap_or_else(|| panic!("{text}")).0)
        .collect();
    assert_eq!(instants.len(), fired.len(), "one twice: {fired:?}");
    let (first, last) = (instants.first().unwrap(), instants.last().unwrap());
    assert_eq!((last - first) / 1000 + 1, fired.len() as u64, "one lost: {fired:?}");
    assert!(bed.client.get(&["triggers", "tick"], &[]).await.is_err(), "it has no schedule any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn fe_12_a_clock_that_jumps_makes_no_burst_and_no_double() {
    let mut bed = Bed::bare().await;
    // Half an hour from now, and each hour: no fire is due while the test runs.
    let minute = (now_ms() / 60_000 + 30) % 60;
    let pattern = format!("{minute} * * * *");
    let on = |missed: &str| format!("{{ cron: {pattern}, zone: Europe/Berlin, missed: {missed} }}");
    for missed in ["skip", "once", "all"] {
        bed.apply(&flow(missed, &on(missed), "missed ${event.missed}")).await;
    }
    let hourly = trigger(&bed, "once").await;
    assert_eq!(
        (&hourly["kind"], &hourly["on"]),
        (&json!("schedule"), &json!(format!("cron {pattern} Europe/Berlin")))
    );
    assert_eq!(hourly["next_fires"][0]["at"], hourly["due_at"], "{hourly:#}");
    bed.stop().await;
    // A day ahead; an hour less; the day again.
    for ahead in [DAY_MS, DAY_MS - 3_600_000, DAY_MS] {
        bed.restart(&[("WHARF_CLOCK_AHEAD", &ahead.to_string())]).await;
        let made = runs(&bed, "all", 24).await;
        assert_eq!(made.len(), 24, "{ahead}");
        let once = runs(&bed, "once", 1).await;
        assert_eq!(outputs(&bed, &once).await, ["missed 23"], "{ahead}");
        assert_eq!(trigger(&bed, "skip").await["events"], 0);
        assert_eq!(trigger(&bed, "skip").await["missed"], 24);
        bed.stop().await;
    }
}

/// A server that polls the issues of a repository that has some.
async fn watching(issues: u64) -> Bed {
    let bed = Bed::bare().await;
    bed.install(&connectors().await.github).await;
    let secrets = json!({ "token": GITHUB_TOKEN });
    bed.connect("acme-github", "github", json!({ "api-url": bed.provider.github_url() }), secrets).await;
    for number in 1..=issues {
        change(&bed, number, "2024-04-05T19:34:38Z");
    }
    bed
}

fn change(bed: &Bed, number: u64, updated_at: &str) {
    bed.provider.put_issue(Issue {
        repository: "acme/app".to_owned(),
        number,
        title: format!("Issue {number}"),
        body: String::new(),
        labels: Vec::new(),
        updated_at: updated_at.to_owned(),
    });
}

fn watch(poll: &str) -> String {
    let on = format!(
        "{{ trigger: github/issue-changed, connection: acme-github, with: {{ repository: acme/app }}, poll: {poll} }}"
    );
    flow("watch", &on, "${event.issue.number}@${event.updated_at}")
}

/// Waits until the timer has polled, and is not polling.
async fn polled(bed: &Bed) -> Value {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        let shown = trigger(bed, "watch").await;
        if shown["behind"] == false && !(shown["done_at"].is_null() && shown["failed_at"].is_null()) {
            return shown;
        }
        assert!(tokio::time::Instant::now() < deadline, "{shown:#}");
        tokio::task::yield_now().await;
    }
}

async fn poll(bed: &Bed) -> Value {
    // The timer may be at it.
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    loop {
        match bed.client.post(&["triggers", "watch", "poll"], &[], Body::None).await {
            Ok(report) => return report,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_reads_every_page_and_every_change_once() {
    // More than two pages of one second: the cursor must go by page within it.
    let bed = watching(250).await;
    bed.apply(&watch("{ first: all, every: 1h, slowest: 24h }")).await;
    let shown = polled(&bed).await;
    assert_eq!(shown["events"], 250, "{shown:#}");
    assert_eq!(shown["interval_ms"], 3_600_000, "events came: the shortest interval");
    assert_eq!(runs(&bed, "watch", 250).await.len(), 250);
    // GitHub gives the last second again; nothing of it is new, and the interval grows.
    let report = poll(&bed).await;
    assert_eq!((&report["new"], &report["failure"]), (&json!(0), &Value::Null), "{report:#}");
    assert_eq!(trigger(&bed, "watch").await["interval_ms"], 5_400_000);
    change(&bed, 7, "2024-04-05T19:40:00Z");
    let report = poll(&bed).await;
    assert_eq!(report["new"], 1, "{report:#}");
    let before = trigger(&bed, "watch").await;
    assert_eq!(before["cursor"], json!({ "since": "2024-04-05T19:40:00Z", "page": 1 }));
    // A provider that says how long to wait is heard, and the cursor stays.
    bed.provider.script(Route::ListIssues, [Fault::RateLimited { retry_after_secs: 3_000 }]);
    change(&bed, 8, "2024-04-05T19:50:00Z");
    let report = poll(&bed).await;
    assert_eq!(report["failure"]["class"], "rate-limited", "{report:#}");
    let shown = trigger(&bed, "watch").await;
    assert_eq!((&shown["failures"], &shown["cursor"]), (&json!(1), &before["cursor"]), "{shown:#}");
    assert!(shown["interval_ms"].as_u64().unwrap() >= 3_000_000, "{shown:#}");
    let report = poll(&bed).await;
    assert_eq!(report["new"], 1, "{report:#}");
    assert_eq!(trigger(&bed, "watch").await["failures"], 0);
    // From the first issue on again: all of it is known.
    let reset = Body::Json(json!({ "cursor": null }));
    bed.client.post(&["triggers", "watch", "reset"], &[], reset).await.unwrap();
    let report = poll(&bed).await;
    assert_eq!(report["new"], 0, "{report:#}");
    let outputs = outputs(&bed, &runs(&bed, "watch", 252).await).await;
    let distinct: BTreeSet<_> = outputs.iter().collect();
    assert_eq!((outputs.len(), distinct.len()), (252, 252));
    let audit = bed.client.get(&["audit"], &[]).await.unwrap().to_string();
    assert!(audit.contains("trigger.reset") && audit.contains("trigger.poll"), "{audit}");
    let page =
        bed.http.get(format!("http://{}/metrics", bed.addr)).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("wharf_polls_total{flow=\"watch\",outcome=\"rate-limited\"} 1"), "{page}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_loses_nothing_and_repeats_nothing_whatever_the_instant() {
    let mut bed = watching(150).await;
    bed.stop().await;
    let points = ["poll-asked", "poll-before", "poll-after", "poll-asked:2", "poll-before:2", "poll-after:2"];
    for (index, point) in points.iter().enumerate() {
        // Applied as another flow each time, so that each begins at the first issue.
        let on = watch("{ first: all, every: 1h }").replace("flow: watch", &format!("flow: watch-{index}"));
        bed.restart(&[("WHARF_CRASH_AT", point)]).await;
        // The server may die before it answers.
        let _cut_off = bed.client.post(&["flows"], &[("file", "flow.yaml")], Body::Yaml(on.clone())).await;
        bed.died().await;
        bed.restart(&[]).await;
        bed.apply(&on).await;
        let outputs = outputs(&bed, &runs(&bed, &format!("watch-{index}"), 150).await).await;
        let distinct: BTreeSet<_> = outputs.iter().collect();
        assert_eq!((outputs.len(), distinct.len()), (150, 150), "{point}");
        bed.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_the_flow_starts_nothing() {
    let mut bed = watching(3).await;
    bed.apply(&watch("{ every: 1h }")).await;
    let shown = polled(&bed).await;
    assert_eq!(shown["events"], 0, "{shown:#}");
    let now = wharf_model::time::Timestamp(shown["since"].as_u64().unwrap() / 1000 * 1000);
    change(&bed, 2, &now.to_string().replace(".000Z", "Z"));
    let report = poll(&bed).await;
    assert_eq!(report["new"], 1, "{report:#}");
    // The same trigger in a changed flow goes on where it stood; another repository begins anew.
    bed.apply(
        &watch("{ every: 2h, look-back: 10m }").replace("${event.issue.number}", "n ${event.issue.number}"),
    )
    .await;
    assert_eq!(trigger(&bed, "watch").await["since"], shown["since"]);
    assert_eq!(poll(&bed).await["new"], 0);
    bed.kill().await;
    bed.restart(&[]).await;
    assert_eq!(poll(&bed).await["new"], 0);
    bed.apply(&watch("{ every: 2h }").replace("acme/app", "acme/other")).await;
    let other = trigger(&bed, "watch").await;
    assert_ne!(other["since"], shown["since"]);
    let wrong = watch("{ every: 1s }");
    let refused = bed.client.post(&["flows"], &[("file", "f.yaml")], Body::Yaml(wrong)).await.unwrap_err();
    assert!(refused.to_string().contains("polled once in 10s at most"), "{refused}");
    let delivered = bed.http.post(format!("http://{}/webhooks/watch", bed.addr)).send().await.unwrap();
    assert_eq!(delivered.status().as_u16(), 404, "nothing is delivered to a flow that is polled");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_flow_starts_another() {
    let bed = Bed::bare().await;
    let order = "flow: order\non: manual\nsteps:\n  - { id: gate, if: \"${event.n < 0}\", fail: \"no ${event.n}\" }\n  - { id: last, map: { sum: \"${event.n}\" } }\n";
    bed.apply(order).await;
    bed.apply(&flow("bill", "{ flow: order }", "${event.run} ${event.output.sum} ${event.event.n}")).await;
    bed.apply(&flow("sorry", "{ flow: order, status: failed }", "${event.step} ${event.message}")).await;
    bed.apply(&flow("log", "{ flow: order, status: any }", "${event.status}")).await;
    let good = bed.start("order", json!({ "n": 5 })).await;
    let bad = bed.start("order", json!({ "n": -1 })).await;
    assert_eq!(bed.ended(&bad).await["status"], "failed");
    assert_eq!(outputs(&bed, &runs(&bed, "bill", 1).await).await, [format!("{good} 5 5")]);
    assert_eq!(outputs(&bed, &runs(&bed, "sorry", 1).await).await, ["gate no -1"]);
    assert_eq!(outputs(&bed, &runs(&bed, "log", 2).await).await, ["done", "failed"]);
    let record = bed.ended(&good).await;
    let started = record["started"].as_array().unwrap();
    assert_eq!(started.len(), 2, "{record:#}");
    assert!(started.iter().all(|link| link["step"] == "@after"), "{record:#}");
    let circle = flow("order", "{ flow: bill }", "x");
    let refused = bed.client.post(&["flows"], &[("file", "f.yaml")], Body::Yaml(circle)).await.unwrap_err();
    assert!(refused.to_string().contains("order → bill → order"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fe_14_ends_that_start_each_other_by_a_detour_stop() {
    let bed = Bed::bare().await;
    bed.apply("flow: pong\non: manual\nsteps: [{ id: wrong, fail: always }]\n").await;
    bed.apply("flow: ping\non: { flow: pong, status: failed }\non-failure: pong\nsteps: [{ id: wrong, fail: always }]\n")
        .await;
    bed.start("pong", json!({})).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    let audit = loop {
        let audit = bed.client.get(&["audit"], &[]).await.unwrap();
        let rows = audit["items"].as_array().unwrap().clone();
        if let Some(row) = rows.into_iter().find(|row| row["act"] == "flow.not-started") {
            break row;
        }
        assert!(tokio::time::Instant::now() < deadline, "{audit:#}");
        tokio::task::yield_now().await;
    };
    assert_eq!(audit["subject"], "ping");
    assert!(audit["detail"].to_string().contains("chain-depth: "), "{audit:#}");
    let (pings, pongs) = (runs(&bed, "ping", 8).await.len(), runs(&bed, "pong", 9).await.len());
    assert_eq!((pings, pongs), (8, 9), "the first, and sixteen that it led to");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_sends_what_the_flow_asks_for() {
    let bed = Bed::bare().await;
    let on = "{ manual: { type: object, required: [day], properties: { day: { type: string, format: date } }, additionalProperties: false } }";
    bed.apply(&flow("report", on, "${event.day}")).await;
    let start = |data: Value, key: &str| Body::Json(json!({ "data": data, "dedupe_key": key }));
    for wrong in [json!({}), json!({ "day": 5 }), json!({ "day": "x", "y": 1 }), json!(null)] {
        let refused = bed.client.post(&["flows", "report", "run"], &[], start(wrong.clone(), "k")).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("the input does not fit flow `report`"), "{wrong}: {refused}");
    }
    let first = bed
        .client
        .post(&["flows", "report", "run"], &[], start(json!({ "day": "2026-11-22" }), "k"))
        .await
        .unwrap();
    let again = bed
        .client
        .post(&["flows", "report", "run"], &[], start(json!({ "day": "2026-11-22" }), "k"))
        .await
        .unwrap();
    assert_eq!((&again["run"], &again["duplicate"]), (&first["run"], &json!(true)));
    assert_eq!(outputs(&bed, &runs(&bed, "report", 1).await).await, ["2026-11-22"]);
}

/// A connector by hand whose trigger `changed` is polled with this body.
fn polled_by_hand(name: &str, pages: u32, body: &str) -> Vec<u8> {
    let core = wat::Core {
        world: "export wharf:connector/polling@0.1.0;",
        pages,
        more: format!(
            r#"(func (export "wharf:connector/polling@0.1.0#poll") (param i32) (result i32) {body})"#
        ),
        ..wat::Core::default()
    };
    let declare = |manifest: &mut Value| {
        manifest["triggers"] = json!({
            "changed": { "title": "Changed", "source": { "kind": "poll", "min-interval-ms": 1000 }, "event": {} },
        });
    };
    wat::connector(name, "1.0.0", declare, &core)
}

#[tokio::test(flavor = "multi_thread")]
async fn fe_15_a_poll_is_under_every_limit() {
    let bed = Bed::bare().await;
    // One never ends; one gives a hundred thousand events, 64 bytes each, from an address where all is zero.
    let flood = "(i32.store (i32.const 264) (i32.const 262144)) (i32.store (i32.const 268) (i32.const 100000)) i32.const 256";
    bed.install_bytes(polled_by_hand("spin", 4, "(loop (br 0)) unreachable")).await;
    bed.install_bytes(polled_by_hand("flood", 110, flood)).await;
    for (name, classes) in [("spin", ["connector-defect", "timed-out"]), ("flood", ["connector-defect"; 2])] {
        let on = format!("{{ trigger: {name}/changed, poll: {{ every: 1h, first: all }} }}");
        bed.apply(&flow(name, &on, "never")).await;
        let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
        let shown = loop {
            let shown = trigger(&bed, name).await;
            if !shown["failed_at"].is_null() {
                break shown;
            }
            assert!(tokio::time::Instant::now() < deadline, "{shown:#}");
            tokio::task::yield_now().await;
        };
        assert!(classes.contains(&shown["failure"]["class"].as_str().unwrap()), "{shown:#}");
        assert_eq!(
            (&shown["events"], &shown["cursor"], &shown["failures"]),
            (&json!(0), &Value::Null, &json!(1))
        );
        assert!(shown["interval_ms"].as_u64().unwrap() >= 1_800_000, "it backs off: {shown:#}");
    }
}
