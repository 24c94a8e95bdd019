//! Resources: guests that use up what they are given, made by hand. Each runs under the limits of its
//! grant, in the server's own pool, beside the canary.

use serde_json::{Value, json};

use crate::{
    security::{
        after::Before,
        bed::Bed,
        mock::{After, Reply, always, ok, raw},
        network,
        play::{Case, Ends, Findings, Guest, Http, Load, cases},
        probe::{each, get},
    },
    wat::{self, Core},
};

const A: &[&str] = &["GET,POST https://api.allowed.test/v1/"];
const URL: &str = "https://api.allowed.test/v1/x";

const LOG: &str = r#"(import "wharf:connector/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;
const LOOP: &str = "(loop $l (br $l)) unreachable";

fn core(run: &str) -> Core {
    Core { run: run.to_owned(), ..Core::default() }
}

/// Endless fuel, and two seconds.
fn two_seconds() -> Value {
    json!({ "fuel": 100_000_000_000_u64, "deadline-ms": 2_000 })
}

fn stopped(core: Core, limits: Value, reasons: &'static [&'static str]) -> Case {
    Case::Guest(Guest { core, limits, ends: Ends::Stopped(reasons), ..Guest::default() })
}

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

    gr_18_a_wait_of_an_hour => Case::Guest(Guest {
        core: waits(),
        limits: two_seconds(),
        ends: Ends::Stopped(&["deadline"]),
        also: |_, _, ran| ended_after_two_seconds(ran.attempt()),
    });

    gr_18_a_hundred_waits_pin_no_thread => Case::Own(|bed, before| Box::pin(hundred_waits(bed, before)));

    gr_19_components_that_take_too_long_to_compile => Case::Load(vec![
        Load {
            what: "50,000 functions".to_owned(),
            file: functions(50_000, 70),
            codes: &["refused-by-sandbox"],
            says: "",
        },
        Load { what: "7 MiB of functions".to_owned(), file: functions(19_900, 350), codes: &["refused-by-sandbox"], says: "" },
        Load { what: "30 MiB".to_owned(), file: padded(30 << 20), codes: &["refused-by-sandbox"], says: "the limit is" },
    ]);

    gr_20_a_function_that_takes_too_long_to_compile => Case::Load(vec![
        Load {
            what: "500,000 additions".to_owned(),
            file: function(&"(local.set $n (i32.add (local.get $n) (i32.const 7)))".repeat(500_000)),
            codes: &["refused-by-sandbox"],
            says: "a function has",
        },
        Load {
            what: "3,000 nested ifs".to_owned(),
            file: function(&format!("{}{}", "(if (local.get $n) (then ".repeat(3_000), "))".repeat(3_000))),
            codes: &[],
            says: "",
        },
        Load {
            what: "br_table over 20,000 blocks".to_owned(),
            file: function(&format!(
                "{} (br_table {} (local.get $n)) {}",
                "(block ".repeat(20_000),
                (0..20_000).map(|n| n.to_string()).collect::<Vec<_>>().join(" "),
                ")".repeat(20_000)
            )),
            codes: &[],
            says: "",
        },
    ]);

    gr_21_a_thousand_traps => Case::Own(|bed, before| Box::pin(thousand_traps(bed, before)));

    gr_22_four_gigabytes_of_randomness => stopped(random("4294967296"), json!({}), &["host-bytes", "guest", "fuel"]);

    gr_22_more_randomness_than_there_are_addresses =>
        stopped(random("-1"), json!({}), &["host-bytes", "guest", "fuel"]);

    gr_23_a_client_that_goes_away => Case::Own(|bed, _| Box::pin(gone_clients(bed)));

    gr_24_two_hundred_busy_calls => Case::Own(|bed, before| Box::pin(busy_calls(bed, before)));
}

const STDOUT: &str = "
    package wasi:io@0.2.0 {
        interface error { resource error; }
        interface streams {
            use error.{error};
            variant stream-error { last-operation-failed(error), closed }
            resource output-stream {
                blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>;
            }
        }
    }
    package wasi:cli@0.2.0 {
        interface stdout { use wasi:io/streams@0.2.0.{output-stream}; get-stdout: func() -> output-stream; }
    }";

const CLOCK: &str = "
    package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } } }
    package wasi:clocks@0.2.0 {
        interface monotonic-clock {
            use wasi:io/poll@0.2.0.{pollable};
            subscribe-duration: func(when: u64) -> pollable;
        }
    }";

/// Waits for an hour, as WASI lets it.
fn waits() -> Core {
    Core {
        wit: CLOCK,
        world: "import wasi:clocks/monotonic-clock@0.2.0;",
        imports: r#"(import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $after (param i64) (result i32)))
            (import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))"#
            .to_owned(),
        run: "(call $block (call $after (i64.const 3600000000000))) i32.const 32".to_owned(),
        ..Core::default()
    }
}

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

/// Never before, and not much later: a busy machine may take its time, a broken limit takes for ever.
fn ended_after_two_seconds(attempt: &Value) -> Result<String, String> {
    let wall = attempt["metering"]["wall_micros"].as_u64().unwrap() / 1_000;
    let figures = format!("stopped after {wall} ms");
    if (2_000..4_000).contains(&wall) { Ok(figures) } else { Err(figures) }
}

/// A connector with so many functions of so many bytes.
fn functions(count: usize, bytes: usize) -> Vec<u8> {
    let body = "(local.set $n (i32.add (local.get $n) (i32.const 7)))".repeat(bytes / 7);
    let more = format!("(func (local $n i32) {body})").repeat(count);
    wat::connector("gr-19", "1.0.0", |_| {}, &Core { more, ..Core::default() })
}

/// A connector with one more function.
fn function(body: &str) -> Vec<u8> {
    let more = format!("(func (export \"f\") (param $n i32) {body})");
    let name = format!("gr-20-{}", body.len());
    wat::connector(&name, "1.0.0", |_| {}, &Core { more, ..Core::default() })
}

/// A connector with a custom section of zeros behind it.
fn padded(bytes: usize) -> Vec<u8> {
    let mut file = wat::connector("padded", "1.0.0", |_| {}, &Core::default());
    super::ml::append_section(&mut file, "padding", &vec![0; bytes]);
    file
}

/// Installs a guest under `name` and applies its flow.
async fn settle(bed: &Bed, name: &str, core: &Core, limits: &Value) {
    bed.install(wat::connector(name, "1.0.0", |_| {}, core)).await.unwrap();
    bed.grant(name, &[], limits).await;
    bed.flow_of(name).await;
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
        if record["steps"][1]["attempts"][0]["trap"]["reason"] != "deadline" && !record.to_string().contains("\"deadline\"") {
            findings.wrong.push(format!("{record:#}"));
        }
    }
    findings
}

/// Twenty runs of fifty steps.
async fn thousand_traps(bed: &Bed, before: &Before) -> Findings {
    let mut findings = Findings::none();
    let name = "trapping";
    bed.install(wat::connector(name, "1.0.0", |_| {}, &core("unreachable"))).await.unwrap();
    let steps: String =
        (0..50).map(|n| format!("  - {{ id: s{n}, action: {name}/say, on-error: continue, retry: none }}\n")).collect();
    crate::security::bed::apply(&bed.client, &format!("flow: {name}\non: manual\nsteps:\n{steps}")).await;
    for _ in 0..20 {
        let run = bed.begin(name, json!({})).await;
        let record = bed.ended(&run).await;
        let traps = record["steps"].as_array().unwrap().iter();
        let traps = traps.filter(|step| step["attempts"][0]["trap"]["reason"] == "guest").count();
        if traps != 50 {
            findings.wrong.push(format!("{traps} of 50 steps trapped: {record:#}"));
            return findings;
        }
    }
    findings.figures = format!(
        "{} KiB, {} descriptors, {} threads more",
        before.grown_kib(bed),
        before.more_files(bed),
        before.more_threads(bed)
    );
    findings
}

/// A client asks to test a connection, which calls the probe, and goes away at some instant. Dropping
/// the request drops the call inside the server.
async fn gone_clients(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    bed.grant("probe", A, &json!({})).await;
    bed.network.play(always(Reply { after: After::Hold, ..raw("") }));
    let mut instant = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..100 {
        instant = instant.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let test = bed.client.post(&["connections", "p", "test"], &[], wharf_cli::client::Body::None);
        let patience = std::time::Duration::from_micros((instant >> 40) % 20_000);
        if let Ok(answered) = tokio::time::timeout(patience, test).await {
            findings.wrong.push(format!("A held its answer, and there was one: {answered:?}"));
        }
    }
    let asked = bed.network.a.hits();
    bed.network.a.play(always(ok("me")));
    let test = bed.client.post(&["connections", "p", "test"], &[], wharf_cli::client::Body::None).await;
    match test {
        Ok(tested) if tested["ok"] == true => findings.allowed.bodies.push(tested),
        other => findings.wrong.push(format!("the next call does not work: {other:?}")),
    }
    findings.figures = format!("100 gone, {asked} of them after A was asked");
    // What was on its way when its client went may have been counted before or after A began anew.
    findings.allowed.hits = bed.network.hits();
    findings.allowed.dials = vec![network::A];
    findings
}

async fn busy_calls(bed: &Bed, before: &Before) -> Findings {
    let mut findings = Findings::none();
    settle(bed, "busy", &core(LOOP), &json!({ "fuel": 100_000_000_000_u64, "deadline-ms": 500 })).await;
    for _ in 0..5 {
        bed.canary.next().await;
    }
    let idle = before.canary(bed);
    let during = Before::of(bed).await;
    let mut runs = Vec::new();
    for _ in 0..200 {
        runs.push(bed.begin("busy", json!({})).await);
    }
    for run in runs {
        let record = bed.ended(&run).await;
        if !record.to_string().contains("\"deadline\"") {
            findings.wrong.push(format!("{record:#}"));
        }
    }
    let (echoes, p99) = during.canary(bed);
    findings.figures = format!("{echoes} echoes beside 200 busy calls, p99 {p99} ms; {} ms idle", idle.1);
    findings
}
