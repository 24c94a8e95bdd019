//! One walk through a flow's steps, in order, into whatever is under way: what is over is passed by,
//! what needs only data is done, and what touches the world is collected.
//!
//! What is surprising: a failure is not acted upon while anything inside of what it breaks is unsettled:
//! a call is under way, or nobody knows what became of a write. Until that is over nothing more is begun
//! there but the question, and the walk says that it waits.

mod hold;
mod listen;
mod value;

use serde_json::Value;

use self::value::{Unevaluable, text};
use super::{
    Ask, Decision, Hands, Task, Turn,
    place::{Place, branch},
};
use crate::{
    call::Wake,
    flow::{ActionCall, Flow, OnError, Step, StepKind},
    journal::{Broke, Ended, Entry, Progress, State, StepState, Stopped},
    template::Template,
    time::Timestamp,
};

/// Entries of one walk: beyond that the rest is for the next, so that no transaction and no turn is
/// long, however many items a loop has.
const MAX_ENTRIES: usize = 256;

/// What became of a list of steps, or of one.
pub(super) enum Gone {
    /// It is over.
    Through,
    /// It is under way, or waits.
    Open,
    /// It failed, and nothing inside of it knew what to do about that.
    Broke(Broke),
    /// A step ends the run.
    Stopped(Stopped),
}

/// A walk, and what it came by.
pub(super) struct Walk<'f, 's> {
    flow: &'f Flow,
    run: &'s str,
    state: &'s mut State,
    hands: Hands<'s>,
    now: Timestamp,
    entries: Vec<Entry>,
    tasks: Vec<Task<'f>>,
    wake: Option<Timestamp>,
    first_open: Option<String>,
}

impl<'f, 's> Walk<'f, 's> {
    pub(super) fn new(
        flow: &'f Flow,
        run: &'s str,
        state: &'s mut State,
        hands: Hands<'s>,
        now: Timestamp,
    ) -> Self {
        let (entries, tasks) = (Vec::new(), Vec::new());
        Self { flow, run, state, hands, now, entries, tasks, wake: None, first_open: None }
    }

    pub(super) fn state(&self) -> &State {
        self.state
    }

    /// The path of the first step that is not over.
    pub(super) fn first_open(&self) -> &str {
        self.first_open.as_deref().unwrap_or_default()
    }

    /// Has the next decision made at this time, or earlier.
    pub(super) fn wake(&mut self, at: Timestamp) {
        self.wake = Some(self.wake.map_or(at, |earlier| earlier.min(at)));
    }

    pub(super) fn work(self) -> Decision<'f> {
        let Self { entries, tasks, wake, .. } = self;
        Decision { entries, turn: Turn::Work { tasks, wake } }
    }

    pub(super) fn end(mut self, last: Entry) -> Decision<'f> {
        self.note(last);
        let ended = self.state.ended.unwrap_or(Ended::Completed);
        Decision { entries: self.entries, turn: Turn::End(ended) }
    }

    /// Steps one after another.
    pub(super) fn steps(&mut self, steps: &'f [Step], place: &Place) -> Gone {
        for step in steps {
            let path = place.path(&step.path);
            match self.step(step, &path, place) {
                Gone::Through => {}
                Gone::Open => {
                    self.first_open.get_or_insert(path);
                    return Gone::Open;
                }
                Gone::Broke(by) => return Gone::Broke(by),
                Gone::Stopped(stopped) => return Gone::Stopped(stopped),
            }
        }
        Gone::Through
    }

    fn note(&mut self, entry: Entry) {
        self.state.apply(&entry);
        self.entries.push(entry);
    }

    fn step(&mut self, step: &'f Step, path: &str, place: &Place) -> Gone {
        if self.hands.busy.contains(path) {
            return Gone::Open;
        }
        if self.entries.len() >= MAX_ENTRIES {
            self.wake(self.now);
            return Gone::Open;
        }
        if self.is_open(path)
            && let Err(Unevaluable(failure)) = self.begin(step, path, place)
        {
            self.note(Entry::Unevaluable { step: path.to_owned(), failure });
        }
        let before = self.tasks.len();
        match self.go_on(step, path, place) {
            Gone::Broke(by) if by.step != path => self.broke(step, path, place, by, before),
            gone => gone,
        }
    }

    /// Goes into a step that has begun.
    fn go_on(&mut self, step: &'f Step, path: &str, place: &Place) -> Gone {
        match (self.state.step(path).map(|state| &state.progress), &step.kind) {
            (Some(Progress::Done(_) | Progress::Skipped), _) => Gone::Through,
            (Some(Progress::Failed(..)), _) => self.failed(step, path, place),
            (Some(Progress::Branched(case)), StepKind::Switch(switch)) => {
                let taken = branch(*case);
                self.steps(switch.branch(taken), place)
            }
            (Some(Progress::Looping(_)), StepKind::ForEach(each)) => self.items(each, path, place),
            (Some(Progress::Forked), StepKind::Parallel(parallel)) => self.lanes(parallel, path, place),
            (Some(Progress::Delayed(at)), _) => {
                let at = *at;
                self.until(at, path)
            }
            (Some(Progress::Listening(..)), StepKind::Wait(wait)) => self.listen(wait, step, path, place),
            // No journal of this flow's version says so.
            (
                Some(
                    Progress::Branched(_) | Progress::Looping(_) | Progress::Forked | Progress::Listening(..),
                ),
                _,
            ) => Gone::Through,
            (_, StepKind::Stop(reason)) => self.stop(reason, step, path, place),
            (
                None
                | Some(
                    Progress::Pending
                    | Progress::Waiting(_)
                    | Progress::Unconfirmed(..)
                    | Progress::Suspended(..),
                ),
                _,
            ) => Gone::Open,
        }
    }

    /// Whether the step calls, or has still to begin.
    fn is_open(&self, path: &str) -> bool {
        match self.state.step(path).map(|state| &state.progress) {
            None
            | Some(
                Progress::Pending
                | Progress::Waiting(_)
                | Progress::Unconfirmed(..)
                | Progress::Suspended(..),
            ) => true,
            Some(
                Progress::Skipped
                | Progress::Branched(_)
                | Progress::Looping(_)
                | Progress::Forked
                | Progress::Delayed(_)
                | Progress::Listening(..)
                | Progress::Done(_)
                | Progress::Failed(..),
            ) => false,
        }
    }

    /// Does what needs only data, or lines up what does not.
    fn begin(&mut self, step: &'f Step, path: &str, place: &Place) -> Result<(), Unevaluable> {
        let untouched =
            self.state.step(path).is_none_or(|state| state.attempts == 0 && state.writes.is_empty());
        if untouched
            && let Some(condition) = &step.when
            && !self.seen(place, |scope| condition.holds(scope))?
        {
            self.note(Entry::Skipped { step: path.to_owned() });
            return Ok(());
        }
        let own = path.to_owned();
        let entry = match &step.kind {
            StepKind::Map(value) => Entry::Mapped { step: own, output: self.render(value, place)? },
            StepKind::Switch(switch) => Entry::Branched { step: own, case: self.choose(switch, place)? },
            StepKind::ForEach(each) => Entry::Looping { step: own, items: self.list(each, place)? },
            StepKind::Parallel(_) => Entry::Forked { step: own },
            StepKind::Delay(delay) => Entry::Delayed { step: own, until: self.due(delay, place)? },
            StepKind::Wait(wait) => self.begin_to_listen(wait, own, place)?,
            StepKind::Fail(fail) => return Err(self.on_purpose(fail, place)?),
            StepKind::Stop(_) => return Ok(()),
            StepKind::Action(action) => return self.call(step, action, path, place),
        };
        self.note(entry);
        Ok(())
    }

    fn stop(&mut self, reason: &Template, step: &'f Step, path: &str, place: &Place) -> Gone {
        match self.render(reason, place) {
            Ok(reason) => Gone::Stopped(Stopped { step: path.to_owned(), reason: text(&reason) }),
            Err(error) => {
                let Unevaluable(failure) = error.into();
                self.note(Entry::Unevaluable { step: path.to_owned(), failure });
                self.failed(step, path, place)
            }
        }
    }

    fn until(&mut self, at: Timestamp, path: &str) -> Gone {
        if at > self.now {
            self.wake(at);
            return Gone::Open;
        }
        self.note(Entry::Over { step: path.to_owned(), output: Value::Null });
        Gone::Through
    }

    /// Lines up a call, unless it is not yet time or there is no room.
    fn call(
        &mut self,
        step: &'f Step,
        action: &'f ActionCall,
        path: &str,
        place: &Place,
    ) -> Result<(), Unevaluable> {
        let fresh = StepState::default();
        let state = self.state.step(path).unwrap_or(&fresh);
        let due = match &state.progress {
            Progress::Waiting(at)
            | Progress::Unconfirmed(_, at)
            | Progress::Suspended(Wake::At(at) | Wake::Callback(at), _) => *at,
            Progress::Pending
            | Progress::Skipped
            | Progress::Branched(_)
            | Progress::Looping(_)
            | Progress::Forked
            | Progress::Delayed(_)
            | Progress::Listening(..)
            | Progress::Done(_)
            | Progress::Failed(..) => self.now,
        };
        if due > self.now {
            self.wake(due);
            return Ok(());
        }
        if self.tasks.len() >= self.hands.room {
            return Ok(());
        }
        let unconfirmed = matches!(state.progress, Progress::Unconfirmed(..)) || state.unanswered().is_some();
        let ask = if let Progress::Suspended(_, kept) = &state.progress {
            Ask::Resume { state: kept.clone(), attempt: state.attempts.max(1) }
        } else if unconfirmed {
            Ask::Confirm { attempt: state.confirms + 1, input: self.render(&action.with, place)? }
        } else {
            Ask::Call { attempt: state.attempts + 1, input: self.render(&action.with, place)? }
        };
        self.tasks.push(Task { step, path: path.to_owned(), action, ask });
        Ok(())
    }

    /// A step inside of this one failed. What of it was lined up in this walk, from `before` on, is not begun.
    fn broke(&mut self, step: &'f Step, path: &str, place: &Place, by: Broke, before: usize) -> Gone {
        self.withdraw(before);
        match &step.on_error {
            OnError::Fail => Gone::Broke(by),
            OnError::Continue | OnError::Steps(_) if self.is_unsettled(path) => Gone::Open,
            OnError::Continue | OnError::Steps(_) => {
                self.note(Entry::Broken { step: path.to_owned(), by });
                self.failed(step, path, place)
            }
        }
    }

    /// A step has failed for good.
    fn failed(&mut self, step: &'f Step, path: &str, place: &Place) -> Gone {
        let Some(StepState { progress: Progress::Failed(failure, why), passed_over, .. }) =
            self.state.step(path)
        else {
            return Gone::Through;
        };
        let passed_over = *passed_over;
        if matches!(step.on_error, OnError::Fail) {
            return Gone::Broke(Broke { step: path.to_owned(), failure: failure.clone(), why: *why });
        }
        if !passed_over {
            self.note(Entry::PassedOver { step: path.to_owned() });
        }
        match &step.on_error {
            OnError::Steps(steps) => self.steps(steps, &place.after(path)),
            OnError::Fail | OnError::Continue => Gone::Through,
        }
    }

    /// Takes back what was lined up from `before` on, but for questions about writes.
    pub(super) fn withdraw(&mut self, before: usize) {
        let lined_up = self.tasks.split_off(before.min(self.tasks.len()));
        self.tasks.extend(lined_up.into_iter().filter(|task| matches!(task.ask, Ask::Confirm { .. })));
    }

    /// Whether anything inside of a path is under way, or sent with nobody knowing what became of it.
    pub(super) fn is_unsettled(&self, path: &str) -> bool {
        let unsure = |step: &StepState| match step.progress {
            Progress::Done(_) | Progress::Failed(..) => false,
            Progress::Unconfirmed(..) => true,
            Progress::Pending
            | Progress::Waiting(_)
            | Progress::Suspended(..)
            | Progress::Skipped
            | Progress::Branched(_)
            | Progress::Looping(_)
            | Progress::Forked
            | Progress::Delayed(_)
            | Progress::Listening(..) => step.unanswered().is_some(),
        };
        let from = path.to_owned();
        let mut busy = self.hands.busy.range(from.clone()..).take_while(|busy| busy.starts_with(path));
        busy.next().is_some()
            || self
                .state
                .steps
                .range(from..)
                .take_while(|(inside, _)| inside.starts_with(path))
                .any(|(_, step)| unsure(step))
    }
}
