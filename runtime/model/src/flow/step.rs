//! A step, and what it can do.
//!
//! What is surprising: a step inside of a loop has `[]` in its path where an instance has the item's
//! index, `each[]/tell`; so the path alone says in which loops a step is.

use std::time::Duration;

use serde_json::Value;

use super::{PlacedUse, Places, Span};
use crate::{
    failure::FailureClass,
    retry::RetryPolicy,
    template::{Condition, Template},
};

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// `[a-z][a-z0-9_]*`, unique in the flow: how expressions name it.
    pub id: String,
    /// What it is inside of, and its own id: `route/bug/tell`, `each[]/tell`. Unique in the flow.
    pub path: String,
    /// The step is skipped unless this holds.
    pub when: Option<Condition>,
    /// What it does.
    pub kind: StepKind,
    /// How it is tried again.
    pub retry: RetryPolicy,
    /// Stop an attempt after this long; the action's and the grant's limits hold too.
    pub timeout: Option<Duration>,
    /// What a failure does to the run.
    pub on_error: OnError,
    /// Where its id stands.
    pub span: Span,
    /// Where its expressions stand, for messages.
    pub uses: Vec<PlacedUse>,
}

/// What a failed step does to what it is inside of: the run, an item of a loop, a step with branches.
#[derive(Clone, Debug, Default)]
pub enum OnError {
    /// That fails too.
    #[default]
    Fail,
    /// That goes on; the step's output is null.
    Continue,
    /// These steps are done, with the failure as `error`, and then that goes on.
    Steps(Vec<Step>),
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// Calls an action.
    Action(ActionCall),
    /// Takes the first case that holds. Its output is `{"case": NAME}`, `otherwise` for no case.
    Switch(Switch),
    /// Computes a value, its output.
    Map(Template),
    /// Does steps for each item of a list.
    ForEach(ForEach),
    /// Does branches side by side. The output has the output of each branch's last step.
    Parallel(Parallel),
    /// Waits for a time. Its output is null.
    Delay(Delay),
    /// Waits for somebody: an approval or a signal.
    Wait(Wait),
    /// Ends the run well, with a reason.
    Stop(Template),
    /// Fails.
    Fail(Fail),
}

/// A call of an action.
#[derive(Clone, Debug)]
pub struct ActionCall {
    /// The connector's name.
    pub connector: String,
    /// The action's name.
    pub action: String,
    /// The connection's name.
    pub connection: Option<String>,
    /// The input.
    pub with: Template,
    /// Where its parts stand.
    pub places: Places,
}

/// Cases, the first that holds is taken.
#[derive(Clone, Debug)]
pub struct Switch {
    /// In order.
    pub cases: Vec<Case>,
    /// Steps when no case holds; often empty.
    pub otherwise: Vec<Step>,
}

/// One case of a switch.
#[derive(Clone, Debug)]
pub struct Case {
    /// `[a-z][a-z0-9_-]*`, unique in its switch, not `otherwise`.
    pub name: String,
    /// Whether it is taken.
    pub when: Condition,
    /// In order.
    pub steps: Vec<Step>,
}

/// The way a switch went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// This case, from 0.
    Case(usize),
    /// No case held.
    Otherwise,
}

/// Steps for each item of a list.
#[derive(Clone, Debug)]
pub struct ForEach {
    /// Gives the list.
    pub items: Template,
    /// What is done for an item, which is `item` in expressions; its place in the list is `index`.
    pub steps: Vec<Step>,
    /// Items under way at once.
    pub concurrency: usize,
    /// The most items that a list may have.
    pub max_items: usize,
    /// What an item that failed does to the others.
    pub on_item_error: OnItemError,
}

/// What an item that failed does to the loop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnItemError {
    /// The loop fails: nothing more of it is begun.
    #[default]
    Fail,
    /// The loop goes on, and its output tells of the item.
    Continue,
}

/// Branches side by side.
#[derive(Clone, Debug)]
pub struct Parallel {
    /// In the order of the file.
    pub branches: Vec<Lane>,
}

/// One branch of a parallel step.
#[derive(Clone, Debug)]
pub struct Lane {
    /// `[a-z][a-z0-9_-]*`, unique in its step.
    pub name: String,
    /// In order.
    pub steps: Vec<Step>,
}

/// What a step waits for.
#[derive(Clone, Debug)]
pub enum Delay {
    /// This long.
    For(Duration),
    /// A time: RFC 3339 text, or milliseconds since 1970.
    Until(Template),
}

/// A wait for somebody.
#[derive(Clone, Debug)]
pub struct Wait {
    /// For what.
    pub of: WaitFor,
    /// How long; then the step fails.
    pub expires: Duration,
}

/// What somebody has to do.
#[derive(Clone, Debug)]
pub enum WaitFor {
    /// Approve or reject. The output is `{"approved", "by", "at", "data"}`.
    Approval {
        /// What is asked.
        text: Template,
        /// The JSON Schema of what is filled in; none takes nothing.
        form: Option<Value>,
        /// Who may answer, by the actor's name; empty: whoever may use the API.
        approvers: Vec<String>,
    },
    /// Send a signal. The output is `{"name", "by", "at", "data"}`.
    Signal {
        /// Its name.
        name: String,
        /// Which signal of that name, with its data as `signal`; the first without it.
        when: Option<Condition>,
    },
}

/// A failure on purpose.
#[derive(Clone, Debug)]
pub struct Fail {
    /// Why.
    pub message: Template,
    /// Its class.
    pub class: FailureClass,
}

impl Step {
    /// The lists of steps inside of it, those after a failure last.
    pub fn inside(&self) -> impl Iterator<Item = &[Self]> {
        let after = match &self.on_error {
            OnError::Steps(steps) => Some(steps.as_slice()),
            OnError::Fail | OnError::Continue => None,
        };
        self.kind.inside().into_iter().chain(after)
    }
}

impl StepKind {
    /// The key that stands for it in the file.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Action(_) => "action",
            Self::Switch(_) => "switch",
            Self::Map(_) => "map",
            Self::ForEach(_) => "for-each",
            Self::Parallel(_) => "parallel",
            Self::Delay(Delay::For(_)) => "delay",
            Self::Delay(Delay::Until(_)) => "until",
            Self::Wait(_) => "wait",
            Self::Stop(_) => "stop",
            Self::Fail(_) => "fail",
        }
    }

    fn inside(&self) -> Vec<&[Step]> {
        match self {
            Self::Switch(switch) => switch.inside().collect(),
            Self::ForEach(each) => vec![&each.steps],
            Self::Parallel(parallel) => parallel.branches.iter().map(|lane| lane.steps.as_slice()).collect(),
            Self::Action(_)
            | Self::Map(_)
            | Self::Delay(_)
            | Self::Wait(_)
            | Self::Stop(_)
            | Self::Fail(_) => Vec::new(),
        }
    }
}

impl Switch {
    /// The steps of a branch; none if there is no such case.
    #[must_use]
    pub fn branch(&self, branch: Branch) -> &[Step] {
        match branch {
            Branch::Case(index) => self.cases.get(index).map_or(&[], |case| &case.steps),
            Branch::Otherwise => &self.otherwise,
        }
    }

    /// The name of a branch: the case's, or `otherwise`.
    #[must_use]
    pub fn branch_name(&self, branch: Branch) -> &str {
        match branch {
            Branch::Case(index) => self.cases.get(index).map_or("", |case| &case.name),
            Branch::Otherwise => "otherwise",
        }
    }

    /// The branch of that name.
    #[must_use]
    pub fn branch_named(&self, name: &str) -> Option<Branch> {
        if name == "otherwise" {
            return Some(Branch::Otherwise);
        }
        self.cases.iter().position(|case| case.name == name).map(Branch::Case)
    }

    pub(super) fn inside(&self) -> impl Iterator<Item = &[Step]> {
        self.cases.iter().map(|case| case.steps.as_slice()).chain([self.otherwise.as_slice()])
    }
}
