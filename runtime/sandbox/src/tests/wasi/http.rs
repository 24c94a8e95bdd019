//! Requests through `wasi:http` 0.2: what reaches the host is what the gate judges, and what the host
//! says comes back as a code.

use wharf_model::{
    call::{CallError, Outcome, StopReason},
    grant::Limits,
};

use crate::{
    Finished,
    tests::{
        block_on, context,
        guest::Guest,
        host::{Gate, call},
        load,
    },
};

const HTTP: (&str, &str) = (
    "import wasi:http/types@0.2.0; import wasi:http/outgoing-handler@0.2.0; import wasi:io/poll@0.2.0;
     import wasi:io/streams@0.2.0;",
    include_str!("http-0.2.wit"),
);

const IMPORTS: &str = r#"
    (import "wasi:http/types@0.2.0" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.2.0" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
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
    (import "wasi:http/types@0.2.0" "[method]future-incoming-response.get" (func $get (param i32 i32)))
    (import "wasi:http/types@0.2.0" "[method]incoming-response.consume" (func $consume (param i32 i32)))
    (import "wasi:http/types@0.2.0" "[method]incoming-body.stream" (func $stream (param i32 i32)))
    (import "wasi:io/streams@0.2.0" "[method]input-stream.blocking-read" (func $read (param i32 i64 i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#;

/// What a guest asks for: authority, path, and at most one header.
#[derive(Clone, Copy)]
pub(super) struct Asks {
    pub(super) authority: &'static str,
    pub(super) path: &'static str,
    pub(super) header: Option<(&'static str, &'static str)>,
}

pub(super) const PLAIN: Asks = Asks { authority: "api.test", path: "/v1/x", header: None };

/// Sends; returns the response's body as text, `code N` for an error of the exchange, `refused N`
/// for one of `handle` and `header N` for one of `append`.
fn guest(asks: Asks) -> Guest {
    let Asks { authority, path, header } = asks;
    let (name, value) = header.unwrap_or_default();
    let data = format!(
        r#"(data (i32.const 1024) "{authority}") (data (i32.const 1280) "{path}")
           (data (i32.const 1536) "{name}") (data (i32.const 1600) "{value}")
           (data (i32.const 2000) "\"header \22\"code 00\"\"refused 00\"")
           (func $digits (param $at i32) (param $n i32)
                (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.div_u (local.get $n) (i32.const 10))))
                (i32.store8 offset=1 (local.get $at)
                    (i32.add (i32.const 48) (i32.rem_u (local.get $n) (i32.const 10)))))
           (func $text (param $at i32) (param $length i32) (result i32)
                (i32.store (i32.const 80) (local.get $at)) (i32.store (i32.const 84) (local.get $length))
                i32.const 64)
           (func $coded (param $code i32) (result i32)
                (call $digits (i32.const 2015) (local.get $code)) (call $text (i32.const 2009) (i32.const 9)))"#
    );
    let more: &'static str = data.leak();
    let append = header.map_or(String::new(), |_| {
        format!(
            "(call $append (local.get $n) (i32.const 1536) (i32.const {}) (i32.const 1600) (i32.const {}) (i32.const 256))
             (if (i32.load8_u (i32.const 256)) (then (return (call $text (i32.const 2000) (i32.const 9)))))",
            name.len(),
            value.replace("\\0d", "x").replace("\\0a", "x").len()
        )
    });
    let run = format!(
        "(local.set $n (call $fields)) {append}
         (local.set $n (call $request (local.get $n)))
         (drop (call $scheme (local.get $n) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 0)))
         (if (call $authority (local.get $n) (i32.const 1) (i32.const 1024) (i32.const {}))
            (then (return (call $coded (i32.const 90)))))
         (if (call $path (local.get $n) (i32.const 1) (i32.const 1280) (i32.const {}))
            (then (return (call $coded (i32.const 91)))))
         (call $handle (local.get $n) (i32.const 0) (i32.const 0) (i32.const 320))
         (if (i32.load8_u (i32.const 320)) (then (return (call $coded (i32.load8_u (i32.const 328))))))
         (local.set $n (i32.load (i32.const 328)))
         (call $block (call $subscribe (local.get $n)))
         (call $get (local.get $n) (i32.const 384))
         (if (i32.load8_u (i32.const 400)) (then (return (call $coded (i32.load8_u (i32.const 408))))))
         (call $consume (i32.load (i32.const 408)) (i32.const 256))
         (call $stream (i32.load (i32.const 260)) (i32.const 256))
         (call $read (i32.load (i32.const 260)) (i64.const 4096) (i32.const 264))
         (if (i32.load8_u (i32.const 264)) (then (return (call $coded (i32.const 92)))))
         (local.set $n (i32.load (i32.const 268))) (local.set $m (i32.load (i32.const 272)))
         (i32.store8 (i32.sub (local.get $n) (i32.const 1)) (i32.const 34))
         (i32.store8 (i32.add (local.get $n) (local.get $m)) (i32.const 34))
         (call $text (i32.sub (local.get $n) (i32.const 1)) (i32.add (local.get $m) (i32.const 2)))",
        authority.len(),
        path.len(),
    );
    Guest { imports: IMPORTS, run: run.leak(), more, foreign: HTTP, ..Guest::default() }
}

fn run(asks: Asks, limits: Limits, gate: Gate) -> Finished<Outcome> {
    let guest = guest(asks);
    block_on(async {
        let connector = load(&guest.build()).await.unwrap_or_else(|error| panic!("{error}"));
        connector.run(call(limits, gate), "act", "{}", None, &context()).await
    })
}

#[track_caller]
fn check(asks: Asks, gate: Gate, expected: &str) -> Finished<Outcome> {
    let finished = run(asks, Limits::default(), gate);
    assert_eq!(finished.result, Ok(Outcome::Done(expected.into())), "{finished:?}");
    finished
}

#[test]
fn a_request_reaches_the_gate_as_it_was_made() {
    let header = |name, value| Asks { header: Some((name, value)), ..PLAIN };
    check(PLAIN, Gate::Shows, "GET https://api.test/v1/x");
    check(header("x-a", "1"), Gate::Shows, "GET https://api.test/v1/x x-a=1");
    // Hostile ones too: refusing them is the gate's, and it has to see them for that.
    let at = |authority| Asks { authority, ..PLAIN };
    check(at("127.0.0.1:80"), Gate::Shows, "GET https://127.0.0.1:80/v1/x");
    check(at("[::1]"), Gate::Shows, "GET https://[::1]/v1/x");
    // HC-01, HC-24, HC-26, HC-27
    check(at("u:p@api.test"), Gate::Shows, "GET https://u:p@api.test/v1/x");
    check(header("host", "x"), Gate::Shows, "GET https://api.test/v1/x host=x");
    check(
        header("transfer-encoding", "chunked"),
        Gate::Shows,
        "GET https://api.test/v1/x transfer-encoding=chunked",
    );
    check(header("connection", "close"), Gate::Shows, "GET https://api.test/v1/x connection=close");
    // HC-25: not a header at all
    check(header("x-a", "1\\0d\\0ax"), Gate::Shows, "header ");
}

#[test]
fn a_credential_is_named() {
    let header = |value| Asks { header: Some(("authorization", value)), ..PLAIN };
    check(header("Wharf token"), Gate::Shows, "GET https://api.test/v1/x auth=token");
    check(header("wharf a b"), Gate::Shows, "GET https://api.test/v1/x auth=a b");
    check(header("Bearer wharf:token"), Gate::Shows, "GET https://api.test/v1/x auth=token");
    // Anything else is a header like any other, and this one the gate refuses.
    check(header("Bearer s3cret"), Gate::Shows, "GET https://api.test/v1/x authorization=Bearer s3cret");
}

#[test]
fn what_the_gate_says_comes_back_as_a_code() {
    let finished = check(PLAIN, Gate::Denies("host"), "code 15");
    assert_eq!(finished.metering.effects, 1);
    assert_eq!(finished.log[0].message, "wasi:http: denied (host): not granted");
    check(PLAIN, Gate::Denies("ip"), "code 04");
}

#[test]
fn limits_hold_through_wasi_http() {
    let limits = Limits { http_response_bytes: 1_000, ..Limits::default() };
    let finished = run(PLAIN, limits, Gate::Floods(1_001));
    assert_eq!(finished.result, Ok(Outcome::Done("code 28".into())), "{finished:?}");
    let limits = Limits { http_requests: 0, ..Limits::default() };
    let finished = run(PLAIN, limits, Gate::Shows);
    assert_eq!(finished.result, Ok(Outcome::Done("code 11".into())), "{finished:?}");
    let limits = Limits { deadline_ms: 100, ..Limits::default() };
    let finished = run(PLAIN, limits, Gate::Hangs);
    let Err(CallError::Stopped(report)) = finished.result else { panic!("{finished:?}") };
    assert_eq!(report.reason, StopReason::Deadline);
    assert_eq!(report.last_effect.as_deref(), Some("#1 GET api.test/v1/x → no answer yet"));
}
