//! What a guest asks of the host without measure: handles, output, answers, time, randomness.

use serde_json::json;

use super::{A, URL, core, ended_after_two_seconds, settle, stopped, two_seconds, waits};
use crate::security::after::Before;
use crate::security::bed::Bed;
use crate::security::mock::{After, Reply, always};
use crate::security::play::cases;
use crate::security::play::{Case, Ends, Findings, Guest, Http};
use crate::security::probe::{each, get};
use crate::wat::Core;

cases! {
    // Fields of WASI's HTTP, which cost nothing to make.
    gr_12_handles_that_are_never_dropped => stopped(
        Core {
            wit: "package wasi:http@0.2.0 { interface types { resource fields { constructor(); } } }",
            world: "import wasi:http/types@0.2.0;",
            imports: r#"(import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))"#.to_owned(),
            run: "(loop $l (drop (call $fields)) (local.set $n (i32.add (local.get $n) (i32.const 1)))
                    (br_if $l (i32.lt_u (local.get $n) (i32.const 1000000))))
                  i32.const 32".to_owned(),
            ..Core::default()
        },
        json!({}),
        &["handles"],
    );

    gr_12_bodies_that_are_never_dropped => Case::Http(Http {
        grant: A,
        limits: json!({ "http-requests": 200, "handles": 50 }),
        program: each([(get(URL).with("read", 0).with("times", 200), "never")]),
        stopped: Some("handles"),
        hits: Some([51, 0, 0, 0]),
        ..Http::default()
    });

    gr_14_a_gigabyte_on_stdout => Case::Guest(Guest {
        core: Core {
            wit: STDOUT,
            world: "import wasi:cli/stdout@0.2.0;",
            imports: r#"(import "wasi:cli/stdout@0.2.0" "get-stdout" (func $stdout (result i32)))
                (import "wasi:io/streams@0.2.0" "[method]output-stream.blocking-write-and-flush"
                    (func $write (param i32 i32 i32 i32)))"#.to_owned(),
            more: r#"(data (i32.const 512) "\1b]0;owned\07\1b[2J\0d\0aforged: line\0d\0a")"#.to_owned(),
            run: "(local.set $m (call $stdout))
                  (memory.copy (i32.const 131072) (i32.const 512) (i32.const 32))
                  (memory.fill (i32.const 131104) (i32.const 120) (i32.const 4064))
                  (loop $l (call $write (local.get $m) (i32.const 131072) (i32.const 4096) (i32.const 128))
                    (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 262144))))
                  i32.const 32".to_owned(),
            ..Core::default()
        },
        limits: json!({ "deadline-ms": 2_000 }),
        ends: Ends::Stopped(&["fuel", "deadline", "host-bytes", "log"]),
        also: |_, _, ran| {
            let kept = ran.logged();
            let log = ran.attempt()["log"].to_string();
            let inert = !log.contains("\\u001b") && !log.contains('\u{1b}') && log.contains("u{1b}");
            let marked = log.contains("log truncated");
            let figures = format!("{kept} bytes kept");
            if kept <= (256 << 10) + 100 && inert && marked {
                Ok(figures)
            } else {
                let start: String = log.chars().take(400).collect();
                Err(format!("{figures}, inert {inert}, marked {marked}: {start}"))
            }
        },
    });

    gr_15_a_byte_now_and_then => Case::Http(Http {
        grant: A,
        a: always(Reply { bytes: b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), after: After::Drip }),
        program: each([(get(URL).with("timeout", 1_000), "timeout|200+timeout")]),
        hits: Some([1, 0, 0, 0]),
        ..Http::default()
    });

    gr_16_a_response_without_end => Case::Http(Http {
        grant: A,
        a: always(Reply {
            bytes: b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            after: After::Again(b"10\r\n0123456789abcdef\r\n"),
        }),
        program: each([(get(URL), "bad-response/too-large|200+bad-response/too-large")]),
        hits: Some([1, 0, 0, 0]),
        also: |_, ran| {
            let length = ran.seen().first().and_then(|seen| seen["length"].as_u64()).unwrap_or(0);
            if length <= 10 << 20 { Vec::new() } else { vec![format!("the guest got {length} bytes")] }
        },
        ..Http::default()
    });

    gr_18_a_wait_of_an_hour => Case::Guest(Guest {
        core: waits(),
        limits: two_seconds(),
        ends: Ends::Stopped(&["deadline"]),
        also: |_, _, ran| ended_after_two_seconds(ran.attempt()),
    });

    gr_18_a_hundred_waits_pin_no_thread => Case::Own(|bed, before| Box::pin(hundred_waits(bed, before)));

    gr_22_four_gigabytes_of_randomness => stopped(random("4294967296"), json!({}), &["host-bytes", "guest", "fuel"]);

    gr_22_more_randomness_than_there_are_addresses =>
        stopped(random("-1"), json!({}), &["host-bytes", "guest", "fuel"]);
}

const STDOUT: &str = "
    package wasi:io@0.2.0 {
        interface error { resource error; }
        interface streams {
            use error.error;
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:cli@0.2.0 {
        interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
    }";

fn random(bytes: &str) -> Core {
    Core {
        wit: "package wasi:random@0.2.0 { interface random { get-random-bytes: func(len: u64) -> list<u8>; } }",
        world: "import wasi:random/random@0.2.0;",
        imports: r#"(import "wasi:random/random@0.2.0" "get-random-bytes" (func $random (param i64 i32)))"#
            .to_owned(),
        run: format!("(call $random (i64.const {bytes}) (i32.const 128)) i32.const 32"),
        ..Core::default()
    }
}

async fn hundred_waits(bed: &Bed, before: &Before) -> Findings {
    let mut findings = Findings::none();
    settle(bed, "waiting", &waits(), &json!({ "deadline-ms": 3_000 })).await;
    let mut runs = Vec::new();
    for _ in 0..100 {
        runs.push(bed.begin("waiting", json!({})).await);
    }
    bed.canary.next().await;
    let threads = before.more_threads(bed);
    findings.figures = format!("{threads} threads more");
    if threads > 10 {
        findings.wrong.push(format!("100 calls that wait hold {threads} threads"));
    }
    for run in runs {
        let record = bed.ended(&run).await;
        if record["steps"][1]["attempts"][0]["trap"]["reason"] != "deadline"
            && !record.to_string().contains("\"deadline\"")
        {
            findings.wrong.push(format!("{record:#}"));
        }
    }
    findings
}
