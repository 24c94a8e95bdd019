//! A run's record: its journal told as steps and attempts, for people and the API.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use wharf_model::{
    call::{LogLine, Metering, TrapReport, Verdict},
    effect::Effect,
    event::{Event, Provenance},
    failure::Failure,
    flow::{Flow, StepKind},
    journal::{AttemptResult, Entry, Progress, State, TRIGGER, Then},
    time::Timestamp,
};

/// A run, step by step.
#[derive(Clone, Debug, Serialize)]
pub struct RunRecord {
    /// Its id.
    pub id: String,
    /// Its flow.
    pub flow: String,
    /// The version it is on.
    pub flow_version: u32,
    /// `running`, `waiting`, `done`, `ignored`, `failed`, `discarded`.
    pub status: String,
    /// When its event became durable.
    pub accepted_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// How the event was verified and recognised.
    pub provenance: Option<Provenance>,
    /// The event.
    pub event: Option<Event>,
    /// What happened, in the order of the flow.
    pub steps: Vec<StepRecord>,
    /// The connector versions it is on, by name.
    pub connectors: BTreeMap<String, String>,
    /// Time spent in connectors, in microseconds, without the waiting for providers.
    pub ours_micros: u64,
    /// Time spent waiting for providers, in microseconds.
    pub theirs_micros: u64,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRecord {
    /// Its path; `@trigger` for the trigger's own call.
    pub path: String,
    /// `slack/post-message`, `switch`, `map`.
    pub title: String,
    /// `pending`, `waiting`, `unconfirmed`, `suspended`, `skipped`, `done`, `failed`.
    pub status: &'static str,
    /// Not before this time.
    pub due_at: Option<Timestamp>,
    /// Its output, or the case that a switch took.
    pub output: Option<Value>,
    /// In order.
    pub attempts: Vec<AttemptRecord>,
}

/// One attempt, or one question what became of a write.
#[derive(Clone, Debug, Serialize)]
pub struct AttemptRecord {
    /// From 1.
    pub attempt: u32,
    /// `run` or `confirm`.
    pub kind: &'static str,
    /// When it began.
    pub started_at: Timestamp,
    /// `done`, `suspended`, `failed`, `applied`, `not-applied`, `unknown`.
    pub outcome: &'static str,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// What the sandbox knows, if it stopped the call.
    pub trap: Option<TrapReport>,
    /// When it is tried again.
    pub retry_at: Option<Timestamp>,
    /// Why it is not: `permanent`, `exhausted`, `ambiguous`.
    pub gave_up: Option<&'static str>,
    /// What it cost.
    pub metering: Metering,
    /// What it did through the gate.
    pub effects: Vec<Effect>,
    /// What it logged.
    pub log: Vec<LogLine>,
}

/// Steps in the order of the flow, the trigger's call first.
pub(crate) fn steps(flow: &Flow, entries: &[Entry], state: &State) -> Vec<StepRecord> {
    let mut attempts: BTreeMap<&str, Vec<AttemptRecord>> = BTreeMap::new();
    for entry in entries {
        if let Some((step, attempt)) = attempt(entry, attempts_so_far(&attempts, entry)) {
            attempts.entry(step).or_default().push(attempt);
        }
    }
    let mut records = Vec::new();
    if let Some(made) = attempts.remove(TRIGGER) {
        records.push(StepRecord {
            path: TRIGGER.to_owned(),
            title: "trigger".to_owned(),
            status: status(state.step(TRIGGER).map(|step| &step.progress)),
            due_at: None,
            output: None,
            attempts: made,
        });
    }
    for step in flow.all_steps() {
        let Some(step_state) = state.step(&step.path) else {
            continue;
        };
        let (due_at, output) = match (&step_state.progress, &step.kind) {
            (Progress::Waiting(at) | Progress::Unconfirmed(_, at), _) => (Some(*at), None),
            (Progress::Done(output), _) => (None, Some(output.clone())),
            (Progress::Branched(case), StepKind::Switch(switch)) => {
                let branch =
                    case.map_or(wharf_model::flow::Branch::Otherwise, wharf_model::flow::Branch::Case);
                (None, Some(serde_json::json!({ "case": switch.branch_name(branch) })))
            }
            (
                Progress::Pending
                | Progress::Suspended(..)
                | Progress::Skipped
                | Progress::Branched(_)
                | Progress::Failed(..),
                _,
            ) => (None, None),
        };
        let title = match &step.kind {
            StepKind::Action(action) => format!("{}/{}", action.connector, action.action),
            StepKind::Switch(_) => "switch".to_owned(),
            StepKind::Map(_) => "map".to_owned(),
        };
        records.push(StepRecord {
            path: step.path.clone(),
            title,
            status: status(Some(&step_state.progress)),
            due_at,
            output,
            attempts: attempts.remove(step.path.as_str()).unwrap_or_default(),
        });
    }
    records
}

fn attempts_so_far(attempts: &BTreeMap<&str, Vec<AttemptRecord>>, entry: &Entry) -> u32 {
    let (Entry::Confirmed { step, .. } | Entry::Unconfirmed { step, .. }) = entry else {
        return 0;
    };
    let asked =
        attempts.get(step.as_str()).map_or(0, |made| made.iter().filter(|one| one.kind == "confirm").count());
    u32::try_from(asked).unwrap_or(u32::MAX)
}

fn status(progress: Option<&Progress>) -> &'static str {
    match progress {
        None | Some(Progress::Pending) => "pending",
        Some(Progress::Waiting(_)) => "waiting",
        Some(Progress::Unconfirmed(..)) => "unconfirmed",
        Some(Progress::Suspended(..)) => "suspended",
        Some(Progress::Skipped) => "skipped",
        Some(Progress::Branched(_) | Progress::Done(_)) => "done",
        Some(Progress::Failed(..)) => "failed",
    }
}

/// An attempt of which nothing is known but when it began and how it ended.
fn blank(attempt: u32, kind: &'static str, started_at: Timestamp, outcome: &'static str) -> AttemptRecord {
    AttemptRecord {
        attempt,
        kind,
        started_at,
        outcome,
        failure: None,
        trap: None,
        retry_at: None,
        gave_up: None,
        metering: Metering::default(),
        effects: Vec::new(),
        log: Vec::new(),
    }
}

fn attempt(entry: &Entry, asked: u32) -> Option<(&str, AttemptRecord)> {
    match entry {
        Entry::Attempted { step, attempt, started_at, result, metering, effects, log } => {
            let made = AttemptRecord {
                metering: *metering,
                effects: effects.clone(),
                log: log.clone(),
                ..blank(*attempt, "run", *started_at, "failed")
            };
            let made = match result {
                AttemptResult::Done { .. } => AttemptRecord { outcome: "done", ..made },
                AttemptResult::Suspended { .. } => AttemptRecord { outcome: "suspended", ..made },
                AttemptResult::Failed { failure, trap, then } => {
                    failed(AttemptRecord { trap: trap.clone(), ..made }, failure, then)
                }
            };
            Some((step, made))
        }
        Entry::Unconfirmed { step, at, failure, then, metering, effects } => {
            let made = AttemptRecord {
                metering: *metering,
                effects: effects.clone(),
                ..blank(asked + 1, "confirm", *at, "failed")
            };
            Some((step, failed(made, failure, then)))
        }
        Entry::Confirmed { step, at, verdict, metering, effects } => {
            let outcome = match verdict {
                Verdict::Applied(_) => "applied",
                Verdict::NotApplied => "not-applied",
                Verdict::Unknown => "unknown",
            };
            let made = AttemptRecord {
                metering: *metering,
                effects: effects.clone(),
                ..blank(asked + 1, "confirm", *at, outcome)
            };
            Some((step, made))
        }
        Entry::Unevaluable { step, failure } => {
            let made = blank(1, "run", Timestamp::default(), "failed");
            Some((step, AttemptRecord { failure: Some(failure.clone()), ..made }))
        }
        Entry::Received { .. }
        | Entry::Triggered { .. }
        | Entry::Ignored { .. }
        | Entry::Skipped { .. }
        | Entry::Branched { .. }
        | Entry::Mapped { .. }
        | Entry::WriteIntended { .. }
        | Entry::WriteRefused { .. }
        | Entry::WriteAnswered { .. }
        | Entry::Died { .. }
        | Entry::Replayed { .. }
        | Entry::Completed { .. } => None,
    }
}

fn failed(made: AttemptRecord, failure: &Failure, then: &Then) -> AttemptRecord {
    let (retry_at, gave_up) = match then {
        Then::Confirm => (None, None),
        Then::Retry { at } => (Some(*at), None),
        Then::GiveUp { why } => (None, Some(why.name())),
    };
    AttemptRecord { failure: Some(failure.clone()), retry_at, gave_up, ..made }
}
