//! Waits for somebody: what was asked, what came, and when it is too late.

use serde_json::{Value, json};

use super::{Gone, Unevaluable, Walk, value::text};
use crate::{
    decide::place::Place,
    failure::{Failure, FailureClass},
    flow::{Step, Wait, WaitFor},
    journal::{Entry, Progress},
    retry::Written,
    template::{Condition, TemplateError},
};

impl<'f> Walk<'f, '_> {
    pub(super) fn begin_to_listen(
        &self,
        wait: &Wait,
        step: String,
        place: &Place,
    ) -> Result<Entry, Unevaluable> {
        let asked = match &wait.of {
            WaitFor::Approval { text: asked, .. } => Some(text(&self.render(asked, place)?)),
            WaitFor::Signal { .. } => None,
        };
        Ok(Entry::Listening { step, until: self.now.after(wait.expires), text: asked })
    }

    pub(super) fn listen(&mut self, wait: &'f Wait, step: &'f Step, path: &str, place: &Place) -> Gone {
        let Some(Progress::Listening(until, answer)) = self.state.step(path).map(|state| &state.progress)
        else {
            return Gone::Through;
        };
        let until = *until;
        let came = match &wait.of {
            WaitFor::Approval { .. } => Ok(answer.as_ref().map(|answer| {
                json!({ "approved": answer.approved, "by": answer.by, "at": answer.at.to_string(), "data": answer.data })
            })),
            WaitFor::Signal { name, when } => self.meant(name, when.as_ref(), place).map(|found| {
                found.map(|index| {
                    self.note(Entry::Heard { step: path.to_owned(), signal: index });
                    self.signal(index)
                })
            }),
        };
        match came {
            Ok(Some(output)) => {
                self.note(Entry::Over { step: path.to_owned(), output });
                Gone::Through
            }
            Ok(None) if until > self.now => {
                self.wake(until);
                Gone::Open
            }
            Ok(None) => {
                let message = match &wait.of {
                    WaitFor::Approval { .. } => format!("nobody answered within {}", Written(wait.expires)),
                    WaitFor::Signal { name, .. } => {
                        format!("no signal `{name}` came within {}", Written(wait.expires))
                    }
                };
                self.too_late(Failure::new(FailureClass::TimedOut, message), step, path, place)
            }
            Err(error) => {
                let Unevaluable(failure) = error.into();
                self.too_late(failure, step, path, place)
            }
        }
    }

    fn too_late(&mut self, failure: Failure, step: &'f Step, path: &str, place: &Place) -> Gone {
        self.note(Entry::Unevaluable { step: path.to_owned(), failure });
        self.failed(step, path, place)
    }

    /// The first signal that is meant and that no step has heard.
    fn meant(
        &self,
        name: &str,
        when: Option<&Condition>,
        place: &Place,
    ) -> Result<Option<usize>, TemplateError> {
        for (index, signal) in self.state.signals.iter().enumerate() {
            if signal.name != name || signal.heard_by.is_some() {
                continue;
            }
            let Some(when) = when else {
                return Ok(Some(index));
            };
            if self.signalled(place, &signal.data, |scope| when.holds(scope))? {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn signal(&self, index: usize) -> Value {
        self.state.signals.get(index).map_or(Value::Null, |signal| {
            json!({ "name": signal.name, "by": signal.by, "at": signal.at.to_string(), "data": signal.data })
        })
    }
}
