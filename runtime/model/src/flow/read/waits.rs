//! Reads the steps that wait for somebody.

use std::time::Duration;

use super::{Data, Fields, MAX_WAIT, Node, PlacedUse, Problem, Reader, StepKind, WAIT_KEYS, Wait, WaitFor};
use crate::flow::input;

/// How long somebody is waited for, unless the step says otherwise.
const EXPIRES: Duration = Duration::from_secs(7 * 24 * 3600);
/// Actors that may approve one step.
const MAX_APPROVERS: usize = 50;

impl Reader {
    pub(super) fn wait(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<StepKind> {
        let fields = self.fields(node, "wait", &WAIT_KEYS)?;
        let expires = fields.value("expires").map_or(Some(EXPIRES), |node| self.duration(node, MAX_WAIT));
        let (of, unused): (_, &[&str]) = match (fields.value("approval"), fields.value("signal")) {
            (Some(text), None) => (self.approval(text, &fields, uses), &["if"]),
            (None, Some(name)) => (self.signal(name, &fields, uses), &["form", "approvers"]),
            (Some(_), Some(_)) | (None, None) => {
                let problem = Problem::error(node.span, "`wait` is for one thing");
                self.problem(problem.help("write `approval: TEXT` or `signal: NAME`"));
                return None;
            }
        };
        for extra in unused.iter().filter_map(|key| fields.entry(key)) {
            self.problem(Problem::error(extra.key_span, format!("`{}` means nothing here", extra.key)));
        }
        Some(StepKind::Wait(Wait { of: of?, expires: expires? }))
    }

    fn approval(&mut self, node: &Node, fields: &Fields<'_>, uses: &mut Vec<PlacedUse>) -> Option<WaitFor> {
        self.text(node, "`approval`")?;
        let text = self.placed_template(node, uses);
        let form = match fields.value("form") {
            Some(form) => Some(self.form(form)?),
            None => None,
        };
        let approvers = fields.value("approvers").map_or(Some(Vec::new()), |node| self.approvers(node));
        Some(WaitFor::Approval { text: text?, form, approvers: approvers? })
    }

    fn form(&mut self, node: &Node) -> Option<serde_json::Value> {
        let form = node.to_value();
        if !matches!(node.data, Data::Map(_)) {
            let message = format!("`form` is a JSON Schema of an object, not {}", node.kind());
            self.problem(Problem::error(node.span, message));
            return None;
        }
        if let Err(error) = input::compile(&form) {
            self.problem(Problem::error(node.span, format!("`form` is {error}")));
            return None;
        }
        Some(form)
    }

    fn approvers(&mut self, node: &Node) -> Option<Vec<String>> {
        let Data::List(items) = &node.data else {
            let message = format!("`approvers` is a list of actors, not {}", node.kind());
            self.problem(Problem::error(node.span, message).help("the audit log shows how actors are named"));
            return None;
        };
        if items.is_empty() || items.len() > MAX_APPROVERS {
            let message = format!("`approvers` names 1 to {MAX_APPROVERS} actors, not {}", items.len());
            self.problem(Problem::error(node.span, message));
        }
        items.iter().map(|item| self.text(item, "an approver").map(str::to_owned)).collect()
    }

    fn signal(&mut self, node: &Node, fields: &Fields<'_>, uses: &mut Vec<PlacedUse>) -> Option<WaitFor> {
        let name = self.name(node, "a signal", &['_', '-']);
        let when = match fields.value("if") {
            Some(node) => Some(self.placed_condition(node, uses)?),
            None => None,
        };
        Some(WaitFor::Signal { name: name?.to_owned(), when })
    }
}
