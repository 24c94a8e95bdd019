//! Requests through `wasi:http` 0.3: `client.send` waits for the same exchange that 0.2 polls for, so
//! what is allowed, denied, named and counted must be the same.
//!
//! `run` is lifted as `async func`: a component may not wait for WASI 0.3 in any other.

use wharf_model::{
    call::{CallError, Outcome, StopReason},
    grant::Limits,
};

use super::http::{Asks, PLAIN};
use crate::{
    Finished,
    tests::{
        block_on, context,
        guest::{Guest, Lift},
        host::{Gate, call},
        load,
    },
};

const HTTP: (&str, &str) = (
    "import wasi:http/types@0.3.0; import wasi:http/client@0.3.0;",
    "package wasi:http@0.3.0 {
        interface types {
            variant scheme { HTTP, HTTPS, other(string) }
            record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
            record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
            record field-size-payload { field-name: option<string>, field-size: option<u32> }
            variant error-code { DNS-timeout, DNS-error(DNS-error-payload), destination-not-found,
                destination-unavailable, destination-IP-prohibited, destination-IP-unroutable,
                connection-refused, connection-terminated, connection-timeout, connection-read-timeout,
                connection-write-timeout, connection-limit-reached, TLS-protocol-error,
                TLS-certificate-error, TLS-alert-received(TLS-alert-received-payload),
                HTTP-request-denied, HTTP-request-length-required, HTTP-request-body-size(option<u64>),
                HTTP-request-method-invalid, HTTP-request-URI-invalid, HTTP-request-URI-too-long,
                HTTP-request-header-section-size(option<u32>),
                HTTP-request-header-size(option<field-size-payload>),
                HTTP-request-trailer-section-size(option<u32>),
                HTTP-request-trailer-size(field-size-payload), HTTP-response-incomplete,
                HTTP-response-header-section-size(option<u32>),
                HTTP-response-header-size(field-size-payload), HTTP-response-body-size(option<u64>),
                HTTP-response-trailer-section-size(option<u32>),
                HTTP-response-trailer-size(field-size-payload),
                HTTP-response-transfer-coding(option<string>), HTTP-response-content-coding(option<string>),
                HTTP-response-timeout, HTTP-upgrade-failed, HTTP-protocol-error, loop-detected,
                configuration-error, internal-error(option<string>) }
            variant header-error { invalid-syntax, forbidden, immutable, size-exceeded, other(option<string>) }
            resource fields {
                constructor();
                append: func(name: string, value: list<u8>) -> result<_, header-error>;
            }
            resource request-options;
            resource request {
                new: static func(headers: own<fields>, contents: option<stream<u8>>,
                    trailers: future<result<option<own<fields>>, error-code>>,
                    options: option<own<request-options>>)
                    -> tuple<own<request>, future<result<_, error-code>>>;
                set-scheme: func(scheme: option<scheme>) -> result;
                set-authority: func(authority: option<string>) -> result;
                set-path-with-query: func(path-with-query: option<string>) -> result;
            }
            resource response {
                consume-body: static func(this: own<response>, res: future<result<_, error-code>>)
                    -> tuple<stream<u8>, future<result<option<own<fields>>, error-code>>>;
            }
        }
        interface client {
            use types.{request, response, error-code};
            send: async func(request: own<request>) -> result<own<response>, error-code>;
        }
     }",
);

const IMPORTS: &str = r#"
    (import "wasi:http/types@0.3.0" "[constructor]fields" (func $fields (result i32)))
    (import "wasi:http/types@0.3.0" "[method]fields.append" (func $append (param i32 i32 i32 i32 i32 i32)))
    (import "wasi:http/types@0.3.0" "[future-new-1][static]request.new" (func $trailers (result i64)))
    (import "wasi:http/types@0.3.0" "[async-lower][future-write-1][static]request.new"
        (func $no-trailers (param i32 i32) (result i32)))
    (import "wasi:http/types@0.3.0" "[static]request.new" (func $request (param i32 i32 i32 i32 i32 i32 i32)))
    (import "wasi:http/types@0.3.0" "[method]request.set-scheme"
        (func $scheme (param i32 i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.3.0" "[method]request.set-authority"
        (func $authority (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/types@0.3.0" "[method]request.set-path-with-query"
        (func $path (param i32 i32 i32 i32) (result i32)))
    (import "wasi:http/client@0.3.0" "send" (func $send (param i32 i32)))
    (import "wasi:http/types@0.3.0" "[future-new-0][static]response.consume-body" (func $read (result i64)))
    (import "wasi:http/types@0.3.0" "[static]response.consume-body" (func $consume (param i32 i32 i32)))
    (import "wasi:http/types@0.3.0" "[async-lower][stream-read-1][static]response.consume-body"
        (func $begin-piece (param i32 i32 i32) (result i32)))
    (import "$root" "[waitable-set-new]" (func $set-new (result i32)))
    (import "$root" "[waitable-join]" (func $join (param i32 i32)))
    (import "$root" "[waitable-set-wait]" (func $wait (param i32 i32) (result i32)))"#;

/// `$made` makes the request that the case asks for and returns it, or 0 for a header that is none;
/// `$text` returns what is written at an address; `$coded` returns `code NN`; `$piece` reads from a stream
/// and waits for it, as a synchronous read is a feature that is off.
fn functions(asks: Asks) -> &'static str {
    let Asks { authority, path, header } = asks;
    let (name, value) = header.unwrap_or_default();
    let append = header.map_or(String::new(), |_| {
        format!(
            "(call $append (local.get $n) (i32.const 1536) (i32.const {}) (i32.const 1600) (i32.const {}) (i32.const 256))
             (if (i32.load8_u (i32.const 256)) (then (return (i32.const 0))))",
            name.len(),
            value.replace("\\0d", "x").replace("\\0a", "x").len()
        )
    });
    format!(
        r#"(data (i32.const 1024) "{authority}") (data (i32.const 1280) "{path}")
           (data (i32.const 1536) "{name}") (data (i32.const 1600) "{value}")
           (data (i32.const 2000) "\"header \22\"code 00\"")
           (func $text (param $at i32) (param $length i32) (result i32)
                (i32.store (i32.const 80) (local.get $at)) (i32.store (i32.const 84) (local.get $length))
                i32.const 64)
           (func $coded (param $code i32) (result i32)
                (i32.store8 (i32.const 2015) (i32.add (i32.const 48) (i32.div_u (local.get $code) (i32.const 10))))
                (i32.store8 (i32.const 2016) (i32.add (i32.const 48) (i32.rem_u (local.get $code) (i32.const 10))))
                (call $text (i32.const 2009) (i32.const 9)))
           (global $set (mut i32) (i32.const 0))
           (func $piece (param $stream i32) (param $at i32) (param $most i32) (result i32)
                (local $got i32)
                (local.set $got (call $begin-piece (local.get $stream) (local.get $at) (local.get $most)))
                (if (i32.ne (local.get $got) (i32.const -1)) (then (return (local.get $got))))
                (if (i32.eqz (global.get $set)) (then (global.set $set (call $set-new))))
                (call $join (local.get $stream) (global.get $set))
                (drop (call $wait (global.get $set) (i32.const 2304)))
                (i32.load (i32.const 2308)))
           (func $made (result i32)
                (local $n i32) (local $trailers i64)
                (local.set $n (call $fields)) {append}
                (local.set $trailers (call $trailers))
                (call $request (local.get $n) (i32.const 0) (i32.const 0) (i32.wrap_i64 (local.get $trailers))
                    (i32.const 0) (i32.const 0) (i32.const 288))
                (drop (call $no-trailers (i32.wrap_i64 (i64.shr_u (local.get $trailers) (i64.const 32)))
                    (i32.const 2048)))
                (local.set $n (i32.load (i32.const 288)))
                (drop (call $scheme (local.get $n) (i32.const 1) (i32.const 1) (i32.const 0) (i32.const 0)))
                (drop (call $authority (local.get $n) (i32.const 1) (i32.const 1024) (i32.const {})))
                (drop (call $path (local.get $n) (i32.const 1) (i32.const 1280) (i32.const {})))
                (local.get $n))"#,
        authority.len(),
        path.len(),
    )
    .leak()
}

/// Sends; leaves at 320 what came of it, and at 384 the body of a response.
const SEND: &str = "(call $send (local.get $n) (i32.const 320))";
const CONSUME: &str = "(call $consume (i32.load (i32.const 328)) (i32.wrap_i64 (call $read)) (i32.const 384))
     (local.set $m (call $piece (i32.load (i32.const 384)) (i32.const 65537) (i32.const 60000)))";

/// Sends; returns the response's body as text, `code N` for an error, `header ` for a header that is none.
fn guest(asks: Asks) -> Guest {
    let run = format!(
        "(local.set $n (call $made))
         (if (i32.eqz (local.get $n)) (then (return (call $text (i32.const 2000) (i32.const 9)))))
         {SEND}
         (if (i32.load8_u (i32.const 320)) (then (return (call $coded (i32.load8_u (i32.const 328))))))
         {CONSUME}
         (local.set $m (i32.shr_u (local.get $m) (i32.const 4)))
         (i32.store8 (i32.const 65536) (i32.const 34))
         (i32.store8 (i32.add (i32.const 65537) (local.get $m)) (i32.const 34))
         (call $text (i32.const 65536) (i32.add (local.get $m) (i32.const 2)))"
    );
    of(asks, run)
}

fn of(asks: Asks, run: String) -> Guest {
    Guest {
        imports: IMPORTS,
        run: run.leak(),
        more: functions(asks),
        foreign: HTTP,
        lift: Lift::Async,
        ..Guest::default()
    }
}

fn run(guest: Guest, limits: Limits, gate: Gate) -> Finished<Outcome> {
    block_on(async {
        let connector = load(&guest.build()).await.unwrap_or_else(|error| panic!("{error}"));
        connector.run(call(limits, gate), "act", "{}", None, &context()).await
    })
}

#[track_caller]
fn check(asks: Asks, limits: Limits, gate: Gate, expected: &str) -> Finished<Outcome> {
    let finished = run(guest(asks), limits, gate);
    assert_eq!(finished.result, Ok(Outcome::Done(expected.into())), "{finished:?}");
    finished
}

#[track_caller]
fn stopped(guest: Guest, limits: Limits, gate: Gate, reason: StopReason) -> Finished<Outcome> {
    let finished = run(guest, limits, gate);
    match &finished.result {
        Err(CallError::Stopped(report)) if report.reason == reason => finished,
        _ => panic!("expected {reason:?}, came {finished:?}"),
    }
}

#[test]
fn a_request_of_03_reaches_the_gate_as_it_was_made() {
    let header = |name, value| Asks { header: Some((name, value)), ..PLAIN };
    let at = |authority| Asks { authority, ..PLAIN };
    for (asks, expected) in [
        (PLAIN, "GET https://api.test/v1/x"),
        (header("x-a", "1"), "GET https://api.test/v1/x x-a=1"),
        (at("127.0.0.1:80"), "GET https://127.0.0.1:80/v1/x"),
        // HC-01: the engine's library takes no such authority, so the request has none.
        (at("u:p@api.test"), "code 19"),
        // HC-24, HC-26: refusing them is the gate's, and it has to see them for that.
        (header("host", "x"), "GET https://api.test/v1/x host=x"),
        (header("transfer-encoding", "chunked"), "GET https://api.test/v1/x transfer-encoding=chunked"),
        // HC-25: not a header at all.
        (header("x-a", "1\\0d\\0ax"), "header "),
        (header("authorization", "Wharf token"), "GET https://api.test/v1/x auth=token"),
        (header("authorization", "Bearer wharf:token"), "GET https://api.test/v1/x auth=token"),
        (header("authorization", "Bearer s3cret"), "GET https://api.test/v1/x authorization=Bearer s3cret"),
    ] {
        check(asks, Limits::default(), Gate::Shows, expected);
    }
}

#[test]
fn what_the_gate_says_comes_back_from_03_as_a_code() {
    let finished = check(PLAIN, Limits::default(), Gate::Denies("host"), "code 15");
    assert_eq!(finished.metering.effects, 1);
    assert_eq!(finished.log[0].message, "wasi:http: denied (host): not granted");
    check(PLAIN, Limits::default(), Gate::Denies("method"), "code 15");
    check(PLAIN, Limits::default(), Gate::Denies("ip"), "code 04");
}

#[test]
fn limits_hold_through_wasi_http_03() {
    let finished = check(PLAIN, Limits::default(), Gate::Floods(1_000), &"x".repeat(1_000));
    assert!(finished.metering.host_bytes >= 1_000, "{:?}", finished.metering);
    let limits = Limits { http_response_bytes: 1_000, ..Limits::default() };
    check(PLAIN, limits, Gate::Floods(1_001), "code 28");
    check(PLAIN, Limits { http_requests: 0, ..Limits::default() }, Gate::Shows, "code 11");
    let limits = Limits { deadline_ms: 100, ..Limits::default() };
    let finished = stopped(guest(PLAIN), limits, Gate::Hangs, StopReason::Deadline);
    let Err(CallError::Stopped(report)) = finished.result else { unreachable!() };
    assert_eq!(report.last_effect.as_deref(), Some("#1 GET api.test/v1/x → no answer yet"));
}

#[test]
fn gr_12_handles_of_03_that_are_never_dropped() {
    let forever = "(loop $l (drop (call $fields)) (br $l)) unreachable".to_owned();
    let finished = stopped(of(PLAIN, forever), Limits::default(), Gate::Hangs, StopReason::Handles);
    assert!(finished.metering.fuel < 100_000_000, "{:?}", finished.metering);
    // What a request leaves behind counts as well: itself, its futures, its streams.
    let forever = "(loop $l (drop (call $made)) (br $l)) unreachable".to_owned();
    stopped(of(PLAIN, forever), Limits::default(), Gate::Hangs, StopReason::Handles);
}

#[test]
fn bytes_that_cross_through_03_are_counted() {
    let forever = format!("(loop $l (local.set $n (call $made)) {SEND} {CONSUME} (br $l)) unreachable");
    let limits = Limits { host_bytes: 1_000_000, handles: 60_000, http_requests: 1_000, ..Limits::default() };
    let finished = stopped(of(PLAIN, forever), limits, Gate::Floods(50_000), StopReason::HostBytes);
    assert!((20..1_000).contains(&finished.metering.effects), "{:?}", finished.metering);
}
