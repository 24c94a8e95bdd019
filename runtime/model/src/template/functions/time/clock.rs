//! `+`, `-` and comparisons of times and durations, as CEL has them.
//!
//! What is surprising: values are text, so it is the compiler that knows. Where one side is a call that gives a time
//! or a duration, the operator means time, and the other side is read as one.

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{duration, in_range, instant, kind, seconds, written};
use crate::template::{functions::Gives, number::Arithmetic};

/// A text that stands for either.
#[derive(Clone, Copy, Debug)]
pub(in crate::template) enum Clock {
    Time(Timestamp),
    Duration(SignedDuration),
}

/// Reads a text: a time starts with a year and a hyphen, a duration never does.
pub(in crate::template) fn clock(text: &str) -> Result<Clock, String> {
    let year = text.bytes().take_while(u8::is_ascii_digit).count();
    if year >= 4 && text.as_bytes().get(year) == Some(&b'-') {
        instant(&text.into()).map(Clock::Time)
    } else {
        duration(text).map(Clock::Duration)
    }
}

fn read(value: &Value) -> Result<Clock, String> {
    match value {
        Value::String(text) => clock(text),
        other => Err(format!("{} is no time and no duration", kind(other))),
    }
}

/// What `operator` gives, known from what its sides give.
pub(in crate::template) fn gives(operator: Arithmetic, left: Gives, right: Gives) -> Gives {
    match (operator, left, right) {
        (Arithmetic::Subtract, Gives::Time, Gives::Time) => Gives::Duration,
        (_, Gives::Time, _) | (_, _, Gives::Time) => Gives::Time,
        (_, Gives::Duration, Gives::Duration) => Gives::Duration,
        (_, Gives::Plain | Gives::Duration, Gives::Plain | Gives::Duration) => Gives::Plain,
    }
}

/// Adds or subtracts.
pub(in crate::template) fn apply(operator: Arithmetic, left: &Value, right: &Value) -> Result<Value, String> {
    let outside = || "the time is outside of the years 1 to 9999".to_owned();
    let long = || "the duration is too long".to_owned();
    let time =
        |time: Result<Timestamp, jiff::Error>| time.ok().and_then(in_range).map(written).ok_or_else(outside);
    match (operator, read(left)?, read(right)?) {
        (Arithmetic::Add, Clock::Time(at), Clock::Duration(by))
        | (Arithmetic::Add, Clock::Duration(by), Clock::Time(at)) => time(at.checked_add(by)),
        (Arithmetic::Subtract, Clock::Time(at), Clock::Duration(by)) => time(at.checked_sub(by)),
        (Arithmetic::Subtract, Clock::Time(at), Clock::Time(since)) => Ok(seconds(at.duration_since(since))),
        (Arithmetic::Add, Clock::Duration(one), Clock::Duration(other)) => {
            one.checked_add(other).map(seconds).ok_or_else(long)
        }
        (Arithmetic::Subtract, Clock::Duration(one), Clock::Duration(other)) => {
            one.checked_sub(other).map(seconds).ok_or_else(long)
        }
        (Arithmetic::Add, Clock::Time(_), Clock::Time(_)) => {
            Err("two times cannot be added; add a duration".to_owned())
        }
        (Arithmetic::Subtract, Clock::Duration(_), Clock::Time(_)) => {
            Err("a time cannot be taken from a duration".to_owned())
        }
        (Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder, ..) => {
            Err("times and durations can be added and subtracted only".to_owned())
        }
    }
}

/// The order of two times or two durations. None: one of them is no text.
pub(in crate::template) fn compare(left: &Value, right: &Value) -> Result<Option<Ordering>, String> {
    if !left.is_string() || !right.is_string() {
        return Ok(None);
    }
    match (read(left)?, read(right)?) {
        (Clock::Time(left), Clock::Time(right)) => Ok(Some(left.cmp(&right))),
        (Clock::Duration(left), Clock::Duration(right)) => Ok(Some(left.cmp(&right))),
        (Clock::Time(_), Clock::Duration(_)) | (Clock::Duration(_), Clock::Time(_)) => {
            Err("a time and a duration have no order".to_owned())
        }
    }
}
