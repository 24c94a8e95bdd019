//! Files that take long to compile, and calls in great numbers.

use serde_json::json;

use super::{A, LOOP, core, settle};
use crate::security::after::Before;
use crate::security::bed::Bed;
use crate::security::mock::{After, Reply, always, ok, raw};
use crate::security::network;
use crate::security::play::cases;
use crate::security::play::{Case, Findings, Load};
use crate::wat;
use crate::wat::Core;

cases! {
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

    gr_21_ten_thousand_traps => Case::Own(|bed, before| Box::pin(ten_thousand_traps(bed, before)));

    gr_23_a_client_that_goes_away => Case::Own(|bed, _| Box::pin(gone_clients(bed)));

    gr_24_two_hundred_busy_calls => Case::Own(|bed, before| Box::pin(busy_calls(bed, before)));
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
    crate::security::cases::ml::append_section(&mut file, "padding", &vec![0; bytes]);
    file
}

/// Two hundred runs of fifty steps, eight at a time.
async fn ten_thousand_traps(bed: &Bed, before: &Before) -> Findings {
    let mut findings = Findings::none();
    let name = "trapping";
    bed.install(wat::connector(name, "1.0.0", |_| {}, &core("unreachable"))).await.unwrap();
    let steps: String = (0..50)
        .map(|n| format!("  - {{ id: s{n}, action: {name}/say, on-error: continue, retry: none }}\n"))
        .collect();
    crate::security::bed::apply(&bed.client, &format!("flow: {name}\non: manual\nsteps:\n{steps}")).await;
    let started = tokio::time::Instant::now();
    for _ in 0..25 {
        let runs = (0..8).map(|_| async {
            let run = bed.begin(name, json!({})).await;
            bed.ended(&run).await
        });
        for record in futures_util::future::join_all(runs).await {
            let traps = record["steps"].as_array().unwrap().iter();
            let traps = traps.filter(|step| step["attempts"][0]["trap"]["reason"] == "guest").count();
            if traps != 50 {
                findings.wrong.push(format!("{traps} of 50 steps trapped: {record:#}"));
                return findings;
            }
        }
    }
    findings.figures = format!(
        "10,000 in {} s; {} KiB, {} descriptors, {} threads more",
        started.elapsed().as_secs(),
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

/// The canary's p99 beside busy calls, in milliseconds, whatever it is on an idle machine.
const PATIENCE_MS: u128 = 1_500;

async fn busy_calls(bed: &Bed, before: &Before) -> Findings {
    let mut findings = Findings::none();
    settle(bed, "busy", &core(LOOP), &json!({ "fuel": 100_000_000_000_u64, "deadline-ms": 500 })).await;
    for _ in 0..10 {
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
    // Behind 200 calls of half a second each it would wait for a minute. What else this machine does
    // slows both, so the bound is wide.
    if echoes == 0 || p99 > PATIENCE_MS.max(10 * idle.1) {
        findings.wrong.push(format!("the canary's p99 is {p99} ms of {echoes} echoes; {} ms idle", idle.1));
    }
    findings.figures = format!("{echoes} echoes beside 200 busy calls, p99 {p99} ms; {} ms idle", idle.1);
    findings
}
