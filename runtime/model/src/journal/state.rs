//! What a journal folds to. The fold is total: an entry of any earlier version still means something.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Answer, AttemptResult, Broke, Entry, Then};
use crate::{
    call::{Verdict, Wake},
    effect::WriteKey,
    event::{Event, Provenance},
    failure::{Failure, FailureClass},
    retry::GiveUp,
    time::Timestamp,
};

/// The state of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepState {
    /// Attempts that ended.
    pub attempts: u32,
    /// How far it is.
    pub progress: Progress,
    /// Times that `confirm` was asked in vain.
    pub confirms: u32,
    /// It failed, and what it is inside of went on.
    pub passed_over: bool,
    /// When it was first called, as far as the journal knows: the time that every further attempt sees, and
    /// `confirm`, so that what they ask for covers what was sent then. What was suspended begins anew.
    pub began: Option<Timestamp>,
    /// Writes of the attempts so far, by ordinal. One without an answer was intended and may not be repeated blindly.
    pub writes: BTreeMap<u32, Write>,
}

impl StepState {
    /// The write that was intended and never answered, if there is one.
    #[must_use]
    pub fn unanswered(&self) -> Option<&Write> {
        self.writes.values().find(|write| write.answer.is_none())
    }
}

/// A write of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// Which.
    pub key: WriteKey,
    /// The provider's answer, once it is known.
    pub answer: Option<Answer>,
}

/// How far a step is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Progress {
    /// Not begun, or begun and cut off by a crash.
    #[default]
    Pending,
    /// To be tried again at this time.
    Waiting(Timestamp),
    /// Failed with a write of unknown outcome: `confirm` decides, not before this time.
    Unconfirmed(Failure, Timestamp),
    /// Suspended by the connector.
    Suspended(Wake, Value),
    /// Its `if` was false.
    Skipped,
    /// A switch that chose.
    Branched(Option<usize>),
    /// A loop that is under way.
    Looping(Loop),
    /// Branches that are under way side by side.
    Forked,
    /// Waiting for a time.
    Delayed(Timestamp),
    /// Waiting for somebody, until this time; the answer, once there is one.
    Listening(Timestamp, Option<Answered>),
    /// Done.
    Done(Value),
    /// Failed for good.
    Failed(Failure, GiveUp),
}

/// What somebody answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Whether it was approved.
    pub approved: bool,
    /// What was filled in.
    pub data: Value,
}

/// A signal that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// Its name.
    pub name: String,
    /// When.
    pub at: Timestamp,
    /// From whom.
    pub by: String,
    /// What came with it.
    pub data: Value,
    /// The step that waited for it, once one did.
    pub heard_by: Option<String>,
}

/// How far a loop is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loop {
    /// What it goes over.
    pub items: Vec<Value>,
    /// Items that have ended, by their place; why, if one failed.
    pub ended: BTreeMap<usize, Option<Broke>>,
    /// The first item that has not ended.
    pub from: usize,
}

impl Loop {
    fn end(&mut self, index: usize, failed: Option<Broke>) {
        self.ended.insert(index, failed);
        while self.ended.contains_key(&self.from) {
            self.from += 1;
        }
    }
}

/// Who ended a run well before its last step, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// The step.
    pub step: String,
    /// Its reason.
    pub reason: String,
}

/// What a journal folds to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// Entries folded: the sequence number of the next one.
    pub next_seq: u64,
    /// How the delivery was verified.
    pub provenance: Option<Provenance>,
    /// The event, once it is known.
    pub event: Option<Event>,
    /// When the event was accepted: the time that expressions see.
    pub started_at: Option<Timestamp>,
    /// Steps that anything happened to, by path.
    pub steps: BTreeMap<String, StepState>,
    /// How the run ended, if it did.
    pub ended: Option<Ended>,
    /// The step at which it died, if it did.
    pub died_at: Option<String>,
    /// What it died of, if not of that step's own failure.
    pub died_of: Option<(Failure, GiveUp)>,
    /// Signals in the order in which they came.
    pub signals: Vec<Signal>,
    /// The step that ended it, if one did.
    pub stopped: Option<Stopped>,
    /// When it began, or began again: what its deadline counts from.
    pub begun_at: Option<Timestamp>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All steps are done.
    Completed,
    /// No event was meant.
    Ignored,
    /// In a dead letter.
    Died,
}

impl State {
    /// Folds a whole journal.
    pub fn fold<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut state = Self::default();
        for entry in entries {
            state.apply(entry);
        }
        state
    }

    /// The state of a step; the default for one that nothing happened to.
    #[must_use]
    pub fn step(&self, path: &str) -> Option<&StepState> {
        self.steps.get(path)
    }

    /// Folds one more entry.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of entry, in one place")]
    pub fn apply(&mut self, entry: &Entry) {
        self.next_seq += 1;
        match entry {
            Entry::Received { at, provenance } => self.begin(*at, provenance),
            Entry::Triggered { at, provenance, event, .. } => {
                self.begin(*at, provenance);
                self.started_at = Some(*at);
                self.event = Some(event.clone());
            }
            Entry::Ignored { .. } => self.ended = Some(Ended::Ignored),
            Entry::Skipped { step } => self.progress(step, Progress::Skipped),
            Entry::Branched { step, case } => self.progress(step, Progress::Branched(*case)),
            Entry::Mapped { step, output } => self.progress(step, Progress::Done(output.clone())),
            Entry::Unevaluable { step, failure } => {
                self.progress(step, Progress::Failed(failure.clone(), GiveUp::Permanent));
            }
            Entry::Looping { step, items } => {
                self.progress(step, Progress::Looping(Loop { items: items.clone(), ..Loop::default() }));
            }
            Entry::ItemEnded { step, index, failed } => {
                if let Progress::Looping(progress) = &mut self.entry(step).progress {
                    progress.end(*index, failed.clone());
                }
            }
            Entry::Forked { step } => self.progress(step, Progress::Forked),
            Entry::Delayed { step, until } => self.progress(step, Progress::Delayed(*until)),
            Entry::Listening { step, until, .. } => self.progress(step, Progress::Listening(*until, None)),
            Entry::Answered { at, by, step, approved, data } => {
                // The first answer counts, and only while somebody waits for it.
                if let Progress::Listening(_, answer @ None) = &mut self.entry(step).progress {
                    let (by, data) = (by.clone(), data.clone());
                    *answer = Some(Answered { at: *at, by, approved: *approved, data });
                }
            }
            Entry::Signalled { at, by, name, data } => self.signals.push(Signal {
                name: name.clone(),
                at: *at,
                by: by.clone(),
                data: data.clone(),
                heard_by: None,
            }),
            Entry::Heard { step, signal } => {
                if let Some(signal) = self.signals.get_mut(*signal) {
                    signal.heard_by = Some(step.clone());
                }
            }
            Entry::Over { step, output } => self.progress(step, Progress::Done(output.clone())),
            Entry::Broken { step, by } => self.progress(step, Progress::Failed(by.failure.clone(), by.why)),
            Entry::PassedOver { step } => self.entry(step).passed_over = true,
            Entry::WriteIntended { step, at, key, .. } => {
                self.begins(step, *at);
                self.write(step, Write { key: *key, answer: None });
            }
            Entry::WriteRefused { step, key } => {
                self.entry(step).writes.remove(&key.ordinal);
            }
            Entry::WriteAnswered { step, key, response } => {
                self.write(step, Write { key: *key, answer: Some(response.clone()) });
            }
            Entry::Attempted { step, attempt, started_at, result, .. } => {
                self.begins(step, *started_at);
                self.attempted(step, *attempt, result);
            }
            Entry::Unconfirmed { step, failure, then, .. } => self.unconfirmed(step, failure, then),
            Entry::Confirmed { step, verdict, at, .. } => self.confirmed(step, verdict, *at),
            Entry::Died { step, why, failure, .. } => {
                self.ended = Some(Ended::Died);
                self.died_at = Some(step.clone());
                self.died_of = failure.clone().map(|failure| (failure, *why));
            }
            Entry::Stopped { step, reason, .. } => {
                self.ended = Some(Ended::Completed);
                self.stopped = Some(Stopped { step: step.clone(), reason: reason.clone() });
            }
            Entry::Replayed { at, .. } => self.replayed(*at),
            Entry::Completed { .. } => self.ended = Some(Ended::Completed),
        }
    }

    fn begin(&mut self, at: Timestamp, provenance: &Provenance) {
        self.provenance = Some(provenance.clone());
        self.begun_at.get_or_insert(at);
    }

    fn entry(&mut self, step: &str) -> &mut StepState {
        self.steps.entry(step.to_owned()).or_default()
    }

    fn progress(&mut self, step: &str, progress: Progress) {
        self.entry(step).progress = progress;
    }

    fn write(&mut self, step: &str, write: Write) {
        self.entry(step).writes.insert(write.key.ordinal, write);
    }

    /// The first time counts; journals of earlier versions have 0 for an intent.
    fn begins(&mut self, step: &str, at: Timestamp) {
        if !at.is_zero() {
            self.entry(step).began.get_or_insert(at);
        }
    }

    fn attempted(&mut self, step: &str, attempt: u32, result: &AttemptResult) {
        let state = self.entry(step);
        state.attempts = attempt;
        if let AttemptResult::Suspended { .. } = result {
            state.began = None;
        }
        state.progress = match result {
            AttemptResult::Done { output } => Progress::Done(output.clone()),
            AttemptResult::Suspended { wake, state } => Progress::Suspended(*wake, state.clone()),
            AttemptResult::Failed { failure, then, .. } => match then {
                Then::Confirm => Progress::Unconfirmed(failure.clone(), Timestamp(0)),
                Then::Retry { at } => Progress::Waiting(*at),
                Then::GiveUp { why } => Progress::Failed(failure.clone(), *why),
            },
        };
    }

    fn unconfirmed(&mut self, step: &str, failure: &Failure, then: &Then) {
        let state = self.entry(step);
        state.confirms += 1;
        state.progress = match then {
            Then::Confirm => Progress::Unconfirmed(failure.clone(), Timestamp(0)),
            Then::Retry { at } => Progress::Unconfirmed(failure.clone(), *at),
            Then::GiveUp { why } => Progress::Failed(failure.clone(), *why),
        };
    }

    fn confirmed(&mut self, step: &str, verdict: &Verdict, at: Timestamp) {
        let state = self.entry(step);
        state.progress = match verdict {
            Verdict::Applied(output) => Progress::Done(output.clone()),
            // What was never applied may be sent again: as if it had not been intended.
            Verdict::NotApplied => {
                state.writes.retain(|_, write| write.answer.is_some());
                Progress::Waiting(at)
            }
            Verdict::Unknown => Progress::Failed(ambiguous(), GiveUp::Ambiguous),
        };
    }

    /// A dead run goes on: what failed is pending again, with its attempts counted anew, and what
    /// was done, answered or left behind stays so.
    fn replayed(&mut self, at: Timestamp) {
        self.ended = None;
        self.died_at = None;
        self.died_of = None;
        self.begun_at = Some(at);
        let left: Vec<String> =
            self.steps.iter().filter(|(_, state)| state.passed_over).map(|(path, _)| path.clone()).collect();
        for (path, state) in &mut self.steps {
            // Nobody goes into a step again that was left behind, but into what follows its failure.
            let behind = state.passed_over || left.iter().any(|left| is_left_behind(path, left));
            if let (false, Progress::Failed(..)) = (behind, &state.progress) {
                state.progress = Progress::Pending;
                state.attempts = 0;
                state.confirms = 0;
            }
        }
    }
}

/// Whether a path is inside of a step that was left behind, and not among what its `on-error` does.
fn is_left_behind(path: &str, left: &str) -> bool {
    path.strip_prefix(left)
        .is_some_and(|inside| inside.starts_with(['/', '[']) && !inside.starts_with("/on-error/"))
}

/// The failure of a step whose write nobody knows the outcome of.
fn ambiguous() -> Failure {
    Failure {
        outcome_unknown: true,
        ..Failure::new(
            FailureClass::TimedOut,
            "a write was sent and its outcome is unknown; look at the provider, then replay or discard",
        )
    }
}
