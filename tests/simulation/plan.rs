//! What happens in one simulated world: a flow, what starts it, and everything that goes wrong.
//!
//! A plan is data, so that a failing one can be made smaller piece by piece until nothing of it can go.

use std::fmt::Write as _;

use wharf_cli::demo::provider::{Fault, Route};

use super::dice::Dice;

/// Steps inside of one another.
const DEPTH: u32 = 3;

/// One world.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) steps: Vec<Step>,
    /// Runs that are started, one after another.
    pub(crate) runs: u64,
    /// What the provider does to the next requests of a route.
    pub(crate) faults: Vec<(Route, Fault)>,
    /// Where the power goes.
    pub(crate) cuts: Vec<Cut>,
    /// Commits, counted over all, that the disk refuses.
    pub(crate) refused: Vec<u64>,
}

/// The power goes at a commit, and comes back later.
#[derive(Clone, Debug)]
pub(crate) struct Cut {
    /// Which commit since the start.
    pub(crate) commit: u64,
    /// Once it is durable, or before.
    pub(crate) after: bool,
    /// Seconds until the next start.
    pub(crate) down: u64,
}

/// A step of the flow.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Post { thread: bool, rescue: Rescue, retries: bool },
    List,
    Map,
    Skipped(Box<Step>),
    Switch { taken: bool, steps: Vec<Step> },
    Loop { items: u64, at_once: u64, going_on: bool, steps: Vec<Step> },
    Parallel { branches: Vec<Vec<Step>>, rescue: Rescue },
    Delay { seconds: u64 },
    Signal { seconds: u64 },
    Fail { rescue: Rescue },
    Stop,
}

/// What becomes of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rescue {
    None,
    Continue,
    Steps,
}

impl Plan {
    pub(crate) fn of(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut budget = 1 + dice.roll(9);
        let steps = steps(&mut dice, DEPTH, &mut budget);
        let routes = [
            Route::PostMessage,
            Route::PostMessage,
            Route::PostMessage,
            Route::Replies,
            Route::History,
            Route::ListChannels,
        ];
        let faults = (0..dice.roll(7)).map(|_| {
            let route = routes[usize::try_from(dice.roll(6)).unwrap()];
            let fault = match dice.roll(7) {
                0 | 1 => Fault::ResetAfterApply,
                2 => Fault::ResetBeforeApply,
                3 => Fault::Unavailable,
                4 => Fault::RateLimited { retry_after_secs: dice.roll(90) },
                5 => Fault::NotOk("channel_not_found"),
                _ => Fault::Hold,
            };
            (route, fault)
        });
        let faults = faults.collect();
        let cuts = (0..dice.roll(5)).map(|_| Cut {
            commit: 1 + dice.roll(8),
            after: dice.once_in(2),
            down: if dice.once_in(3) { dice.roll(100_000) } else { dice.roll(20) },
        });
        let cuts = cuts.collect();
        let refused = (0..dice.roll(3)).map(|_| dice.roll(20)).collect();
        Self { steps, runs: 1 + dice.roll(3), faults, cuts, refused }
    }

    /// The flow as a file.
    pub(crate) fn flow(&self) -> String {
        let mut text = "flow: simulated\non: manual\nsteps:\n".to_owned();
        let mut writer = Writer { next: 0, text: &mut text };
        writer.steps(&self.steps, 1);
        text
    }

    /// Plans that are a little smaller, the boldest first.
    pub(crate) fn smaller(&self) -> Vec<Self> {
        let mut plans = Vec::new();
        for runs in 1..self.runs {
            plans.push(Self { runs, ..self.clone() });
        }
        for at in 0..self.cuts.len() {
            let mut plan = self.clone();
            plan.cuts.remove(at);
            plans.push(plan);
        }
        for at in 0..self.faults.len() {
            let mut plan = self.clone();
            plan.faults.remove(at);
            plans.push(plan);
        }
        for at in 0..self.refused.len() {
            let mut plan = self.clone();
            plan.refused.remove(at);
            plans.push(plan);
        }
        plans.extend(
            without_one(&self.steps)
                .into_iter()
                .filter(|steps| !steps.is_empty())
                .map(|steps| Self { steps, ..self.clone() }),
        );
        plans
    }
}

/// The lists with one step less, or with what is inside of one in its place.
fn without_one(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut lists = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let with = |others: Vec<Step>| -> Vec<Step> { [&steps[..at], &others, &steps[at + 1..]].concat() };
        lists.push(with(Vec::new()));
        match step {
            Step::Skipped(inner) => lists.push(with(vec![(**inner).clone()])),
            Step::Switch { taken, steps } => {
                lists.push(with(steps.clone()));
                lists.extend(
                    without_one(steps)
                        .into_iter()
                        .filter(|s| !s.is_empty())
                        .map(|steps| with(vec![Step::Switch { taken: *taken, steps }])),
                );
            }
            Step::Loop { items, at_once, going_on, steps } => {
                lists.push(with(steps.clone()));
                let of = |items, steps| {
                    with(vec![Step::Loop { items, at_once: *at_once, going_on: *going_on, steps }])
                };
                lists.extend((1..*items).map(|items| of(items, steps.clone())));
                lists.extend(
                    without_one(steps).into_iter().filter(|s| !s.is_empty()).map(|steps| of(*items, steps)),
                );
            }
            Step::Parallel { branches, rescue } => {
                lists.extend(branches.iter().map(|branch| with(branch.clone())));
                for (index, branch) in branches.iter().enumerate() {
                    for smaller in without_one(branch).into_iter().filter(|branch| !branch.is_empty()) {
                        let mut branches = branches.clone();
                        branches[index] = smaller;
                        lists.push(with(vec![Step::Parallel { branches, rescue: *rescue }]));
                    }
                }
            }
            Step::Post { .. }
            | Step::List
            | Step::Map
            | Step::Delay { .. }
            | Step::Signal { .. }
            | Step::Fail { .. }
            | Step::Stop => {}
        }
    }
    lists
}

fn steps(dice: &mut Dice, depth: u32, budget: &mut u64) -> Vec<Step> {
    let mut steps = vec![step(dice, depth, budget)];
    while *budget > 0 && !dice.once_in(4) {
        steps.push(step(dice, depth, budget));
    }
    steps
}

fn step(dice: &mut Dice, depth: u32, budget: &mut u64) -> Step {
    *budget = budget.saturating_sub(1);
    let rescue = |dice: &mut Dice| match dice.roll(4) {
        0 => Rescue::Continue,
        1 => Rescue::Steps,
        _ => Rescue::None,
    };
    match dice.roll(if depth == 0 { 11 } else { 16 }) {
        0..=4 => Step::Post { thread: dice.once_in(2), rescue: rescue(dice), retries: !dice.once_in(4) },
        5 => Step::List,
        6 => Step::Map,
        7 => Step::Delay { seconds: dice.roll(7_200) },
        8 => Step::Signal { seconds: 1 + dice.roll(7_200) },
        9 => Step::Fail { rescue: rescue(dice) },
        10 if dice.once_in(3) => Step::Stop,
        10 => Step::Skipped(Box::new(step(dice, 0, budget))),
        11 | 12 => Step::Loop {
            items: 1 + dice.roll(4),
            at_once: 1 + dice.roll(3),
            going_on: dice.once_in(2),
            steps: steps(dice, depth - 1, budget),
        },
        13 | 14 => Step::Parallel {
            branches: (0..2 + dice.roll(2)).map(|_| steps(dice, depth - 1, budget)).collect(),
            rescue: rescue(dice),
        },
        _ => Step::Switch { taken: dice.once_in(2), steps: steps(dice, depth - 1, budget) },
    }
}

/// Writes steps as YAML; ids are unique in the file.
struct Writer<'a> {
    next: u32,
    text: &'a mut String,
}

impl Writer<'_> {
    fn steps(&mut self, steps: &[Step], depth: usize) {
        for step in steps {
            self.step(step, depth, "");
        }
    }

    fn line(&mut self, depth: usize, line: &str) {
        writeln!(self.text, "{:1$}{line}", "", depth * 2).unwrap();
    }

    /// `more` is a further key of the step.
    #[expect(clippy::too_many_lines, reason = "one arm for each kind of step, in one place")]
    fn step(&mut self, step: &Step, depth: usize, more: &str) {
        if let Step::Skipped(inner) = step {
            return self.step(inner, depth, "if: ${ false }");
        }
        self.next += 1;
        let id = format!("s{}", self.next);
        self.line(depth, &format!("- id: {id}"));
        let depth = depth + 1;
        if !more.is_empty() {
            self.line(depth, more);
        }
        match step {
            Step::Skipped(_) => {}
            Step::Post { thread, rescue, retries } => {
                self.line(depth, "action: slack/post-message");
                self.line(depth, "connection: slack");
                let thread = if *thread { ", thread_ts: \"1700000000.000001\"" } else { "" };
                self.line(
                    depth,
                    &format!("with: {{ channel: C024BE91L, text: \"${{run.id}} {id}\"{thread} }}"),
                );
                if !retries {
                    self.line(depth, "retry: none");
                }
                self.rescue(*rescue, depth);
            }
            Step::List => {
                self.line(depth, "action: slack/list-channels");
                self.line(depth, "connection: slack");
            }
            Step::Map => self.line(depth, "map: { a: \"${event.n + 1}\" }"),
            Step::Delay { seconds } => self.line(depth, &format!("delay: {seconds}s")),
            Step::Signal { seconds } => {
                self.line(depth, &format!("wait: {{ signal: go, expires: {seconds}s }}"));
                self.line(depth, "on-error: continue");
            }
            Step::Fail { rescue } => {
                self.line(depth, "fail: on purpose");
                self.rescue(*rescue, depth);
            }
            Step::Stop => self.line(depth, "stop: enough"),
            Step::Switch { taken, steps } => {
                self.line(depth, "switch:");
                self.line(depth + 1, &format!("- case: c{id}"));
                self.line(depth + 2, &format!("if: ${{ {taken} }}"));
                self.line(depth + 2, "steps:");
                self.steps(steps, depth + 3);
            }
            Step::Loop { items, at_once, going_on, steps } => {
                let items: Vec<String> = (0..*items).map(|item| item.to_string()).collect();
                self.line(depth, &format!("for-each: [{}]", items.join(", ")));
                self.line(depth, &format!("concurrency: {at_once}"));
                self.line(depth, if *going_on { "on-item-error: continue" } else { "on-item-error: fail" });
                self.line(depth, "steps:");
                self.steps(steps, depth + 1);
            }
            Step::Parallel { branches, rescue } => {
                self.line(depth, "parallel:");
                for (index, steps) in branches.iter().enumerate() {
                    self.line(depth + 1, &format!("- branch: b{id}-{index}"));
                    self.line(depth + 2, "steps:");
                    self.steps(steps, depth + 3);
                }
                self.rescue(*rescue, depth);
            }
        }
    }

    fn rescue(&mut self, rescue: Rescue, depth: usize) {
        match rescue {
            Rescue::None => {}
            Rescue::Continue => self.line(depth, "on-error: continue"),
            Rescue::Steps => {
                self.line(depth, "on-error:");
                self.line(depth + 1, "steps:");
                self.steps(&[Step::Post { thread: false, rescue: Rescue::None, retries: true }], depth + 2);
            }
        }
    }
}
