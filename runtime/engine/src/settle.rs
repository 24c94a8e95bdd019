//! What follows an attempt that ended: the classification of its failure, as a pure function.

use std::time::Duration;

use wharf_model::{
    call::{CallError, Outcome, StopReason, TrapReport, Wake},
    effect::WriteKey,
    failure::{Failure, FailureClass},
    journal::{AttemptResult, StepState, Then},
    manifest::{Action, EffectClass},
    retry::{self, Attempt, GiveUp, RetryDecision, RetryPolicy},
    time::Timestamp,
};

use wharf_store::KvError;

use crate::host::Record;

/// What is known about an attempt when it ends.
pub(crate) struct Ended<'a> {
    pub(crate) action: &'a Action,
    pub(crate) policy: &'a RetryPolicy,
    pub(crate) attempt: u32,
    /// Differs between runs and steps, not between attempts.
    pub(crate) seed: u64,
    pub(crate) now: Timestamp,
    /// The step's state, with everything that the attempt journaled.
    pub(crate) state: &'a StepState,
}

/// The result to journal.
pub(crate) fn classify(
    result: Result<Outcome, CallError>,
    record: &Record,
    ended: &Ended<'_>,
) -> AttemptResult {
    if let Some(message) = &record.ambiguous {
        let failure =
            Failure { outcome_unknown: true, ..Failure::new(FailureClass::Conflict, message.clone()) };
        return AttemptResult::Failed { failure, trap: None, then: Then::GiveUp { why: GiveUp::Ambiguous } };
    }
    match result {
        Ok(Outcome::Done(output)) => AttemptResult::Done { output },
        Ok(Outcome::Page { items, .. }) => {
            AttemptResult::Done { output: serde_json::json!({ "items": items }) }
        }
        Ok(Outcome::Suspended { wake: wake @ Wake::At(_), state }) => {
            AttemptResult::Suspended { wake, state }
        }
        // There is no address to call back yet; to wait for its deadline in silence would be a lie.
        Ok(Outcome::Suspended { wake: Wake::Callback(_), .. }) => {
            let message = "the action waits for a callback, and this version has no address for one";
            let failure = Failure::new(FailureClass::ConfigurationInvalid, message);
            AttemptResult::Failed { failure, trap: None, then: Then::GiveUp { why: GiveUp::Permanent } }
        }
        Err(error) => {
            let (failure, trap) = failure(error);
            let then = then(&failure, ended);
            AttemptResult::Failed { failure, trap, then }
        }
    }
}

/// The result of an attempt that went well, but for what the connector wanted to keep.
pub(crate) fn unkept(error: &KvError, ended: &Ended<'_>) -> AttemptResult {
    let class = match error {
        // Another step changed the same entry meanwhile: a retry sees the new value.
        KvError::Moved { .. } | KvError::Store(_) => FailureClass::TemporarilyUnavailable,
        KvError::Quota { .. } => FailureClass::QuotaExhausted,
        KvError::InvalidKey => FailureClass::ConnectorDefect,
    };
    let failure = Failure::new(class, error.to_string());
    let then = then(&failure, ended);
    AttemptResult::Failed { failure, trap: None, then }
}

/// The write that a reported failure is about: the provider's answer came last, and the connector
/// read in it that nothing was done (`200 {"ok": false}`). Such a write is no write: it may be sent
/// again. What traps or cannot read the answer says nothing about it.
pub(crate) fn disowned(result: &Result<Outcome, CallError>, record: &Record) -> Option<WriteKey> {
    match result {
        Err(CallError::Failed(failure)) if !failure.outcome_unknown && reads_the_answer(failure.class) => {
            record.last_answered
        }
        Ok(_)
        | Err(
            CallError::Failed(_) | CallError::Stopped(_) | CallError::NotExported(_) | CallError::Host(_),
        ) => None,
    }
}

fn reads_the_answer(class: FailureClass) -> bool {
    match class {
        FailureClass::SchemaMismatch
        | FailureClass::ConnectorDefect
        | FailureClass::CapabilityDenied
        | FailureClass::Cancelled => false,
        FailureClass::InvalidInput
        | FailureClass::CredentialInvalid
        | FailureClass::PermissionDenied
        | FailureClass::NotFound
        | FailureClass::Conflict
        | FailureClass::Gone
        | FailureClass::RateLimited
        | FailureClass::QuotaExhausted
        | FailureClass::TemporarilyUnavailable
        | FailureClass::TimedOut
        | FailureClass::ConfigurationInvalid => true,
    }
}

fn then(failure: &Failure, ended: &Ended<'_>) -> Then {
    if ended.state.unanswered().is_some() {
        return if ended.action.confirms { Then::Confirm } else { Then::GiveUp { why: GiveUp::Ambiguous } };
    }
    // Every write of the step has a known outcome, whatever the connector fears: a retry repeats none.
    let known = Failure { outcome_unknown: false, ..failure.clone() };
    let attempt = Attempt {
        effect: ended.action.effect,
        retryable: &ended.action.retryable,
        number: ended.attempt,
        seed: ended.seed,
    };
    match retry::decide(ended.policy, &known, &attempt) {
        RetryDecision::Retry { after } => Then::Retry { at: ended.now.after(after) },
        RetryDecision::GiveUp { why } => Then::GiveUp { why },
    }
}

/// What follows a call that only reads: `receive`.
pub(crate) fn after_read(
    failure: &Failure,
    policy: &RetryPolicy,
    attempt: u32,
    seed: u64,
    now: Timestamp,
) -> Then {
    let attempt = Attempt { effect: EffectClass::Read, retryable: &[], number: attempt, seed };
    match retry::decide(policy, failure, &attempt) {
        RetryDecision::Retry { after } => Then::Retry { at: now.after(after.max(Duration::from_millis(1))) },
        RetryDecision::GiveUp { why } => Then::GiveUp { why },
    }
}

/// What follows a `confirm` that could not tell: the question is put again as any read is, and when
/// that has no end, nobody knows what became of the write.
pub(crate) fn after_confirm(
    failure: &Failure,
    policy: &RetryPolicy,
    asked: u32,
    seed: u64,
    now: Timestamp,
) -> Then {
    match after_read(failure, policy, asked, seed, now) {
        Then::GiveUp { .. } => Then::GiveUp { why: GiveUp::Ambiguous },
        retry => retry,
    }
}

/// A failed call as a failure record, and the sandbox's report if it stopped the call.
pub(crate) fn failure(error: CallError) -> (Failure, Option<TrapReport>) {
    match error {
        CallError::Failed(failure) => (failure, None),
        CallError::Stopped(report) => {
            let class = match report.reason {
                StopReason::Deadline => FailureClass::TimedOut,
                StopReason::Fuel
                | StopReason::Memory
                | StopReason::Table
                | StopReason::Instances
                | StopReason::Stack
                | StopReason::HostBytes
                | StopReason::Handles
                | StopReason::Output
                | StopReason::Guest => FailureClass::ConnectorDefect,
            };
            (Failure::new(class, report.message.clone()), Some(report))
        }
        CallError::NotExported(export) => (
            Failure::new(FailureClass::ConnectorDefect, format!("the connector does not export `{export}`")),
            None,
        ),
        CallError::Host(message) => (Failure::new(FailureClass::TemporarilyUnavailable, message), None),
    }
}

#[cfg(test)]
mod tests;
