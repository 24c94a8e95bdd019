//! From a YAML tree to a flow. Every problem of a file is found in one go; nothing is guessed.
//!
//! What is surprising: a part that is wrong gives `None` and a problem, and its neighbours are read on. A
//! flow comes out only if there was no problem at all.

mod kinds;
mod on;
mod starts;
mod steps;
mod waits;

use std::time::Duration;

use indexmap::IndexMap;
use serde_json::Value;

use super::{
    ActionCall, Case, Delay, Fail, Flow, FlowName, ForEach, Lane, On, OnError, OnItemError, Parallel, Place,
    PlacedUse, Places, Problem, Span, Step, StepKind, Switch, TriggerBinding, Wait, WaitFor, WebhookBinding,
    order,
    problem::suggest,
    yaml::{self, Data, Entry, Node, unknown_key},
};
use crate::{
    digest::Digest,
    manifest::Verification,
    retry::{self, MAX_ATTEMPTS, MAX_DURATION, MAX_WAIT, RetryPolicy},
    template::{Condition, InvalidTemplate, Template, Use},
};

/// Steps of one flow, those in branches included.
const MAX_STEPS: usize = 500;

/// Keys of a flow file.
pub(super) const FLOW_KEYS: [&str; 8] =
    ["flow", "owner", "runbook", "deadline", "retention", "on-failure", "on", "steps"];
/// Keys of `on` with a trigger.
pub(super) const TRIGGER_KEYS: [&str; 4] = ["trigger", "connection", "with", "poll"];
/// Keys of `poll`.
pub(super) const POLL_KEYS: [&str; 4] = ["every", "slowest", "look-back", "first"];
/// Keys of `on` with a schedule.
pub(super) const SCHEDULE_KEYS: [&str; 7] = ["every", "cron", "zone", "gap", "fold", "missed", "jitter"];
/// Keys of `on` with another flow.
pub(super) const AFTER_KEYS: [&str; 2] = ["flow", "status"];
/// Keys of `on` with what a person sends.
pub(super) const MANUAL_KEYS: [&str; 1] = ["manual"];
/// Keys of `on` of which it has one: what starts a run.
pub(super) const START_KEYS: [&str; 6] = ["trigger", "webhook", "every", "cron", "flow", "manual"];
/// Keys of `on` with a webhook.
pub(super) const WEBHOOK_KEYS: [&str; 6] =
    ["webhook", "connection", "slot", "header", "prefix", "delivery-id-header"];
/// Keys of a step.
pub(super) const STEP_KEYS: [&str; 22] = [
    "id",
    "if",
    "action",
    "connection",
    "with",
    "switch",
    "otherwise",
    "map",
    "for-each",
    "steps",
    "concurrency",
    "max-items",
    "on-item-error",
    "parallel",
    "delay",
    "until",
    "wait",
    "stop",
    "fail",
    "retry",
    "timeout",
    "on-error",
];
/// Keys of a step of which it has one: what it does.
pub(super) const KIND_KEYS: [&str; 10] =
    ["action", "switch", "map", "for-each", "parallel", "delay", "until", "wait", "stop", "fail"];
/// Keys of `wait`.
pub(super) const WAIT_KEYS: [&str; 6] = ["approval", "form", "approvers", "signal", "if", "expires"];
/// Keys of a branch of `parallel`.
pub(super) const LANE_KEYS: [&str; 2] = ["branch", "steps"];
/// Keys of `fail`.
pub(super) const FAIL_KEYS: [&str; 2] = ["message", "class"];
/// Keys of `on-error`.
pub(super) const ON_ERROR_KEYS: [&str; 1] = ["steps"];
/// Keys of a case.
pub(super) const CASE_KEYS: [&str; 3] = ["case", "if", "steps"];
/// Keys of `retry`.
pub(super) const RETRY_KEYS: [&str; 4] = ["attempts", "backoff", "max", "jitter"];

/// Reads a flow file.
pub(super) fn read(source: &str) -> Result<Flow, Vec<Problem>> {
    let mut reader = Reader { problems: Vec::new(), steps: 0 };
    let root = yaml::read(source, &mut reader.problems);
    let flow = root.and_then(|root| reader.flow(&root, source));
    if reader.problems.is_empty() && flow.is_none() {
        let at = Span { line: 1, column: 1, len: 1 };
        reader.problems.push(Problem::error(at, "the file is empty").help("a flow starts with `flow: NAME`"));
    }
    match flow {
        Some(flow) if reader.problems.is_empty() => {
            let problems = order::check(&flow);
            if problems.is_empty() { Ok(flow) } else { Err(problems) }
        }
        _ => Err(reader.problems),
    }
}

struct Reader {
    problems: Vec<Problem>,
    steps: usize,
}

/// The entries of an object, asked for by key.
struct Fields<'n> {
    span: Span,
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn value(&self, key: &str) -> Option<&'n Node> {
        self.entry(key).map(|entry| &entry.value)
    }
}

impl Reader {
    fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    fn fields<'n>(&mut self, node: &'n Node, of: &str, known: &[&str]) -> Option<Fields<'n>> {
        let Data::Map(entries) = &node.data else {
            let message = format!("{of} is an object with keys, not {}", node.kind());
            self.problem(
                Problem::error(node.span, message).note(format!("keys of {of}: {}", known.join(", "))),
            );
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            self.problem(unknown_key(entry, of, known));
        }
        Some(Fields { span: node.span, entries })
    }

    fn require<'n>(&mut self, fields: &Fields<'n>, key: &str, of: &str) -> Option<&'n Node> {
        let found = fields.value(key);
        if found.is_none() {
            self.problem(Problem::error(fields.span, format!("{of} has no `{key}`")));
        }
        found
    }

    fn text<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.data {
            Data::Text(text) if !text.trim().is_empty() => Some(text),
            Data::Text(_) | Data::Null => {
                self.problem(Problem::error(node.span, format!("{what} is empty")));
                None
            }
            Data::Bool(_) | Data::Number(_) => {
                let problem = Problem::error(node.span, format!("{what} is text, not {}", node.kind()));
                self.problem(problem.help("put it in quotes"));
                None
            }
            Data::List(_) | Data::Map(_) => {
                self.problem(Problem::error(node.span, format!("{what} is text, not {}", node.kind())));
                None
            }
        }
    }

    fn optional_text(&mut self, fields: &Fields<'_>, key: &str) -> Option<String> {
        fields.value(key).and_then(|node| self.text(node, &format!("`{key}`"))).map(str::to_owned)
    }

    /// A name of lower-case letters, digits and `extra`, starting with a letter.
    fn name<'n>(&mut self, node: &'n Node, what: &str, extra: &[char]) -> Option<&'n str> {
        let name = self.text(node, what)?;
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || extra.contains(&c);
        if name.len() <= 63 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(fits) {
            return Some(name);
        }
        let extras: String = extra.iter().map(|c| format!(" and `{c}`")).collect();
        let problem = Problem::error(node.span, format!("`{}` is no name for {what}", shortened(name)));
        self.problem(
            problem.note(format!("a name has up to 63 of a-z, 0-9{extras}, and starts with a letter")),
        );
        None
    }

    fn flow(&mut self, root: &Node, source: &str) -> Option<Flow> {
        let fields = self.fields(root, "a flow", &FLOW_KEYS)?;
        let name =
            self.require(&fields, "flow", "the file").and_then(|node| self.name(node, "a flow", &['-']));
        let owner = self.optional_text(&fields, "owner");
        let runbook = self.optional_text(&fields, "runbook");
        let deadline = self.optional_wait(&fields, "deadline");
        let retention = self.optional_wait(&fields, "retention");
        let on_failure = fields.value("on-failure").map(|node| self.flow_name(node));
        let on = self.require(&fields, "on", "the flow").and_then(|node| self.on(node));
        let steps = self.require(&fields, "steps", "the flow").and_then(|node| self.steps(node, ""));
        let source_digest = Digest::of(source.as_bytes());
        let on_failure = match on_failure {
            Some(named) => Some(named?),
            None => None,
        };
        if let (Some(own), Some(told)) = (name, &on_failure)
            && own == told.name
        {
            let problem =
                Problem::error(told.span, format!("flow `{own}` would be told of its own failures"));
            self.problem(problem.help("name another flow, which tells a person"));
        }
        Some(Flow {
            name: name?.to_owned(),
            owner,
            runbook,
            deadline: deadline?,
            retention: retention?,
            on_failure,
            on: on?,
            steps: steps?,
            source_digest,
        })
    }

    /// The name of another flow.
    fn flow_name(&mut self, node: &Node) -> Option<FlowName> {
        let name = self.name(node, "a flow", &['-'])?;
        Some(FlowName { name: name.to_owned(), span: node.span })
    }

    /// None: there is one, and it is wrong.
    fn optional_wait(&mut self, fields: &Fields<'_>, key: &str) -> Option<Option<Duration>> {
        let Some(node) = fields.value(key) else {
            return Some(None);
        };
        let duration = self.duration(node, MAX_WAIT)?;
        if duration.is_zero() {
            self.problem(Problem::error(node.span, format!("`{key}` is no time at all")));
        }
        Some(Some(duration))
    }

    /// `connector/name`.
    fn pair(&mut self, node: &Node, what: &str) -> Option<(String, String)> {
        let text = self.text(node, &format!("`{what}`"))?;
        match text.split_once('/') {
            Some((connector, name)) if !connector.is_empty() && !name.is_empty() && !name.contains('/') => {
                Some((connector.to_owned(), name.to_owned()))
            }
            _ => {
                let problem = Problem::error(node.span, format!("`{}` names no {what}", shortened(text)));
                self.problem(problem.help(format!("write CONNECTOR/{}", what.to_uppercase())));
                None
            }
        }
    }

    fn object(&mut self, node: &Node) -> Option<Value> {
        if matches!(node.data, Data::Map(_)) {
            return Some(node.to_value());
        }
        self.problem(Problem::error(
            node.span,
            format!("`with` is an object with keys, not {}", node.kind()),
        ));
        None
    }

    fn template(&mut self, node: &Node, value: &Value) -> Option<Template> {
        match Template::parse(value) {
            Ok(template) => Some(template),
            Err(invalid) => {
                for one in invalid {
                    self.invalid(node.at(&one.path), &one);
                }
                None
            }
        }
    }

    fn invalid(&mut self, node: &Node, invalid: &InvalidTemplate) {
        let (message, help) = match invalid.message.split_once("; ") {
            Some((message, help)) => (message, Some(help.to_owned())),
            None => (invalid.message.as_str(), None),
        };
        let problem = Problem::error(inner_span(node, invalid.start, invalid.len), message);
        self.problem(Problem { help, ..problem });
    }

    fn condition(&mut self, node: &Node) -> Option<Condition> {
        let text = match &node.data {
            Data::Text(text) => text,
            _ => {
                let problem =
                    Problem::error(node.span, format!("`if` is an expression, not {}", node.kind()));
                self.problem(problem.help("write ${ … }"));
                return None;
            }
        };
        match Condition::parse(text) {
            Ok(condition) => Some(condition),
            Err(invalid) => {
                self.invalid(node, &invalid);
                None
            }
        }
    }

    fn duration(&mut self, node: &Node, most: Duration) -> Option<Duration> {
        let text = match &node.data {
            Data::Text(text) => text.clone(),
            Data::Number(number) => number.to_string(),
            Data::Null | Data::Bool(_) | Data::List(_) | Data::Map(_) => {
                self.problem(
                    Problem::error(node.span, format!("a duration is text, not {}", node.kind()))
                        .help("write 30s, 5m or 1h"),
                );
                return None;
            }
        };
        match retry::parse_duration(&text, most) {
            Ok(duration) => Some(duration),
            Err(error) => {
                let message = error.to_string();
                let (message, help) = message.split_once("; ").unwrap_or((&message, ""));
                let problem = Problem::error(node.span, message);
                self.problem(if help.is_empty() { problem } else { problem.help(help) });
                None
            }
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

fn places(name: &Node, fields: &Fields<'_>) -> Places {
    let connection = fields.value("connection").map_or(name.span, |node| node.span);
    let with = match fields.value("with").map(|node| &node.data) {
        Some(Data::Map(entries)) => entries
            .iter()
            .map(|entry| (entry.key.clone(), Place { key: entry.key_span, value: entry.value.span }))
            .collect(),
        _ => IndexMap::new(),
    };
    Places { name: name.span, connection, with }
}

fn used_span(node: &Node, used: &Use) -> Span {
    inner_span(node.at(&used.path), used.start, used.len)
}

/// The place of characters of a scalar: exact if it is written on one line as it reads, else the whole of it.
fn inner_span(node: &Node, start: usize, len: usize) -> Span {
    let Data::Text(text) = &node.data else {
        return node.span;
    };
    let size = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let quotes = match node.span.len.checked_sub(size) {
        Some(0) => 0,
        Some(2) => 1,
        _ => return node.span,
    };
    let start = u32::try_from(start).unwrap_or(0).min(size);
    let len = u32::try_from(len).unwrap_or(size).min(size - start).max(1);
    Span { line: node.span.line, column: node.span.column + quotes + start, len }
}
