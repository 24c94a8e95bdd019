//! Wherever a guest is at its deadline, it is stopped, and the report says where it was. Fuel is
//! endless in each case, so that it is the deadline that stops it.

use wharf_model::{
    call::{CallError, StopReason, TrapReport},
    grant::Limits,
};

use super::{
    block_on, context,
    guest::{Guest, HTTP, LOG},
    host::{Gate, call},
    limits::hurried,
    load,
};

const SEND: &str = "(call $send (i32.const 128) (i32.const 3) (i32.const 136) (i32.const 16)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";
const URL: &str = r#"(data (i32.const 128) "GET") (data (i32.const 136) "https://a.test/x")"#;

#[track_caller]
fn late(id: &str, guest: Guest, frame: &str) -> TrapReport {
    let limits = Limits { deadline_ms: 100, fuel: u64::MAX, ..Limits::ceiling() };
    let finished = block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        connector.run(call(limits, Gate::Hangs), "act", "{}", None, &context()).await
    });
    let Err(CallError::Stopped(report)) = finished.result else { panic!("{id}: {finished:?}") };
    assert_eq!(report.reason, StopReason::Deadline, "{id}: {report:?}");
    assert!(report.message.contains("deadline of 100 ms"), "{id}: {}", report.message);
    assert!(report.backtrace.iter().any(|line| line.contains(frame)), "{id}: {:?}", report.backtrace);
    assert!(finished.metering.wall_micros >= 100_000, "{id}: {:?}", finished.metering);
    report
}

#[test]
fn a_guest_that_computes() {
    let spin =
        Guest { more: "(func $spin (loop $l (br $l)))", run: "(call $spin) unreachable", ..Guest::default() };
    let report = late("spin", spin, "spin");
    assert!(report.fuel > 0 && report.peak_memory_bytes == 2 << 16, "{report:?}");
    // No loop: the check at a function's entry is the one that counts.
    let recurse = Guest {
        more: "(func $twice (param i32)
                (if (local.get 0) (then
                    (call $twice (i32.sub (local.get 0) (i32.const 1)))
                    (call $twice (i32.sub (local.get 0) (i32.const 1))))))",
        run: "(call $twice (i32.const 1000)) unreachable",
        ..Guest::default()
    };
    late("recursion", recurse, "twice");
    let fill = Guest {
        more: "(func $fill (memory.fill (i32.const 0) (i32.const 1) (i32.const 66977792)))",
        run: "(drop (memory.grow (i32.const 1020))) (loop $l (call $fill) (br $l)) unreachable",
        ..Guest::default()
    };
    late("bulk", fill, "run");
}

#[test]
fn a_guest_that_calls_the_host_without_end() {
    let flood = Guest {
        imports: LOG,
        // No bytes, so that those of all calls together are not what stops it.
        run: "(loop $l (call $log (i32.const 1) (i32.const 256) (i32.const 0) (i32.const 0) (i32.const 0)) (br $l)) unreachable",
        ..Guest::default()
    };
    late("flood", flood, "run");
}

#[test]
fn a_guest_that_waits_for_the_gate() {
    let run: &'static str = format!("{SEND} i32.const 64").leak();
    let report = late("gate", Guest { imports: HTTP, more: URL, run, ..Guest::default() }, "run");
    assert_eq!(report.last_effect.as_deref(), Some("#1 GET a.test/x → no answer yet"));
}

#[test]
fn gr_11_a_result_of_many_empty_strings() {
    // Five million empty strings: 24 bytes of the host for 8 of the guest.
    let guest = Guest {
        run: "(drop (memory.grow (i32.const 640)))
              (i32.store8 (i32.const 72) (i32.const 1))
              (i32.store (i32.const 80) (i32.const 131072)) (i32.store (i32.const 84) (i32.const 5000000))
              i32.const 64",
        ..Guest::default()
    };
    let finished = block_on(async {
        let connector = load(&guest.build()).await.unwrap();
        connector.run(call(hurried(), Gate::Hangs), "act", "{}", None, &context()).await
    });
    let Err(CallError::Stopped(report)) = finished.result else { panic!("{finished:?}") };
    assert_eq!(report.reason, StopReason::HostBytes, "{}", report.message);
}
