//! A run's journal: what happened, in order, and the state that it folds to.
//!
//! Entries are facts and are only ever appended; `fold` is total, so that a journal written by any
//! earlier version still folds. Everything that a retry or a resumed run needs is in here, and
//! nothing else decides what happens next (see [`crate::decide`]).

use serde::{Deserialize, Serialize};
use serde_json::Value;

mod state;

pub use state::{Answered, Ended, Loop, Progress, Signal, State, StepState, Stopped, Write};

use crate::{
    call::{LogLine, Metering, TrapReport, Verdict, Wake},
    effect::{Effect, WriteKey},
    event::{Event, Provenance},
    failure::Failure,
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
    /// A step that needs only data failed: it could not be evaluated, or failing is what it is for.
    Unevaluable {
        /// The step.
        step: String,
        /// Why.
        failure: Failure,
    },
    /// A loop began, with these items.
    Looping {
        /// The step.
        step: String,
        /// In order.
        items: Vec<Value>,
    },
    /// All that there is to do for an item of a loop is done, or failed.
    ItemEnded {
        /// The loop.
        step: String,
        /// The item, from 0.
        index: usize,
        /// Why it failed, if it did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed: Option<Broke>,
    },
    /// A step with branches side by side began.
    Forked {
        /// The step.
        step: String,
    },
    /// A step began to wait.
    Delayed {
        /// The step.
        step: String,
        /// For this time.
        until: Timestamp,
    },
    /// A step began to wait for somebody.
    Listening {
        /// The step.
        step: String,
        /// No longer than until this time.
        until: Timestamp,
        /// What is asked, of an approval.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// Somebody approved or rejected.
    Answered {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// The step that waits.
        step: String,
        /// The answer.
        approved: bool,
        /// What was filled in.
        data: Value,
    },
    /// Somebody sent a signal; a step may wait for it now or later.
    Signalled {
        /// When.
        at: Timestamp,
        /// Who.
        by: String,
        /// The signal's name.
        name: String,
        /// What came with it.
        data: Value,
    },
    /// A signal is the one that a step waits for; no other step gets it.
    Heard {
        /// The step.
        step: String,
        /// Which signal of the run, from 0.
        signal: usize,
    },
    /// A step that calls nobody is over: a wait, a loop, branches.
    Over {
        /// The step.
        step: String,
        /// Its output.
        output: Value,
    },
    /// A step inside of this one failed, and this one with it.
    Broken {
        /// The step.
        step: String,
        /// The step inside, and its failure.
        by: Broke,
    },
    /// A failed step is left behind, as its `on-error` says; a replay does not come back to it.
    PassedOver {
        /// The step.
        step: String,
    },
    /// A write that may not be repeated is about to be sent.
    WriteIntended {
        /// The step.
        step: String,
        /// The attempt.
        attempt: u32,
        /// The time that the attempt sees. Journals of earlier versions have none.
        #[serde(default, skip_serializing_if = "Timestamp::is_zero")]
        at: Timestamp,
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
        /// What the question cost.
        #[serde(default)]
        metering: Metering,
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
        /// What the question cost.
        #[serde(default)]
        metering: Metering,
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
        /// What failed, if it is not the step's own failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<Failure>,
    },
    /// A step ended the run well.
    Stopped {
        /// When.
        at: Timestamp,
        /// The step.
        step: String,
        /// Why.
        reason: String,
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
            | Self::Unevaluable { .. }
            | Self::Looping { .. }
            | Self::ItemEnded { .. }
            | Self::Forked { .. }
            | Self::Heard { .. }
            | Self::Over { .. }
            | Self::Broken { .. }
            | Self::PassedOver { .. } => true,
            Self::Received { .. }
            | Self::Triggered { .. }
            | Self::Ignored { .. }
            | Self::WriteIntended { .. }
            | Self::WriteRefused { .. }
            | Self::WriteAnswered { .. }
            | Self::Attempted { .. }
            | Self::Unconfirmed { .. }
            | Self::Confirmed { .. }
            | Self::Delayed { .. }
            | Self::Listening { .. }
            | Self::Answered { .. }
            | Self::Signalled { .. }
            | Self::Died { .. }
            | Self::Stopped { .. }
            | Self::Replayed { .. }
            | Self::Completed { .. } => false,
        }
    }
}

/// The step under which the trigger's own call is journaled; no step of a flow can have this id.
pub const TRIGGER: &str = "@trigger";

/// The failure of a step, as what it is inside of tells of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Broke {
    /// The step's path.
    pub step: String,
    /// Its failure.
    pub failure: Failure,
    /// Why it was not tried again.
    pub why: GiveUp,
}

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

#[cfg(test)]
mod golden;
