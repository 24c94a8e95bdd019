//! What `wharf call` says: what came of it and what it cost.

use wharf_model::call::{CallError, Outcome};

use super::{
    failure::headline as failed,
    style::{bad, faint, good, strong},
    units::{bytes, fuel, micros, plural},
};
use crate::{
    inert::{inert, inert_lines},
    view::Metering,
};

/// `slack/post-message ok · 0.9 M fuel · 3.1 MB · 212 ms (12 ms ours, 200 ms theirs) · 1 effect`.
#[must_use]
pub fn headline(what: &str, result: &Result<Outcome, CallError>, metering: &Metering) -> String {
    let told = match result {
        Ok(Outcome::Done(_)) => good("ok"),
        Ok(Outcome::Page { items, next }) => {
            let more = if next.is_some() { ", more to come" } else { "" };
            format!("{} {}{more}", good("ok"), plural(items.len() as u64, "item"))
        }
        Ok(Outcome::Suspended { .. }) => good("suspended"),
        Err(CallError::Failed(failure)) => bad(failed(&failure.into())),
        Err(CallError::Stopped(_)) => bad("stopped"),
        Err(CallError::NotExported(_) | CallError::Host(_)) => bad("not called"),
    };
    let ours = metering.wall_micros.saturating_sub(metering.gate_micros);
    let split = format!("({} ours, {} theirs)", micros(ours), micros(metering.gate_micros));
    format!(
        "{} {told} · {} fuel · {} · {} {} · {}\n",
        strong(inert(what)),
        fuel(metering.fuel),
        bytes(metering.peak_memory_bytes),
        micros(metering.wall_micros),
        faint(split),
        plural(u64::from(metering.effects), "effect"),
    )
}

/// The output, readable.
#[must_use]
pub fn output(outcome: &Outcome) -> String {
    let pretty =
        |value: &serde_json::Value| inert_lines(&serde_json::to_string_pretty(value).unwrap_or_default());
    match outcome {
        Outcome::Done(value) => format!("{}\n", pretty(value)),
        Outcome::Page { items, next } => {
            let mut text: String = items.iter().map(|item| format!("{}\n", pretty(item))).collect();
            if let Some(next) = next {
                text.push_str(&format!("  {} --page '{}'\n", faint("next"), inert(next)));
            }
            text
        }
        Outcome::Suspended { state, .. } => format!("{}\n", pretty(state)),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, *};
    use serde_json::json;

    #[test]
    fn the_bill() {
        let metering = Metering {
            fuel: 900_000,
            peak_memory_bytes: 3_145_728,
            wall_micros: 212_000,
            gate_micros: 200_000,
            effects: 1,
            ..Metering::default()
        };
        let outcome = Outcome::Done(json!({ "ts": "1\u{1b}" }));
        check(
            &headline("slack/post-message", &Ok(outcome.clone()), &metering),
            "slack/post-message ok · 0.9 M fuel · 3.1 MB · 212 ms (12 ms ours, 200 ms theirs) · 1 effect",
        );
        check(&output(&outcome), "{\n  \"ts\": \"1\\u001b\"\n}");
    }
}
