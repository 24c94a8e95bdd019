//! Hostile guests beside a canary: how long a short call of one connector takes while another one does
//! its worst. In process, with a fresh instance and every limit on; the ids are those of the attack
//! catalogue.
//!
//! `cargo bench -p wharf-benches --bench canary [-- SECONDS [CALLERS]]`. Each case is measured beside an
//! idle stretch of its own, since the machine is as noisy as its neighbours.

#![expect(clippy::expect_used, reason = "a bench that cannot be set up ends at once")]
#![expect(clippy::print_stdout, reason = "a bench tells its figures")]

use std::{
    fs,
    future::{pending, ready},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::time::{Instant, interval};
use wharf_benches::guest::context;
use wharf_model::{
    digest::Digest,
    grant::Limits,
    http::{HttpError, HttpRequest},
    time::Timestamp,
};
use wharf_sandbox::{Call, Connector, Exchange, Host, Sandbox, SandboxConfig};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// How often the canary sings.
const EVERY: Duration = Duration::from_millis(20);

const LOG: &str = r#"(import "wharf:connector/log@0.1.0" "write" (func $log (param i32 i32 i32 i32 i32)))"#;
const HTTP: &str = r#"(import "wharf:connector/http@0.1.0" "send" (func $send
    (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#;
const SEND: &str = "(call $send (i32.const 128) (i32.const 3) (i32.const 136) (i32.const 16)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
    (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))";

/// What the gate of a case does with a request.
#[derive(Clone, Copy)]
enum Gate {
    Refuses,
    Hangs,
}

#[async_trait]
impl Host for Gate {
    fn http(&mut self, _: HttpRequest) -> Exchange {
        match self {
            Self::Refuses => Box::pin(ready(Err(HttpError::Unreachable("the bench has no network".to_owned())))),
            Self::Hangs => Box::pin(pending()),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_795_288_392_345)
    }

    fn seed(&self) -> [u8; 32] {
        [7; 32]
    }
}

struct Case {
    id: &'static str,
    imports: &'static str,
    run: String,
    gate: Gate,
}

fn cases() -> Vec<Case> {
    let case = |id, imports, run: &str, gate| Case { id, imports, run: run.to_owned(), gate };
    vec![
        case("GR-02, GR-24 spins", "", "(loop $l (br $l)) unreachable", Gate::Refuses),
        case(
            "GR-08 floods the log",
            LOG,
            "(loop $l (call $log (i32.const 1) (i32.const 65536) (i32.const 1000) (i32.const 0) (i32.const 0)) (br $l)) unreachable",
            Gate::Refuses,
        ),
        case(
            "GR-09 returns 8 MB",
            "",
            "(drop (memory.grow (i32.const 160)))
             (i32.store (i32.const 84) (i32.const 8000000)) i32.const 64",
            Gate::Refuses,
        ),
        case("GR-13 floods the gate", HTTP, &format!("(loop $l {SEND} (br $l)) unreachable"), Gate::Refuses),
        case("GR-15, GR-18 waits", HTTP, &format!("{SEND} i32.const 64"), Gate::Hangs),
        case(
            "GR-17 fills memory",
            "",
            "(drop (memory.grow (i32.const 1000)))
             (loop $l (memory.fill (i32.const 0) (i32.const 1) (i32.const 65000000)) (br $l)) unreachable",
            Gate::Refuses,
        ),
        case("GR-21 traps", "", "unreachable", Gate::Refuses),
    ]
}

/// A connector with this body of `run`.
fn component(imports: &str, run: &str) -> Vec<u8> {
    let wat = format!(
        r#"(module {imports}
            (memory (export "memory") 2)
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) i32.const 4096)
            (data (i32.const 16) "{{}}")
            (data (i32.const 32) "\10\00\00\00\02\00\00\00")
            (data (i32.const 80) "\10\00\00\00\02\00\00\00")
            (data (i32.const 128) "GET") (data (i32.const 136) "https://a.test/x")
            (func (export "wharf:connector/manifest@0.1.0#describe") (result i32) i32.const 32)
            (func (export "wharf:connector/actions@0.1.0#run") (param i32) (result i32) {run}))"#
    );
    let mut module = wat::parse_str(wat).expect("WAT");
    let mut resolve = Resolve::default();
    let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
    let (package, _) = resolve.push_dir(wit).expect("the contract");
    let world = resolve.select_world(&[package], Some("action-connector")).expect("the world");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("types");
    ComponentEncoder::default().module(&module).and_then(|mut encoder| encoder.encode()).expect("a component")
}

async fn connector(sandbox: &Sandbox, imports: &str, run: &str) -> Connector {
    let wasm = component(imports, run);
    sandbox.load(&wasm, Digest::of(&wasm)).await.expect("a connector")
}

/// Median, 99th percentile and the longest, in microseconds; and how many failed.
struct Sung {
    median: u64,
    p99: u64,
    longest: u64,
    calls: usize,
    failed: usize,
}

async fn sing(canary: &Connector, seconds: u64) -> Sung {
    let (mut times, mut failed) = (Vec::new(), 0);
    let mut ticks = interval(EVERY);
    let until = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < until {
        // From when it was due: a late start is the canary's delay too.
        let due = ticks.tick().await;
        let call = Call { limits: Limits::default(), host: Box::new(Gate::Refuses) };
        let finished = canary.run(call, "act", "{}", None, &context()).await;
        failed += usize::from(finished.result.is_err());
        times.push(u64::try_from(due.elapsed().as_micros()).unwrap_or(u64::MAX));
    }
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len() - 1)).copied().unwrap_or(0);
    Sung { median: at(50), p99: at(99), longest: at(100), calls: times.len(), failed }
}

async fn beside(sandbox: &Sandbox, canary: &Connector, case: &Case, (seconds, callers): (u64, usize)) {
    let idle = sing(canary, seconds).await;
    let hostile = connector(sandbox, case.imports, &case.run).await;
    let over = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicU64::new(0));
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (hostile, over, calls, gate) =
                (hostile.clone(), Arc::clone(&over), Arc::clone(&calls), case.gate);
            tokio::spawn(async move {
                let limits = Limits { fuel: u64::MAX, deadline_ms: 2_000, ..Limits::default() };
                while !over.load(Ordering::Relaxed) {
                    let call = Call { limits, host: Box::new(gate) };
                    let _ended = hostile.run(call, "act", "{}", None, &context()).await;
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let sung = sing(canary, seconds).await;
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        let _ended = task.await;
    }
    println!(
        "| {} | {} of {} | {} / {} / {} | {} / {} / {} | {:.1} | {} |",
        case.id,
        sung.calls - sung.failed,
        sung.calls,
        idle.median,
        idle.p99,
        idle.longest,
        sung.median,
        sung.p99,
        sung.longest,
        ratio(sung.p99, idle.p99),
        calls.load(Ordering::Relaxed),
    );
}

#[expect(clippy::cast_precision_loss, reason = "microseconds of a bench")]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other.max(1) as f64
}

/// Resident kilobytes, open files, threads.
fn process() -> String {
    let status = fs::read_to_string("/proc/self/status").expect("/proc");
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.map(|rest| rest.trim().to_owned()).unwrap_or_default()
    };
    let files = fs::read_dir("/proc/self/fd").expect("/proc").count();
    format!("{} resident, {files} files, {} threads", field("VmRSS:"), field("Threads:"))
}

async fn all(seconds: u64, callers: usize) {
    let sandbox = Sandbox::new(SandboxConfig::default()).expect("a sandbox");
    let canary = connector(&sandbox, "", "i32.const 64").await;
    println!("{callers} hostile callers, {seconds} s each; µs: median / p99 / longest");
    println!(
        "| beside | answered | idle | beside it | p99 ratio | hostile calls |\n|---|---|---|---|---|---|"
    );
    for case in cases() {
        beside(&sandbox, &canary, &case, (seconds, callers)).await;
    }
    let traps = connector(&sandbox, "", "unreachable").await;
    for thousands in 0..=10 {
        for _ in 0..if thousands == 0 { 100 } else { 1_000 } {
            let call = Call { limits: Limits::default(), host: Box::new(Gate::Refuses) };
            let _ended = traps.run(call, "act", "{}", None, &context()).await;
        }
        if [0, 1, 10].contains(&thousands) {
            println!("GR-21 after {thousands},000 traps: {}", process());
        }
    }
}

fn main() {
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let seconds = numbers.next().unwrap_or(10);
    let callers = usize::try_from(numbers.next().unwrap_or(200)).unwrap_or(200);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    // Spawned, so that the canary runs on a worker as a server's calls do.
    runtime.block_on(async { tokio::spawn(all(seconds, callers)).await }).expect("the bench");
}
