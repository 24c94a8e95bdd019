//! Where in a run a step stands: the items of the loops around it, and the failure that led to it.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::{
    flow::{Branch, Flow, Step, StepKind},
    journal::{Progress, State},
    template::Scope,
};

/// Where a list of steps stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    /// The loops around it, outermost first: the loop's path, and the item.
    loops: Vec<(String, usize)>,
    /// The step after whose failure it stands.
    after: Option<String>,
}

impl Place {
    pub(super) fn in_item(&self, path: &str, index: usize) -> Self {
        let mut place = self.clone();
        place.loops.push((path.to_owned(), index));
        place
    }

    pub(super) fn after(&self, failed: &str) -> Self {
        Self { after: Some(failed.to_owned()), ..self.clone() }
    }

    /// The path of a step with the items of the loops around this place.
    pub(super) fn path(&self, written: &str) -> String {
        let mut path = String::with_capacity(written.len() + 4);
        let mut indexes = self.loops.iter().map(|(_, index)| *index);
        for (position, part) in written.split("[]").enumerate() {
            if position > 0 {
                path.push('[');
                path.push_str(&indexes.next().unwrap_or_default().to_string());
                path.push(']');
            }
            path.push_str(part);
        }
        path
    }

    /// Whether a step is in no loop but those around this place.
    fn sees(&self, written: &str) -> bool {
        let Some((around, _)) = written.rsplit_once("[]/") else {
            return true;
        };
        self.loops.iter().any(|(path, _)| crate::flow::written_path(path) == around)
    }

    /// Outputs by id of what is seen from here: null for what was skipped, failed or not reached.
    pub(super) fn outputs<'a>(&self, flow: &'a Flow, state: &'a State) -> Vec<(&'a str, Cow<'a, Value>)> {
        let steps = flow.all_steps().into_iter().filter(|step| self.sees(&step.path));
        steps.map(|step| (step.id.as_str(), output(step, &self.path(&step.path), state))).collect()
    }

    /// What is known here besides the outputs.
    pub(super) fn known<'a>(&self, scope: Scope<'a>, state: &'a State) -> Scope<'a> {
        let scope = match &self.after {
            Some(failed) => scope.with_error(error(failed, state)),
            None => scope,
        };
        let Some((path, index)) = self.loops.last() else {
            return scope;
        };
        let item = state.step(path).and_then(|step| match &step.progress {
            Progress::Looping(progress) => progress.items.get(*index),
            Progress::Pending
            | Progress::Waiting(_)
            | Progress::Unconfirmed(..)
            | Progress::Suspended(..)
            | Progress::Skipped
            | Progress::Branched(_)
            | Progress::Forked
            | Progress::Delayed(_)
            | Progress::Listening(..)
            | Progress::Done(_)
            | Progress::Failed(..) => None,
        });
        scope.with_item(item.unwrap_or(&Value::Null), *index)
    }
}

/// What expressions see of a step.
pub(super) fn output<'a>(step: &'a Step, path: &str, state: &'a State) -> Cow<'a, Value> {
    match (state.step(path).map(|state| &state.progress), &step.kind) {
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
                | Progress::Looping(_)
                | Progress::Forked
                | Progress::Delayed(_)
                | Progress::Listening(..)
                | Progress::Failed(..),
            ),
            _,
        ) => Cow::Owned(Value::Null),
    }
}

pub(super) fn branch(case: Option<usize>) -> Branch {
    case.map_or(Branch::Otherwise, Branch::Case)
}

/// A failed step, as `error` in expressions; [`crate::flow`] checks the names of its fields.
fn error(path: &str, state: &State) -> Value {
    let Some(step) = state.step(path) else {
        return Value::Null;
    };
    let Progress::Failed(failure, why) = &step.progress else {
        return Value::Null;
    };
    json!({
        "step": path,
        "class": failure.class.name(),
        "message": failure.message,
        "http_status": failure.http_status,
        "provider_code": failure.provider_code,
        "attempts": step.attempts,
        "gave_up": why.name(),
    })
}
