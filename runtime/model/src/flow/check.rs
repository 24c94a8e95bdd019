//! Checks a flow against the connectors and connections that there are, before anything runs.
//!
//! What is surprising: an input that holds an expression is unknown until the run, so of those only the
//! names are checked here; [`super::InputValidator`] checks their values when they are known.

mod inputs;
mod paths;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use self::inputs::{Given, Of};

use super::{
    ActionCall, Flow, FlowName, On, Place, Places, Problem, Span, Step, StepKind, TriggerBinding,
    WebhookBinding, input, problem::suggest,
};
use crate::{
    manifest::{Action, Manifest, Trigger, TriggerSource, Verification},
    retry::Written,
};

/// What flows can refer to.
#[derive(Clone, Debug, Default)]
pub struct Catalog<'a> {
    /// Manifests by connector name.
    pub connectors: BTreeMap<String, &'a Manifest>,
    /// Connections by name.
    pub connections: BTreeMap<String, CatalogConnection>,
    /// Names of the flows that take events.
    pub flows: BTreeSet<String>,
    /// Flows that the end of another starts, and that other.
    pub follows: BTreeMap<String, String>,
}

/// What a flow must know of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogConnection {
    /// The connector it belongs to.
    pub connector: String,
    /// Its auth method, by the manifest's name; none for one without credentials.
    pub method: Option<String>,
}

/// What is wrong with a flow here. It can run unless one of the problems is an error.
#[must_use]
pub fn check(flow: &Flow, catalog: &Catalog<'_>) -> Vec<Problem> {
    let mut checker = Checker { catalog, problems: Vec::new() };
    match &flow.on {
        On::Trigger(binding) => checker.trigger(binding),
        On::Webhook(binding) => checker.webhook(binding),
        On::Flow(binding) => {
            checker.flow(&binding.flow);
            checker.circle(&flow.name, &binding.flow);
        }
        On::Schedule(_) | On::Manual(_) => {}
    }
    if let Some(told) = &flow.on_failure {
        checker.flow(told);
    }
    for step in flow.all_steps() {
        if let StepKind::Action(call) = &step.kind {
            checker.action(call);
        }
    }
    let mut problems = checker.problems;
    problems.extend(paths::check(flow, catalog));
    problems
}

struct Checker<'c> {
    catalog: &'c Catalog<'c>,
    problems: Vec<Problem>,
}

/// Whom a connection is for.
struct User<'c> {
    connector: &'c str,
    /// As it is written: `slack/post-message`.
    name: String,
    /// Auth methods that serve.
    auth: &'c [String],
}

impl<'c> Checker<'c> {
    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn connector(&mut self, name: &str, at: Span) -> Option<&'c Manifest> {
        let known = &self.catalog.connectors;
        let found = known.get(name).copied();
        if found.is_none() {
            let at = Span { len: u32::try_from(name.len()).unwrap_or(at.len).min(at.len), ..at };
            let problem = Problem::error(at, format!("no connector `{name}` is installed"));
            let problem = problem.did_you_mean(suggest(name, known.keys().map(String::as_str)));
            self.problem(problem.note(format!("connectors: {}", listed(known.keys()))));
        }
        found
    }

    fn trigger(&mut self, binding: &TriggerBinding) {
        let Some(manifest) = self.connector(&binding.connector, binding.places.name) else {
            return;
        };
        let Some(trigger) = manifest.triggers.get(&binding.trigger) else {
            self.unknown("trigger", &binding.trigger, manifest, &binding.places, manifest.triggers.keys());
            return;
        };
        let name = format!("{}/{}", binding.connector, binding.trigger);
        let user = User { connector: &manifest.name, name, auth: &trigger.auth };
        self.connection(binding.connection.as_deref(), &user, &binding.places);
        self.source(trigger, binding);
        let title = format!("{} {}", user.name, manifest.version);
        let given = |key: &str| binding.with.get(key).map_or(Given::Nothing, Given::Literal);
        self.inputs(&trigger.settings, &binding.places, &Of { what: "setting", title }, &given);
    }

    /// A trigger that anybody may fire is worth a line; so is how one is polled.
    fn source(&mut self, trigger: &Trigger, binding: &TriggerBinding) {
        let name = format!("{}/{}", binding.connector, binding.trigger);
        match &trigger.source {
            TriggerSource::Webhook(webhook) => {
                if webhook.verification == Verification::Unsigned {
                    let message = format!("{name} takes unsigned deliveries: anybody may start a run");
                    self.problem(Problem::warning(binding.places.name, message));
                }
                if let Some(poll) = &binding.poll {
                    let message = format!("`poll` means nothing here: {name} is delivered, not polled");
                    self.problem(Problem::error(poll.span, message).help("leave it out"));
                }
            }
            TriggerSource::Poll { min_interval_ms } => {
                let least = Duration::from_millis(*min_interval_ms);
                if let Some(poll) = &binding.poll
                    && poll.every.or(poll.slowest).is_some_and(|every| every < least)
                {
                    let message = format!("{name} is polled once in {} at most", Written(least));
                    self.problem(
                        Problem::error(poll.span, message).help("its manifest says so; write that or more"),
                    );
                }
            }
        }
    }

    /// Another flow that this one starts, or is started by.
    fn flow(&mut self, named: &FlowName) {
        let known = &self.catalog.flows;
        if !known.contains(&named.name) {
            let problem = Problem::error(named.span, format!("no flow `{}`", named.name));
            let problem = problem.did_you_mean(suggest(&named.name, known.iter().map(String::as_str)));
            self.problem(problem.note(format!("flows: {}", listed(known.iter()))));
        }
    }

    /// A flow that would start itself, if only by a detour, does so without an end.
    fn circle(&mut self, own: &str, named: &FlowName) {
        let follows = &self.catalog.follows;
        let mut way = vec![own, named.name.as_str()];
        while way.len() <= follows.len() + 2 && way.last() != Some(&own) {
            match way.last().and_then(|flow| follows.get(*flow)) {
                Some(next) => way.push(next),
                None => return,
            }
        }
        if way.last() == Some(&own) {
            way.reverse();
            let message =
                format!("the end of a run would start the next without an end: {}", way.join(" → "));
            self.problem(Problem::error(named.span, message));
        }
    }

    fn webhook(&mut self, binding: &WebhookBinding) {
        let slot = match &binding.verification {
            Verification::Unsigned => {
                self.problem(Problem::warning(
                    binding.places.name,
                    "an unsigned webhook: anybody may start a run",
                ));
                return;
            }
            Verification::HmacSha256 { slot, .. } | Verification::StandardWebhooks { slot } => slot,
        };
        let Some(name) = &binding.connection else {
            return;
        };
        let Some(connection) = self.known_connection(name, binding.places.connection) else {
            return;
        };
        let Some(manifest) = self.catalog.connectors.get(&connection.connector) else {
            return;
        };
        let slots = || {
            manifest
                .auth
                .iter()
                .filter(|(method, _)| connection.method.as_ref().is_none_or(|own| own == *method))
                .flat_map(|(_, method)| method.slots.keys())
        };
        if !slots().any(|known| known == slot) {
            let problem = Problem::error(
                binding.places.connection,
                format!("connection `{name}` has no secret `{slot}`"),
            );
            let problem = problem.did_you_mean(suggest(slot, slots().map(String::as_str)));
            self.problem(problem.note(format!("its secrets: {}", listed(slots()))));
        }
    }

    fn action(&mut self, call: &ActionCall) {
        let Some(manifest) = self.connector(&call.connector, call.places.name) else {
            return;
        };
        let Some(action) = manifest.actions.get(&call.action) else {
            self.unknown("action", &call.action, manifest, &call.places, manifest.actions.keys());
            return;
        };
        let name = format!("{}/{}", call.connector, call.action);
        let user = User { connector: &manifest.name, name, auth: &action.auth };
        self.connection(call.connection.as_deref(), &user, &call.places);
        let title = format!("{} {}", user.name, manifest.version);
        let source = call.with.source();
        let given = |key: &str| match (call.with.literal(key), source.get(key)) {
            (Some(literal), _) => Given::Literal(literal),
            (None, Some(_)) if call.with.is_text(key) => Given::Text,
            (None, Some(_)) => Given::Later,
            (None, None) => Given::Nothing,
        };
        self.inputs(&action.input, &call.places, &Of { what: "input", title }, &given);
    }

    fn unknown<'n>(
        &mut self,
        what: &str,
        name: &str,
        manifest: &Manifest,
        places: &Places,
        known: impl Iterator<Item = &'n String> + Clone,
    ) {
        let Manifest { name: connector, version, .. } = manifest;
        // The name stands after the connector's and a slash; quotes may stand around both.
        let before = u32::try_from(connector.len() + 1).unwrap_or(0).min(places.name.len.saturating_sub(1));
        let at = Span { column: places.name.column + before, len: places.name.len - before, ..places.name };
        let near = suggest(name, known.clone().map(String::as_str));
        let problem = Problem::error(at, format!("{connector} has no {what} `{name}`")).did_you_mean(near);
        self.problem(problem.note(format!("{what}s of {connector} {version}: {}", listed(known))));
    }

    fn known_connection(&mut self, name: &str, at: Span) -> Option<&'c CatalogConnection> {
        let known = &self.catalog.connections;
        let found = known.get(name);
        if found.is_none() {
            let problem = Problem::error(at, format!("no connection `{name}`"));
            let problem = problem.did_you_mean(suggest(name, known.keys().map(String::as_str)));
            self.problem(problem.note(format!("connections: {}", listed(known.keys()))));
        }
        found
    }

    fn connection(&mut self, name: Option<&str>, user: &User<'_>, places: &Places) {
        let User { connector, name: user_name, auth } = user;
        let Some(name) = name else {
            if !auth.is_empty() {
                let own = self
                    .catalog
                    .connections
                    .iter()
                    .filter(|(_, connection)| connection.connector == *connector)
                    .map(|(name, _)| name);
                let problem = Problem::error(places.name, format!("{user_name} needs a connection"))
                    .help("add `connection: NAME`");
                let note = format!("connections of {connector}: {}", listed(own));
                self.problem(problem.note(note));
            }
            return;
        };
        let Some(connection) = self.known_connection(name, places.connection) else {
            return;
        };
        if connection.connector != *connector {
            let message =
                format!("connection `{name}` is one of {}, not of {connector}", connection.connector);
            let own = self
                .catalog
                .connections
                .iter()
                .filter(|(_, connection)| connection.connector == *connector)
                .map(|(name, _)| name);
            let note = format!("connections of {connector}: {}", listed(own));
            self.problem(Problem::error(places.connection, message).note(note));
        } else if let Some(method) =
            connection.method.as_ref().filter(|method| !auth.is_empty() && !auth.contains(method))
        {
            let message =
                format!("connection `{name}` is connected by {method}, which does not serve {user_name}");
            self.problem(
                Problem::error(places.connection, message)
                    .note(format!("{user_name} takes: {}", listed(auth.iter()))),
            );
        }
    }
}

fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<&str> = names.map(String::as_str).take(20).collect();
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// The step and the manifest of an action, for whoever needs both.
fn action_of<'c>(step: &Step, catalog: &Catalog<'c>) -> Option<(&'c Manifest, &'c Action)> {
    let StepKind::Action(call) = &step.kind else {
        return None;
    };
    let manifest = catalog.connectors.get(&call.connector).copied()?;
    manifest.actions.get(&call.action).map(|action| (manifest, action))
}
