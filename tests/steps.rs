//! Each kind of step, in a real server with a real provider beside it.

use serde_json::{Value, json};
use wharf_cli::{
    client::Body,
    demo::provider::{Fault, Route},
};

use crate::bed::Bed;

/// The text of a step that posts.
fn post(id: &str, text: &str) -> String {
    format!(
        "{{ id: {id}, action: slack/post-message, connection: acme-slack, retry: none, with: {{ channel: C024BE91L, text: {text:?} }} }}"
    )
}

fn step<'r>(record: &'r Value, path: &str) -> &'r Value {
    let steps = record["steps"].as_array().unwrap();
    steps.iter().find(|step| step["path"] == path).unwrap_or_else(|| panic!("no {path}: {record:#}"))
}

fn texts(bed: &Bed) -> Vec<String> {
    let mut texts: Vec<String> = bed.provider.messages().into_iter().map(|message| message.text).collect();
    texts.sort();
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn for_each_reports_the_items_that_failed() {
    let bed = Bed::slack().await;
    let flow = format!(
        "flow: each
on: manual
steps:
  - id: each
    for-each: ${{ event.names }}
    on-item-error: continue
    steps:
      - {}
      - {{ id: shape, map: \"${{item}} ${{steps.tell.channel}}\" }}
",
        post("tell", "${index} ${item}")
    );
    bed.apply(&flow).await;
    bed.provider.script(Route::PostMessage, [Fault::NotOk("channel_not_found")]);
    let run = bed.start("each", json!({ "names": ["a", "b", "c"] })).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    let report = &step(&record, "each")["output"];
    assert_eq!((&report["count"], &report["succeeded"]), (&json!(3), &json!(2)), "{report:#}");
    assert_eq!(report["results"], json!([null, "b C024BE91L", "c C024BE91L"]));
    assert_eq!(report["failed"][0]["index"], 0);
    assert_eq!(report["failed"][0]["class"], "not-found");
    assert_eq!(texts(&bed), ["1 b", "2 c"]);
    let mut keys: Vec<_> = bed.provider.messages().into_iter().map(|message| message.key).collect();
    keys.dedup();
    assert_eq!(keys.len(), 2, "each item has an idempotency key of its own");
    let paths: Vec<_> = record["steps"].as_array().unwrap().iter().map(|step| step["path"].clone()).collect();
    assert_eq!(
        paths,
        ["each", "each[0]/tell", "each[1]/tell", "each[1]/shape", "each[2]/tell", "each[2]/shape"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn branches_run_while_another_waits_for_its_provider() {
    let bed = Bed::slack().await;
    let flow = format!(
        "flow: both
on: manual
steps:
  - id: both
    parallel:
      - branch: left
        steps: [{}]
      - branch: right
        steps: [{}]
",
        post("l", "left"),
        post("r", "right")
    );
    bed.apply(&flow).await;
    bed.provider.script(Route::PostMessage, [Fault::Hold]);
    let run = bed.start("both", json!({})).await;
    bed.provider.held().await;
    // One is held, and the other is answered meanwhile and durable.
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        let record = bed.client.get(&["runs", &run], &[]).await.unwrap();
        let done = |path| {
            record["steps"]
                .as_array()
                .unwrap()
                .iter()
                .any(|step| step["path"] == path && step["status"] == "done")
        };
        if done("both/left/l") || done("both/right/r") {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{record:#}");
        tokio::task::yield_now().await;
    }
    bed.provider.release();
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(texts(&bed), ["left", "right"]);
    let output = &step(&record, "both")["output"];
    assert!(output["left"]["ts"].is_string() && output["right"]["ts"].is_string(), "{output:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_is_a_row_and_outlives_the_process() {
    let mut bed = Bed::slack().await;
    let flow = format!(
        "flow: later
on: manual
steps:
  - {{ id: past, until: \"2020-02-02T00:00:00+01:00\" }}
  - {{ id: pause, delay: 2s }}
  - {}
",
        post("tell", "late")
    );
    bed.apply(&flow).await;
    let run = bed.start("later", json!({})).await;
    let record = bed.until(&run, &["waiting"]).await;
    let due = step(&record, "pause")["due_at"].as_u64().unwrap();
    bed.kill().await;
    bed.restart(&[]).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert!(step(&record, "tell")["attempts"][0]["started_at"].as_u64().unwrap() >= due);
    assert_eq!(texts(&bed), ["late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_stops_with_a_reason() {
    let bed = Bed::slack().await;
    let flow = format!(
        "flow: enough
on: manual
steps:
  - {{ id: gate, if: \"${{ event.n > 3 }}\", stop: \"${{event.n}} is enough\" }}
  - {}
",
        post("tell", "never")
    );
    bed.apply(&flow).await;
    let run = bed.start("enough", json!({ "n": 4 })).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(record["stopped"], json!({ "step": "gate", "reason": "4 is enough" }));
    assert!(texts(&bed).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_on_purpose_is_told_to_another_flow() {
    let bed = Bed::slack().await;
    let told = format!(
        "flow: tell-ops
on: manual
steps:
  - {}
",
        post("tell", "${event.flow} ${event.step} ${event.class}: ${event.message} (${event.event.n})")
    );
    bed.apply(&told).await;
    let flow = "flow: broken
on-failure: tell-ops
on: manual
steps:
  - { id: wrong, fail: { message: \"no ${event.n}\", class: gone } }
";
    bed.apply(flow).await;
    let run = bed.start("broken", json!({ "n": 7 })).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "failed", "{record:#}");
    let letter = bed.client.get(&["dead-letters", &run], &[]).await.unwrap();
    assert_eq!(
        (&letter["step"], &letter["class"], &letter["message"]),
        (&json!("wrong"), &json!("permanent"), &json!("no 7"))
    );
    assert_eq!(letter["detail"]["failure"]["class"], "gone");
    let other = record["started"][0]["run"].as_str().unwrap();
    assert_eq!(letter["detail"]["on_failure"]["run"], other);
    let told = bed.ended(other).await;
    assert_eq!(told["status"], "done", "{told:#}");
    assert_eq!(told["started_by"], json!({ "run": run, "step": "@on-failure" }));
    assert_eq!(texts(&bed), ["broken wrong gone: no 7 (7)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn fe_14_flows_that_tell_each_other_end() {
    let bed = Bed::bare().await;
    let flow = |name: &str, told: &str| {
        format!("flow: {name}\n{told}on: manual\nsteps: [{{ id: wrong, fail: \"always\" }}]\n")
    };
    bed.apply(&flow("ping", "")).await;
    bed.apply(&flow("pong", "on-failure: ping\n")).await;
    bed.apply(&flow("ping", "on-failure: pong\n")).await;
    let mut run = bed.start("ping", json!({})).await;
    let mut runs = 1;
    loop {
        let record = bed.ended(&run).await;
        let letter = bed.client.get(&["dead-letters", &run], &[]).await.unwrap();
        match record["started"][0]["run"].as_str() {
            Some(next) => run = next.to_owned(),
            None => {
                let refused = letter["detail"]["on_failure"]["refused"].as_str().unwrap();
                assert!(refused.starts_with("chain-depth: "), "{refused}");
                break;
            }
        }
        runs += 1;
    }
    assert_eq!(runs, 17, "the first, and sixteen that it led to");
}

#[tokio::test(flavor = "multi_thread")]
async fn steps_after_an_error_know_it_and_the_run_goes_on() {
    let bed = Bed::slack().await;
    let flow = format!(
        "flow: lenient
on: manual
steps:
  - id: tell
    action: slack/post-message
    connection: acme-slack
    retry: none
    with: {{ channel: C024BE91L, text: first }}
    on-error:
      steps:
        - {}
  - {}
",
        post("say", "${error.step} ${error.class} ${error.provider_code}"),
        post("last", "last ${steps.tell == null}")
    );
    bed.apply(&flow).await;
    bed.provider.script(Route::PostMessage, [Fault::NotOk("channel_not_found")]);
    let run = bed.start("lenient", json!({})).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(texts(&bed), ["last true", "tell not-found channel_not_found"]);
    assert_eq!(step(&record, "tell")["failure"]["class"], "not-found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_past_its_deadline_is_a_dead_letter() {
    let bed = Bed::slack().await;
    let flow = "flow: late
deadline: 1s
on: manual
steps:
  - { id: first, map: 1 }
  - { id: pause, delay: 1h }
";
    bed.apply(flow).await;
    let run = bed.start("late", json!({})).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "failed", "{record:#}");
    let letter = bed.client.get(&["dead-letters", &run], &[]).await.unwrap();
    assert_eq!((&letter["step"], &letter["class"]), (&json!("pause"), &json!("exhausted")));
    assert_eq!(letter["message"], "the run is past its deadline of 1s");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_and_a_signal_outlive_the_process() {
    let mut bed = Bed::slack().await;
    let flow = format!(
        "flow: refund
on: manual
steps:
  - id: ok
    wait:
      approval: \"Refund ${{event.amount}}?\"
      form: {{ type: object, required: [reason], properties: {{ reason: {{ type: string }} }} }}
  - {{ id: paid, wait: {{ signal: paid, if: \"${{ signal.order == event.order }}\" }} }}
  - {}
",
        post("tell", "${steps.ok.data.reason} ${steps.paid.data.sum}")
    );
    bed.apply(&flow).await;
    let run = bed.start("refund", json!({ "amount": 5, "order": 7 })).await;
    let record = bed.until(&run, &["waiting"]).await;
    assert_eq!(step(&record, "ok")["asks"]["text"], "Refund 5?", "{record:#}");
    let signal =
        |order: u64, sum: u64| Body::Json(json!({ "name": "paid", "data": { "order": order, "sum": sum } }));
    // The signal comes first, and the one of another order too.
    bed.client.post(&["runs", &run, "signal"], &[], signal(6, 1)).await.unwrap();
    bed.client.post(&["runs", &run, "signal"], &[], signal(7, 2)).await.unwrap();
    let answer = |data: Value| Body::Json(json!({ "step": "ok", "approved": true, "data": data }));
    for wrong in [json!({}), json!({ "reason": 5 })] {
        assert!(bed.client.post(&["runs", &run, "approve"], &[], answer(wrong)).await.is_err());
    }
    let elsewhere = Body::Json(json!({ "step": "paid", "approved": true }));
    assert!(bed.client.post(&["runs", &run, "approve"], &[], elsewhere).await.is_err());
    bed.kill().await;
    bed.restart(&[]).await;
    bed.client.post(&["runs", &run, "approve"], &[], answer(json!({ "reason": "late" }))).await.unwrap();
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(step(&record, "ok")["output"]["approved"], true);
    assert_eq!(texts(&bed), ["late 2"]);
    assert!(bed.client.post(&["runs", &run, "signal"], &[], signal(7, 2)).await.is_err(), "it has ended");
    let audit = bed.client.get(&["audit"], &[]).await.unwrap().to_string();
    assert!(audit.contains("run.approve") && audit.contains("run.signal"), "{audit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_in_time() {
    let bed = Bed::bare().await;
    let flow = "flow: late
on: manual
steps:
  - id: ok
    wait: { approval: \"Well?\", expires: 1s }
    on-error: { steps: [{ id: no, map: \"${error.class}\" }] }
  - { id: never, wait: { signal: never, expires: 100ms } }
";
    bed.apply(flow).await;
    let run = bed.start("late", json!({})).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "failed", "{record:#}");
    assert_eq!(step(&record, "ok/on-error/no")["output"], "timed-out");
    let letter = bed.client.get(&["dead-letters", &run], &[]).await.unwrap();
    assert_eq!(letter["message"], "no signal `never` came within 100ms");
}
