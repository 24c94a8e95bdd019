//! Reads the steps of a flow and of its branches.

use super::{
    ActionCall, CASE_KEYS, Case, Condition, Data, Duration, Fields, KIND_KEYS, MAX_ATTEMPTS, MAX_DURATION,
    MAX_STEPS, Node, ON_ERROR_KEYS, OnError, PlacedUse, Problem, RETRY_KEYS, Reader, RetryPolicy, STEP_KEYS,
    Step, StepKind, Switch, Template, Value, places, shortened, suggest, used_span,
};
use crate::retry::Jitter;

impl Reader {
    /// The steps of a list. `above` is the path of what they belong to, with a slash at its end, or empty.
    pub(super) fn steps(&mut self, node: &Node, above: &str) -> Option<Vec<Step>> {
        let Data::List(items) = &node.data else {
            self.problem(
                Problem::error(node.span, format!("`steps` is a list, not {}", node.kind()))
                    .help("start each step with `- id:`"),
            );
            return None;
        };
        if items.is_empty() && above.is_empty() {
            self.problem(Problem::error(node.span, "the flow has no step"));
        }
        self.steps += items.len();
        if self.steps > MAX_STEPS {
            self.problem(Problem::error(node.span, format!("more than {MAX_STEPS} steps")));
            return None;
        }
        // Every step is read, even after one that is wrong.
        let steps: Vec<Option<Step>> = items.iter().map(|item| self.step(item, above)).collect();
        steps.into_iter().collect()
    }

    fn step(&mut self, node: &Node, above: &str) -> Option<Step> {
        let fields = self.fields(node, "a step", &STEP_KEYS)?;
        let id_node = self.require(&fields, "id", "the step")?;
        let id = self.name(id_node, "a step", &['_']);
        let path = format!("{above}{}", id.unwrap_or("?"));
        let mut uses = Vec::new();
        let when = self.optional_condition(&fields, &mut uses);
        let kind = self.kind(&fields, &path, &mut uses);
        let retry = fields.value("retry").map_or(Some(RetryPolicy::default()), |node| self.retry(node));
        let timeout = fields.value("timeout").map(|node| self.timeout(node));
        let on_error =
            fields.value("on-error").map_or(Some(OnError::Fail), |node| self.on_error(node, &path));
        let timeout = match timeout {
            Some(timeout) => Some(timeout?),
            None => None,
        };
        Some(Step {
            id: id?.to_owned(),
            path,
            when: when?,
            kind: kind?,
            retry: retry?,
            timeout,
            on_error: on_error?,
            span: id_node.span,
            uses,
        })
    }

    /// None: there is one, and it is wrong.
    fn optional_condition(
        &mut self,
        fields: &Fields<'_>,
        uses: &mut Vec<PlacedUse>,
    ) -> Option<Option<Condition>> {
        match fields.value("if") {
            Some(node) => self.placed_condition(node, uses).map(Some),
            None => Some(None),
        }
    }

    pub(super) fn placed_condition(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<Condition> {
        let condition = self.condition(node)?;
        uses.extend(
            condition
                .uses()
                .into_iter()
                .map(|used| PlacedUse { span: used_span(node, &used), reference: used.reference }),
        );
        Some(condition)
    }

    fn kind(&mut self, fields: &Fields<'_>, path: &str, uses: &mut Vec<PlacedUse>) -> Option<StepKind> {
        let kinds: Vec<_> = KIND_KEYS.into_iter().filter_map(|key| fields.entry(key)).collect();
        let [entry] = kinds.as_slice() else {
            let message = if kinds.is_empty() { "the step does nothing" } else { "the step does two things" };
            let note = format!("a step has one of: {}", KIND_KEYS.join(", "));
            self.problem(Problem::error(fields.span, message).note(note));
            return None;
        };
        let node = &entry.value;
        for extra in unused(&entry.key).filter_map(|key| fields.entry(key)) {
            self.problem(Problem::error(
                extra.key_span,
                format!("`{}` means nothing with `{}`", extra.key, entry.key),
            ));
        }
        match entry.key.as_str() {
            "action" => self.action(node, fields, uses),
            "switch" => self.switch(node, fields, path, uses),
            "for-each" => self.for_each(node, fields, path, uses),
            "parallel" => self.parallel(node, path),
            "delay" => self.delay(node),
            "until" => self.until(node, uses),
            "wait" => self.wait(node, uses),
            "stop" => self.stop(node, uses),
            "fail" => self.fail(node, uses),
            _ => Some(StepKind::Map(self.placed_template(node, uses)?)),
        }
    }

    /// A template, with the places of its expressions.
    pub(super) fn placed_template(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<Template> {
        let template = self.template(node, &node.to_value())?;
        place(node, template.uses(), uses);
        Some(template)
    }

    fn action(&mut self, node: &Node, fields: &Fields<'_>, uses: &mut Vec<PlacedUse>) -> Option<StepKind> {
        let name = self.pair(node, "action");
        let connection = self.optional_text(fields, "connection");
        let with = match fields.value("with") {
            Some(with) => {
                let value = self.object(with)?;
                let template = self.template(with, &value)?;
                place(with, template.uses(), uses);
                template
            }
            None => self.template(node, &Value::Object(serde_json::Map::new()))?,
        };
        let (connector, action) = name?;
        Some(StepKind::Action(ActionCall {
            connector,
            action,
            connection,
            with,
            places: places(node, fields),
        }))
    }

    fn switch(
        &mut self,
        node: &Node,
        fields: &Fields<'_>,
        path: &str,
        uses: &mut Vec<PlacedUse>,
    ) -> Option<StepKind> {
        let Data::List(items) = &node.data else {
            let problem =
                Problem::error(node.span, format!("`switch` is a list of cases, not {}", node.kind()));
            self.problem(problem.help("start each case with `- case:`"));
            return None;
        };
        if items.is_empty() {
            self.problem(Problem::error(node.span, "the switch has no case"));
        }
        let cases: Vec<Option<Case>> = items.iter().map(|item| self.case(item, path, uses)).collect();
        let otherwise = match fields.value("otherwise") {
            Some(node) => self.steps(node, &format!("{path}/otherwise/")),
            None => Some(Vec::new()),
        };
        let cases: Vec<Case> = cases.into_iter().collect::<Option<_>>()?;
        for (index, case) in cases.iter().enumerate() {
            if cases.iter().take(index).any(|earlier| earlier.name == case.name) {
                self.problem(Problem::error(
                    node.span,
                    format!("two cases of the switch are named `{}`", case.name),
                ));
            }
        }
        Some(StepKind::Switch(Switch { cases, otherwise: otherwise? }))
    }

    fn case(&mut self, node: &Node, path: &str, uses: &mut Vec<PlacedUse>) -> Option<Case> {
        let fields = self.fields(node, "a case", &CASE_KEYS)?;
        let name_node = self.require(&fields, "case", "the case")?;
        let name = self.name(name_node, "a case", &['_', '-']);
        if name == Some("otherwise") {
            self.problem(
                Problem::error(name_node.span, "`otherwise` is no name for a case")
                    .help("put its steps under the switch's `otherwise`"),
            );
        }
        let when = self.require(&fields, "if", "the case").and_then(|node| self.placed_condition(node, uses));
        let above = format!("{path}/{}/", name.unwrap_or("?"));
        let steps = self.require(&fields, "steps", "the case").and_then(|node| self.steps(node, &above));
        Some(Case { name: name?.to_owned(), when: when?, steps: steps? })
    }

    fn retry(&mut self, node: &Node) -> Option<RetryPolicy> {
        if matches!(&node.data, Data::Text(text) if text == "none") {
            return Some(RetryPolicy::none());
        }
        let default = RetryPolicy::default();
        let fields = self.fields(node, "retry", &RETRY_KEYS)?;
        let attempts = fields.value("attempts").map_or(Some(default.attempts), |node| self.attempts(node));
        let backoff =
            fields.value("backoff").map_or(Some(default.backoff), |node| self.duration(node, MAX_DURATION));
        let max = fields.value("max").map(|node| self.duration(node, MAX_DURATION));
        let jitter = fields.value("jitter").map_or(Some(Jitter::Full), |node| self.jitter(node));
        let backoff = backoff?;
        let max = match max {
            Some(max) => max?,
            None => default.max.max(backoff),
        };
        if max < backoff {
            let at = fields.value("max").map_or(node.span, |node| node.span);
            self.problem(Problem::error(at, "`max` is shorter than `backoff`"));
        }
        Some(RetryPolicy { attempts: attempts?, backoff, max, jitter: jitter? })
    }

    fn attempts(&mut self, node: &Node) -> Option<u32> {
        let count = match &node.data {
            Data::Number(number) => number.as_u64().and_then(|count| u32::try_from(count).ok()),
            Data::Null | Data::Bool(_) | Data::Text(_) | Data::List(_) | Data::Map(_) => None,
        };
        let count = count.filter(|count| (1..=MAX_ATTEMPTS).contains(count));
        if count.is_none() {
            self.problem(Problem::error(
                node.span,
                format!("`attempts` is a number from 1 to {MAX_ATTEMPTS}, the first attempt included"),
            ));
        }
        count
    }

    fn jitter(&mut self, node: &Node) -> Option<Jitter> {
        match self.text(node, "`jitter`")? {
            "full" => Some(Jitter::Full),
            "none" => Some(Jitter::None),
            other => {
                let problem = Problem::error(node.span, format!("unknown jitter `{}`", shortened(other)));
                self.problem(problem.help("write full or none"));
                None
            }
        }
    }

    fn timeout(&mut self, node: &Node) -> Option<Duration> {
        let timeout = self.duration(node, MAX_DURATION)?;
        if timeout.is_zero() {
            self.problem(Problem::error(node.span, "a timeout of nothing stops every attempt"));
        }
        Some(timeout)
    }

    fn on_error(&mut self, node: &Node, path: &str) -> Option<OnError> {
        if matches!(node.data, Data::Map(_)) {
            let fields = self.fields(node, "on-error", &ON_ERROR_KEYS)?;
            let steps = self.require(&fields, "steps", "on-error")?;
            return self.steps(steps, &format!("{path}/on-error/")).map(OnError::Steps);
        }
        match self.text(node, "`on-error`")? {
            "fail" => Some(OnError::Fail),
            "continue" => Some(OnError::Continue),
            other => {
                let near = suggest(other, ["fail", "continue"]);
                let problem = Problem::error(node.span, format!("unknown on-error `{}`", shortened(other)))
                    .did_you_mean(near);
                self.problem(problem.note("there is: fail, continue, { steps: [ … ] }"));
                None
            }
        }
    }
}

/// Keys that mean nothing beside a step's kind.
fn unused(kind: &str) -> impl Iterator<Item = &'static str> {
    const OF: [(&str, &[&str]); 3] = [
        ("action", &["connection", "with", "retry", "timeout"]),
        ("switch", &["otherwise"]),
        ("for-each", &["steps", "concurrency", "max-items", "on-item-error"]),
    ];
    let own = OF.into_iter().find(|(of, _)| *of == kind).map_or::<&[&str], _>(&[], |(_, keys)| keys);
    let ends = kind == "stop";
    OF.into_iter()
        .flat_map(|(_, keys)| keys.iter().copied())
        .filter(move |key| !own.contains(key))
        .chain(ends.then_some("on-error"))
}

fn place(node: &Node, found: Vec<crate::template::Use>, uses: &mut Vec<PlacedUse>) {
    uses.extend(
        found.into_iter().map(|used| PlacedUse { span: used_span(node, &used), reference: used.reference }),
    );
}
