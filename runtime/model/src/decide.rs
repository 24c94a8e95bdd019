//! What happens next in a run: a pure function of the flow, the folded journal and the time.
//!
//! Steps that need nothing but data (switch, map, a false `if`) are done here, on the spot; their
//! entries become durable together with whatever follows them. Everything that touches the world is
//! only named, for the engine to do.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::{
    call::Wake,
    failure::{Failure, FailureClass},
    flow::{self, ActionCall, Branch, Flow, OnError, Step, StepKind, Switch},
    journal::{Ended, Entry, Progress, State, StepState, TRIGGER},
    retry::GiveUp,
    template::{Scope, TemplateError},
    time::Timestamp,
};

/// What follows, after `entries` are journaled.
#[derive(Debug)]
pub struct Decision<'f> {
    /// Facts that follow from the journal alone; already applied to the state.
    pub entries: Vec<Entry>,
    /// What the engine does now.
    pub next: Next<'f>,
}

/// What the engine does now.
#[derive(Debug)]
pub enum Next<'f> {
    /// Ask the trigger's connector for the events of the stored delivery.
    Receive {
        /// From 1.
        attempt: u32,
    },
    /// Call the action.
    Call {
        /// The step.
        step: &'f Step,
        /// Its action.
        action: &'f ActionCall,
        /// The rendered input.
        input: Value,
        /// From 1.
        attempt: u32,
    },
    /// Continue a suspended action.
    Resume {
        /// The step.
        step: &'f Step,
        /// Its action.
        action: &'f ActionCall,
        /// What the connector left.
        state: Value,
        /// The attempt it belongs to.
        attempt: u32,
    },
    /// Ask what became of a write whose outcome is unknown.
    Confirm {
        /// The step.
        step: &'f Step,
        /// Its action.
        action: &'f ActionCall,
        /// The rendered input.
        input: Value,
        /// The question, from 1.
        attempt: u32,
    },
    /// Nothing before this time.
    Wait(Timestamp),
    /// Nothing more: the run has ended.
    End(Ended),
}

/// Decides. Applies the entries it makes to `state`.
pub fn decide<'f>(flow: &'f Flow, run: &str, state: &mut State, now: Timestamp) -> Decision<'f> {
    let mut entries = Vec::new();
    loop {
        let next = match advance(flow, run, state, now) {
            Advance::Entry(entry) => {
                state.apply(&entry);
                entries.push(entry);
                continue;
            }
            Advance::Next(next) => next,
        };
        return Decision { entries, next };
    }
}

#[expect(clippy::large_enum_variant, reason = "lives for one turn of a loop")]
enum Advance<'f> {
    Entry(Entry),
    Next(Next<'f>),
}

fn advance<'f>(flow: &'f Flow, run: &str, state: &State, now: Timestamp) -> Advance<'f> {
    if let Some(ended) = state.ended {
        return Advance::Next(Next::End(ended));
    }
    let Some(event) = &state.event else {
        return receive(state, now);
    };
    if let Some((step, why)) = fatal(flow, state) {
        return Advance::Entry(Entry::Died { at: now, step: step.path.clone(), why });
    }
    let Some(step) = flow.next(|step| progress(state, step)) else {
        return Advance::Entry(Entry::Completed { at: now });
    };
    let outputs = outputs(flow, state);
    let scope =
        Scope::new(&event.data, outputs.iter().map(|(id, value)| (*id, value.as_ref())), run, &flow.name);
    let scope = match state.started_at {
        Some(at) => scope.started_at(at),
        None => scope,
    };
    begin(step, state.step(&step.path), &scope, now).unwrap_or_else(|error| {
        Advance::Entry(Entry::Unevaluable { step: step.path.clone(), failure: unevaluable(&error) })
    })
}

/// A run without an event: its delivery is with the trigger's connector.
fn receive(state: &State, now: Timestamp) -> Advance<'static> {
    let Some(trigger) = state.step(TRIGGER) else {
        return Advance::Next(Next::Receive { attempt: 1 });
    };
    match trigger.progress {
        Progress::Failed(_, why) => Advance::Entry(Entry::Died { at: now, step: TRIGGER.to_owned(), why }),
        Progress::Waiting(at) if at > now => Advance::Next(Next::Wait(at)),
        Progress::Pending
        | Progress::Waiting(_)
        | Progress::Unconfirmed(..)
        | Progress::Suspended(..)
        | Progress::Skipped
        | Progress::Branched(_)
        | Progress::Done(_) => Advance::Next(Next::Receive { attempt: trigger.attempts + 1 }),
    }
}

/// The step whose failure ends the run. Steps run one after another, so there is at most one.
fn fatal<'f>(flow: &'f Flow, state: &State) -> Option<(&'f Step, GiveUp)> {
    state.steps.iter().find_map(|(path, step_state)| match step_state.progress {
        Progress::Failed(_, why) => {
            let step = flow.step(path)?;
            (step.on_error == OnError::Fail).then_some((step, why))
        }
        Progress::Pending
        | Progress::Waiting(_)
        | Progress::Unconfirmed(..)
        | Progress::Suspended(..)
        | Progress::Skipped
        | Progress::Branched(_)
        | Progress::Done(_) => None,
    })
}

fn begin<'f>(
    step: &'f Step,
    state: Option<&StepState>,
    scope: &Scope<'_>,
    now: Timestamp,
) -> Result<Advance<'f>, TemplateError> {
    let untouched = state.is_none_or(|state| state.attempts == 0 && state.writes.is_empty());
    if untouched
        && let Some(condition) = &step.when
        && !condition.holds(scope)?
    {
        return Ok(Advance::Entry(Entry::Skipped { step: step.path.clone() }));
    }
    match &step.kind {
        StepKind::Map(value) => {
            Ok(Advance::Entry(Entry::Mapped { step: step.path.clone(), output: value.render(scope)? }))
        }
        StepKind::Switch(switch) => {
            let case = choose(switch, scope)?;
            Ok(Advance::Entry(Entry::Branched { step: step.path.clone(), case }))
        }
        StepKind::Action(action) => act(step, action, state, scope, now).map(Advance::Next),
    }
}

fn choose(switch: &Switch, scope: &Scope<'_>) -> Result<Option<usize>, TemplateError> {
    for (index, case) in switch.cases.iter().enumerate() {
        if case.when.holds(scope)? {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

fn act<'f>(
    step: &'f Step,
    action: &'f ActionCall,
    state: Option<&StepState>,
    scope: &Scope<'_>,
    now: Timestamp,
) -> Result<Next<'f>, TemplateError> {
    let fresh = StepState::default();
    let state = state.unwrap_or(&fresh);
    match &state.progress {
        Progress::Waiting(at) | Progress::Unconfirmed(_, at) if *at > now => {
            return Ok(Next::Wait(*at));
        }
        Progress::Suspended(wake, kept) => {
            let (Wake::At(at) | Wake::Callback(at)) = *wake;
            return Ok(if at > now {
                Next::Wait(at)
            } else {
                Next::Resume { step, action, state: kept.clone(), attempt: state.attempts.max(1) }
            });
        }
        Progress::Pending
        | Progress::Waiting(_)
        | Progress::Unconfirmed(..)
        | Progress::Skipped
        | Progress::Branched(_)
        | Progress::Done(_)
        | Progress::Failed(..) => {}
    }
    let input = action.with.render(scope)?;
    let unconfirmed = matches!(state.progress, Progress::Unconfirmed(..)) || state.unanswered().is_some();
    Ok(if unconfirmed {
        Next::Confirm { step, action, input, attempt: state.confirms + 1 }
    } else {
        Next::Call { step, action, input, attempt: state.attempts + 1 }
    })
}

fn progress(state: &State, step: &Step) -> flow::Progress {
    match state.step(&step.path).map(|state| &state.progress) {
        None
        | Some(
            Progress::Pending | Progress::Waiting(_) | Progress::Unconfirmed(..) | Progress::Suspended(..),
        ) => flow::Progress::Open,
        Some(Progress::Branched(case)) => flow::Progress::Took(branch(*case)),
        Some(Progress::Skipped | Progress::Done(_) | Progress::Failed(..)) => flow::Progress::Over,
    }
}

fn branch(case: Option<usize>) -> Branch {
    case.map_or(Branch::Otherwise, Branch::Case)
}

/// What expressions see of the steps: outputs by id; null for what was skipped, failed or not reached.
fn outputs<'a>(flow: &'a Flow, state: &'a State) -> Vec<(&'a str, Cow<'a, Value>)> {
    let output = |step: &'a Step| match (state.step(&step.path).map(|state| &state.progress), &step.kind) {
        (Some(Progress::Done(output)), _) => Cow::Borrowed(output),
        (Some(Progress::Branched(case)), StepKind::Switch(switch)) => {
            Cow::Owned(json!({ "case": switch.branch_name(branch(*case)) }))
        }
        (
            None
            | Some(
                Progress::Pending
                | Progress::Waiting(_)
                | Progress::Unconfirmed(..)
                | Progress::Suspended(..)
                | Progress::Skipped
                | Progress::Branched(_)
                | Progress::Failed(..),
            ),
            _,
        ) => Cow::Owned(Value::Null),
    };
    flow.all_steps().into_iter().map(|step| (step.id.as_str(), output(step))).collect()
}

fn unevaluable(error: &TemplateError) -> Failure {
    Failure::new(FailureClass::InvalidInput, error.to_string())
}

#[cfg(test)]
mod tests;
