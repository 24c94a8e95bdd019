//! ML-02: mutants of a component are refused or run within their limits; nothing panics.
//!
//! The suite tries a few of a small guest. For more of a real connector, by hand, with the seed printed:
//! `WHARF_MUTATE=slack.wasm WHARF_MUTANTS=20000 cargo test -p wharf-sandbox --lib ml_02 -- --nocapture`.
//! `WHARF_MUTATE_SEED=7` draws others: a long run in pieces.
//!
//! Half of the mutants have bytes changed anywhere, half only inside of function bodies, where more of
//! them stay valid and reach the compiler.

use std::{collections::BTreeMap, ops::Range};

use serde_json::{Value, json};
use wasmparser::{Parser, Payload};
use wharf_model::{call::CallError, digest::Digest, grant::Limits};

use super::{
    SANDBOX, block_on, context,
    guest::{Guest, HTTP},
    host::{Gate, call},
    load,
};
use crate::Finished;

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap()
    }
}

fn mutate(original: &[u8], code: &[Range<usize>], random: &mut Random) -> Vec<u8> {
    let mut bytes = original.to_vec();
    let inside = random.below(2) == 0;
    // Inside a function one change is most often all that stays valid.
    for _ in 0..=random.below(if inside { 1 } else { 4 }) {
        let at = if inside {
            let range = &code[random.below(code.len())];
            range.start + random.below(range.len())
        } else {
            random.below(bytes.len())
        };
        let at = at.min(bytes.len() - 1);
        match random.below(if inside { 3 } else { 6 }) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next().to_le_bytes()[0],
            2 => bytes[at] = [0x00, 0x0b, 0x41, 0x7f, 0x80, 0xff][random.below(6)],
            3 => {
                bytes.remove(at);
            }
            4 => bytes.insert(at, random.next().to_le_bytes()[0]),
            _ => {
                let (from, length) = (random.below(bytes.len()), random.below(64));
                let piece = bytes[from..(from + length).min(bytes.len())].to_vec();
                let end = (at + piece.len()).min(bytes.len());
                bytes[at..end].copy_from_slice(&piece[..end - at]);
            }
        }
    }
    bytes
}

/// Where function bodies are.
fn code(wasm: &[u8]) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let range = match payload.unwrap() {
            Payload::CodeSectionEntry(body) => body.range(),
            _ => continue,
        };
        ranges.push(range);
    }
    ranges
}

/// What came of each mutant, by the reason's name.
fn run(original: &[u8], count: usize, seed: u64) -> BTreeMap<String, usize> {
    let code = code(original);
    let limits = Limits { fuel: 5_000_000, deadline_ms: 1_000, memory_bytes: 16 << 20, ..Limits::default() };
    let mut random = Random(seed);
    let mut came = BTreeMap::new();
    let healthy = describe(original, &limits);
    let actions = actions(original, &limits);
    println!("called are {actions:?}");
    for number in 0..count {
        let wasm = mutate(original, &code, &mut random);
        let at = format!("mutant {number} of seed {seed}");
        let outcome = block_on(async {
            match SANDBOX.load(&wasm, Digest::of(&wasm)).await {
                Err(error) => {
                    assert_ne!(error.reason(), "host", "{at}: {error}");
                    format!("refused: {}", error.reason())
                }
                Ok(connector) => {
                    let described = connector.describe(&limits).await;
                    ended(&described, &limits, &at);
                    let mut ran = Vec::new();
                    for (action, input) in &actions {
                        let call = call(limits, Gate::Answers("{}"));
                        let finished = connector.run(call, action, input, None, &context()).await;
                        ended(&finished, &limits, &at);
                        ran.push(finished.result);
                    }
                    let stopped = ran.iter().find_map(|ran| match ran {
                        Err(CallError::Stopped(report)) => Some(format!("stopped: {}", report.reason.name())),
                        _ => None,
                    });
                    let went_well = || if ran.iter().any(Result::is_ok) { "ran" } else { "failed" }.into();
                    stopped.unwrap_or_else(went_well)
                }
            }
        });
        *came.entry(outcome).or_default() += 1;
    }
    assert_eq!(describe(original, &limits), healthy, "a mutant of seed {seed} left something behind");
    came
}

/// The call is over, and within its limits.
#[track_caller]
fn ended<T: std::fmt::Debug>(finished: &Finished<T>, limits: &Limits, at: &str) {
    let (result, used) = (&finished.result, finished.metering);
    assert!(!matches!(result, Err(CallError::Host(_))), "{at}: {result:?}");
    assert!(used.fuel <= limits.fuel && used.peak_memory_bytes <= limits.memory_bytes, "{at}: {used:?}");
}

/// What the connector that nobody has broken says, and what it costs.
fn describe(original: &[u8], limits: &Limits) -> (Option<String>, u64) {
    block_on(async {
        let described = load(original).await.unwrap().describe(limits).await;
        (described.result.ok(), described.metering.fuel)
    })
}

/// Its actions, each with an input that its schema takes.
fn actions(original: &[u8], limits: &Limits) -> Vec<(String, String)> {
    let manifest: Value = serde_json::from_str(&describe(original, limits).0.unwrap()).unwrap();
    let found = manifest["actions"].as_object().into_iter().flatten();
    let found: Vec<_> =
        found.map(|(name, action)| (name.clone(), sample(name, &action["input"]).to_string())).collect();
    if found.is_empty() { vec![("act".into(), "{}".into())] } else { found }
}

/// The least that a schema takes, where that is to be seen.
fn sample(name: &str, schema: &Value) -> Value {
    if let Some(own) = schema.get("default").or_else(|| schema["enum"].get(0)) {
        return own.clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            required.map(|name| (name.to_owned(), sample(name, &schema["properties"][name]))).collect()
        }
        Some("array") => json!([sample(name, &schema["items"])]),
        Some("integer" | "number") => json!(1),
        Some("boolean") => json!(true),
        _ if name.contains("url") => json!("https://a.test/x"),
        _ => json!("x"),
    }
}

#[test]
fn ml_02_mutants_are_refused_or_run_within_their_limits() {
    let seed = std::env::var("WHARF_MUTATE_SEED").map_or(0x5eed_2026, |seed| seed.parse().unwrap());
    if let Some(file) = std::env::var_os("WHARF_MUTATE") {
        let count = std::env::var("WHARF_MUTANTS").map_or(20_000, |count| count.parse().unwrap());
        let came = run(&std::fs::read(&file).unwrap(), count, seed);
        println!("{count} mutants of {} with seed {seed:#x}: {came:#?}", file.display());
        return;
    }
    let run_body = "(call $send (i32.const 128) (i32.const 3) (i32.const 136) (i32.const 16)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
        (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 256))
        (loop $l (br_if $l (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 100))))
        i32.const 64";
    let more = r#"(data (i32.const 128) "GET") (data (i32.const 136) "https://a.test/x")"#;
    let guest = Guest { imports: HTTP, more, run: run_body, ..Guest::default() }.build();
    let came = run(&guest, 300, seed);
    // The mutator is worth something only if it gets to both sides.
    let ran: usize =
        came.iter().filter(|(what, _)| !what.starts_with("refused")).map(|(_, count)| count).sum();
    assert!(ran > 10 && ran < 290, "{came:#?}");
}
