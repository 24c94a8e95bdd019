//! Components of a toolchain that links WASI: it is there, and there is nothing behind it.

/// Requests through `wasi:http` 0.3.
mod client;
/// Files in a scratch directory.
mod files;
/// Requests through `wasi:http` 0.2.
mod http;
/// The public test programs of WASI 0.3.
mod suite;

use wharf_model::{
    call::{CallError, Outcome, StopReason},
    digest::Digest,
    grant::Limits,
};

use crate::{Sandbox, SandboxConfig};

use super::{
    block_on, context,
    guest::Guest,
    host::{Gate, call},
    limits::{Ends, check},
    load,
};

/// Prints what is at 64 to stdout, draws a seed, and describes itself.
const PRINTS: &str = r#"(component
    (import "wasi:random/insecure-seed@0.2.0" (instance $seed
        (export "insecure-seed" (func (result (tuple u64 u64))))))
    (import "wasi:io/error@0.2.0" (instance $errors (export "error" (type (sub resource)))))
    (alias export $errors "error" (type $error))
    (import "wasi:io/streams@0.2.0" (instance $streams
        (export "output-stream" (type $stream (sub resource)))
        (alias outer 1 $error (type $outer))
        (export "error" (type $error (eq $outer)))
        (type $failed (variant (case "last-operation-failed" (own $error)) (case "closed")))
        (export "stream-error" (type $stream-error (eq $failed)))
        (export "[method]output-stream.blocking-write-and-flush" (func
            (param "self" (borrow $stream)) (param "contents" (list u8))
            (result (result (error $stream-error)))))))
    (alias export $streams "output-stream" (type $stream))
    (import "wasi:cli/stdout@0.2.0" (instance $stdout
        (alias outer 1 $stream (type $outer))
        (export "output-stream" (type $stream (eq $outer)))
        (export "get-stdout" (func (result (own $stream))))))
    (core module $memory (memory (export "memory") 1)
        (data (i32.const 16) "{}")
        (data (i32.const 32) "\10\00\00\00\02\00\00\00")
        (data (i32.const 64) "one\n\1b[31mtwo"))
    (core instance $memory (instantiate $memory))
    (core func $seed (canon lower (func $seed "insecure-seed") (memory $memory "memory")))
    (core func $stdout (canon lower (func $stdout "get-stdout")))
    (core func $write (canon lower (func $streams "[method]output-stream.blocking-write-and-flush")
        (memory $memory "memory")))
    (core module $program
        (import "host" "seed" (func $seed (param i32)))
        (import "host" "stdout" (func $stdout (result i32)))
        (import "host" "write" (func $write (param i32 i32 i32 i32)))
        (func (export "describe") (result i32)
            (call $seed (i32.const 256))
            (call $write (call $stdout) (i32.const 64) (i32.const 12) (i32.const 272))
            i32.const 32))
    (core instance $program (instantiate $program (with "host" (instance
        (export "seed" (func $seed)) (export "stdout" (func $stdout)) (export "write" (func $write))))))
    (func $describe (result string)
        (canon lift (core func $program "describe") (memory $memory "memory")))
    (instance $manifest (export "describe" (func $describe)))
    (export "wharf:connector/manifest@0.1.0" (instance $manifest)))"#;

#[test]
fn gr_14_what_is_printed_goes_to_the_log() {
    let wasm = wat::parse_str(PRINTS).unwrap();
    block_on(async {
        let connector = load(&wasm).await.unwrap();
        let finished = connector.describe(&Limits::default()).await;
        assert_eq!(finished.result, Ok("{}".into()));
        let lines: Vec<_> = finished.log.iter().map(|line| line.message.as_str()).collect();
        assert_eq!(lines, ["one", "\\u{1b}[31mtwo"]);

        let finished = connector.describe(&Limits { log_bytes: 18, ..Limits::default() }).await;
        assert_eq!(finished.log.last().unwrap().message, "log truncated at 18 bytes");
    });
}

/// Randomness of both versions.
const RANDOM: (&str, &str) = (
    "import wasi:random/random@0.2.0; import wasi:random/random@0.3.0;",
    "package wasi:random@0.2.0 { interface random {
        get-random-bytes: func(len: u64) -> list<u8>;
        get-random-u64: func() -> u64; } }
     package wasi:random@0.3.0 { interface random {
        get-random-bytes: func(max-len: u64) -> list<u8>; } }",
);

const RANDOM_02: &str = r#"
    (import "wasi:random/random@0.2.0" "get-random-bytes" (func $bytes (param i64 i32)))
    (import "wasi:random/random@0.2.0" "get-random-u64" (func $word (result i64)))"#;
const RANDOM_03: &str =
    r#"(import "wasi:random/random@0.3.0" "get-random-bytes" (func $bytes (param i64 i32)))"#;

/// Draws 8 bytes and returns a letter for each.
const LETTERS: &str = "(call $bytes (i64.const 8) (i32.const 256))
    (i32.store8 (i32.const 16) (i32.const 34)) (i32.store8 (i32.const 25) (i32.const 34))
    (loop $l
        (i32.store8 (i32.add (i32.const 17) (local.get $n))
            (i32.add (i32.const 97) (i32.and (i32.const 15)
                (i32.load8_u (i32.add (i32.load (i32.const 256)) (local.get $n))))))
        (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 8))))
    (i32.store (i32.const 84) (i32.const 10)) i32.const 64";

#[test]
fn randomness_is_the_steps_in_both_versions() {
    let drawn = |imports| {
        let guest = Guest { imports, run: LETTERS, foreign: RANDOM, ..Guest::default() };
        block_on(async {
            let connector = load(&guest.build()).await.unwrap();
            let call = call(Limits::default(), Gate::Hangs);
            connector.run(call, "act", "{}", None, &context()).await.result.unwrap()
        })
    };
    let first = drawn(RANDOM_02);
    assert_eq!(first, drawn(RANDOM_02), "an attempt draws what the last one drew");
    assert_eq!(first, drawn(RANDOM_03), "a seed means the same in both versions");
    assert_ne!(first, Outcome::Done("aaaaaaaa".into()));
}

#[test]
fn gr_22_more_randomness_than_there_is_memory() {
    for count in ["4294967296", "-1"] {
        let run: &'static str =
            format!("(call $bytes (i64.const {count}) (i32.const 256)) i32.const 64").leak();
        let guest = Guest { imports: RANDOM_02, run, foreign: RANDOM, ..Guest::default() };
        let stopped = Ends::Stopped(StopReason::HostBytes, "get-random-bytes");
        check("GR-22", guest, Limits::default(), Gate::Hangs, stopped);
        // This version lets the host return fewer.
        let guest = Guest { imports: RANDOM_03, run, foreign: RANDOM, pages: 8, ..Guest::default() };
        check("GR-22 0.3", guest, Limits::default(), Gate::Hangs, Ends::Done("{}"));
    }
}

#[test]
fn a_flood_of_wasi_calls_is_paid_for() {
    let guest = Guest {
        imports: RANDOM_02,
        run: "(loop $l (drop (call $word)) (br $l)) unreachable",
        foreign: RANDOM,
        ..Guest::default()
    };
    let limits = Limits { fuel: 20_000_000, ..Limits::default() };
    let finished = check("flood", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::Fuel, "20,000,000"));
    assert!(finished.metering.host_calls < 100_000, "{:?}", finished.metering);
    assert_eq!(finished.metering.fuel, 20_000_000);
}

const CLOCK: (&str, &str) = (
    "import wasi:clocks/monotonic-clock@0.2.0; import wasi:io/poll@0.2.0;",
    "package wasi:clocks@0.2.0 { interface monotonic-clock {
        use wasi:io/poll@0.2.0.{pollable};
        now: func() -> u64;
        subscribe-duration: func(when: u64) -> pollable; } }
     package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } } }",
);
const CLOCK_IMPORTS: &str = r#"
    (import "wasi:clocks/monotonic-clock@0.2.0" "now" (func $now (result i64)))
    (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $subscribe (param i64) (result i32)))
    (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#;

#[test]
fn gr_18_waits_end_at_the_deadline_and_hold_no_thread() {
    let guest = Guest {
        imports: CLOCK_IMPORTS,
        run: "(call $block (call $subscribe (i64.const 3600000000000))) i32.const 64",
        foreign: CLOCK,
        ..Guest::default()
    };
    // One thread for a thousand calls: if one of them held it, the others would not end.
    let sandbox = Sandbox::new(SandboxConfig { slots: 1_000, ..SandboxConfig::default() }).unwrap();
    block_on(async {
        let wasm = guest.build();
        let connector = sandbox.load(&wasm, Digest::of(&wasm)).await.unwrap();
        let limits = Limits { deadline_ms: 100, ..Limits::default() };
        let waits = (0..1_000).map(|_| {
            let (connector, context) = (connector.clone(), context());
            tokio::spawn(async move {
                connector.run(call(limits, Gate::Hangs), "act", "{}", None, &context).await
            })
        });
        for wait in waits.collect::<Vec<_>>() {
            let finished = wait.await.unwrap();
            let Err(CallError::Stopped(report)) = finished.result else { panic!("{finished:?}") };
            assert_eq!(report.reason, StopReason::Deadline);
        }
    });
}

#[test]
fn what_was_waited_for_has_passed() {
    let guest = Guest {
        imports: CLOCK_IMPORTS,
        run: "(i64.store (i32.const 128) (call $now))
              (call $block (call $subscribe (i64.const 20000000)))
              (i32.store8 (i32.const 16) (i32.add (i32.const 48) (i64.ge_u
                  (i64.sub (call $now) (i64.load (i32.const 128))) (i64.const 20000000))))
              (i32.store (i32.const 84) (i32.const 1)) i32.const 64",
        foreign: CLOCK,
        ..Guest::default()
    };
    check("clock", guest, Limits::default(), Gate::Hangs, Ends::Done("1"));
}
