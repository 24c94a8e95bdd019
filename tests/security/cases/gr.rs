//! Resources: guests that use up what they are given, made by hand. Each runs under the limits of its
//! grant, in the server's own pool, beside the canary.

mod alone;
mod crowd;
mod flood;
mod host;

use serde_json::{Value, json};

use crate::security::bed::Bed;
use crate::security::play::{Case, Ends, Guest};
use crate::wat;
use crate::wat::Core;

pub(super) const LOOP: &str = "(loop $l (br $l)) unreachable";
pub(super) const A: &[&str] = &["GET,POST https://api.allowed.test/v1/"];
pub(super) const URL: &str = "https://api.allowed.test/v1/x";

pub(super) fn core(run: &str) -> Core {
    Core { run: run.to_owned(), ..Core::default() }
}

/// Endless fuel, and two seconds.
pub(super) fn two_seconds() -> Value {
    json!({ "fuel": 100_000_000_000_u64, "deadline-ms": 2_000 })
}

pub(super) fn stopped(core: Core, limits: Value, reasons: &'static [&'static str]) -> Case {
    Case::Guest(Guest { core, limits, ends: Ends::Stopped(reasons), ..Guest::default() })
}

/// Never before, and not much later: a busy machine may take its time, a broken limit takes for ever.
pub(super) fn ended_after_two_seconds(attempt: &Value) -> Result<String, String> {
    let wall = attempt["metering"]["wall_micros"].as_u64().unwrap() / 1_000;
    let figures = format!("stopped after {wall} ms");
    if (2_000..4_000).contains(&wall) { Ok(figures) } else { Err(figures) }
}

/// Waits for an hour, as WASI lets it.
pub(super) fn waits() -> Core {
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

pub(super) const CLOCK: &str = "
    package wasi:io@0.2.0 { interface poll { resource pollable { block: func(); } } }
    package wasi:clocks@0.2.0 {
        interface monotonic-clock {
            use wasi:io/poll@0.2.0.{pollable};
            subscribe-duration: func(when: u64) -> pollable;
        }
    }";

/// Installs a guest under `name` and applies its flow.
pub(super) async fn settle(bed: &Bed, name: &str, core: &Core, limits: &Value) {
    settle_granted(bed, name, core, &[], limits).await;
}

/// The same, and it may call these (`GET,POST https://…`).
pub(super) async fn settle_granted(bed: &Bed, name: &str, core: &Core, rules: &[&str], limits: &Value) {
    let egress: Vec<Value> = rules
        .iter()
        .map(|rule| {
            let (methods, url) = rule.split_once(' ').unwrap();
            json!({ "url": url, "methods": methods.split(',').collect::<Vec<_>>() })
        })
        .collect();
    let asks = |manifest: &mut Value| manifest["egress"] = json!(egress);
    bed.install(wat::connector(name, "1.0.0", asks, core)).await.unwrap();
    bed.grant(name, rules, limits).await;
    bed.flow_of(name).await;
}
