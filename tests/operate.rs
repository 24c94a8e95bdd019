//! What an operator sees and decides: held versions, grants that are tried out, denials, the doctor, the
//! master key. And the page about it, whose every command is run.

use std::{
    fs,
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use wharf_cli::{client::Body, demo::provider::SLACK_TOKEN};

use crate::{
    bed::{Bed, connectors},
    wat::speaker,
};

/// The audit log and its chains.
mod audit;
/// A call without a server.
mod call;
/// The page for operators.
mod page;
/// Certificate authorities of a grant.
mod roots;

const SLACK_FLOW: &str = "flow: post
on: manual
steps:
  - id: post
    action: slack/post-message
    connection: acme-slack
    with: { channel: C024BE91L, text: hello }
";

/// A connector that asks to call these.
fn asking(version: &str, egress: &[(&str, &str)]) -> Vec<u8> {
    let egress: Vec<Value> =
        egress.iter().map(|(method, url)| json!({ "url": url, "methods": [method] })).collect();
    speaker("speaker", version, |manifest| manifest["egress"] = json!(egress))
}

async fn install(bed: &Bed, query: &[(&str, &str)], wasm: Vec<u8>) -> Result<Value, String> {
    bed.client.post(&["connectors"], query, Body::Wasm(wasm)).await.map_err(|fault| fault.message)
}

async fn approve(bed: &Bed, body: Value) -> Result<Value, String> {
    let answer = bed.client.post(&["connectors", "speaker", "approve"], &[], Body::Json(body)).await;
    answer.map_err(|fault| fault.message)
}

async fn speaker_version(bed: &Bed) -> Value {
    bed.client.get(&["connectors", "speaker"], &[]).await.unwrap()["version"].clone()
}

async fn audit(bed: &Bed) -> Vec<Value> {
    let page = bed.client.get(&["audit"], &[("limit", "200")]).await.unwrap();
    page["items"].as_array().unwrap().clone()
}

const YES: &[(&str, &str)] = &[("approve", "true")];

#[tokio::test(flavor = "multi_thread")]
async fn sc_05_sc_06_an_older_version_needs_an_override_and_a_version_never_changes() {
    let bed = Bed::bare().await;
    install(&bed, YES, asking("1.2.0", &[])).await.unwrap();
    let older = || asking("1.1.9", &[]);
    for query in [&[][..], YES] {
        let refused = install(&bed, query, older()).await.unwrap_err();
        assert!(refused.contains("--downgrade"), "{refused}");
    }
    // Removing it first is no way around.
    bed.client.delete(&["connectors", "speaker"]).await.unwrap();
    assert!(install(&bed, &[], older()).await.unwrap_err().contains("--downgrade"));
    let downgraded = install(&bed, &[("approve", "true"), ("downgrade", "true")], older()).await.unwrap();
    assert_eq!(downgraded["status"], "active", "{downgraded:#}");
    assert_eq!(speaker_version(&bed).await, "1.1.9");
    let other = speaker("speaker", "1.1.9", |manifest| manifest["title"] = json!("Other"));
    assert!(install(&bed, YES, other).await.unwrap_err().contains("raise the version"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_09_two_versions_wait_and_a_yes_is_to_what_was_shown() {
    let bed = Bed::bare().await;
    let (api, sink) = (("GET", "https://api.example/"), ("POST", "https://sink.example/"));
    install(&bed, YES, asking("1.0.0", &[api])).await.unwrap();
    let two = install(&bed, &[], asking("2.0.0", &[api, sink])).await.unwrap();
    let three = install(&bed, &[], asking("3.0.0", &[sink])).await.unwrap();
    let directions = |of: &Value| -> Vec<String> {
        let changes = of["changes"].as_array().unwrap().iter();
        changes.map(|change| change["direction"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (directions(&two), directions(&three)),
        (vec!["widens".to_owned()], vec!["widens".to_owned(), "narrows".to_owned()])
    );
    let shown = bed.client.get(&["connectors", "speaker"], &[]).await.unwrap();
    let held: Vec<&Value> = shown["held"].as_array().unwrap().iter().map(|held| &held["version"]).collect();
    assert_eq!(held, ["2.0.0", "3.0.0"]);
    assert_eq!(speaker_version(&bed).await, "1.0.0");
    // Somebody changes the grant after the diff was shown: the yes was to something else.
    let grant = json!({ "egress": [] });
    bed.client.put(&["connectors", "speaker", "grant"], grant).await.unwrap();
    let yes = json!({ "digest": two["digest"], "review": two["review"] });
    assert!(approve(&bed, yes).await.unwrap_err().contains("no longer what was shown"));
    // A yes to one digest lets no other in.
    let swapped = json!({ "digest": three["digest"], "review": two["review"] });
    assert!(approve(&bed, swapped).await.is_err());
    let shown = bed.client.get(&["connectors", "speaker"], &[]).await.unwrap();
    let yes = json!({ "digest": two["digest"], "review": shown["held"][0]["review"] });
    let approved = approve(&bed, yes).await.unwrap();
    // Only what is new is granted: what was taken away before stays away.
    assert_eq!(approved["grant"]["egress"], json!([{ "url": "https://sink.example/", "methods": ["POST"] }]));
    assert_eq!((&approved["version"], approved["held"].as_array().unwrap().len()), (&json!("2.0.0"), 1));
    // The third is measured against the second now: it asks for less.
    let three = &approved["held"][0];
    assert_eq!(three["widens"], json!([]), "{three:#}");
    let rejected = bed
        .client
        .post(&["connectors", "speaker", "reject"], &[], Body::Json(json!({ "digest": three["digest"] })))
        .await
        .unwrap();
    assert_eq!(rejected["held"], json!([]));
    let acts: Vec<_> = audit(&bed).await.iter().map(|row| row["act"].as_str().unwrap().to_owned()).collect();
    for act in ["connector.hold", "grant.set", "connector.activate", "connector.reject"] {
        assert!(acts.iter().any(|known| known == act), "{act} is not in {acts:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_11_every_host_needs_a_yes_of_its_own() {
    let bed = Bed::bare().await;
    install(&bed, YES, asking("1.0.0", &[])).await.unwrap();
    let any = || asking("1.1.0", &[("GET", "*")]);
    assert!(install(&bed, YES, any()).await.unwrap_err().contains("--any-host"));
    let held = install(&bed, &[], any()).await.unwrap();
    assert_eq!((&held["status"], &held["any_host"]), (&json!("held"), &json!(true)));
    assert!(approve(&bed, json!({ "digest": held["digest"] })).await.unwrap_err().contains("--any-host"));
    assert_eq!(speaker_version(&bed).await, "1.0.0");
    approve(&bed, json!({ "digest": held["digest"], "any_host": true })).await.unwrap();
    assert_eq!(speaker_version(&bed).await, "1.1.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn sc_13_the_same_file_many_times_at_once_is_one_version() {
    let bed = Bed::bare().await;
    let wasm = asking("1.0.0", &[]);
    let installs = (0..16).map(|_| install(&bed, YES, wasm.clone()));
    for installed in futures_util::future::join_all(installs).await {
        assert_eq!(installed.unwrap()["status"], "active");
    }
    let acts = audit(&bed).await;
    assert_eq!(acts.iter().filter(|row| row["act"] == "connector.install").count(), 1);
}

/// A server with Slack connected and a flow that posts.
async fn posting() -> Bed {
    let bed = Bed::bare().await;
    bed.install(&connectors().await.slack).await;
    let secrets = json!({ "token": SLACK_TOKEN });
    bed.connect("acme-slack", "slack", json!({ "api-url": bed.provider.slack_url() }), secrets).await;
    bed.apply(SLACK_FLOW).await;
    bed
}

async fn metric(bed: &Bed, line: &str) -> Option<String> {
    let page =
        bed.http.get(format!("http://{}/metrics", bed.addr)).send().await.unwrap().text().await.unwrap();
    page.lines().find(|known| known.starts_with(line)).map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_is_tried_out_and_then_enforced() {
    let bed = posting().await;
    let slack = async || bed.client.get(&["connectors", "slack", "permissions"], &[]).await.unwrap();
    let query = [("mode", "report-only"), ("seen", "1")];
    let nothing = || Body::Json(json!({ "egress": [] }));
    let put = wharf_cli::client::Method::PUT;
    bed.client.send(put, &["connectors", "slack", "grant"], &query, nothing()).await.unwrap();
    let run = bed.start("post", json!({})).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "what is in force allows it: {record:#}");
    let would = record["steps"][0]["attempts"][0]["effects"][0]["would_deny"].as_str().unwrap();
    assert!(would.contains("wharf connector grant slack --egress 'POST"), "{would}");
    let shown = slack().await;
    let line = &shown["denials"][0];
    assert_eq!((&line["kind"], &line["count"], &line["run"]), (&json!("would-deny"), &json!(1), &json!(run)));
    assert_eq!(shown["proposed"]["version"], 2);
    let labels = "wharf_would_deny_total{connector=\"slack\",gate=\"grant\",reason=\"host\"} 1";
    assert_eq!(metric(&bed, "wharf_would_deny_total").await.as_deref(), Some(labels));
    assert!(!audit(&bed).await.iter().any(|row| row["act"] == "egress.denied"), "nothing was denied");

    let enforce = Body::Json(json!({ "version": 2 }));
    bed.client.post(&["connectors", "slack", "grant", "enforce"], &[], enforce).await.unwrap();
    let run = bed.start("post", json!({})).await;
    assert_eq!(bed.ended(&run).await["status"], "failed");
    let rows = audit(&bed).await;
    let denied: Vec<_> = rows.iter().filter(|row| row["act"] == "egress.denied").collect();
    assert_eq!(denied.len(), 1, "{denied:#?}");
    let detail = &denied[0]["detail"];
    assert_eq!(
        (&detail["reason"], &detail["gate"], &detail["run"], &detail["step"], &detail["count"]),
        (&json!("host"), &json!("grant"), &json!(run), &json!("post"), &json!(1))
    );
    assert_eq!(denied[0]["actor"], "connector/slack");
    let labels = "wharf_denials_total{connector=\"slack\",gate=\"grant\",reason=\"host\"} 1";
    assert_eq!(metric(&bed, "wharf_denials_total").await.as_deref(), Some(labels));
    let shown = slack().await;
    assert_eq!((&shown["proposed"], &shown["grant"]["version"]), (&Value::Null, &json!(3)));
    let kinds: Vec<_> = shown["denials"].as_array().unwrap().iter().map(|row| row["kind"].clone()).collect();
    assert_eq!(kinds, ["denied"], "the counts of a trial end with it");
}

/// The command, with this server's address and data.
fn wharf(bed: &Bed, words: &[&str], env: &[(&str, &str)]) -> Output {
    wharf_in(bed.dir.path(), &format!("http://{}", bed.addr), words, env)
}

fn wharf_in(dir: &Path, server: &str, words: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.args(words).current_dir(dir).stdin(Stdio::null());
    command.env("WHARF_SERVER", server).env("WHARF_DATA_DIR", dir.join("data")).env("NO_COLOR", "1");
    command.env_remove("WHARF_CRASH_AT").envs(env.iter().copied()).output().unwrap()
}

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn findings(output: &Output) -> Vec<(String, String)> {
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", text(output)));
    let word = |of: &Value, name: &str| of[name].as_str().unwrap().to_owned();
    let findings = answer["findings"].as_array().unwrap().iter();
    findings.map(|finding| (word(finding, "check"), word(finding, "level"))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_looks_with_a_server_and_without() {
    let mut bed = Bed::bare().await;
    let found = findings(&wharf(&bed, &["doctor", "--json"], &[]));
    for (check, level) in [
        ("engine", "ok"),
        ("compile-worker", "ok"),
        ("data-directory", "ok"),
        ("master-key", "ok"),
        ("master-key-place", "warn"),
        ("database", "ok"),
        ("secrets", "ok"),
        ("cache", "ok"),
        ("core-dumps", "ok"),
        ("environment", "ok"),
        ("listen", "ok"),
        ("carve-outs", "warn"),
    ] {
        let of: Vec<_> = found.iter().filter(|(known, _)| known == check).map(|(_, level)| level).collect();
        assert!(!of.is_empty() && of.iter().all(|known| *known == level), "{check} is {of:?}");
    }
    bed.stop().await;
    let data = bed.dir.path().join("data");
    fs::set_permissions(&data, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let without = wharf(&bed, &["doctor"], &[]);
    assert_eq!(without.status.code(), Some(1), "{}", text(&without));
    let shown = text(&without);
    assert!(shown.contains("fail  data-directory") && shown.contains("chmod 700"), "{shown}");
    assert!(shown.contains("no server was asked about itself"), "{shown}");
}

const KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";

#[tokio::test(flavor = "multi_thread")]
async fn se_15_neither_environment_nor_command_line_holds_the_master_key() {
    let bed = Bed::with_env(&[("WHARF_MASTER_KEY", KEY)]).await;
    assert!(!bed.dir.path().join("data/master.key").exists(), "the key was not taken from the environment");
    for file in ["environ", "cmdline"] {
        let bytes = fs::read(format!("/proc/{}/{file}", bed.pid())).unwrap();
        assert!(!bytes.is_empty());
        assert!(!bytes.windows(KEY.len()).any(|window| window == KEY.as_bytes()), "{file}");
    }
    let doctor = bed.client.get(&["doctor"], &[]).await.unwrap();
    let dumps =
        doctor["findings"].as_array().unwrap().iter().find(|line| line["check"] == "core-dumps").unwrap();
    assert_eq!(dumps["level"], "ok", "{dumps:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn se_13_no_start_with_a_missing_wrong_or_weak_master_key() {
    let mut bed = posting().await;
    bed.stop().await;
    let data = bed.dir.path().join("data");
    let key = data.join("master.key");
    let before = fs::read(data.join("wharf.db")).unwrap();
    let good = fs::read(&key).unwrap();
    for (wrong, says) in [
        (None, "master.key"),
        (Some(KEY.to_owned()), "not the one this database was made with"),
        (Some(KEY[..16].to_owned()), "64 hexadecimal digits"),
        (Some("0".repeat(64)), "weak"),
        (Some("ab".repeat(32)), "weak"),
        (Some(String::new()), "64 hexadecimal digits"),
    ] {
        match &wrong {
            Some(text) => fs::write(&key, text).unwrap(),
            None => fs::remove_file(&key).unwrap(),
        }
        let words = ["serve", "--listen", "127.0.0.1:0", "--data-dir", data.to_str().unwrap()];
        let refused = wharf(&bed, &words, &[]);
        assert!(!refused.status.success(), "{wrong:?}: {}", text(&refused));
        assert!(text(&refused).contains(says), "{wrong:?}: {}", text(&refused));
        assert_eq!(fs::read(data.join("wharf.db")).unwrap(), before, "{wrong:?}");
        if wrong.is_none() {
            assert!(!key.exists(), "a new key would hide that the old one is missing");
            fs::write(&key, "").unwrap();
            fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        }
    }
    fs::write(&key, good).unwrap();
    bed.restart(&[]).await;
    let run = bed.start("post", json!({})).await;
    assert_eq!(bed.ended(&run).await["status"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn se_12_a_rotation_that_is_killed_is_finished_by_the_next_start() {
    let mut bed = posting().await;
    assert_eq!(wharf(&bed, &["secrets", "rotate"], &[]).status.code(), Some(1), "a server runs");
    let key_file = bed.dir.path().join("data/master.key");
    for step in 1..=6 {
        bed.stop().await;
        let before = fs::read(&key_file).unwrap();
        let at = format!("rotate:{step}");
        let killed = wharf(&bed, &["secrets", "rotate"], &[("WHARF_CRASH_AT", &at)]);
        assert_eq!(killed.status.code(), None, "it dies by a signal: {}", text(&killed));
        bed.restart(&[]).await;
        assert_ne!(fs::read(&key_file).unwrap(), before, "step {step}");
        let run = bed.start("post", json!({})).await;
        assert_eq!(bed.ended(&run).await["status"], "done", "step {step}");
    }
    bed.stop().await;
    let rotated = wharf(&bed, &["secrets", "rotate", "--json"], &[]);
    let answer: Value =
        serde_json::from_slice(&rotated.stdout).unwrap_or_else(|_| panic!("{}", text(&rotated)));
    assert_eq!((&answer["secrets"], &answer["generation"]), (&json!(1), &json!(8)));
    bed.restart(&[]).await;
    let run = bed.start("post", json!({})).await;
    assert_eq!(bed.ended(&run).await["status"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn se_09_after_1000_runs_the_secret_lies_nowhere() {
    let mut bed = posting().await;
    let mut runs = Vec::new();
    for _ in 0..20 {
        let starts = (0..50).map(|_| bed.start("post", json!({})));
        runs.extend(futures_util::future::join_all(starts).await);
    }
    for run in &runs {
        assert_eq!(bed.ended(run).await["status"], "done");
    }
    // Once beside the running server, with its log and write-ahead log, and once after it.
    assert_eq!(holding(bed.dir.path(), SLACK_TOKEN.as_bytes()), Vec::<String>::new());
    bed.stop().await;
    assert_eq!(holding(bed.dir.path(), SLACK_TOKEN.as_bytes()), Vec::<String>::new());
}

/// The files below `dir` that hold `needle`.
fn holding(dir: &Path, needle: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, needle));
        } else if fs::read(&path).unwrap_or_default().windows(needle.len()).any(|window| window == needle) {
            found.push(path.display().to_string());
        }
    }
    found
}
