//! Values that steps compute: with what is seen from their place, and nothing but data.

use serde_json::Value;

use super::Walk;
use crate::{
    decide::place::Place,
    failure::{Failure, FailureClass},
    flow::{Delay, Fail, ForEach, Switch},
    retry::{MAX_WAIT, Written},
    template::{Scope, Template, TemplateError},
    time::Timestamp,
};

/// Why a step that needs only data has no outcome.
pub(super) struct Unevaluable(pub(super) Failure);

impl From<TemplateError> for Unevaluable {
    fn from(error: TemplateError) -> Self {
        Self(Failure::new(FailureClass::InvalidInput, error.to_string()))
    }
}

impl Walk<'_, '_> {
    /// Evaluates with what is seen from a place.
    pub(super) fn seen<T>(
        &self,
        place: &Place,
        evaluate: impl FnOnce(&Scope<'_>) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        self.signalled(place, &Value::Null, evaluate)
    }

    /// The same, beside a signal.
    pub(super) fn signalled<T>(
        &self,
        place: &Place,
        signal: &Value,
        evaluate: impl FnOnce(&Scope<'_>) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        let outputs = place.outputs(self.flow, self.state);
        let event = self.state.event.as_ref().map_or(&Value::Null, |event| &event.data);
        let outputs = outputs.iter().map(|(id, value)| (*id, value.as_ref()));
        let scope = Scope::new(event, outputs, self.run, &self.flow.name);
        let scope = match self.state.started_at {
            Some(at) => scope.started_at(at),
            None => scope,
        };
        evaluate(&place.known(scope, self.state).with_signal(signal))
    }

    pub(super) fn render(&self, template: &Template, place: &Place) -> Result<Value, TemplateError> {
        self.seen(place, |scope| template.render(scope))
    }

    pub(super) fn choose(&self, switch: &Switch, place: &Place) -> Result<Option<usize>, TemplateError> {
        self.seen(place, |scope| {
            for (index, case) in switch.cases.iter().enumerate() {
                if case.when.holds(scope)? {
                    return Ok(Some(index));
                }
            }
            Ok(None)
        })
    }

    pub(super) fn list(&self, each: &ForEach, place: &Place) -> Result<Vec<Value>, Unevaluable> {
        let refused = |class, message: String| Err(Unevaluable(Failure::new(class, message)));
        match self.render(&each.items, place)? {
            Value::Array(items) if items.len() > each.max_items => refused(
                FailureClass::QuotaExhausted,
                format!("a list of {} items; `max-items` is {}", items.len(), each.max_items),
            ),
            Value::Array(items) => Ok(items),
            other => refused(
                FailureClass::InvalidInput,
                format!("`for-each` takes a list, and this is {}", kind(&other)),
            ),
        }
    }

    pub(super) fn due(&self, delay: &Delay, place: &Place) -> Result<Timestamp, Unevaluable> {
        let template = match delay {
            Delay::For(duration) => return Ok(self.now.after(*duration)),
            Delay::Until(template) => template,
        };
        let refused = |message: String| Err(Unevaluable(Failure::new(FailureClass::InvalidInput, message)));
        let due = match self.render(template, place)? {
            Value::String(text) => Timestamp::parse(&text),
            Value::Number(number) => number.as_u64().map(Timestamp),
            Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        match due {
            None => refused(
                "`until` takes a time: text such as 2026-11-22T09:30:00+01:00, or milliseconds since 1970"
                    .to_owned(),
            ),
            Some(at) if at > self.now.after(MAX_WAIT) => {
                refused(format!("`until` is {at}, more than {} ahead", Written(MAX_WAIT)))
            }
            Some(at) => Ok(at),
        }
    }

    pub(super) fn on_purpose(&self, fail: &Fail, place: &Place) -> Result<Unevaluable, TemplateError> {
        let message = text(&self.render(&fail.message, place)?);
        Ok(Unevaluable(Failure::new(fail.class, message)))
    }
}

/// Text, or what JSON writes.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
