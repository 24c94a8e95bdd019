//! Limits of what goes through the gate.

use std::time::Duration;

use tokio::time::timeout;
use wharf_model::{
    call::{CallError, StopReason},
    grant::Limits,
};

use super::{
    block_on, context,
    guest::{Guest, HTTP},
    host::{Gate, call},
    limits::{Ends, check, hurried},
    load,
};

/// Sends a request to `a.test/x?secret`; what came of it is at 256.
const SEND: &str = "(call $send (i32.const 128) (i32.const 3) (i32.const 136) (i32.const 30)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
const URL: &str = r#"(data (i32.const 128) "GET") (data (i32.const 136) "https://u:p@a.test/x?secret=12")"#;

#[test]
fn a_gate_that_never_answers_meets_the_deadline() {
    let run: &'static str = format!("{SEND} i32.const 64").leak();
    let guest = Guest { imports: HTTP, more: URL, run, ..Guest::default() };
    let finished = check(
        "gate hangs",
        guest,
        hurried(),
        Gate::Hangs,
        Ends::Stopped(StopReason::Deadline, "actions.run"),
    );
    let Err(CallError::Stopped(report)) = finished.result else { unreachable!() };
    assert_eq!(report.last_effect.as_deref(), Some("#1 GET a.test/x → no answer yet"));
    assert_eq!(finished.metering.effects, 1);
}

#[test]
fn requests_and_response_bytes_have_a_budget() {
    // Returns how many requests went through, as one digit, once one did not.
    let run: &'static str = format!(
        "(loop $l {SEND}
            (if (i32.eqz (i32.load8_u (i32.const 256)))
                (then (local.set $n (i32.add (local.get $n) (i32.const 1)))
                      (call $drop (i32.load (i32.const 272))) (br $l))))
         (i32.store8 (i32.const 16) (i32.add (i32.const 48) (local.get $n)))
         (i32.store (i32.const 84) (i32.const 1)) i32.const 64"
    )
    .leak();
    let guest = Guest { imports: HTTP, more: URL, run, ..Guest::default() };
    let few = Limits { http_requests: 3, ..Limits::default() };
    check("http requests", guest, few, Gate::Answers(""), Ends::Done("3"));
    let small = Limits { http_response_bytes: 1_000, ..Limits::default() };
    check("response bytes", guest, small, Gate::Floods(1_001), Ends::Done("0"));
    let tight = Limits { host_bytes: 10_000, ..Limits::default() };
    check("bytes held", guest, tight, Gate::Floods(20_000), Ends::Done("0"));
}

#[test]
fn gr_23_calls_that_are_dropped_midway() {
    let run: &'static str = format!("{SEND} i32.const 64").leak();
    let guest = Guest { imports: HTTP, more: URL, run, ..Guest::default() };
    block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        for _ in 0..100 {
            let context = context();
            let call = call(Limits::default(), Gate::Hangs);
            let running = connector.run(call, "act", "{}", None, &context);
            assert!(timeout(Duration::ZERO, running).await.is_err(), "the gate never answers");
        }
        // More calls than there are slots: each one dropped gave its slot back.
        let call = call(Limits::default(), Gate::Answers(""));
        let finished = connector.run(call, "act", "{}", None, &context()).await;
        assert!(finished.result.is_ok(), "{finished:?}");
    });
}
