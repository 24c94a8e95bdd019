//! A run as a person reads it: one line that answers the question, then a line a step and attempt.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    failure,
    style::{bad, faint, good, strong, warn},
    table::{Table, width},
    units::{bytes, fuel, micros, millis, plural},
};
use crate::{
    inert::{inert, inert_short},
    view::{Attempt, EffectResult, Run, Step},
};

/// How much of a run is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Steps and attempts.
    Steps,
    /// And every effect and log line.
    Everything,
}

/// Started runs that are named.
const MAX_LINKS: usize = 20;

/// The path of the trigger's own call.
const TRIGGER: &str = "@trigger";

/// A run with its steps.
#[must_use]
pub fn run(run: &Run, depth: Depth) -> String {
    let mut text = format!("{} {}\n", strong(title(run)), headline(run));
    let mut table = Table::default();
    table.row(received(run));
    let steps = run.steps.iter().filter(|step| step.path != TRIGGER);
    for (position, step) in steps.enumerate() {
        rows(&mut table, position + 2, step);
    }
    text.push_str(&table.render("  "));
    if run.steps_left_out > 0 {
        text.push_str(&format!("  {}\n", faint(format!("and {} more", plural(run.steps_left_out, "step")))));
    }
    if let Some(stopped) = &run.stopped {
        text.push_str(&format!(
            "  stopped by {}: {}\n",
            inert(&stopped.step),
            inert_short(&stopped.reason, 300)
        ));
    }
    for link in run.started.iter().take(MAX_LINKS) {
        text.push_str(&format!("  {} started {}\n", inert(&link.step), strong(inert(&link.run))));
    }
    for step in &run.steps {
        for attempt in &step.attempts {
            text.push_str(&below(step, attempt, depth));
        }
    }
    text
}

fn title(run: &Run) -> String {
    let version = if run.flow_version == 0 { String::new() } else { format!(" v{}", run.flow_version) };
    format!("{}{version}", inert(&run.flow))
}

/// `· 01J… · done in 412 ms (31 ms ours, 381 ms theirs)`.
fn headline(run: &Run) -> String {
    let took = run
        .finished_at
        .map(|end| format!(" in {}", millis(end.saturating_sub(run.accepted_at))))
        .unwrap_or_default();
    let split = match (run.ours_micros, run.theirs_micros) {
        (Some(ours), Some(theirs)) if run.finished_at.is_some() => {
            format!(" ({} ours, {} theirs)", micros(ours), micros(theirs))
        }
        _ => String::new(),
    };
    format!("· {} · {}{took}{split}", inert(&run.id), status(&run.status))
}

/// A run's or step's status in its colour.
#[must_use]
pub fn status(status: &str) -> String {
    let shown = inert(status);
    match status {
        "done" | "applied" => good(shown),
        "failed" | "open" => bad(shown),
        "running" | "waiting" | "pending" | "unconfirmed" | "suspended" | "held" => warn(shown),
        "skipped" | "ignored" | "discarded" => faint(shown),
        _ => shown,
    }
}

fn received(run: &Run) -> Vec<String> {
    let source = run.source.clone().unwrap_or_default();
    let delivery = format!("delivery {}", inert_short(&source.delivery_id, 8));
    let (what, told) = match source.verified.as_str() {
        "api" | "" => ("by hand".to_owned(), "from the API".to_owned()),
        "replay" => ("again".to_owned(), "replayed by hand".to_owned()),
        "run" => {
            let by = run.started_by.clone().unwrap_or_default();
            ("by a run".to_owned(), format!("from {} of {}", inert(&by.step), inert(&by.run)))
        }
        "unsigned" => (delivery, warn("unsigned, as the flow allows")),
        scheme => (delivery, format!("verified {}, first seen", inert(scheme))),
    };
    let trigger = run.steps.iter().find(|step| step.path == TRIGGER).and_then(|step| step.attempts.last());
    let spent = trigger.map(|attempt| format!(" · {}", cost(attempt))).unwrap_or_default();
    vec!["1".to_owned(), "received".to_owned(), what, format!("{told}{spent}")]
}

fn rows(table: &mut Table, number: usize, step: &Step) {
    let name = indented(step);
    let head = |told: String| vec![number.to_string(), name.clone(), inert(&step.title), told];
    if step.attempts.is_empty() {
        table.row(head(pure(step)));
        return;
    }
    for (position, attempt) in step.attempts.iter().enumerate() {
        let told = attempted(step, attempt, step.attempts.get(position + 1));
        table.row(if position == 0 {
            head(told)
        } else {
            vec![String::new(), String::new(), String::new(), told]
        });
    }
}

/// A step's name behind its depth; in a loop, behind its item.
fn indented(step: &Step) -> String {
    let (mut depth, mut item, mut name) = (0, "", "");
    let mut segments = step.path.split('/');
    while let Some(segment) = segments.next() {
        name = segment;
        let Some(next) = segments.clone().next() else { break };
        depth += 1;
        match segment.find('[').and_then(|at| segment.get(at..)) {
            Some(index) => item = index,
            // Behind a step with branches stands the name of one of them.
            None => {
                item = "";
                name = next;
                segments.next();
            }
        }
    }
    let item = if item.is_empty() { String::new() } else { format!("{} ", inert(item)) };
    format!("{}{item}{}", "  ".repeat(depth), inert(name))
}

/// What came of a step that calls nobody, or has not yet.
fn pure(step: &Step) -> String {
    let output = step.output.as_ref();
    let field = |name: &str| output.and_then(|output| output.get(name));
    if let Some(asks) = &step.asks {
        return format!(
            "{} for the {} {}",
            status(&step.status),
            inert(&asks.kind),
            inert_short(&asks.text, 200)
        );
    }
    match (step.kind.as_str(), &step.failure) {
        (_, Some(reason)) => bad(failure::headline(reason)),
        ("switch", None) => match field("case").and_then(Value::as_str) {
            Some(case) => format!("{} {}", faint("took"), inert(case)),
            None => status(&step.status),
        },
        ("for-each", None) => match (field("count").and_then(Value::as_u64), field("failed")) {
            (Some(count), Some(failed)) => {
                let failed = failed.as_array().map_or(0, Vec::len);
                let told = if failed == 0 {
                    String::new()
                } else {
                    format!(", {}", warn(format!("{failed} failed")))
                };
                format!("{} · {}{told}", status(&step.status), plural(count, "item"))
            }
            _ => status(&step.status),
        },
        _ => status(&step.status),
    }
}

/// What came of an attempt, and what it cost.
fn attempted(step: &Step, attempt: &Attempt, next: Option<&Attempt>) -> String {
    if attempt.kind == "confirm" {
        return confirmed(attempt);
    }
    let cost = cost(attempt);
    let told = match (&attempt.failure, &attempt.trap) {
        (_, Some(trap)) => format!("{} {}", bad("stopped:"), inert_short(&trap.message, 120)),
        (Some(reason), None) => {
            let ended = attempt.started_at + attempt.metering.wall_micros / 1_000;
            let until = attempt.retry_at.map(|due| next.map_or(due, |next| next.started_at));
            let verb = if next.is_some() { "waited" } else { "waits" };
            let waited = until
                .map(|until| format!(", {}", failure::wait(reason, verb, until.saturating_sub(ended))))
                .unwrap_or_default();
            let told = failure::headline(reason);
            format!("{}{waited}", if until.is_some() { warn(told) } else { bad(told) })
        }
        (None, None) if attempt.outcome == "done" => good("ok"),
        (None, None) => status(&attempt.outcome),
    };
    let output = step.output.as_ref().filter(|_| attempt.outcome == "done").map(outputs).unwrap_or_default();
    format!("attempt {}  {told} · {cost}{output}", attempt.n)
}

/// The answer to the question what became of a write.
fn confirmed(attempt: &Attempt) -> String {
    let asked = format!("asked {}", plural(attempt.effects.len() as u64, "time"));
    let told = match (attempt.outcome.as_str(), &attempt.failure) {
        ("applied", _) => format!("{}: the provider has it; not sent again", good("found")),
        ("not-applied", _) => format!("{}: the provider has nothing; sent again", warn("not found")),
        ("unknown", _) => format!("{}: the provider cannot tell", bad("unknown")),
        (_, Some(reason)) => warn(failure::headline(reason)),
        (other, None) => inert(other),
    };
    format!("confirm {}  {told} · {}", attempt.n, faint(asked))
}

/// `1 write · 0.9 M fuel · 3.1 MB · 12 ms`.
fn cost(attempt: &Attempt) -> String {
    let metering = &attempt.metering;
    let (mut reads, mut writes, mut denied, mut journaled) = (0, 0, 0, 0);
    for effect in &attempt.effects {
        match (&effect.result, effect.method.as_str()) {
            (EffectResult::Denied { .. }, _) => denied += 1,
            (EffectResult::Journaled(_), _) => journaled += 1,
            (EffectResult::Status(_) | EffectResult::Failed(_), "GET" | "HEAD" | "OPTIONS") => reads += 1,
            (EffectResult::Status(_) | EffectResult::Failed(_), _) => writes += 1,
        }
    }
    let counted = [(writes, "write"), (reads, "read")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, noun)| plural(count, noun));
    let mut parts: Vec<String> = counted.collect();
    if journaled > 0 {
        parts.push(format!("{journaled} from the journal"));
    }
    if denied > 0 {
        parts.push(bad(format!("{denied} denied")));
    }
    parts.push(format!("{} fuel", fuel(metering.fuel)));
    parts.push(bytes(metering.peak_memory_bytes));
    parts.push(micros(metering.wall_micros));
    parts.join(" · ")
}

/// The first short members of an output: ` · ts 1712345.678`.
fn outputs(output: &Value) -> String {
    let Some(object) = output.as_object() else {
        return String::new();
    };
    let short = |value: &Value| match value {
        Value::String(text) if text.chars().count() <= 40 => Some(inert(text)),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        _ => None,
    };
    object
        .iter()
        .filter_map(|(name, value)| Some(format!(" · {} {}", faint(inert_short(name, 30)), short(value)?)))
        .take(2)
        .collect()
}

/// What stands below the table for an attempt: denials and reports always, the rest on request.
fn below(step: &Step, attempt: &Attempt, depth: Depth) -> String {
    let connector = step.title.split('/').next().unwrap_or_default();
    let mut text = String::new();
    for effect in &attempt.effects {
        if let EffectResult::Denied { reason, message } = &effect.result {
            text.push_str(&failure::denial(connector, effect, reason, message));
        } else if let Some(message) = &effect.would_deny {
            text.push_str(&failure::would_deny(message));
        } else if depth == Depth::Everything {
            text.push_str(&format!(
                "  {} attempt {}  {}\n",
                inert(&step.path),
                attempt.n,
                failure::effect(effect)
            ));
        }
    }
    let denied = attempt.effects.iter().any(|effect| matches!(effect.result, EffectResult::Denied { .. }));
    match (&attempt.trap, &attempt.failure) {
        (Some(trap), _) => text.push_str(&failure::trap(&step.title, connector, trap)),
        // A failure that was got over is told in its line; the last word is told in full.
        (None, Some(reason)) if attempt.retry_at.is_none() || depth == Depth::Everything => {
            // A denial was told above, in the gate's own words.
            if !(denied && reason.class == "capability-denied") {
                text.push_str(&failure::detail(reason));
            }
        }
        (None, _) => {}
    }
    if depth == Depth::Everything {
        for line in &attempt.log {
            text.push_str(&format!(
                "  {} attempt {}  {}\n",
                inert(&step.path),
                attempt.n,
                failure::log_line(line)
            ));
        }
    }
    text
}

/// Tells a run as it goes: each answer of the server is compared with what was told before.
#[derive(Debug, Default)]
pub struct Follow {
    /// Attempts that were told, by step; a step that calls nobody counts as one.
    told: BTreeMap<String, usize>,
}

impl Follow {
    /// What is new, a line each.
    pub fn news(&mut self, run: &Run) -> Vec<String> {
        let mut lines = Vec::new();
        if self.told.insert(String::new(), 1).is_none() {
            let mut cells = received(run);
            if let Some(number) = cells.first_mut() {
                *number = "·".to_owned();
            }
            lines.push(line(&cells));
        }
        for step in run.steps.iter().filter(|step| step.path != TRIGGER) {
            let told = self.told.entry(step.path.clone()).or_default();
            let known =
                step.attempts.len().max(usize::from(step.attempts.is_empty() && step.status != "pending"));
            if known <= *told {
                continue;
            }
            let first = |told: String| vec!["·".to_owned(), indented(step), inert(&step.title), told];
            if step.attempts.is_empty() {
                lines.push(line(&first(pure(step))));
            }
            for (position, attempt) in step.attempts.iter().enumerate().skip(*told) {
                let told = attempted(step, attempt, step.attempts.get(position + 1));
                let cells = if position == 0 {
                    first(told)
                } else {
                    vec![String::new(), String::new(), String::new(), told]
                };
                lines.push(line(&cells));
                lines.extend(
                    below(step, attempt, Depth::Steps)
                        .lines()
                        .filter(|_| attempt.retry_at.is_none())
                        .map(str::to_owned),
                );
            }
            *told = known;
        }
        lines
    }

    /// The line that sums an ended run up.
    #[must_use]
    pub fn end(run: &Run) -> String {
        format!("  {} {}", strong(title(run)), headline(run))
    }
}

/// Cells in columns that are fixed, since the rows to come are not known.
fn line(cells: &[String]) -> String {
    let widths: [usize; 3] = [1, 10, 20];
    let mut text = String::from("  ");
    for (position, cell) in cells.iter().enumerate() {
        text.push_str(cell);
        if let Some(wanted) = widths.get(position) {
            text.push_str(&" ".repeat(wanted.saturating_sub(width(cell)) + 2));
        }
    }
    text
}

#[cfg(test)]
mod tests;
