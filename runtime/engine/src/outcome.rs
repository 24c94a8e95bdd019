//! Small words for what came of a call: labels for metrics, failures of the engine's own making.

use serde_json::Value;
use wharf_gate::Redactor;
use wharf_model::{
    call::{CallError, LogLine, Metering, Outcome, TrapReport, Verdict},
    event::Provenance,
    failure::{Failure, FailureClass},
};
use wharf_sandbox::Finished;

use crate::error::EngineError;

/// `ok`, a failure class, or why the sandbox stopped the call.
pub(crate) fn label<T>(result: &Result<T, CallError>) -> &'static str {
    match result {
        Ok(_) => "ok",
        Err(CallError::Failed(failure)) => failure.class.name(),
        Err(CallError::Stopped(report)) => report.reason.name(),
        Err(CallError::NotExported(_)) => "not-exported",
        Err(CallError::Host(_)) => "host",
    }
}

/// What the flow or the connection must have changed before it can work.
pub(crate) fn misconfigured(message: String) -> Failure {
    Failure::new(FailureClass::ConfigurationInvalid, message)
}

/// What may work later without anybody changing anything.
pub(crate) fn unavailable(error: &EngineError) -> Failure {
    Failure::new(FailureClass::TemporarilyUnavailable, error.to_string())
}

/// A write whose outcome the connector has no way to find out.
pub(crate) fn unconfirmable(connector: &str, action: &str) -> Failure {
    Failure {
        outcome_unknown: true,
        ..Failure::new(
            FailureClass::TimedOut,
            format!(
                "a write of {connector}/{action} was sent and its outcome is unknown; the action has no `confirm`, \
                 so look at the provider, then replay or discard"
            ),
        )
    }
}

/// For a journal that begins without one.
pub(crate) fn unknown_provenance() -> Provenance {
    Provenance { verified: "unknown".to_owned(), delivery_id: String::new() }
}

/// A verdict without a connection's secrets.
pub(crate) fn redact_verdict(verdict: Verdict, redactor: &Redactor) -> Verdict {
    match verdict {
        Verdict::Applied(output) => Verdict::Applied(redact_value(output, redactor)),
        verdict @ (Verdict::NotApplied | Verdict::Unknown) => verdict,
    }
}

fn redact_value(value: Value, redactor: &Redactor) -> Value {
    let written = value.to_string();
    if !redactor.finds(written.as_bytes()) {
        return value;
    }
    let clean = redactor.text(&written).into_owned();
    serde_json::from_str(&clean).unwrap_or(Value::String(clean))
}

/// Takes a connection's secrets out of what a call returned and logged, before anything of it is kept.
pub(crate) fn redact(finished: Finished<Outcome>, redactor: &Redactor) -> Finished<Outcome> {
    let text = |text: String| redactor.text(&text).into_owned();
    let value = |value: Value| redact_value(value, redactor);
    let failure = |failure: Failure| Failure {
        message: text(failure.message),
        provider_code: failure.provider_code.map(text),
        ..failure
    };
    let result = match finished.result {
        Ok(Outcome::Done(output)) => Ok(Outcome::Done(value(output))),
        Ok(Outcome::Page { items, next }) => {
            Ok(Outcome::Page { items: items.into_iter().map(value).collect(), next: next.map(text) })
        }
        Ok(Outcome::Suspended { wake, state }) => Ok(Outcome::Suspended { wake, state: value(state) }),
        Err(CallError::Failed(failed)) => Err(CallError::Failed(failure(failed))),
        Err(CallError::Stopped(report)) => Err(CallError::Stopped(TrapReport {
            message: text(report.message),
            backtrace: report.backtrace.into_iter().map(text).collect(),
            last_effect: report.last_effect.map(text),
            ..report
        })),
        Err(error @ (CallError::NotExported(_) | CallError::Host(_))) => Err(error),
    };
    let line = |line: LogLine| LogLine { message: text(line.message), fields: text(line.fields), ..line };
    Finished { result, metering: finished.metering, log: finished.log.into_iter().map(line).collect() }
}

/// What the calls of one attempt cost together.
#[derive(Default)]
pub(crate) struct Spent {
    metering: Metering,
    log: Vec<LogLine>,
}

impl Spent {
    /// Adds a call's cost and hands on its result.
    pub(crate) fn add<T>(&mut self, finished: Finished<T>) -> Result<T, CallError> {
        let call = finished.metering;
        let total = &mut self.metering;
        total.fuel += call.fuel;
        total.peak_memory_bytes = total.peak_memory_bytes.max(call.peak_memory_bytes);
        total.host_bytes += call.host_bytes;
        total.host_calls += call.host_calls;
        total.effects += call.effects;
        total.wall_micros += call.wall_micros;
        total.gate_micros += call.gate_micros;
        self.log.extend(finished.log);
        finished.result
    }

    /// The attempt as one call.
    pub(crate) fn finish<T>(self, result: Result<T, CallError>) -> Finished<T> {
        Finished { result, metering: self.metering, log: self.log }
    }
}
