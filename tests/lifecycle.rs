//! Connectors come, change and go at run time, without dropping a run.

use std::fs;

use serde_json::{Value, json};
use wharf_cli::{
    client::Body,
    demo::provider::{Fault, Route},
};

use crate::{
    bed::{Bed, connectors, issue_opened},
    wat::speaker,
};

/// The file with another manifest: what a newer version by the same author looks like to a host.
fn reversioned(file: &std::path::Path, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let wasm = fs::read(file).unwrap();
    let mut manifest = serde_json::to_value(wharf_package::open(&wasm).unwrap().manifest).unwrap();
    change(&mut manifest);
    wharf_package::seal(&wasm, &manifest.to_string()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_granted_by_being_installed() {
    let bed = Bed::bare().await;
    let wasm = fs::read(&connectors().await.slack).unwrap();
    let held = bed.client.post(&["connectors"], &[], Body::Wasm(wasm)).await.unwrap();
    assert_eq!(held["status"], "held", "{held:#}");
    assert!(!held["asks"].as_array().unwrap().is_empty());
    let shown = bed.client.get(&["connectors", "slack"], &[]).await.unwrap();
    assert_eq!(shown["version"], Value::Null, "not in use");
    let approve = Body::Json(json!({ "digest": held["digest"] }));
    bed.client.post(&["connectors", "slack", "approve"], &[], approve).await.unwrap();
    let shown = bed.client.get(&["connectors", "slack"], &[]).await.unwrap();
    assert_eq!(shown["version"], held["version"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_lies_about_itself_is_refused() {
    let bed = Bed::bare().await;
    let lying = reversioned(&connectors().await.slack, |manifest| manifest["version"] = json!("9.9.9"));
    let refused =
        bed.client.post(&["connectors"], &[("approve", "true")], Body::Wasm(lying)).await.unwrap_err();
    assert!(refused.to_string().contains("describes itself otherwise"), "{refused}");
    for garbage in [&b""[..], b"MZ", b"\0asm\x0d\0\x01\0", b"(component)"] {
        let refused = bed.client.post(&["connectors"], &[], Body::Wasm(garbage.to_vec())).await;
        assert!(refused.is_err(), "{garbage:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_in_flight_keeps_its_connector_and_a_used_one_stays() {
    let bed = Bed::triage().await;
    bed.provider.script(Route::PostMessage, [Fault::Hold]);
    let accepted = bed.deliver(&issue_opened()).await.unwrap();
    bed.provider.held().await;
    let refused = bed.client.delete(&["connectors", "slack"]).await.unwrap_err();
    assert!(refused.to_string().contains("triage-bugs"), "{refused}");
    // The grant shrinks to nothing while the call is under way: what starts from now on is denied.
    bed.client.put(&["connectors", "slack", "grant"], json!({ "egress": [] })).await.unwrap();
    bed.provider.release();
    let record = bed.ended(accepted.run().unwrap()).await;
    assert_eq!(record["status"], "done", "the call under way ends as it began: {record:#}");

    let mut next = issue_opened();
    next.guid = "00000000-0000-4000-8000-00000000c001".to_owned();
    let denied = bed.deliver(&next).await.unwrap();
    let record = bed.ended(denied.run().unwrap()).await;
    assert_eq!(record["status"], "failed");
    assert!(record.to_string().contains("wharf connector grant slack"), "the fix is typed out: {record:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_cannot_work_is_refused_with_the_line() {
    let bed = Bed::triage().await;
    let broken = "flow: broken\non: manual\nsteps:\n  - id: tell\n    action: slack/post-message\n    connection: acme-slack\n    with: { chanel: C1, text: hi }\n";
    let refused = bed
        .client
        .post(&["flows"], &[("file", "broken.yaml")], Body::Yaml(broken.to_owned()))
        .await
        .unwrap_err();
    let text = format!("{refused:?}");
    assert!(text.contains("did you mean `channel`"), "{text}");
}

const POST_AND_SAY: &str = "flow: post-and-say
on: manual
steps:
  - id: post
    action: slack/post-message
    connection: acme-slack
    with: { channel: C024BE91L, text: hello }
  - id: say
    action: speaker/say
";

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_drops_no_run_and_moves_none() {
    let bed = Bed::triage().await;
    bed.install_bytes(speaker("speaker", "1.0.0", |_| {})).await;
    bed.apply(POST_AND_SAY).await;
    bed.provider.script(Route::PostMessage, [Fault::Hold]);
    let before = bed.start("post-and-say", json!({})).await;
    bed.provider.held().await;
    let upgraded = bed.install_bytes(speaker("speaker", "1.1.0", |_| {})).await;
    assert_eq!((upgraded["status"].as_str(), upgraded["previous"].as_str()), (Some("active"), Some("1.0.0")));
    let after = bed.start("post-and-say", json!({})).await;
    assert_eq!(said(&bed.ended(&after).await), "1.1.0");
    bed.provider.release();
    assert_eq!(said(&bed.ended(&before).await), "1.0.0", "the run in flight ends on what it pinned");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_asks_for_more_is_held() {
    let bed = Bed::bare().await;
    bed.install_bytes(speaker("speaker", "1.0.0", |_| {})).await;
    let wider = speaker("speaker", "1.1.0", |manifest| {
        manifest["egress"] = json!([{ "url": "https://sink.example/", "methods": ["POST"] }]);
    });
    let held = bed.client.post(&["connectors"], &[], Body::Wasm(wider)).await.unwrap();
    assert_eq!(held["status"], "held", "{held:#}");
    assert!(held["widens"].to_string().contains("https://sink.example/"), "{held:#}");
    let shown = bed.client.get(&["connectors", "speaker"], &[]).await.unwrap();
    assert_eq!(shown["version"], "1.0.0", "the version in use stays in use");
    let same = speaker("speaker", "1.0.0", |manifest| manifest["title"] = json!("Other"));
    let refused =
        bed.client.post(&["connectors"], &[("approve", "true")], Body::Wasm(same)).await.unwrap_err();
    assert!(
        refused.to_string().contains("raise the version"),
        "a version is one content for ever: {refused}"
    );
    let older = speaker("speaker", "0.9.0", |_| {});
    let refused = bed.client.post(&["connectors"], &[], Body::Wasm(older)).await.unwrap_err();
    assert!(refused.to_string().contains("older"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watched_folder_installs_and_unloads() {
    let bed = Bed::watching().await;
    bed.install_bytes(speaker("speaker", "1.0.0", |_| {})).await;
    let file = bed.watched().join("speaker.wasm");
    fs::write(bed.watched().join("half.part"), b"not a connector").unwrap();
    fs::write(&file, speaker("speaker", "1.1.0", |_| {})).unwrap();
    bed.until_version("speaker", &json!("1.1.0")).await;
    fs::remove_file(&file).unwrap();
    bed.until_version("speaker", &Value::Null).await;
}

fn said(record: &Value) -> String {
    assert_eq!(record["status"], "done", "{record:#}");
    let steps = record["steps"].as_array().unwrap();
    let say = steps.iter().find(|step| step["path"] == "say").unwrap();
    say["output"]["said"].as_str().unwrap().to_owned()
}
