//! The process dies at every boundary of the triage flow: before and after each commit, before and
//! after each byte to the provider. Whatever the instant, a redelivery and a restart end in one message.

use serde_json::json;
use wharf_cli::client::Body;

use crate::bed::{Bed, issue_opened};

/// Where to die, for the how-manieth time, and what has happened by then.
const POINTS: &[(&str, &str)] = &[
    ("accept-before", "nothing is stored: the sender hears nothing and sends again"),
    ("accept-after", "stored and not acknowledged: the sender sends again, and it is a duplicate"),
    ("settle-before:1", "the event is known, the intent to post is not durable"),
    ("settle-after:1", "the intent is durable, nothing was sent: the provider is asked"),
    ("send-before", "the same, an instant later"),
    ("send-after", "posted, and the answer is lost: the provider is asked, and nothing is posted again"),
    ("settle-before:2", "the same, an instant later"),
    ("settle-after:2", "all is done"),
];

#[tokio::test(flavor = "multi_thread")]
async fn one_message_whatever_the_instant() {
    let mut bed = Bed::triage().await;
    bed.stop().await;
    for (index, (point, what)) in POINTS.iter().enumerate() {
        // A delivery of its own for each point, on one data directory that has seen all the crashes before.
        let mut delivery = issue_opened();
        delivery.guid = GUIDS[index].to_owned();
        bed.restart(&[("WHARF_CRASH_AT", point)]).await;
        let first = bed.deliver(&delivery).await;
        bed.died().await;
        bed.restart(&[]).await;
        let second = bed.deliver(&delivery).await.unwrap();
        assert!(second.status.is_success(), "{point}: {what}: {second:?}");
        if let Ok(first) = &first {
            assert_eq!(first.run(), second.run(), "{point}: {what}");
        }
        let run = second.run().unwrap();
        let record = bed.ended(run).await;
        assert_eq!(record["status"], "done", "{point}: {what}: {record:#}");
        let posted = bed.provider.messages().len();
        assert_eq!(posted, index + 1, "{point}: {what}: {record:#}");
        bed.stop().await;
    }
    let mut keys: Vec<_> = bed.provider.messages().into_iter().map(|message| message.key).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), POINTS.len(), "each run has an idempotency key of its own");
}

/// One delivery id for each point.
const GUIDS: [&str; 8] = [
    "00000000-0000-4000-8000-000000000001",
    "00000000-0000-4000-8000-000000000002",
    "00000000-0000-4000-8000-000000000003",
    "00000000-0000-4000-8000-000000000004",
    "00000000-0000-4000-8000-000000000005",
    "00000000-0000-4000-8000-000000000006",
    "00000000-0000-4000-8000-000000000007",
    "00000000-0000-4000-8000-000000000008",
];

/// A loop with two writes at once, and a wait after it.
const LOOP: &str = "flow: loop
on: manual
steps:
  - id: each
    for-each: [a, b]
    concurrency: 2
    steps:
      - id: tell
        action: slack/post-message
        connection: acme-slack
        with: { channel: C024BE91L, text: \"${item}\" }
  - { id: pause, delay: 10ms }
  - { id: last, map: \"${steps.each.succeeded}\" }
";

#[tokio::test(flavor = "multi_thread")]
async fn each_item_is_written_once_whatever_the_instant() {
    let mut bed = Bed::slack().await;
    bed.apply(LOOP).await;
    bed.stop().await;
    // Two intents, outcomes in one commit, with the wait, or in two, the end: the fifth may never come.
    let settles = (1..=5).flat_map(|nth| [format!("settle-before:{nth}"), format!("settle-after:{nth}")]);
    let sends = (1..=2).flat_map(|nth| [format!("send-before:{nth}"), format!("send-after:{nth}")]);
    for (index, point) in settles.chain(sends).enumerate() {
        bed.restart(&[("WHARF_CRASH_AT", &point)]).await;
        let start = || Body::Json(json!({ "data": {}, "dedupe_key": format!("crash-{index}") }));
        let _cut_off = bed.client.post(&["flows", "loop", "run"], &[], start()).await;
        bed.died_or_done("loop", index + 1).await;
        bed.restart(&[]).await;
        let started = bed.client.post(&["flows", "loop", "run"], &[], start()).await.unwrap();
        let record = bed.ended(started["run"].as_str().unwrap()).await;
        assert_eq!(record["status"], "done", "{point}: {record:#}");
        let mut texts: Vec<_> =
            bed.provider.messages().split_off(2 * index).into_iter().map(|one| one.text).collect();
        texts.sort();
        assert_eq!(texts, ["a", "b"], "{point}: {record:#}");
        bed.stop().await;
    }
    let mut keys: Vec<_> = bed.provider.messages().into_iter().map(|message| message.key).collect();
    let written = keys.len();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), written, "each item of each run has an idempotency key of its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_while_the_provider_holds_the_answer() {
    use wharf_cli::demo::provider::{Fault, Route};
    let mut bed = Bed::triage().await;
    bed.provider.script(Route::PostMessage, [Fault::Hold]);
    let accepted = bed.deliver(&issue_opened()).await.unwrap();
    bed.provider.held().await;
    bed.kill().await;
    bed.provider.release();
    bed.restart(&[]).await;
    let record = bed.ended(accepted.run().unwrap()).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(bed.provider.messages().len(), 1);
    let kinds: Vec<_> = attempts(&record).iter().map(|attempt| attempt["kind"].clone()).collect();
    assert_eq!(kinds, ["confirm"], "the provider was asked and nothing was sent again: {record:#}");
}

/// The machine was down for longer than anybody looks back: `confirm` sees the time of the attempt that sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_found_after_an_hour_without_power() {
    let mut bed = Bed::triage().await;
    bed.stop().await;
    bed.restart(&[("WHARF_CRASH_AT", "send-after")]).await;
    let _cut_off = bed.deliver(&issue_opened()).await;
    bed.died().await;
    bed.restart(&[("WHARF_CLOCK_AHEAD", "3600000")]).await;
    let again = bed.deliver(&issue_opened()).await.unwrap();
    let record = bed.ended(again.run().unwrap()).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(bed.provider.messages().len(), 1, "{record:#}");
}

fn attempts(record: &serde_json::Value) -> Vec<serde_json::Value> {
    let steps = record["steps"].as_array().unwrap().iter();
    steps
        .filter(|step| step["path"] != "@trigger")
        .flat_map(|step| step["attempts"].as_array().unwrap().clone())
        .collect()
}
