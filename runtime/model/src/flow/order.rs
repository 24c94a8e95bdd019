//! Rules about steps together: ids are unique, and an expression only names what there is at its place.

use std::collections::HashMap;

use super::{Flow, OnError, PlacedUse, Problem, Span, Step, StepKind, WaitFor, problem::suggest};

/// What `run` and `flow` have.
const FIELDS: [(&str, &[&str]); 2] = [("run", &["id", "started_at"]), ("flow", &["name"])];

/// What `error` has.
pub(crate) const ERROR_FIELDS: [&str; 7] =
    ["step", "class", "message", "http_status", "provider_code", "attempts", "gave_up"];

/// What the output of a `for-each` has.
const REPORT_FIELDS: [&str; 4] = ["count", "succeeded", "failed", "results"];

/// The problems of a flow that was read.
pub(super) fn check(flow: &Flow) -> Vec<Problem> {
    let mut checker = Checker { ids: HashMap::new(), problems: Vec::new() };
    for step in flow.all_steps() {
        if let Some(first) = checker.ids.insert(&step.id, step) {
            let problem = Problem::error(step.span, format!("two steps are named `{}`", step.id));
            checker.problems.push(problem.help(format!("the first is on line {}", first.span.line)));
        }
    }
    checker.walk(&flow.steps, &mut Before::default());
    checker.problems
}

struct Checker<'f> {
    ids: HashMap<&'f str, &'f Step>,
    problems: Vec<Problem>,
}

/// What a step can see.
#[derive(Clone, Default)]
struct Before<'f> {
    steps: Vec<&'f str>,
    item: Known,
    error: Known,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Known {
    #[default]
    No,
    Yes,
}

impl<'f> Checker<'f> {
    /// Checks steps that run after those in `before`, and adds them to it.
    fn walk(&mut self, steps: &'f [Step], before: &mut Before<'f>) {
        for step in steps {
            for used in &step.uses {
                self.used(step, used, before);
            }
            // Branches see what ran before them and not each other; what follows sees every branch, null
            // where none was taken. What is inside of a loop is there once for each item, and seen by none.
            let mut after = before.steps.clone();
            let mut inside = |checker: &mut Self, steps: &'f [Step], mut branch: Before<'f>| {
                checker.walk(steps, &mut branch);
                after.extend(branch.steps.into_iter().skip(before.steps.len()));
            };
            match &step.kind {
                StepKind::Switch(switch) => {
                    switch.inside().for_each(|steps| inside(self, steps, before.clone()));
                }
                StepKind::Parallel(parallel) => {
                    parallel.branches.iter().for_each(|lane| inside(self, &lane.steps, before.clone()));
                }
                StepKind::ForEach(each) => {
                    self.walk(&each.steps, &mut Before { item: Known::Yes, ..before.clone() });
                }
                StepKind::Action(_)
                | StepKind::Map(_)
                | StepKind::Delay(_)
                | StepKind::Wait(_)
                | StepKind::Stop(_)
                | StepKind::Fail(_) => {}
            }
            if let OnError::Steps(steps) = &step.on_error {
                inside(self, steps, Before { error: Known::Yes, ..before.clone() });
            }
            before.steps = after;
            before.steps.push(&step.id);
        }
    }

    fn used(&mut self, step: &Step, used: &PlacedUse, before: &Before<'f>) {
        let root = used.reference.root.as_str();
        let field = used.reference.fields.first().map(String::as_str);
        match (root, field) {
            ("item" | "index", _) if before.item == Known::No => {
                let problem = Problem::error(used.span, format!("there is no `{root}` here"));
                self.problems.push(problem.help("it is known to the steps of a `for-each`"));
            }
            ("signal", _) if !listens(step) => {
                let problem = Problem::error(used.span, "there is no `signal` here");
                self.problems.push(problem.help("it is known to the `if` of a `wait` for a signal"));
            }
            ("error", _) if before.error == Known::No => {
                let problem = Problem::error(used.span, "there is no `error` here");
                self.problems.push(problem.help("it is known to the steps of an `on-error`"));
            }
            ("error", Some(field)) if !ERROR_FIELDS.contains(&field) => {
                let problem = Problem::error(used.span, format!("`error` has no `{field}`"))
                    .did_you_mean(suggest(field, ERROR_FIELDS));
                self.problems.push(problem.note(format!("fields of `error`: {}", ERROR_FIELDS.join(", "))));
            }
            ("run" | "flow", Some(field)) => {
                let known = FIELDS.iter().find(|(of, _)| *of == root).map_or(&[][..], |(_, known)| known);
                if !known.contains(&field) {
                    let there: Vec<_> = known.iter().map(|known| format!("`{root}.{known}`")).collect();
                    let problem = Problem::error(used.span, format!("`{root}` has no `{field}`"));
                    self.problems.push(problem.help(format!("there is {}", there.join(", "))));
                }
            }
            ("steps", Some(field)) if !before.steps.contains(&field) => {
                self.unseen(step, field, used.span, before);
            }
            ("steps", Some(field)) => self.part(field, used),
            _ => {}
        }
    }

    /// A part of an output whose parts are known without a manifest.
    fn part(&mut self, of: &str, used: &PlacedUse) {
        let (Some(step), Some(part), false) =
            (self.ids.get(of), used.reference.fields.get(1), used.reference.tested)
        else {
            return;
        };
        let known: Vec<&str> = match &step.kind {
            StepKind::ForEach(_) => REPORT_FIELDS.to_vec(),
            StepKind::Parallel(parallel) => parallel.branches.iter().map(|lane| lane.name.as_str()).collect(),
            StepKind::Switch(_) => vec!["case"],
            StepKind::Action(_)
            | StepKind::Map(_)
            | StepKind::Delay(_)
            | StepKind::Stop(_)
            | StepKind::Fail(_) => return,
            StepKind::Wait(wait) => match wait.of {
                WaitFor::Approval { .. } => vec!["approved", "by", "at", "data"],
                WaitFor::Signal { .. } => vec!["name", "by", "at", "data"],
            },
        };
        if !known.contains(&part.as_str()) {
            let problem = Problem::error(used.span, format!("`steps.{of}` has no `{part}`"))
                .did_you_mean(suggest(part, known.iter().copied()));
            self.problems.push(problem.note(format!("fields of `steps.{of}`: {}", known.join(", "))));
        }
    }

    /// An expression names a step that it does not see.
    fn unseen(&mut self, step: &Step, named: &str, at: Span, before: &Before<'f>) {
        let seen = if before.steps.is_empty() { "none".to_owned() } else { before.steps.join(", ") };
        let problem = match self.ids.get(named) {
            None => Problem::error(at, format!("no step `{named}`"))
                .did_you_mean(suggest(named, before.steps.iter().copied())),
            Some(_) if named == step.id => Problem::error(at, format!("step `{named}` refers to itself")),
            Some(found) => match hidden_in(found, step) {
                Some(around) => {
                    Problem::error(at, format!("step `{named}` runs once for each item of `{around}`"))
                        .help(format!("what became of the items is `steps.{around}.results`"))
                }
                None => Problem::error(at, format!("step `{named}` has not run here"))
                    .help(format!("it is on line {}", found.span.line)),
            },
        };
        self.problems.push(problem.note(format!("steps before `{}`: {seen}", step.id)));
    }
}

fn listens(step: &Step) -> bool {
    matches!(&step.kind, StepKind::Wait(wait) if matches!(wait.of, WaitFor::Signal { .. }))
}

/// The loop that `found` is in and `from` is not, if `found` stands before it.
fn hidden_in<'f>(found: &'f Step, from: &Step) -> Option<&'f str> {
    let (around, _) = found.path.rsplit_once("[]/")?;
    let earlier = (found.span.line, found.span.column) < (from.span.line, from.span.column);
    let inside = from.path.strip_prefix(around).is_some_and(|rest| rest.starts_with("[]/"));
    (earlier && !inside).then(|| around.rsplit('/').next().unwrap_or(around))
}
