//! Takes a connection's secrets out of what a connector returned, before anything of it is kept or shown.
//!
//! What the gate hands to a connector is clean already; this is for secrets that it was let read, and
//! for those that it found elsewhere.

use wharf_gate::Redactor;
use wharf_model::{
    call::{CallError, LogLine, Outcome, TrapReport, Verdict},
    event::Event,
    failure::{Failure, FieldFailure, ItemFailure},
};
use wharf_sandbox::{Choice, Choices, Finished};

/// A verdict.
pub(crate) fn verdict(verdict: Verdict, redactor: &Redactor) -> Verdict {
    match verdict {
        Verdict::Applied(output) => Verdict::Applied(redactor.json(output)),
        verdict @ (Verdict::NotApplied | Verdict::Unknown) => verdict,
    }
}

/// An error; a trap's report quotes the connector, too.
pub(crate) fn error(error: CallError, redactor: &Redactor) -> CallError {
    match error {
        CallError::Failed(failed) => CallError::Failed(failure(failed, redactor)),
        CallError::Stopped(stopped) => CallError::Stopped(report(stopped, redactor)),
        CallError::Host(problem) => CallError::Host(redactor.text(&problem).into_owned()),
        error @ CallError::NotExported(_) => error,
    }
}

fn failure(failure: Failure, redactor: &Redactor) -> Failure {
    let text = |text: String| redactor.text(&text).into_owned();
    let field = |field: FieldFailure| FieldFailure { path: text(field.path), message: text(field.message) };
    let item = |item: ItemFailure| ItemFailure { message: text(item.message), ..item };
    Failure {
        message: text(failure.message),
        provider_code: failure.provider_code.map(text),
        fields: failure.fields.into_iter().map(field).collect(),
        items: failure.items.into_iter().map(item).collect(),
        ..failure
    }
}

fn report(report: TrapReport, redactor: &Redactor) -> TrapReport {
    let text = |text: String| redactor.text(&text).into_owned();
    TrapReport {
        message: text(report.message),
        backtrace: report.backtrace.into_iter().map(text).collect(),
        last_effect: report.last_effect.map(text),
        ..report
    }
}

/// What a person may choose.
pub(crate) fn choices(choices: Choices, redactor: &Redactor) -> Choices {
    let text = |text: String| redactor.text(&text).into_owned();
    let choice = |choice: Choice| Choice {
        label: text(choice.label),
        value: redactor.json(choice.value),
        description: choice.description.map(text),
    };
    Choices { items: choices.items.into_iter().map(choice).collect(), next: choices.next.map(text) }
}

/// An event that a delivery became.
pub(crate) fn event(event: Event, redactor: &Redactor) -> Event {
    let text = |text: String| redactor.text(&text).into_owned();
    Event {
        id: text(event.id),
        ordering_key: event.ordering_key.map(text),
        data: redactor.json(event.data),
        ..event
    }
}

/// Takes a connection's secrets out of what a call returned and logged, before anything of it is kept.
pub(crate) fn finished(finished: Finished<Outcome>, redactor: &Redactor) -> Finished<Outcome> {
    let text = |text: String| redactor.text(&text).into_owned();
    let value = |value| redactor.json(value);
    let result = match finished.result {
        Ok(Outcome::Done(output)) => Ok(Outcome::Done(value(output))),
        Ok(Outcome::Page { items, next }) => {
            Ok(Outcome::Page { items: items.into_iter().map(value).collect(), next: next.map(text) })
        }
        Ok(Outcome::Suspended { wake, state }) => Ok(Outcome::Suspended { wake, state: value(state) }),
        Err(error) => Err(self::error(error, redactor)),
    };
    let line = |line: LogLine| LogLine { message: text(line.message), fields: text(line.fields), ..line };
    Finished { result, metering: finished.metering, log: finished.log.into_iter().map(line).collect() }
}
