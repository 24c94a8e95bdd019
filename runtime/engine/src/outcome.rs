//! Small words for what came of a call: labels for metrics, failures of the engine's own making.

use wharf_model::{
    call::{CallError, LogLine, Metering},
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
