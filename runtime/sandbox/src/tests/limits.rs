//! Each limit of a call, crossed by a guest; after each case another connector still runs.

use std::time::Duration;

use wharf_model::{
    call::{CallError, StopReason},
    failure::FailureClass,
    grant::Limits,
};

use super::{
    block_on, context,
    guest::{BLOBS, Guest, LOG},
    host::{Gate, call},
    load,
};
use crate::Finished;

/// What a case expects of `run`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ends {
    /// It returns this JSON.
    Done(&'static str),
    /// The sandbox stops it, and says something that contains this.
    Stopped(StopReason, &'static str),
    /// It fails with this class.
    Failed(FailureClass),
}

#[track_caller]
pub(super) fn check(
    id: &str,
    guest: Guest,
    limits: Limits,
    gate: Gate,
    expected: Ends,
) -> Finished<wharf_model::call::Outcome> {
    let finished = block_on(async {
        let connector = load(&guest.build()).await.unwrap_or_else(|error| panic!("{id}: {error}"));
        let finished = connector.run(call(limits, gate), "act", "{}", None, &context()).await;
        canary(id).await;
        finished
    });
    let right = match (&finished.result, &expected) {
        (Ok(wharf_model::call::Outcome::Done(value)), Ends::Done(json)) => {
            *value == serde_json::from_str::<serde_json::Value>(json).unwrap()
        }
        (Err(CallError::Stopped(report)), Ends::Stopped(reason, says)) => {
            report.reason == *reason && report.message.contains(says)
        }
        (Err(CallError::Failed(failure)), Ends::Failed(class)) => failure.class == *class,
        _ => false,
    };
    assert!(right, "{id}: expected {expected:?}, found {finished:#?}");
    assert!(finished.metering.peak_memory_bytes <= limits.memory_bytes, "{id}: {:?}", finished.metering);
    assert!(finished.metering.fuel > 0 || finished.result.is_err(), "{id}: every call is metered");
    finished
}

async fn canary(id: &str) {
    let connector = load(&Guest::default().build()).await.unwrap();
    let finished = connector.run(call(Limits::default(), Gate::Hangs), "act", "{}", None, &context()).await;
    assert!(finished.result.is_ok(), "after {id} the canary is dead: {:?}", finished.result);
}

const LOOP: &str = "(loop $l (br $l)) unreachable";

/// Unlimited fuel, and a tenth of a second.
pub(super) fn hurried() -> Limits {
    Limits { fuel: u64::MAX, deadline_ms: 100, ..Limits::default() }
}

#[test]
fn gr_01_a_loop_runs_out_of_fuel() {
    let limits = Limits { fuel: 3_000_000, ..Limits::default() };
    let guest = Guest { run: LOOP, ..Guest::default() };
    let finished = check("GR-01", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::Fuel, "3,000,000"));
    assert_eq!(finished.metering.fuel, 3_000_000);
    let Err(CallError::Stopped(report)) = finished.result else { unreachable!() };
    assert!(report.backtrace[0].contains("run"), "{:?}", report.backtrace);
}

#[test]
fn gr_02_a_loop_with_endless_fuel_meets_the_deadline() {
    let guest = Guest { run: LOOP, ..Guest::default() };
    let finished =
        check("GR-02", guest, hurried(), Gate::Hangs, Ends::Stopped(StopReason::Deadline, "100 ms"));
    assert!(Duration::from_micros(finished.metering.wall_micros) < Duration::from_secs(2));
    assert!(finished.metering.fuel > 0);
}

#[test]
fn gr_04_memory_grows_to_the_limit_and_no_further() {
    let guest = Guest {
        run: "(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) i32.const 64",
        ..Guest::default()
    };
    let finished = check("GR-04", guest, Limits::default(), Gate::Hangs, Ends::Done("{}"));
    assert!(finished.metering.peak_memory_bytes > 60 << 20);
}

#[test]
fn gr_05_a_memory_that_starts_too_large() {
    let limits = Limits::default();
    let guest = Guest { pages: 2048, ..Guest::default() };
    check("GR-05", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::Memory, "67,108,864"));
}

#[test]
fn gr_06_tables() {
    let grow = Guest {
        more: "(table $t 1 funcref)",
        run: "(i32.store8 (i32.const 16) (i32.add (i32.const 50)
                (table.grow $t (ref.null func) (i32.const 10000000))))
              (i32.store (i32.const 84) (i32.const 1)) i32.const 64",
        ..Guest::default()
    };
    check("GR-06 grow", grow, Limits::default(), Gate::Hangs, Ends::Done("1"));
    let start = Guest { more: "(table $t 9000 funcref)", ..Guest::default() };
    let limits = Limits { table_elements: 1_000, ..Limits::default() };
    check("GR-06 start", start, limits, Gate::Hangs, Ends::Stopped(StopReason::Table, "9,000"));
}

#[test]
fn gr_07_recursion() {
    let direct = Guest { more: "(func $f (call $f))", run: "(call $f) i32.const 64", ..Guest::default() };
    check("GR-07 direct", direct, Limits::default(), Gate::Hangs, Ends::Stopped(StopReason::Stack, "stack"));
    let mutual = Guest {
        more: "(type $v (func)) (table $t funcref (elem $a $b))
               (func $a (call_indirect $t (type $v) (i32.const 1)))
               (func $b (call_indirect $t (type $v) (i32.const 0)))",
        run: "(call $a) i32.const 64",
        ..Guest::default()
    };
    check("GR-07 mutual", mutual, Limits::default(), Gate::Hangs, Ends::Stopped(StopReason::Stack, "stack"));
}

#[test]
fn gr_08_a_flood_of_log_lines_is_paid_for() {
    let guest = Guest {
        imports: LOG,
        run: "(loop $l (call $log (i32.const 1) (i32.const 65536) (i32.const 1000) (i32.const 0) (i32.const 0)) (br $l))
              unreachable",
        ..Guest::default()
    };
    let limits = Limits { fuel: 20_000_000, log_bytes: 8 << 10, ..Limits::default() };
    let finished = check("GR-08", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::Fuel, "20,000,000"));
    assert!(finished.metering.host_calls < 20_000, "{:?}", finished.metering);
    let kept: usize = finished.log.iter().map(|line| line.message.len()).sum();
    assert!(kept <= (8 << 10) + 40 && finished.log.last().unwrap().message.contains("truncated"));
}

#[test]
fn gr_09_a_result_larger_than_the_border() {
    let guest = Guest {
        run: "(drop (memory.grow (i32.const 3200)))
              (i32.store (i32.const 84) (i32.const 200000000)) i32.const 64",
        ..Guest::default()
    };
    let limits = Limits { memory_bytes: 512 << 20, ..Limits::default() };
    check("GR-09", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::HostBytes, "8,388,608"));
}

#[test]
fn gr_10_ten_thousand_aliases_of_one_buffer() {
    let guest = Guest {
        run: "(drop (memory.grow (i32.const 40)))
              (i32.store8 (i32.const 72) (i32.const 1))
              (i32.store (i32.const 80) (i32.const 131072)) (i32.store (i32.const 84) (i32.const 10000))
              (loop $l
                (i32.store (i32.add (i32.const 131072) (i32.shl (local.get $n) (i32.const 3))) (i32.const 524288))
                (i32.store (i32.add (i32.const 131076) (i32.shl (local.get $n) (i32.const 3))) (i32.const 1048576))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10000))))
              i32.const 64",
        ..Guest::default()
    };
    check("GR-10", guest, Limits::default(), Gate::Hangs, Ends::Stopped(StopReason::HostBytes, "8,388,608"));
}

#[test]
fn gr_12_handles_that_are_never_dropped() {
    let guest = Guest {
        imports: BLOBS,
        run: "(loop $l (call $create (i32.const 16) (i32.const 2) (i32.const 16) (i32.const 2) (i32.const 128)) (br $l))
              unreachable",
        ..Guest::default()
    };
    check(
        "GR-12",
        guest,
        Limits::default(),
        Gate::Hangs,
        Ends::Stopped(StopReason::Handles, "handles alive"),
    );
}

#[test]
fn gr_17_bulk_instructions_meet_the_deadline() {
    for (id, body) in [
        ("fill", "(memory.fill (i32.const 0) (i32.const 1) (i32.const 66977792))"),
        ("copy", "(memory.copy (i32.const 65536) (i32.const 0) (i32.const 66912256))"),
    ] {
        let run: &'static str =
            format!("(drop (memory.grow (i32.const 1020))) (loop $l {body} (br $l)) unreachable").leak();
        let guest = Guest { run, ..Guest::default() };
        check(
            &format!("GR-17 {id}"),
            guest,
            hurried(),
            Gate::Hangs,
            Ends::Stopped(StopReason::Deadline, "100 ms"),
        );
    }
}

#[test]
fn gr_21_a_thousand_traps() {
    block_on(async {
        let guest = Guest { run: "unreachable", ..Guest::default() };
        let connector = load(&guest.build()).await.unwrap();
        for _ in 0..1_000 {
            let call = call(Limits::default(), Gate::Hangs);
            let finished = connector.run(call, "act", "{}", None, &context()).await;
            let Err(CallError::Stopped(report)) = finished.result else { panic!("{finished:?}") };
            assert_eq!(report.reason, StopReason::Guest);
            assert!(report.message.contains("unreachable"), "{}", report.message);
        }
        canary("GR-21").await;
    });
}

#[test]
fn a_component_of_too_many_instances() {
    let guest = Guest { imports: LOG, ..Guest::default() };
    let limits = Limits { instances: 1, ..Limits::default() };
    check("instances", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::Instances, "more than 1"));
}

#[test]
fn bytes_of_all_host_calls_together() {
    let guest = Guest {
        imports: LOG,
        pages: 20,
        run: "(loop $l (call $log (i32.const 1) (i32.const 65536) (i32.const 1000000) (i32.const 0) (i32.const 0)) (br $l))
              unreachable",
        ..Guest::default()
    };
    let limits = Limits { host_bytes: 4_500_000, ..Limits::default() };
    let finished = check("host bytes", guest, limits, Gate::Hangs, Ends::Stopped(StopReason::HostBytes, ""));
    assert_eq!(finished.metering.host_calls, 4);
}
