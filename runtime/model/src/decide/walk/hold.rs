//! Loops and branches: several things of one step under way at once, and what comes of them together.

use serde_json::{Map, Value, json};

use super::{Gone, Walk};
use crate::{
    decide::place::{Place, output},
    flow::{ForEach, OnItemError, Parallel},
    journal::{Entry, Loop, Progress},
};

impl<'f> Walk<'f, '_> {
    /// The items of a loop, as many at once as it says.
    pub(super) fn items(&mut self, each: &'f ForEach, path: &str, place: &Place) -> Gone {
        let Some(Progress::Looping(Loop { items, from, .. })) =
            self.state.step(path).map(|state| &state.progress)
        else {
            return Gone::Through;
        };
        let (count, from) = (items.len(), *from);
        let (mut open, mut end) = (0, None);
        for index in from..count {
            if open >= each.concurrency || end.is_some() && !self.has_begun(path, index) {
                break;
            }
            if self.has_ended(path, index) {
                continue;
            }
            let before = self.tasks.len();
            match self.steps(&each.steps, &place.in_item(path, index)) {
                Gone::Through => self.note(Entry::ItemEnded { step: path.to_owned(), index, failed: None }),
                Gone::Open => open += 1,
                Gone::Broke(by) => match each.on_item_error {
                    OnItemError::Fail if matches!(end, Some(Gone::Broke(_))) => {}
                    OnItemError::Fail => end = Some(Gone::Broke(by)),
                    OnItemError::Continue => {
                        self.withdraw(before);
                        if self.is_unsettled(&format!("{path}[{index}]/")) {
                            open += 1;
                        } else {
                            self.note(Entry::ItemEnded { step: path.to_owned(), index, failed: Some(by) });
                        }
                    }
                },
                Gone::Stopped(stopped) => {
                    end.get_or_insert(Gone::Stopped(stopped));
                }
            }
        }
        if let Some(end) = end {
            return end;
        }
        if open > 0 {
            return Gone::Open;
        }
        let output = self.report(each, path, place);
        self.note(Entry::Over { step: path.to_owned(), output });
        Gone::Through
    }

    /// Whether anything happened to an item.
    fn has_begun(&self, path: &str, index: usize) -> bool {
        let item = format!("{path}[{index}]/");
        let mut inside = self.state.steps.range(item.clone()..);
        inside.next().is_some_and(|(step, _)| step.starts_with(&item)) || self.is_unsettled(&item)
    }

    fn has_ended(&self, path: &str, index: usize) -> bool {
        let Some(Progress::Looping(progress)) = self.state.step(path).map(|state| &state.progress) else {
            return true;
        };
        progress.ended.contains_key(&index)
    }

    /// The output of a loop: the last step's output of each item, and which items failed.
    fn report(&self, each: &ForEach, path: &str, place: &Place) -> Value {
        let Some(Progress::Looping(progress)) = self.state.step(path).map(|state| &state.progress) else {
            return Value::Null;
        };
        let result = |index: usize| {
            let failed = progress.ended.get(&index).is_some_and(Option::is_some);
            each.steps.last().filter(|_| !failed).map_or(Value::Null, |last| {
                let path = place.in_item(path, index).path(&last.path);
                output(last, &path, self.state).into_owned()
            })
        };
        let failed: Vec<Value> = progress
            .ended
            .iter()
            .filter_map(|(index, failed)| Some((index, failed.as_ref()?)))
            .map(|(index, by)| {
                json!({
                    "index": index,
                    "step": by.step,
                    "class": by.failure.class.name(),
                    "message": by.failure.message,
                    "gave_up": by.why.name(),
                })
            })
            .collect();
        let count = progress.items.len();
        json!({
            "count": count,
            "succeeded": count - failed.len(),
            "failed": failed,
            "results": (0..count).map(result).collect::<Vec<_>>(),
        })
    }

    /// Branches side by side.
    pub(super) fn lanes(&mut self, parallel: &'f Parallel, path: &str, place: &Place) -> Gone {
        let (mut open, mut end) = (0, None);
        for lane in &parallel.branches {
            match self.steps(&lane.steps, place) {
                Gone::Through => {}
                Gone::Open => open += 1,
                // A failure is more than an end on purpose, and the first of each counts.
                Gone::Broke(by) if !matches!(end, Some(Gone::Broke(_))) => end = Some(Gone::Broke(by)),
                Gone::Broke(_) => {}
                Gone::Stopped(stopped) => {
                    end.get_or_insert(Gone::Stopped(stopped));
                }
            }
        }
        if let Some(end) = end {
            return end;
        }
        if open > 0 {
            return Gone::Open;
        }
        let mut outputs = Map::new();
        for lane in &parallel.branches {
            let last = lane
                .steps
                .last()
                .map_or(Value::Null, |last| output(last, &place.path(&last.path), self.state).into_owned());
            outputs.insert(lane.name.clone(), last);
        }
        self.note(Entry::Over { step: path.to_owned(), output: Value::Object(outputs) });
        Gone::Through
    }
}
