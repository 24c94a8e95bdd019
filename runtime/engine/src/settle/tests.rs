//! What follows an attempt, case by case.

use std::collections::BTreeMap;

use serde_json::json;
use wharf_model::{
    digest::Digest,
    journal::Write,
    manifest::{Action, EffectClass},
};

use super::*;

fn action(effect: EffectClass, confirms: bool) -> Action {
    let text = json!({ "title": "A", "effect": effect, "confirms": confirms, "input": {}, "output": {} });
    serde_json::from_value(text).unwrap()
}

fn key() -> WriteKey {
    WriteKey { ordinal: 0, digest: Digest::of(b"write") }
}

/// What follows `result` of an action whose only write is, or is not, without an answer.
#[track_caller]
fn check(effect: EffectClass, confirms: bool, unanswered: bool, class: FailureClass, expected: &str) {
    let write = Write { key: key(), answer: None };
    let writes = if unanswered { BTreeMap::from([(0, write)]) } else { BTreeMap::new() };
    let state = StepState { writes, ..StepState::default() };
    let action = action(effect, confirms);
    let policy = RetryPolicy::default();
    let ended =
        Ended { action: &action, policy: &policy, attempt: 1, seed: 7, now: Timestamp(0), state: &state };
    let result = Err(CallError::Failed(Failure::new(class, "no")));
    let AttemptResult::Failed { then, .. } = classify(result, &Record::default(), &ended) else {
        panic!("a failure stays one");
    };
    let then = match then {
        Then::Confirm => "confirm".to_owned(),
        Then::Retry { .. } => "retry".to_owned(),
        Then::GiveUp { why } => why.name().to_owned(),
    };
    assert_eq!(then, expected, "{effect:?} {class:?}");
}

#[test]
fn follows_from_the_class_and_from_what_is_known_of_the_writes() {
    use EffectClass::{KeyedWrite, Read, UnsafeWrite};
    use FailureClass::{InvalidInput, RateLimited, TimedOut};
    check(Read, false, false, TimedOut, "retry");
    check(Read, false, false, InvalidInput, "permanent");
    check(KeyedWrite, false, false, TimedOut, "retry");
    check(UnsafeWrite, true, false, RateLimited, "retry");
    check(UnsafeWrite, true, true, TimedOut, "confirm");
    check(UnsafeWrite, true, true, InvalidInput, "confirm");
    check(UnsafeWrite, false, true, TimedOut, "ambiguous");
}

#[test]
fn a_connector_disowns_the_write_whose_answer_it_read_last() {
    let failed = |class| Err(CallError::Failed(Failure::new(class, "no")));
    let answered = Record { last_answered: Some(key()), ..Record::default() };
    assert_eq!(disowned(&failed(FailureClass::RateLimited), &answered), Some(key()));
    assert_eq!(
        disowned(&failed(FailureClass::SchemaMismatch), &answered),
        None,
        "it could not read the answer"
    );
    assert_eq!(
        disowned(&failed(FailureClass::RateLimited), &Record::default()),
        None,
        "something came after it"
    );
    let feared = Failure { outcome_unknown: true, ..Failure::new(FailureClass::TimedOut, "?") };
    assert_eq!(disowned(&Err(CallError::Failed(feared)), &answered), None);
    assert_eq!(disowned(&Ok(Outcome::Done(json!(1))), &answered), None);
}

#[test]
fn a_write_that_is_not_the_one_of_before_is_nobodys_guess() {
    let record = Record { ambiguous: Some("write 0 differs".to_owned()), ..Record::default() };
    let (action, policy, state) =
        (action(EffectClass::UnsafeWrite, true), RetryPolicy::default(), StepState::default());
    let ended =
        Ended { action: &action, policy: &policy, attempt: 2, seed: 7, now: Timestamp(0), state: &state };
    // Not even a connector that swallowed the error goes on.
    let result = classify(Ok(Outcome::Done(json!(1))), &record, &ended);
    assert!(matches!(result, AttemptResult::Failed { then: Then::GiveUp { why: GiveUp::Ambiguous }, .. }));
}

#[test]
fn a_callback_that_nobody_could_make_is_said_to_be_one() {
    let (action, policy, state) =
        (action(EffectClass::Read, false), RetryPolicy::default(), StepState::default());
    let ended =
        Ended { action: &action, policy: &policy, attempt: 1, seed: 7, now: Timestamp(0), state: &state };
    let suspended = |wake| Ok(Outcome::Suspended { wake, state: json!({}) });
    let result = classify(suspended(Wake::Callback(Timestamp(9))), &Record::default(), &ended);
    assert!(matches!(result, AttemptResult::Failed { then: Then::GiveUp { why: GiveUp::Permanent }, .. }));
    let result = classify(suspended(Wake::At(Timestamp(9))), &Record::default(), &ended);
    assert!(matches!(result, AttemptResult::Suspended { .. }));
}
