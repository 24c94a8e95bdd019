//! A guest alone with its limits: fuel, time, memory, tables, stack, log, results.

use serde_json::json;

use super::{LOOP, core, ended_after_two_seconds, stopped, two_seconds};
use crate::security::play::cases;
use crate::security::play::{Case, Ends, Guest};
use crate::wat::Core;

const LOG: &str = r#"(import "wharf:connector/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;

cases! {
    gr_01_a_loop_runs_out_of_fuel => Case::Guest(Guest {
        core: core(LOOP),
        limits: json!({ "fuel": 100_000_000 }),
        ends: Ends::Stopped(&["fuel"]),
        also: |_, _, ran| match ran.attempt()["metering"]["fuel"].as_u64() {
            Some(100_000_000) => Ok("100,000,000 units".to_owned()),
            other => Err(format!("the fuel that was used is not reported: {other:?}")),
        },
    });

    gr_02_a_loop_meets_the_deadline => Case::Guest(Guest {
        core: core(LOOP),
        limits: two_seconds(),
        ends: Ends::Stopped(&["deadline"]),
        also: |_, _, ran| ended_after_two_seconds(ran.attempt()),
    });

    gr_03_a_start_function_that_never_ends => Case::Guest(Guest {
        core: Core { more: "(func $start (loop $l (br $l))) (start $start)".to_owned(), ..Core::default() },
        ends: Ends::Refused("refused-by-sandbox", "does not start"),
        ..Guest::default()
    });

    gr_04_memory_that_grows_for_ever => Case::Guest(Guest {
        core: core("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) i32.const 32"),
        also: |bed, before, ran| {
            let peak = ran.attempt()["metering"]["peak_memory_bytes"].as_u64().unwrap();
            let grown = before.grown_kib(bed);
            let figures = format!("peak {peak} bytes, {grown} KiB resident more");
            if peak <= 64 << 20 && peak > 60 << 20 && grown <= 80 << 10 { Ok(figures) } else { Err(figures) }
        },
        ..Guest::default()
    });

    gr_05_a_memory_that_starts_too_large => Case::Guest(Guest {
        core: Core { pages: 16_384, ..Core::default() },
        ends: Ends::Refused("refused-by-sandbox", "a memory starts with 1073741824 bytes"),
        ..Guest::default()
    });

    gr_06_a_table_that_grows_too_large => Case::Guest(Guest {
        core: Core {
            more: "(table $t 1 funcref)".to_owned(),
            said: "0".to_owned(),
            // `0` becomes `/` for -1.
            run: "(i32.store8 (i32.const 1024) (i32.add (i32.const 50)
                    (table.grow $t (ref.null func) (i32.const 10000000)))) i32.const 32".to_owned(),
            ..Core::default()
        },
        ends: Ends::Done(json!(1)),
        ..Guest::default()
    });

    gr_06_a_table_that_starts_too_large => Case::Guest(Guest {
        core: Core { more: "(table 100000000 funcref)".to_owned(), ..Core::default() },
        ends: Ends::Refused("refused-by-sandbox", "a table starts with 100000000 elements"),
        ..Guest::default()
    });

    gr_07_recursion => stopped(
        Core { more: "(func $f (call $f))".to_owned(), ..core("(call $f) i32.const 32") },
        json!({}),
        &["stack"],
    );

    gr_07_recursion_through_a_table => stopped(
        Core {
            more: "(type $v (func)) (table $t funcref (elem $a $b))
                   (func $a (call_indirect $t (type $v) (i32.const 1)))
                   (func $b (call_indirect $t (type $v) (i32.const 0)))".to_owned(),
            ..core("(call $a) i32.const 32")
        },
        json!({}),
        &["stack"],
    );

    gr_08_a_flood_of_log_lines => Case::Guest(Guest {
        core: Core {
            imports: LOG.to_owned(),
            run: "(memory.fill (i32.const 131072) (i32.const 120) (i32.const 1000))
                  (loop $l (call $log (i32.const 1) (i32.const 131072) (i32.const 1000) (i32.const 0) (i32.const 0)) (br $l))
                  unreachable".to_owned(),
            ..Core::default()
        },
        limits: json!({ "fuel": 100_000_000 }),
        ends: Ends::Stopped(&["fuel", "log"]),
        also: |_, _, ran| {
            let (kept, calls) = (ran.logged(), ran.attempt()["metering"]["host_calls"].as_u64().unwrap());
            let figures = format!("{kept} bytes kept of {calls} lines");
            // A bare host call costs two units: 50,000,000 of them.
            if kept <= (256 << 10) + 100 && calls <= 100_000 { Ok(figures) } else { Err(figures) }
        },
    });

    gr_09_a_result_of_200_megabytes => stopped(
        core("(drop (memory.grow (i32.const 3200))) (i32.store (i32.const 52) (i32.const 200000000)) i32.const 32"),
        json!({ "memory-bytes": 512 << 20 }),
        &["host-bytes"],
    );

    // A page whose 10,000 items are one buffer of a megabyte.
    gr_10_ten_thousand_aliases => stopped(
        core("(drop (memory.grow (i32.const 40)))
              (i32.store8 (i32.const 40) (i32.const 1))
              (i32.store (i32.const 48) (i32.const 262144)) (i32.store (i32.const 52) (i32.const 10000))
              (loop $l
                (i32.store (i32.add (i32.const 262144) (i32.shl (local.get $n) (i32.const 3))) (i32.const 524288))
                (i32.store (i32.add (i32.const 262148) (i32.shl (local.get $n) (i32.const 3))) (i32.const 1048576))
                (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 10000))))
              i32.const 32"),
        json!({}),
        &["host-bytes"],
    );

    gr_11_five_million_empty_strings => stopped(
        core("(drop (memory.grow (i32.const 700)))
              (i32.store8 (i32.const 40) (i32.const 1))
              (i32.store (i32.const 48) (i32.const 262144)) (i32.store (i32.const 52) (i32.const 5000000))
              i32.const 32"),
        json!({}),
        &["host-bytes"],
    );

    gr_17_a_memory_that_is_filled_for_ever => Case::Guest(Guest {
        core: core("(drop (memory.grow (i32.const 1019)))
            (loop $l (memory.fill (i32.const 65536) (i32.const 1) (i32.const 66912256)) (br $l)) unreachable"),
        limits: two_seconds(),
        ends: Ends::Stopped(&["deadline"]),
        also: |_, _, ran| ended_after_two_seconds(ran.attempt()),
    });

    gr_17_a_memory_that_is_copied_for_ever => Case::Guest(Guest {
        core: core("(drop (memory.grow (i32.const 1019)))
            (loop $l (memory.copy (i32.const 65537) (i32.const 65536) (i32.const 66912255)) (br $l)) unreachable"),
        limits: two_seconds(),
        ends: Ends::Stopped(&["deadline"]),
        also: |_, _, ran| ended_after_two_seconds(ran.attempt()),
    });
}
