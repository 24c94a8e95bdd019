//! Requests in great numbers, through WASI: what is begun and never waited for takes no more of the host
//! than what is.

use serde_json::json;

use super::{A, settle_granted};
use crate::security::after::Before;
use crate::security::bed::Bed;
use crate::security::mock::{After, Reply, always, raw};
use crate::security::network;
use crate::security::play::cases;
use crate::security::play::{Case, Findings};
use crate::wat::Core;

/// Requests that the guest begins, and those of them that its grant and the limits let out at once.
const BEGUN: u32 = 10_000;
const IN_FLIGHT: usize = 8;

cases! {
    gr_13_ten_thousand_requests_that_nobody_waits_for =>
        Case::Own(|bed, before| Box::pin(begun_and_left(bed, before)));
}

/// Begins them all, then waits for the last one until its time is up.
fn floods() -> Core {
    Core {
        wit: include_str!("../../../../runtime/sandbox/src/tests/wasi/http-0.2.wit"),
        world: "import wasi:http/types@0.2.0; import wasi:http/outgoing-handler@0.2.0; import wasi:io/poll@0.2.0;",
        imports: r#"
            (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
            (import "wasi:http/types@0.2.0" "[constructor]outgoing-request" (func $request (param i32) (result i32)))
            (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-scheme"
                (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
            (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-authority"
                (func $authority (param i32 i32 i32 i32) (result i32)))
            (import "wasi:http/types@0.2.0" "[method]outgoing-request.set-path-with-query"
                (func $path (param i32 i32 i32 i32) (result i32)))
            (import "wasi:http/outgoing-handler@0.2.0" "handle" (func $handle (param i32 i32 i32 i32)))
            (import "wasi:http/types@0.2.0" "[method]future-incoming-response.subscribe"
                (func $subscribe (param i32) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#
            .to_owned(),
        more: r#"(data (i32.const 512) "api.allowed.test") (data (i32.const 544) "/v1/x")"#.to_owned(),
        run: format!(
            "(local $first i32)
             (loop $l
                (local.set $m (call $request (call $fields)))
                (drop (call $scheme (local.get $m) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 0)))
                (drop (call $authority (local.get $m) (i32.const 1) (i32.const 512) (i32.const 16)))
                (drop (call $path (local.get $m) (i32.const 1) (i32.const 544) (i32.const 5)))
                (call $handle (local.get $m) (i32.const 0) (i32.const 0) (i32.const 640))
                (if (i32.load8_u (i32.const 640)) (then unreachable))
                (if (i32.eqz (local.get $first)) (then (local.set $first (i32.load (i32.const 648)))))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const {BEGUN}))))
             (call $block (call $subscribe (local.get $first)))
             unreachable"
        ),
        ..Core::default()
    }
}

async fn begun_and_left(bed: &Bed, before: &Before) -> Findings {
    let mut findings = Findings::none();
    let limits = json!({ "handles": 60_000, "fuel": 10_000_000_000_u64, "deadline-ms": 4_000 });
    settle_granted(bed, "flooding", &floods(), A, &limits).await;
    bed.network.play(always(Reply { after: After::Hold, ..raw("") }));
    let run = bed.begin("flooding", json!({})).await;
    // While it waits, what it holds is looked at.
    let (mut files, mut threads) = (0, 0);
    loop {
        files = files.max(before.more_files(bed));
        threads = threads.max(before.more_threads(bed));
        let status = bed.client.get(&["runs", &run], &[]).await.unwrap()["status"].clone();
        if status != "running" && status != "waiting" {
            break;
        }
        bed.canary.next().await;
    }
    let record = bed.ended(&run).await;
    let attempt = record["steps"].as_array().unwrap().iter().find(|step| step["path"] == "run").unwrap();
    let attempt = &attempt["attempts"][0];
    let effects = attempt["metering"]["effects"].as_u64().unwrap_or(0);
    if attempt["trap"]["reason"] != "deadline" {
        findings.wrong.push(format!("it did not wait until its time was up: {attempt:#}"));
    }
    let dialled = bed.network.a.connections();
    findings.figures = format!(
        "{BEGUN} begun, {effects} within the budget, {dialled} dialled; {files} descriptors, {threads} threads more"
    );
    // A socket each, and a few of the canary's.
    if dialled > IN_FLIGHT || files > 3 * IN_FLIGHT as u64 || threads > 16 {
        findings.wrong.push(findings.figures.clone());
    }
    findings.allowed.hits = [dialled, 0, 0, 0];
    findings.allowed.dials = vec![network::A];
    findings.allowed.bodies.push(record);
    findings
}
