//! A flow: what starts a run, and its steps in order. Parsed from YAML, checked against manifests.
//!
//! What is surprising: a flow is stored as the text that was applied, and parsed again from it. The
//! digest of those bytes names the version.

mod check;
mod input;
mod order;
mod problem;
mod read;
mod schema;
mod yaml;

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use crate::{
    digest::Digest,
    manifest::Verification,
    retry::RetryPolicy,
    template::{Condition, Reference, Template},
};

pub(crate) use self::problem::suggest;
pub use self::{
    check::{Catalog, CatalogConnection, check},
    input::{InputValidator, InvalidSchema},
    problem::{Problem, Severity, render},
    schema::{json_schema, reference},
};

/// A flow that was read without a problem; whether its connectors exist is for [`check()`] to say.
#[derive(Clone, Debug)]
pub struct Flow {
    /// `[a-z][a-z0-9-]*`, at most 63 characters.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Where to read what to do when it fails.
    pub runbook: Option<String>,
    /// What starts a run.
    pub on: On,
    /// In order.
    pub steps: Vec<Step>,
    /// Names this version: the digest of the source's bytes.
    pub source_digest: Digest,
}

/// What starts a run.
#[derive(Clone, Debug)]
pub enum On {
    /// An event of a connector's trigger.
    Trigger(TriggerBinding),
    /// A request to the flow's address, without a connector: the JSON body is the event.
    Webhook(WebhookBinding),
    /// A person or an API client.
    Manual,
}

/// A trigger and how it is set up.
#[derive(Clone, Debug)]
pub struct TriggerBinding {
    /// The connector's name.
    pub connector: String,
    /// The trigger's name.
    pub trigger: String,
    /// The connection's name.
    pub connection: Option<String>,
    /// The trigger's settings, an object.
    pub with: Value,
    /// Where its parts stand.
    pub places: Places,
}

/// How deliveries to a flow's own address are recognised.
#[derive(Clone, Debug)]
pub struct WebhookBinding {
    /// The signature scheme; `unsigned` only if the flow says so.
    pub verification: Verification,
    /// The connection that holds the secret; none for `unsigned`.
    pub connection: Option<String>,
    /// The header that names a delivery once and for all; none: `webhook-id` for Standard Webhooks, else the body's digest.
    pub delivery_id_header: Option<String>,
    /// Where its parts stand.
    pub places: Places,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// `[a-z][a-z0-9_]*`, unique in the flow: how expressions name it.
    pub id: String,
    /// The ids and case names above it and its own: `route/bug/tell`. Unique in the flow.
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

/// A path that an expression of a step follows, and its place in the file.
#[derive(Clone, Debug)]
pub struct PlacedUse {
    /// The path.
    pub reference: Reference,
    /// The expression's place.
    pub span: Span,
}

/// Where the parts of a trigger or an action stand in the file.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// `connector/name`, or the verification of a webhook.
    pub name: Span,
    /// The connection's name; without one, as `name`.
    pub connection: Span,
    /// The keys of `with` and their values.
    pub with: IndexMap<String, Place>,
}

/// Where a key and its value stand.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The key.
    pub key: Span,
    /// The value's first line.
    pub value: Span,
}

/// What a failed step does to its run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnError {
    /// The run fails.
    #[default]
    Fail,
    /// The run goes on; the step's output is null.
    Continue,
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

/// What is known about a step when the next one is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has not ended.
    Open,
    /// It is over: done, skipped, or failed and passed over.
    Over,
    /// It is a switch that went this way.
    Took(Branch),
}

/// A place in a flow's source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
    /// In characters, within the line.
    pub len: u32,
}

impl Flow {
    /// Reads a flow file. Whether its connectors and connections exist is for [`check()`] to say.
    ///
    /// # Errors
    /// Everything that is wrong with it, in no particular order; [`render`] sorts.
    pub fn parse(source: &str) -> Result<Self, Vec<Problem>> {
        read::read(source)
    }

    /// The step at this path.
    #[must_use]
    pub fn step(&self, path: &str) -> Option<&Step> {
        find(&self.steps, path)
    }

    /// The step to do next: the first that is open, going into the branches that were taken. None: the run is complete.
    pub fn next(&self, mut progress: impl FnMut(&Step) -> Progress) -> Option<&Step> {
        next_in(&self.steps, &mut progress)
    }

    /// Every step in the order of the file, those of branches after their switch.
    #[must_use]
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        all
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

    fn nested(&self) -> impl Iterator<Item = &Vec<Step>> {
        self.cases.iter().map(|case| &case.steps).chain([&self.otherwise])
    }
}

fn find<'f>(steps: &'f [Step], path: &str) -> Option<&'f Step> {
    steps.iter().find_map(|step| match &step.kind {
        _ if step.path == path => Some(step),
        StepKind::Switch(switch) => switch.nested().find_map(|steps| find(steps, path)),
        StepKind::Action(_) | StepKind::Map(_) => None,
    })
}

fn next_in<'f>(steps: &'f [Step], progress: &mut dyn FnMut(&Step) -> Progress) -> Option<&'f Step> {
    for step in steps {
        match (progress(step), &step.kind) {
            (Progress::Open, _) => return Some(step),
            (Progress::Took(branch), StepKind::Switch(switch)) => {
                if let Some(open) = next_in(switch.branch(branch), progress) {
                    return Some(open);
                }
            }
            (Progress::Took(_), StepKind::Action(_) | StepKind::Map(_)) | (Progress::Over, _) => {}
        }
    }
    None
}

fn collect<'f>(steps: &'f [Step], all: &mut Vec<&'f Step>) {
    for step in steps {
        all.push(step);
        if let StepKind::Switch(switch) = &step.kind {
            for steps in switch.nested() {
                collect(steps, all);
            }
        }
    }
}

#[cfg(test)]
mod tests;
