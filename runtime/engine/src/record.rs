//! A run's record: its journal told as steps and attempts, for people and the API.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use wharf_model::{
    call::{LogLine, Metering, TrapReport, Verdict},
    effect::Effect,
    event::{Event, Provenance},
    failure::Failure,
    flow::{Branch, Flow, Step, StepKind, WaitFor, written_path},
    journal::{AttemptResult, Entry, Progress, State, StepState, TRIGGER, Then},
    time::Timestamp,
};

/// Steps that a record tells of; a loop may have many times more.
const MAX_STEPS: usize = 2000;

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
    /// What happened, in the order of the flow, item after item.
    pub steps: Vec<StepRecord>,
    /// Steps that are left out, because there are too many.
    pub steps_left_out: usize,
    /// The step that ended the run before its last one, and its reason.
    pub stopped: Option<(String, String)>,
    /// The run that started it, and at which step.
    pub started_by: Option<RunLink>,
    /// Runs that it started.
    pub started: Vec<RunLink>,
    /// The connector versions it is on, by name.
    pub connectors: BTreeMap<String, String>,
    /// Time spent in connectors, in microseconds, without the waiting for providers.
    pub ours_micros: u64,
    /// Time spent waiting for providers, in microseconds.
    pub theirs_micros: u64,
}

/// Another run, and the step between the two.
#[derive(Clone, Debug, Serialize)]
pub struct RunLink {
    /// The other run.
    pub run: String,
    /// The path of the step of the run that started.
    pub step: String,
}

/// One step.
#[derive(Clone, Debug, Serialize)]
pub struct StepRecord {
    /// Its path, with the items of loops: `each[3]/tell`; `@trigger` for the trigger's own call.
    pub path: String,
    /// `trigger`, `action`, `switch`, `map`, `for-each`, `parallel`, `delay`, `until`, `stop`, `fail`.
    pub kind: &'static str,
    /// `slack/post-message`, or the kind again.
    pub title: String,
    /// `pending`, `waiting`, `unconfirmed`, `suspended`, `running`, `skipped`, `done`, `failed`.
    pub status: &'static str,
    /// Why it failed for good.
    pub failure: Option<Failure>,
    /// Whom or what it waits for.
    pub asks: Option<Asks>,
    /// Not before this time.
    pub due_at: Option<Timestamp>,
    /// Its output, or the case that a switch took.
    pub output: Option<Value>,
    /// In order.
    pub attempts: Vec<AttemptRecord>,
}

/// What a step waits for somebody to do.
#[derive(Clone, Debug, Serialize)]
pub struct Asks {
    /// `approval` or `signal`.
    pub kind: &'static str,
    /// What is asked, or the signal's name.
    pub text: String,
    /// The JSON Schema of what is to be filled in.
    pub form: Option<Value>,
    /// Who may answer; empty: whoever may use the API.
    pub approvers: Vec<String>,
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

/// Steps in the order of the flow and of the items, the trigger's call first; how many were left out.
pub(crate) fn steps(flow: &Flow, entries: &[Entry], state: &State) -> (Vec<StepRecord>, usize) {
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
            kind: "trigger",
            title: "trigger".to_owned(),
            status: status(state.step(TRIGGER).map(|step| &step.progress)),
            failure: None,
            asks: None,
            due_at: None,
            output: None,
            attempts: made,
        });
    }
    let order: BTreeMap<&str, (usize, &Step)> = flow
        .all_steps()
        .into_iter()
        .enumerate()
        .map(|(position, step)| (step.path.as_str(), (position, step)))
        .collect();
    let mut reached: Vec<_> = state
        .steps
        .iter()
        .filter_map(|(path, state)| {
            Some((place(path, &order), path, state, order.get(&*written_path(path))?.1))
        })
        .collect();
    reached.sort_by(|a, b| a.0.cmp(&b.0));
    let left_out = reached.len().saturating_sub(MAX_STEPS);
    reached.truncate(MAX_STEPS);
    records.extend(reached.into_iter().map(|(_, path, state, step)| StepRecord {
        asks: asks(path, state, step, entries),
        ..record(path, state, step, attempts.remove(path.as_str()))
    }));
    (records, left_out)
}

/// Sorts instances of steps: by the flow, and in a loop by the item first.
fn place(path: &str, order: &BTreeMap<&str, (usize, &Step)>) -> Vec<(usize, Option<usize>)> {
    let position = |path: &str| order.get(&*written_path(path)).map_or(usize::MAX, |(position, _)| *position);
    let mut place = Vec::new();
    let mut from = 0;
    while let Some((open, close)) = path.get(from..).and_then(|rest| Some((rest.find('[')?, rest.find(']')?)))
    {
        let index = path.get(from + open + 1..from + close).and_then(|digits| digits.parse().ok());
        place.push((path.get(..from + open).map_or(usize::MAX, position), index));
        from += close + 1;
    }
    place.push((position(path), None));
    place
}

fn record(path: &str, state: &StepState, step: &Step, attempts: Option<Vec<AttemptRecord>>) -> StepRecord {
    let (due_at, output) = match (&state.progress, &step.kind) {
        (
            Progress::Waiting(at)
            | Progress::Unconfirmed(_, at)
            | Progress::Delayed(at)
            | Progress::Listening(at, _),
            _,
        ) => (Some(*at), None),
        (Progress::Done(output), _) => (None, Some(output.clone())),
        (Progress::Branched(case), StepKind::Switch(switch)) => {
            let branch = case.map_or(Branch::Otherwise, Branch::Case);
            (None, Some(serde_json::json!({ "case": switch.branch_name(branch) })))
        }
        (
            Progress::Pending
            | Progress::Suspended(..)
            | Progress::Skipped
            | Progress::Branched(_)
            | Progress::Looping(_)
            | Progress::Forked
            | Progress::Failed(..),
            _,
        ) => (None, None),
    };
    let kind = step.kind.name();
    StepRecord {
        path: path.to_owned(),
        kind,
        title: if let StepKind::Action(action) = &step.kind {
            format!("{}/{}", action.connector, action.action)
        } else {
            kind.to_owned()
        },
        status: status(Some(&state.progress)),
        failure: if let Progress::Failed(failure, _) = &state.progress {
            Some(failure.clone())
        } else {
            None
        },
        asks: None,
        due_at,
        output,
        attempts: attempts.unwrap_or_default(),
    }
}

/// What a step that waits asks of somebody.
fn asks(path: &str, state: &StepState, step: &Step, entries: &[Entry]) -> Option<Asks> {
    let (StepKind::Wait(wait), Progress::Listening(..)) = (&step.kind, &state.progress) else {
        return None;
    };
    Some(match &wait.of {
        WaitFor::Approval { form, approvers, .. } => Asks {
            kind: "approval",
            text: entries.iter().rev().find_map(|entry| asked(entry, path)).unwrap_or_default().to_owned(),
            form: form.clone(),
            approvers: approvers.clone(),
        },
        WaitFor::Signal { name, .. } => {
            Asks { kind: "signal", text: name.clone(), form: None, approvers: Vec::new() }
        }
    })
}

fn asked<'e>(entry: &'e Entry, path: &str) -> Option<&'e str> {
    if let Entry::Listening { step, text, .. } = entry
        && step == path
    {
        text.as_deref()
    } else {
        None
    }
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
        Some(Progress::Waiting(_) | Progress::Delayed(_) | Progress::Listening(..)) => "waiting",
        Some(Progress::Looping(_) | Progress::Forked) => "running",
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

#[expect(clippy::too_many_lines, reason = "one arm for each kind of entry, in one place")]
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
        | Entry::Looping { .. }
        | Entry::ItemEnded { .. }
        | Entry::Forked { .. }
        | Entry::Delayed { .. }
        | Entry::Listening { .. }
        | Entry::Answered { .. }
        | Entry::Signalled { .. }
        | Entry::Heard { .. }
        | Entry::Over { .. }
        | Entry::Broken { .. }
        | Entry::PassedOver { .. }
        | Entry::Stopped { .. }
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
