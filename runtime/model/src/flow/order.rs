//! Rules about steps together: ids are unique, and an expression only names steps that ran before it.

use std::collections::HashMap;

use super::{Flow, PlacedUse, Problem, Span, Step, StepKind, problem::suggest};

/// What `run` and `flow` have.
const FIELDS: [(&str, &str); 2] = [("run", "id"), ("flow", "name")];

/// The problems of a flow that was read.
pub(super) fn check(flow: &Flow) -> Vec<Problem> {
    let mut checker = Checker { ids: HashMap::new(), problems: Vec::new() };
    for step in flow.all_steps() {
        if let Some(first) = checker.ids.insert(&step.id, step.span) {
            let problem = Problem::error(step.span, format!("two steps are named `{}`", step.id));
            checker.problems.push(problem.help(format!("the first is on line {}", first.line)));
        }
    }
    checker.walk(&flow.steps, &mut Vec::new());
    checker.problems
}

struct Checker<'f> {
    ids: HashMap<&'f str, Span>,
    problems: Vec<Problem>,
}

impl<'f> Checker<'f> {
    /// Checks steps that run after those in `before`, and adds them to it.
    fn walk(&mut self, steps: &'f [Step], before: &mut Vec<&'f str>) {
        for step in steps {
            for used in &step.uses {
                self.used(step, used, before);
            }
            let StepKind::Switch(switch) = &step.kind else {
                before.push(&step.id);
                continue;
            };
            // A branch sees what ran before the switch; what follows sees every branch, null where none was taken.
            let mut after = before.clone();
            for steps in switch.nested() {
                let mut branch = before.clone();
                self.walk(steps, &mut branch);
                after.extend(branch.into_iter().skip(before.len()));
            }
            *before = after;
            before.push(&step.id);
        }
    }

    fn used(&mut self, step: &Step, used: &PlacedUse, before: &[&'f str]) {
        let Some(field) = used.reference.fields.first().map(String::as_str) else {
            return;
        };
        if let Some((root, known)) = FIELDS.iter().find(|(root, _)| *root == used.reference.root) {
            if field != *known {
                let problem = Problem::error(used.span, format!("`{root}` has no `{field}`"));
                self.problems.push(problem.help(format!("there is `{root}.{known}`")));
            }
            return;
        }
        if used.reference.root != "steps" || before.contains(&field) {
            return;
        }
        let seen = if before.is_empty() { "none".to_owned() } else { before.join(", ") };
        let problem = match self.ids.get(field) {
            None => Problem::error(used.span, format!("no step `{field}`"))
                .did_you_mean(suggest(field, before.iter().copied())),
            Some(_) if field == step.id => {
                Problem::error(used.span, format!("step `{field}` refers to itself"))
            }
            Some(at) => Problem::error(used.span, format!("step `{field}` has not run here"))
                .help(format!("it is on line {}", at.line)),
        };
        self.problems.push(problem.note(format!("steps before `{}`: {seen}", step.id)));
    }
}
