//! Reads the steps that hold others, wait, or end a run.

use serde_json::json;

use super::{
    Data, Delay, FAIL_KEYS, Fail, Fields, ForEach, LANE_KEYS, Lane, MAX_WAIT, Node, OnItemError, Parallel,
    PlacedUse, Problem, Reader, StepKind, Template, shortened, suggest,
};
use crate::failure::FailureClass;

/// Items of a loop, unless it says otherwise.
const ITEMS: u64 = 1000;
/// Items of any loop: each is a place in the run's journal and in memory while the run is driven.
const MAX_ITEMS: u64 = 10_000;
/// Items of a loop under way at once.
const MAX_CONCURRENCY: u64 = 64;
/// Branches of one step.
const MAX_BRANCHES: usize = 50;

impl Reader {
    pub(super) fn for_each(
        &mut self,
        node: &Node,
        fields: &Fields<'_>,
        path: &str,
        uses: &mut Vec<PlacedUse>,
    ) -> Option<StepKind> {
        let items = self.list(node, uses);
        let concurrency = self.count(fields, "concurrency", 1, MAX_CONCURRENCY);
        let max_items = self.count(fields, "max-items", ITEMS, MAX_ITEMS);
        let on_item_error =
            fields.value("on-item-error").map_or(Some(OnItemError::Fail), |node| self.on_item_error(node));
        let steps = self
            .require(fields, "steps", "the loop")
            .and_then(|node| self.steps(node, &format!("{path}[]/")));
        if steps.as_ref().is_some_and(Vec::is_empty) {
            self.problem(Problem::error(fields.span, "the loop has no step"));
        }
        Some(StepKind::ForEach(ForEach {
            items: items?,
            steps: steps?,
            concurrency: concurrency?,
            max_items: max_items?,
            on_item_error: on_item_error?,
        }))
    }

    /// A list, or one expression that gives one.
    fn list(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<Template> {
        let fits = match &node.data {
            Data::List(_) => true,
            Data::Text(text) => text.starts_with("${"),
            Data::Null | Data::Bool(_) | Data::Number(_) | Data::Map(_) => false,
        };
        if !fits {
            let message =
                format!("`for-each` is a list or an expression that gives one, not {}", node.kind());
            self.problem(Problem::error(node.span, message).help("write ${ event.items }"));
            return None;
        }
        self.placed_template(node, uses)
    }

    fn count(&mut self, fields: &Fields<'_>, key: &str, without: u64, most: u64) -> Option<usize> {
        let Some(node) = fields.value(key) else {
            return usize::try_from(without).ok();
        };
        let count = match &node.data {
            Data::Number(number) => number.as_u64(),
            Data::Null | Data::Bool(_) | Data::Text(_) | Data::List(_) | Data::Map(_) => None,
        };
        let count = count.filter(|count| (1..=most).contains(count));
        if count.is_none() {
            self.problem(Problem::error(node.span, format!("`{key}` is a number from 1 to {most}")));
        }
        count.and_then(|count| usize::try_from(count).ok())
    }

    fn on_item_error(&mut self, node: &Node) -> Option<OnItemError> {
        match self.text(node, "`on-item-error`")? {
            "fail" => Some(OnItemError::Fail),
            "continue" => Some(OnItemError::Continue),
            other => {
                let problem =
                    Problem::error(node.span, format!("unknown on-item-error `{}`", shortened(other)))
                        .did_you_mean(suggest(other, ["fail", "continue"]));
                self.problem(problem.note("there is: fail, continue"));
                None
            }
        }
    }

    pub(super) fn parallel(&mut self, node: &Node, path: &str) -> Option<StepKind> {
        let Data::List(items) = &node.data else {
            let message = format!("`parallel` is a list of branches, not {}", node.kind());
            self.problem(Problem::error(node.span, message).help("start each branch with `- branch:`"));
            return None;
        };
        if items.is_empty() || items.len() > MAX_BRANCHES {
            let message = format!("`parallel` has 1 to {MAX_BRANCHES} branches, not {}", items.len());
            self.problem(Problem::error(node.span, message));
        }
        let branches: Vec<Option<Lane>> = items.iter().map(|item| self.lane(item, path)).collect();
        let branches: Vec<Lane> = branches.into_iter().collect::<Option<_>>()?;
        for (index, lane) in branches.iter().enumerate() {
            if branches.iter().take(index).any(|earlier| earlier.name == lane.name) {
                let at = items.get(index).map_or(node.span, |item| item.span);
                self.problem(Problem::error(at, format!("two branches are named `{}`", lane.name)));
            }
        }
        Some(StepKind::Parallel(Parallel { branches }))
    }

    fn lane(&mut self, node: &Node, path: &str) -> Option<Lane> {
        let fields = self.fields(node, "a branch", &LANE_KEYS)?;
        let name = self
            .require(&fields, "branch", "the branch")
            .and_then(|node| self.name(node, "a branch", &['_', '-']));
        let above = format!("{path}/{}/", name.unwrap_or("?"));
        let steps = self.require(&fields, "steps", "the branch").and_then(|node| self.steps(node, &above));
        Some(Lane { name: name?.to_owned(), steps: steps? })
    }

    pub(super) fn delay(&mut self, node: &Node) -> Option<StepKind> {
        if matches!(&node.data, Data::Text(text) if text.starts_with("${")) {
            let problem = Problem::error(node.span, "`delay` is a duration, not an expression");
            self.problem(problem.help("write `until:` with the time that it gives"));
            return None;
        }
        self.duration(node, MAX_WAIT).map(Delay::For).map(StepKind::Delay)
    }

    pub(super) fn until(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<StepKind> {
        if !matches!(node.data, Data::Text(_) | Data::Number(_)) {
            let message = format!("`until` is a time or an expression that gives one, not {}", node.kind());
            self.problem(Problem::error(node.span, message).help("write ${ event.due_at }"));
            return None;
        }
        self.placed_template(node, uses).map(Delay::Until).map(StepKind::Delay)
    }

    pub(super) fn stop(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<StepKind> {
        self.text(node, "`stop`")?;
        self.placed_template(node, uses).map(StepKind::Stop)
    }

    /// A message, or an object with a message and a class.
    pub(super) fn fail(&mut self, node: &Node, uses: &mut Vec<PlacedUse>) -> Option<StepKind> {
        let (message, class) = if matches!(node.data, Data::Map(_)) {
            let fields = self.fields(node, "fail", &FAIL_KEYS)?;
            let message = self.require(&fields, "message", "fail");
            let class =
                fields.value("class").map_or(Some(FailureClass::InvalidInput), |node| self.class(node));
            (message?, class?)
        } else {
            (node, FailureClass::InvalidInput)
        };
        self.text(message, "the message")?;
        Some(StepKind::Fail(Fail { message: self.placed_template(message, uses)?, class }))
    }

    fn class(&mut self, node: &Node) -> Option<FailureClass> {
        let text = self.text(node, "`class`")?;
        let class = serde_json::from_value(json!(text)).ok();
        if class.is_none() {
            let names = FailureClass::ALL.map(FailureClass::name);
            let problem = Problem::error(node.span, format!("unknown class `{}`", shortened(text)))
                .did_you_mean(suggest(text, names));
            self.problem(problem.note(format!("there is: {}", names.join(", "))));
        }
        class
    }
}
