//! What happens next in a run: a pure function of the flow, the folded journal, what is under way and the time.
//!
//! Steps that need nothing but data are done here, on the spot; their entries become durable together
//! with whatever follows them. Everything that touches the world is only named, for the engine to do,
//! and there may be several things to do side by side.

mod place;
mod walk;

use std::collections::BTreeSet;

use serde_json::Value;

use self::{
    place::Place,
    walk::{Gone, Walk},
};
use crate::{
    failure::{Failure, FailureClass},
    flow::{ActionCall, Flow, Step},
    journal::{Ended, Entry, Progress, State, TRIGGER},
    retry::{GiveUp, Written},
    time::Timestamp,
};

/// What follows, after `entries` are journaled.
#[derive(Debug)]
pub struct Decision<'f> {
    /// Facts that follow from the journal and the time; already applied to the state.
    pub entries: Vec<Entry>,
    /// What the engine does now.
    pub turn: Turn<'f>,
}

/// What the engine does now.
#[derive(Debug)]
pub enum Turn<'f> {
    /// Ask the trigger's connector for the events of the stored delivery.
    Receive {
        /// From 1.
        attempt: u32,
    },
    /// Begin these, beside what is under way, and decide again as soon as one thing has ended.
    Work {
        /// What to begin; often nothing.
        tasks: Vec<Task<'f>>,
        /// Decide again at this time, whatever has ended by then.
        wake: Option<Timestamp>,
    },
    /// Nothing more: the run has ended.
    End(Ended),
}

/// A call of a connector.
#[derive(Debug)]
pub struct Task<'f> {
    /// The step.
    pub step: &'f Step,
    /// Its path, with the items of the loops that it is in.
    pub path: String,
    /// Its action.
    pub action: &'f ActionCall,
    /// What is asked.
    pub ask: Ask,
}

/// What a connector is asked.
#[derive(Debug)]
pub enum Ask {
    /// The action.
    Call {
        /// The rendered input.
        input: Value,
        /// From 1.
        attempt: u32,
    },
    /// The rest of a suspended action.
    Resume {
        /// What the connector left.
        state: Value,
        /// The attempt it belongs to.
        attempt: u32,
    },
    /// What became of a write whose outcome is unknown.
    Confirm {
        /// The rendered input.
        input: Value,
        /// The question, from 1.
        attempt: u32,
    },
}

/// What the engine has in its hands.
#[derive(Clone, Copy, Debug)]
pub struct Hands<'a> {
    /// Paths of the steps that are under way.
    pub busy: &'a BTreeSet<String>,
    /// How much more it takes on.
    pub room: usize,
}

/// Decides. Applies the entries it makes to `state`.
pub fn decide<'f>(
    flow: &'f Flow,
    run: &str,
    state: &mut State,
    hands: Hands<'_>,
    now: Timestamp,
) -> Decision<'f> {
    if let Some(ended) = state.ended {
        return Decision { entries: Vec::new(), turn: Turn::End(ended) };
    }
    if state.event.is_none() {
        return receive(state, now);
    }
    let mut walk = Walk::new(flow, run, state, hands, now);
    let gone = walk.steps(&flow.steps, &Place::default());
    let last = match gone {
        Gone::Through => Entry::Completed { at: now },
        Gone::Broke(by) => Entry::Died { at: now, step: by.step, why: by.why, failure: None },
        Gone::Stopped(stopped) => Entry::Stopped { at: now, step: stopped.step, reason: stopped.reason },
        Gone::Open => match deadline(flow, walk.state()) {
            Some(at) if at <= now => overdue(flow, walk.first_open(), now),
            Some(at) => {
                walk.wake(at);
                return walk.work();
            }
            None => return walk.work(),
        },
    };
    if walk.is_unsettled("") {
        // What is under way ends first, and what was sent is found out about; nothing more is begun.
        walk.withdraw(0);
        walk.work()
    } else {
        walk.end(last)
    }
}

fn deadline(flow: &Flow, state: &State) -> Option<Timestamp> {
    Some(state.begun_at?.after(flow.deadline?))
}

/// The end of a run that took too long: at the first step that was not over.
fn overdue(flow: &Flow, open: &str, now: Timestamp) -> Entry {
    let allowed = Written(flow.deadline.unwrap_or_default());
    let failure = Failure::new(FailureClass::TimedOut, format!("the run is past its deadline of {allowed}"));
    Entry::Died { at: now, step: open.to_owned(), why: GiveUp::Exhausted, failure: Some(failure) }
}

/// A run without an event: its delivery is with the trigger's connector.
fn receive(state: &mut State, now: Timestamp) -> Decision<'static> {
    let turn = |turn| Decision { entries: Vec::new(), turn };
    let Some(trigger) = state.step(TRIGGER) else {
        return turn(Turn::Receive { attempt: 1 });
    };
    match trigger.progress {
        Progress::Failed(_, why) => {
            let died = Entry::Died { at: now, step: TRIGGER.to_owned(), why, failure: None };
            state.apply(&died);
            Decision { entries: vec![died], turn: Turn::End(Ended::Died) }
        }
        Progress::Waiting(at) if at > now => turn(Turn::Work { tasks: Vec::new(), wake: Some(at) }),
        Progress::Pending
        | Progress::Waiting(_)
        | Progress::Unconfirmed(..)
        | Progress::Suspended(..)
        | Progress::Skipped
        | Progress::Branched(_)
        | Progress::Looping(_)
        | Progress::Forked
        | Progress::Delayed(_)
        | Progress::Listening(..)
        | Progress::Done(_) => turn(Turn::Receive { attempt: trigger.attempts + 1 }),
    }
}

#[cfg(test)]
mod tests;
