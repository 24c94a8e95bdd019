//! Each limit by itself: at its edge a call passes, one below it is stopped with the limit's reason,
//! and raising all the others to the ceiling does not help.

use wharf_model::{
    call::{CallError, Outcome, StopReason},
    grant::Limits,
};

use super::{
    block_on, context,
    guest::{BLOBS, Guest, HTTP, LOG},
    host::{Gate, call},
    load,
};
use crate::{Connector, Finished};

type Set = fn(&mut Limits, u64);

/// Finds the smallest value of a limit with which a guest returns, and looks at both sides of it. The
/// edge lies within `expected`.
#[track_caller]
fn edge(id: &str, guest: Guest, set: Set, expected: std::ops::RangeInclusive<u64>, reason: StopReason) {
    let connector = block_on(load(&guest.build())).unwrap_or_else(|error| panic!("{id}: {error}"));
    let passes = |base: Limits, value: u64| {
        let mut limits = base;
        set(&mut limits, value);
        run(&connector, limits).result.is_ok()
    };
    let (mut low, mut high) = (*expected.start() - 1, *expected.end());
    assert!(passes(Limits::default(), high), "{id}: {high} is not enough");
    assert!(!passes(Limits::default(), low), "{id}: {low} is enough");
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if passes(Limits::default(), middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    assert!(passes(Limits::ceiling(), high), "{id}: {high} passes, and not with the others raised");
    for base in [Limits::default(), Limits::ceiling()] {
        let mut limits = base;
        set(&mut limits, low);
        let finished = run(&connector, limits);
        let Err(CallError::Stopped(report)) = finished.result else { panic!("{id}: {finished:?}") };
        assert_eq!(report.reason, reason, "{id}: {}", report.message);
        assert_eq!(report.fuel, finished.metering.fuel, "{id}");
        assert_eq!(report.peak_memory_bytes, finished.metering.peak_memory_bytes, "{id}");
    }
}

fn run(connector: &Connector, limits: Limits) -> Finished<Outcome> {
    block_on(connector.run(call(limits, Gate::Answers("ok")), "act", "{}", None, &context()))
}

#[test]
fn fuel() {
    let guest = Guest {
        run: "(loop $l (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))
              i32.const 64",
        ..Guest::default()
    };
    edge("fuel", guest, |limits, value| limits.fuel = value, 4_000..=20_000, StopReason::Fuel);
}

#[test]
fn memory() {
    let guest = Guest {
        run: "(if (i32.eq (memory.grow (i32.const 30)) (i32.const -1)) (then unreachable)) i32.const 64",
        ..Guest::default()
    };
    edge(
        "memory",
        guest,
        |limits, value| limits.memory_bytes = value,
        32 << 16..=32 << 16,
        StopReason::Memory,
    );
}

#[test]
fn tables() {
    let guest = Guest { more: "(table 1234 funcref)", ..Guest::default() };
    let set: Set = |limits, value| limits.table_elements = u32::try_from(value).unwrap();
    edge("tables", guest, set, 1_234..=1_240, StopReason::Table);
}

#[test]
fn instances() {
    let guest = Guest { imports: LOG, ..Guest::default() };
    let set: Set = |limits, value| limits.instances = u32::try_from(value).unwrap();
    edge("instances", guest, set, 2..=10, StopReason::Instances);
}

#[test]
fn bytes_of_one_host_call() {
    let guest = Guest {
        imports: LOG,
        run: "(call $log (i32.const 1) (i32.const 65536) (i32.const 50000) (i32.const 0) (i32.const 0)) i32.const 64",
        ..Guest::default()
    };
    let set: Set = |limits, value| limits.host_bytes_per_call = value;
    edge("bytes of one call", guest, set, 50_000..=200_000, StopReason::HostBytes);
}

#[test]
fn bytes_of_all_host_calls() {
    let guest = Guest {
        imports: LOG,
        run: "(loop $l
                (call $log (i32.const 1) (i32.const 65536) (i32.const 50000) (i32.const 0) (i32.const 0))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 7))))
              i32.const 64",
        ..Guest::default()
    };
    edge(
        "bytes of all calls",
        guest,
        |limits, value| limits.host_bytes = value,
        350_000..=700_000,
        StopReason::HostBytes,
    );
}

#[test]
fn gr_12_handles() {
    let guest = Guest {
        imports: BLOBS,
        run: "(loop $l
                (call $create (i32.const 16) (i32.const 2) (i32.const 16) (i32.const 2) (i32.const 128))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 9))))
              i32.const 64",
        ..Guest::default()
    };
    let set: Set = |limits, value| limits.handles = u32::try_from(value).unwrap();
    edge("handles", guest, set, 9..=9, StopReason::Handles);
}

#[test]
fn bytes_of_output() {
    // A JSON string of 1,000 bytes, which costs eight more.
    let guest = Guest {
        more: r#"(data (i32.const 65536) "\22")"#,
        run: "(memory.fill (i32.const 65537) (i32.const 97) (i32.const 998))
              (i32.store8 (i32.const 66535) (i32.const 34))
              (i32.store (i32.const 80) (i32.const 65536)) (i32.store (i32.const 84) (i32.const 1000))
              i32.const 64",
        ..Guest::default()
    };
    edge("output", guest, |limits, value| limits.output_bytes = value, 1_008..=1_008, StopReason::Output);
}

#[test]
fn depth_of_output() {
    for (levels, stopped) in [(127_usize, false), (128, true), (5_000, true)] {
        let json = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        let length = json.len();
        let more: &'static str = format!(r#"(data (i32.const 65536) "{json}")"#).leak();
        let body: &'static str = format!(
            "(i32.store (i32.const 80) (i32.const 65536)) (i32.store (i32.const 84) (i32.const {length})) i32.const 64"
        )
        .leak();
        let connector = block_on(load(&Guest { more, run: body, ..Guest::default() }.build())).unwrap();
        for limits in [Limits::default(), Limits::ceiling()] {
            let finished = run(&connector, limits);
            match finished.result {
                Ok(_) => assert!(!stopped, "{levels} levels are returned"),
                Err(CallError::Stopped(report)) => {
                    assert!(stopped && report.reason == StopReason::Output, "{levels}: {report:?}");
                }
                Err(other) => panic!("{levels}: {other}"),
            }
        }
    }
}

#[test]
fn bytes_of_log() {
    // One line of 1,000 bytes, which costs sixteen more.
    let guest = Guest {
        imports: LOG,
        run: "(memory.fill (i32.const 65536) (i32.const 97) (i32.const 1000))
              (call $log (i32.const 1) (i32.const 65536) (i32.const 1000) (i32.const 0) (i32.const 0)) i32.const 64",
        ..Guest::default()
    };
    let connector = block_on(load(&guest.build())).unwrap();
    for base in [Limits::default(), Limits::ceiling()] {
        for (log_bytes, truncated) in [(1_016, false), (1_015, true)] {
            let finished = run(&connector, Limits { log_bytes, ..base });
            assert!(finished.result.is_ok());
            let marked = finished.log.iter().any(|line| line.message.contains("truncated"));
            assert_eq!(marked, truncated, "{log_bytes}: {:?}", finished.log);
        }
    }
}

#[test]
fn hc_39_requests() {
    // How many of nine requests went through, as one digit.
    let guest = Guest {
        imports: HTTP,
        more: r#"(data (i32.const 128) "GET") (data (i32.const 136) "https://a.test/x")"#,
        run: "(loop $l
                (call $send (i32.const 128) (i32.const 3) (i32.const 136) (i32.const 16)
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
                    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
                (if (i32.eqz (i32.load8_u (i32.const 256)))
                    (then (local.set $m (i32.add (local.get $m) (i32.const 1)))))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 9))))
              (i32.store8 (i32.const 16) (i32.add (i32.const 48) (local.get $m)))
              (i32.store (i32.const 84) (i32.const 1)) i32.const 64",
        ..Guest::default()
    };
    let connector = block_on(load(&guest.build())).unwrap();
    for base in [Limits::default(), Limits::ceiling()] {
        for (http_requests, went) in [(9, 9), (8, 8), (0, 0)] {
            let finished = run(&connector, Limits { http_requests, ..base });
            assert_eq!(finished.result, Ok(Outcome::Done(serde_json::json!(went))));
            assert_eq!(finished.metering.effects, went);
        }
    }
}
