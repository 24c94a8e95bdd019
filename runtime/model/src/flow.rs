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
mod step;
mod trigger;
mod yaml;

use std::time::Duration;

use crate::{digest::Digest, manifest::Verification, template::Reference};
use indexmap::IndexMap;

pub(crate) use self::problem::suggest;
pub use self::{
    check::{Catalog, CatalogConnection, check},
    input::{InputValidator, InvalidSchema},
    problem::{Problem, Severity, render},
    schema::{json_schema, reference},
    step::{
        ActionCall, Branch, Case, Delay, Fail, ForEach, Lane, OnError, OnItemError, Parallel, Step, StepKind,
        Switch, Wait, WaitFor,
    },
    trigger::{Ended, First, FlowBinding, ManualBinding, PollBinding, ScheduleBinding, TriggerBinding},
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
    /// How long a run may take, from its event or its replay; then it fails.
    pub deadline: Option<Duration>,
    /// How long an ended run is kept; the server's own time without it.
    pub retention: Option<Duration>,
    /// The flow that is told when a run fails for good.
    pub on_failure: Option<FlowName>,
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
    /// The clock.
    Schedule(ScheduleBinding),
    /// The end of a run of another flow.
    Flow(FlowBinding),
    /// A person or an API client.
    Manual(ManualBinding),
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

/// The name of another flow.
#[derive(Clone, Debug)]
pub struct FlowName {
    /// The name.
    pub name: String,
    /// Its place.
    pub span: Span,
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

    /// The step at this path, that of an instance in a loop included.
    #[must_use]
    pub fn step(&self, path: &str) -> Option<&Step> {
        find(&self.steps, &written_path(path))
    }

    /// Every step in the order of the file, those inside of a step after it.
    #[must_use]
    pub fn all_steps(&self) -> Vec<&Step> {
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        all
    }
}

/// A path as the file has it: `each[3]/tell` is an instance of `each[]/tell`.
#[must_use]
pub fn written_path(path: &str) -> String {
    let mut written = String::with_capacity(path.len());
    let mut inside = false;
    for character in path.chars() {
        match character {
            '[' => inside = true,
            ']' => inside = false,
            _ if inside => continue,
            _ => {}
        }
        written.push(character);
    }
    written
}

fn find<'f>(steps: &'f [Step], path: &str) -> Option<&'f Step> {
    steps.iter().find_map(|step| match step.path.as_str() {
        own if own == path => Some(step),
        // What is inside of a step has a longer path.
        own if path.starts_with(own) => step.inside().find_map(|steps| find(steps, path)),
        _ => None,
    })
}

fn collect<'f>(steps: &'f [Step], all: &mut Vec<&'f Step>) {
    for step in steps {
        all.push(step);
        for steps in step.inside() {
            collect(steps, all);
        }
    }
}

#[cfg(test)]
mod tests;
