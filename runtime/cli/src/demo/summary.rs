//! The story as data, for `--json`: every act with its checks, every run with its bill.

use serde::Serialize;

use crate::view;

use super::provider::Message;

/// The whole story.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Summary {
    /// Whether every check held.
    pub(super) ok: bool,
    /// The acts in order.
    acts: Vec<Act>,
    /// The runs that were followed.
    runs: Vec<Run>,
    /// What the hostile connector tried and what came of it.
    pub(super) denied: Vec<Denied>,
    /// What the provider got.
    pub(super) messages: Vec<Message>,
    /// Seconds from the start of the server to the end, without the build.
    pub(super) seconds: f64,
    /// The server's address, while it is kept.
    pub(super) server: Option<String>,
    /// Its data directory, while it is kept.
    pub(super) data_dir: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Act {
    title: String,
    checks: Vec<Check>,
}

#[derive(Clone, Debug, Serialize)]
struct Check {
    what: String,
    ok: bool,
}

#[derive(Clone, Debug, Serialize)]
struct Run {
    id: String,
    flow: String,
    status: String,
    attempts: usize,
    fuel: u64,
    peak_memory_bytes: u64,
    effects: usize,
    took_ms: Option<u64>,
}

/// An attempt to get out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Denied {
    /// The step.
    pub(super) attempt: String,
    /// What it wanted.
    pub(super) tried: String,
    /// The gate's or the sandbox's stable name for the reason.
    pub(super) reason: String,
    /// For a person.
    pub(super) message: String,
}

impl Summary {
    /// A new act.
    pub(super) fn act(&mut self, title: &str) {
        self.acts.push(Act { title: title.to_owned(), checks: Vec::new() });
    }

    /// The act that is played.
    pub(super) fn current(&self) -> &str {
        self.acts.last().map_or("", |act| &act.title)
    }

    /// A check of the current act.
    pub(super) fn check(&mut self, what: &str, ok: bool) {
        if let Some(act) = self.acts.last_mut() {
            act.checks.push(Check { what: what.to_owned(), ok });
        }
    }

    /// How many checks held.
    pub(super) fn checks(&self) -> usize {
        self.acts.iter().map(|act| act.checks.len()).sum()
    }

    /// A run that ended.
    pub(super) fn run(&mut self, run: &view::Run) {
        let attempts = || run.steps.iter().flat_map(|step| &step.attempts);
        self.runs.push(Run {
            id: run.id.clone(),
            flow: run.flow.clone(),
            status: run.status.clone(),
            attempts: attempts().count(),
            fuel: attempts().map(|attempt| attempt.metering.fuel).sum(),
            peak_memory_bytes: attempts()
                .map(|attempt| attempt.metering.peak_memory_bytes)
                .max()
                .unwrap_or(0),
            effects: attempts().map(|attempt| attempt.effects.len()).sum(),
            took_ms: run.finished_at.map(|end| end.saturating_sub(run.accepted_at)),
        });
    }
}
