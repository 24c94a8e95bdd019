//! The retry table.

use std::time::Duration;

use super::{
    Attempt, GiveUp, Jitter, MAX_DURATION, MAX_RETRY_AFTER, RetryDecision, RetryPolicy, Written, decide,
    parse_duration,
};
use crate::{
    failure::{Failure, FailureClass},
    manifest::EffectClass,
};

const SEED: u64 = 42;

fn attempt(effect: EffectClass, number: u32) -> Attempt<'static> {
    Attempt { effect, retryable: &[], number, seed: SEED }
}

fn even() -> RetryPolicy {
    RetryPolicy { jitter: Jitter::None, ..RetryPolicy::default() }
}

#[track_caller]
fn check(
    class: FailureClass,
    change: impl FnOnce(&mut Failure),
    effect: EffectClass,
    number: u32,
    expected: &str,
) {
    let mut failure = Failure::new(class, "it failed");
    change(&mut failure);
    let found = match decide(&even(), &failure, &attempt(effect, number)) {
        RetryDecision::Retry { after } => Written(after).to_string(),
        RetryDecision::GiveUp { why } => why.name().to_owned(),
    };
    assert_eq!(found, expected, "{class:?} {effect:?} {number}");
}

#[test]
fn by_class_effect_and_number() {
    use EffectClass::{Destructive, IdempotentWrite, KeyedWrite, Read, UnsafeWrite};
    use FailureClass::{
        CapabilityDenied, Conflict, InvalidInput, QuotaExhausted, RateLimited, TemporarilyUnavailable,
        TimedOut,
    };
    let plain = |_: &mut Failure| {};
    let unknown = |failure: &mut Failure| failure.outcome_unknown = true;
    check(TemporarilyUnavailable, plain, Read, 1, "1s");
    check(TemporarilyUnavailable, plain, UnsafeWrite, 2, "2s");
    check(TimedOut, plain, Read, 4, "8s");
    check(TimedOut, plain, Read, 5, "exhausted");
    check(RateLimited, plain, Destructive, 1, "1s");
    check(InvalidInput, plain, Read, 1, "permanent");
    check(Conflict, plain, IdempotentWrite, 1, "permanent");
    check(CapabilityDenied, plain, Read, 1, "permanent");
    check(QuotaExhausted, plain, Read, 1, "permanent");
    check(QuotaExhausted, |failure| failure.retry_after_ms = Some(0), Read, 1, "1s");
    check(TimedOut, unknown, UnsafeWrite, 1, "ambiguous");
    check(TimedOut, unknown, Destructive, 5, "ambiguous");
    check(InvalidInput, unknown, UnsafeWrite, 1, "ambiguous");
    check(TimedOut, unknown, KeyedWrite, 1, "1s");
    check(TimedOut, unknown, IdempotentWrite, 1, "1s");
    check(TimedOut, unknown, KeyedWrite, 5, "exhausted");
}

#[test]
fn a_manifest_adds_classes() {
    let failure = Failure::new(FailureClass::Conflict, "locked");
    let asked = Attempt { retryable: &[FailureClass::Conflict], ..attempt(EffectClass::Read, 1) };
    assert_eq!(decide(&even(), &failure, &asked), RetryDecision::Retry { after: Duration::from_secs(1) });
}

#[test]
fn retry_after_is_honoured_spread_and_clamped() {
    for (asked, at_least, at_most) in [
        (0, 0, 1000),
        (1, 0, 1000),
        (30_000, 30_000, 33_000),
        (3_600_000, 3_600_000, 3_960_000),
        (1_000_000_000_000, 3_600_000, 3_960_000),
        (u64::MAX, 3_600_000, 3_960_000),
    ] {
        let failure =
            Failure { retry_after_ms: Some(asked), ..Failure::new(FailureClass::RateLimited, "slow down") };
        for seed in 0..200 {
            let asking = Attempt { seed, ..attempt(EffectClass::Read, 1) };
            let RetryDecision::Retry { after } = decide(&RetryPolicy::default(), &failure, &asking) else {
                panic!("{asked} is retried");
            };
            assert!((at_least..=at_most).contains(&after.as_millis()), "{asked}: {after:?}");
        }
    }
    assert_eq!(MAX_RETRY_AFTER, Duration::from_secs(3600));
}

#[test]
fn delays_double_to_the_end_and_are_the_same_for_a_seed() {
    let policy = even();
    let delays: Vec<_> = (1..=12).map(|number| policy.delay(number, SEED).as_secs()).collect();
    assert_eq!(delays, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    assert_eq!(policy.delay(u32::MAX, SEED).as_secs(), 300);
    let longest = RetryPolicy { backoff: Duration::MAX, max: Duration::MAX, ..policy };
    assert_eq!(longest.delay(u32::MAX, SEED), Duration::MAX);
    let jittered = RetryPolicy::default();
    assert_eq!(jittered.delay(3, SEED), jittered.delay(3, SEED));
    let drawn: Vec<_> = (0..1000).map(|seed| jittered.delay(3, seed).as_millis()).collect();
    assert!(drawn.iter().all(|millis| *millis <= 4000));
    let mean = drawn.iter().sum::<u128>() / 1000;
    assert!((1800..2200).contains(&mean), "{mean}");
}

#[test]
fn durations() {
    for (text, millis) in [
        ("0s", 0),
        ("250ms", 250),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("168h", 604_800_000),
        ("7d", 604_800_000),
    ] {
        assert_eq!(parse_duration(text, MAX_DURATION), Ok(Duration::from_millis(millis)));
    }
    for text in ["0s", "250ms", "30s", "5m", "1h"] {
        assert_eq!(Written(parse_duration(text, MAX_DURATION).unwrap()).to_string(), text);
    }
    for text in ["", "5", "s", "-1s", "1.5s", "1 s", "1w", "1S", "s5", "١s"] {
        let message = format!(
            "`{text}` is not a duration; write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`"
        );
        assert_eq!(parse_duration(text, MAX_DURATION).unwrap_err().to_string(), message);
    }
    for text in ["169h", "8d", "99999999999999999999s", "18446744073709551615h"] {
        assert_eq!(
            parse_duration(text, MAX_DURATION).unwrap_err().to_string(),
            format!("`{text}` is longer than 168h, the longest that a flow may ask for here")
        );
    }
    assert_eq!(GiveUp::Ambiguous.name(), "ambiguous");
}
