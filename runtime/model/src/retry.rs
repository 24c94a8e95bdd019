//! Whether a failed attempt is made again, and when: a pure function of the policy, the failure and a seed.
//!
//! What is surprising: `outcome_unknown` wins over everything else. A write that the provider may have
//! applied is never sent again unless its effect class says that this is harmless.

use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

use crate::{
    failure::{Failure, FailureClass},
    manifest::EffectClass,
};

/// A provider's Retry-After is honoured up to this: one hour. Beyond it the attempt is made anyway.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// The longest delay between attempts that a flow may ask for: seven days.
pub const MAX_DURATION: Duration = Duration::from_secs(7 * 24 * 3600);

/// The longest that a flow may have something wait or be kept: 400 days.
pub const MAX_WAIT: Duration = Duration::from_secs(400 * 24 * 3600);

/// The most attempts that a flow may ask for.
pub const MAX_ATTEMPTS: u32 = 100;

/// How often and how fast a step is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Attempts at most, the first included; 1 never retries.
    pub attempts: u32,
    /// The upper end of the first delay; it doubles from attempt to attempt.
    pub backoff: Duration,
    /// The upper end of any delay.
    pub max: Duration,
    /// How a delay is drawn.
    pub jitter: Jitter,
}

/// How a delay is drawn from its upper end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Evenly from zero to the upper end ("full jitter": M. Brooker, "Exponential Backoff And Jitter", 2015).
    Full,
    /// Always the upper end.
    None,
}

/// What is known about the attempt that failed, besides the failure.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The action's effect class.
    pub effect: EffectClass,
    /// Classes that the action's manifest adds to the retried ones.
    pub retryable: &'a [FailureClass],
    /// From 1.
    pub number: u32,
    /// The same for all attempts of one step of one run.
    pub seed: u64,
}

/// What to do after a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again.
    Retry {
        /// Not earlier than this long from now.
        after: Duration,
    },
    /// Leave it.
    GiveUp {
        /// Why.
        why: GiveUp,
    },
}

/// Why a step is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GiveUp {
    /// Its class is not retried.
    Permanent,
    /// It was the last attempt.
    Exhausted,
    /// The write may have been applied and must not be sent twice: ask `confirm`, else a person.
    Ambiguous,
}

impl GiveUp {
    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Permanent => "permanent",
            Self::Exhausted => "exhausted",
            Self::Ambiguous => "ambiguous",
        }
    }
}

impl Default for RetryPolicy {
    /// Five attempts, 1 s doubling up to 5 min, full jitter.
    fn default() -> Self {
        Self {
            attempts: 5,
            backoff: Duration::from_secs(1),
            max: Duration::from_secs(300),
            jitter: Jitter::Full,
        }
    }
}

impl RetryPolicy {
    /// One attempt: `retry: none`.
    #[must_use]
    pub fn none() -> Self {
        Self { attempts: 1, ..Self::default() }
    }

    /// The delay after attempt `number` (from 1): the upper end doubles up to `max`, then jitter is drawn.
    #[must_use]
    pub fn delay(&self, number: u32, seed: u64) -> Duration {
        let doublings = number.saturating_sub(1).min(32);
        let end = self.backoff.saturating_mul(1 << doublings.min(31)).min(self.max);
        match self.jitter {
            Jitter::Full => draw(end, seed, number),
            Jitter::None => end,
        }
    }
}

/// What to do after `failure`.
#[must_use]
pub fn decide(policy: &RetryPolicy, failure: &Failure, attempt: &Attempt<'_>) -> RetryDecision {
    if failure.outcome_unknown && !attempt.effect.resendable() {
        return RetryDecision::GiveUp { why: GiveUp::Ambiguous };
    }
    if !retried(failure) && !attempt.retryable.contains(&failure.class) {
        return RetryDecision::GiveUp { why: GiveUp::Permanent };
    }
    if attempt.number >= policy.attempts {
        return RetryDecision::GiveUp { why: GiveUp::Exhausted };
    }
    let backoff = policy.delay(attempt.number, attempt.seed);
    let asked = failure.retry_after_ms.map_or(Duration::ZERO, |millis| spread(millis, attempt));
    RetryDecision::Retry { after: backoff.max(asked) }
}

/// Whether the host retries the class by itself. A quota comes back only when the provider says so.
fn retried(failure: &Failure) -> bool {
    match failure.class {
        FailureClass::RateLimited | FailureClass::TemporarilyUnavailable | FailureClass::TimedOut => true,
        FailureClass::QuotaExhausted => failure.retry_after_ms.is_some(),
        FailureClass::InvalidInput
        | FailureClass::CredentialInvalid
        | FailureClass::PermissionDenied
        | FailureClass::NotFound
        | FailureClass::Conflict
        | FailureClass::Gone
        | FailureClass::ConfigurationInvalid
        | FailureClass::SchemaMismatch
        | FailureClass::CapabilityDenied
        | FailureClass::Cancelled
        | FailureClass::ConnectorDefect => false,
    }
}

/// The Retry-After, never less than asked unless it is past the limit, and up to a tenth more, so
/// that a thousand runs that were turned away together do not come back together.
fn spread(asked_ms: u64, attempt: &Attempt<'_>) -> Duration {
    let asked = Duration::from_millis(asked_ms).min(MAX_RETRY_AFTER);
    asked + draw(asked / 10, !attempt.seed, attempt.number)
}

/// Evenly from zero to `end`, in milliseconds.
fn draw(end: Duration, seed: u64, number: u32) -> Duration {
    let span = u128::from(u64::try_from(end.as_millis()).unwrap_or(u64::MAX)) + 1;
    let bits = splitmix64(seed.wrapping_add(u64::from(number)));
    let millis = (u128::from(bits) * span) >> 64;
    Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
}

/// One output of SplitMix64 (G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", 2014).
fn splitmix64(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// No number with a unit.
    #[error("`{0}` is not a duration; write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`")]
    Shape(String),
    /// Longer than it may be.
    #[error("`{text}` is longer than {}, the longest that a flow may ask for here", Written(*most))]
    TooLong {
        /// What was written.
        text: String,
        /// The longest.
        most: Duration,
    },
}

/// Reads `250ms`, `30s`, `5m`, `1h` or `7d`.
///
/// # Errors
/// If it is anything else, or longer than `most`.
pub fn parse_duration(text: &str, most: Duration) -> Result<Duration, InvalidDuration> {
    let short = || text.chars().take(40).collect();
    let shape = || InvalidDuration::Shape(short());
    let unit_at = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(shape)?;
    let (digits, unit) = text.split_at(unit_at);
    let millis_per_unit = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(shape()),
    };
    if digits.is_empty() {
        return Err(shape());
    }
    let long = || InvalidDuration::TooLong { text: short(), most };
    let count: u64 = digits.parse().map_err(|_| long())?;
    let duration = Duration::from_millis(count.checked_mul(millis_per_unit).ok_or_else(long)?);
    if duration > most { Err(long()) } else { Ok(duration) }
}

/// A duration as a flow writes it, in the largest unit that leaves no rest; in days only beyond a week.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written(pub Duration);

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        match millis {
            _ if self.0 > MAX_DURATION && millis.is_multiple_of(86_400_000) => {
                write!(f, "{}d", millis / 86_400_000)
            }
            _ if millis > 0 && millis.is_multiple_of(3_600_000) => {
                write!(f, "{}h", millis / 3_600_000)
            }
            _ if millis > 0 && millis.is_multiple_of(60_000) => write!(f, "{}m", millis / 60_000),
            _ if millis.is_multiple_of(1000) => write!(f, "{}s", millis / 1000),
            _ => write!(f, "{millis}ms"),
        }
    }
}

#[cfg(test)]
mod tests;
