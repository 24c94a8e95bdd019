//! A run's journal: what happened, in order, and the state that it folds to.
//!
//! Entries are facts and are only ever appended; `fold` is total, so that a journal written by any
//! earlier version still folds. Everything that a retry or a resumed run needs is in here, and
//! nothing else decides what happens next (see [`crate::decide`]).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    call::{LogLine, Metering, TrapReport, Verdict, Wake},
    effect::{Effect, WriteKey},
    event::{Event, Provenance},
    failure::{Failure, FailureClass},
    retry::GiveUp,
    time::Timestamp,
};

/// One fact about a run. Steps are named by their path in the flow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
pub enum Entry {
    /// A delivery was stored; the trigger's connector has yet to make events of it.
    Received {
        /// When.
        at: Timestamp,
        /// How it was verified.
        provenance: Provenance,
    },
    /// The event that the run is about.
    Triggered {
        /// When.
        at: Timestamp,
        /// Where it came from.
        provenance: Provenance,
        /// The event.
        event: Event,
        /// What the trigger's connector spent on it, if one was asked.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        metering: Option<Metering>,
    },
    /// The trigger's connector found no event that the flow means.
    Ignored {
        /// When.
        at: Timestamp,
    },
    /// A step's `if` was false.
    Skipped {
        /// The step.
        step: String,
    },
    /// A switch chose the case at this position; none is `otherwise`.
    Branched {
        /// The step.
        step: String,
        /// The case, from 0.
        case: Option<usize>,
    },
    /// A map step's value.
    Mapped {
        /// The step.
        step: String,
        /// Its output.
        output: Value,
    },
    /// A pure step could not be evaluated; it fails as an action would.
    Unevaluable {
        /// The step.
        step: String,
        /// Why.
        failure: Failure,
    },
    /// A write that may not be repeated is about to be sent.
    WriteIntended {
        /// The step.
        step: String,
        /// The attempt.
        attempt: u32,
        /// Which write.
        key: WriteKey,
    },
    /// A write that was intended did not take place: nothing was sent, or the provider refused it.
    WriteRefused {
        /// The step.
        step: String,
        /// Which write.
        key: WriteKey,
    },
    /// A write was answered. On a retry of the step this answer stands for it.
    WriteAnswered {
        /// The step.
        step: String,
        /// Which write.
        key: WriteKey,
        /// The answer.
        response: Answer,
    },
    /// An attempt of an action ended.
    Attempted {
        /// The step.
        step: String,
        /// From 1.
        attempt: u32,
        /// When it began.
        started_at: Timestamp,
        /// What came of it, and what follows.
        result: AttemptResult,
        /// What it cost.
        #[serde(default)]
        metering: Metering,
        /// What it did through the gate.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        effects: Vec<Effect>,
        /// What it logged.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        log: Vec<LogLine>,
    },
    /// The connector could not be asked what became of a write, or could not tell now.
    Unconfirmed {
        /// The step.
        step: String,
        /// When.
        at: Timestamp,
        /// Why.
        failure: Failure,
        /// What follows.
        then: Then,
        /// What the question did through the gate.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        effects: Vec<Effect>,
    },
    /// The connector was asked what became of a write.
    Confirmed {
        /// The step.
        step: String,
        /// When.
        at: Timestamp,
        /// Its verdict.
        verdict: Verdict,
        /// What the question did through the gate.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        effects: Vec<Effect>,
    },
    /// The run ended in a dead letter.
    Died {
        /// When.
        at: Timestamp,
        /// The step.
        step: String,
        /// Why there will be no further attempt.
        why: GiveUp,
    },
    /// A person sent a dead run on its way again, from the step where it died.
    Replayed {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
    },
    /// The run ended well.
    Completed {
        /// When.
        at: Timestamp,
    },
}

impl Entry {
    /// Whether the entry follows from those before it and the flow alone, so that losing it loses nothing.
    #[must_use]
    pub fn derived(&self) -> bool {
        match self {
            Self::Skipped { .. }
            | Self::Branched { .. }
            | Self::Mapped { .. }
            | Self::Unevaluable { .. } => true,
            Self::Received { .. }
            | Self::Triggered { .. }
            | Self::Ignored { .. }
            | Self::WriteIntended { .. }
            | Self::WriteRefused { .. }
            | Self::WriteAnswered { .. }
            | Self::Attempted { .. }
            | Self::Unconfirmed { .. }
            | Self::Confirmed { .. }
            | Self::Died { .. }
            | Self::Replayed { .. }
            | Self::Completed { .. } => false,
        }
    }
}

/// The step under which the trigger's own call is journaled; no step of a flow can have this id.
pub const TRIGGER: &str = "@trigger";

/// A provider's answer to a write, kept so that a retry is answered with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Header names, and values in base64.
    pub headers: Vec<(String, String)>,
    /// The body, base64 (RFC 4648).
    pub body: String,
}

/// What came of an attempt, and what follows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "result")]
pub enum AttemptResult {
    /// The step is done.
    Done {
        /// Its output.
        output: Value,
    },
    /// The action is not finished; the host continues it.
    Suspended {
        /// When.
        wake: Wake,
        /// For `resume`.
        state: Value,
    },
    /// It failed.
    Failed {
        /// Why.
        failure: Failure,
        /// What the sandbox knows, if it stopped the call.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trap: Option<TrapReport>,
        /// What follows.
        then: Then,
    },
}

/// What follows a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "then")]
pub enum Then {
    /// The connector is asked what became of the write before anything else.
    Confirm,
    /// Another attempt, at this time.
    Retry {
        /// When.
        at: Timestamp,
    },
    /// None; the step's `on-error` says whether the run goes on.
    GiveUp {
        /// Why.
        why: GiveUp,
    },
}

/// The state of a step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepState {
    /// Attempts that ended.
    pub attempts: u32,
    /// How far it is.
    pub progress: Progress,
    /// Times that `confirm` was asked in vain.
    pub confirms: u32,
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
    /// Done.
    Done(Value),
    /// Failed for good.
    Failed(Failure, GiveUp),
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
    /// Steps that anything happened to, by path.
    pub steps: BTreeMap<String, StepState>,
    /// How the run ended, if it did.
    pub ended: Option<Ended>,
    /// The step at which it died, if it did.
    pub died_at: Option<String>,
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
    pub fn apply(&mut self, entry: &Entry) {
        self.next_seq += 1;
        match entry {
            Entry::Received { provenance, .. } => self.provenance = Some(provenance.clone()),
            Entry::Triggered {
                provenance, event, ..
            } => {
                self.provenance = Some(provenance.clone());
                self.event = Some(event.clone());
            }
            Entry::Ignored { .. } => self.ended = Some(Ended::Ignored),
            Entry::Skipped { step } => self.progress(step, Progress::Skipped),
            Entry::Branched { step, case } => self.progress(step, Progress::Branched(*case)),
            Entry::Mapped { step, output } => self.progress(step, Progress::Done(output.clone())),
            Entry::Unevaluable { step, failure } => {
                self.progress(step, Progress::Failed(failure.clone(), GiveUp::Permanent));
            }
            Entry::WriteIntended { step, key, .. } => self.write(
                step,
                Write {
                    key: *key,
                    answer: None,
                },
            ),
            Entry::WriteRefused { step, key } => {
                self.entry(step).writes.remove(&key.ordinal);
            }
            Entry::WriteAnswered {
                step,
                key,
                response,
            } => {
                self.write(
                    step,
                    Write {
                        key: *key,
                        answer: Some(response.clone()),
                    },
                );
            }
            Entry::Attempted {
                step,
                attempt,
                result,
                ..
            } => self.attempted(step, *attempt, result),
            Entry::Unconfirmed {
                step,
                failure,
                then,
                ..
            } => self.unconfirmed(step, failure, then),
            Entry::Confirmed {
                step, verdict, at, ..
            } => self.confirmed(step, verdict, *at),
            Entry::Died { step, .. } => {
                self.ended = Some(Ended::Died);
                self.died_at = Some(step.clone());
            }
            Entry::Replayed { .. } => self.replayed(),
            Entry::Completed { .. } => self.ended = Some(Ended::Completed),
        }
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

    fn attempted(&mut self, step: &str, attempt: u32, result: &AttemptResult) {
        let state = self.entry(step);
        state.attempts = attempt;
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
    /// was done or answered stays so.
    fn replayed(&mut self) {
        self.ended = None;
        self.died_at = None;
        for state in self.steps.values_mut() {
            if let Progress::Failed(..) = state.progress {
                state.progress = Progress::Pending;
                state.attempts = 0;
                state.confirms = 0;
            }
        }
    }
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
