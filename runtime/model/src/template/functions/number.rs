//! Numbers: rounding, order, and what becomes a number.
//!
//! What is surprising: an integer stays an integer of 64 bits through all of them, so 2^53 + 1 is never rounded.

use std::cmp::Ordering;

use serde_json::Value;

use super::{arguments::Arguments, entries, shown};
use crate::template::{number::Num, purse::Fault};

type Result<T = Value> = std::result::Result<T, Fault>;

entries! {
    /// Functions of numbers.
    NUMBERS:
    "math.round" Global (x: Number) [] Plain round, "The nearest whole number; halves go away from zero. For decimals, `decimal.round`.";
    "math.floor" Global (x: Number) [] Plain floor, "The next whole number that is not greater.";
    "math.ceil" Global (x: Number) [] Plain ceil, "The next whole number that is not less.";
    "math.trunc" Global (x: Number) [] Plain trunc, "Without its fraction.";
    "math.abs" Global (x: Number) [] Plain abs, "Without its sign.";
    "math.sign" Global (x: Number) [] Plain sign, "-1, 0 or 1.";
    "math.least" Many (x: Any) [] Plain least, "The least number or the first string of several, or of a list.";
    "math.greatest" Many (x: Any) [] Plain greatest, "The greatest number or the last string of several, or of a list.";
    "int" Global (x: Any) [] Plain int, "A whole number from text, or from a double by cutting off its fraction.";
    "double" Global (x: Any) [] Plain double, "A double from text or from an integer, rounded to the nearest.";
    "bool" Global (x: Any) [] Plain bool, "`\"true\"` or `\"false\"` as a boolean.";
}

/// What a double becomes, as the whole number it is if 64 bits hold it.
fn whole(a: &Arguments<'_>, of: fn(f64) -> f64) -> Result {
    match a.number(0)? {
        int @ Num::Int(_) => int.into_value().map_err(Fault::Data),
        Num::Double(double) => {
            let whole = Num::Double(of(double));
            whole.to_int().or_else(|_| whole.into_value()).map_err(|why| a.wrong(why))
        }
    }
}

fn round(a: &Arguments<'_>) -> Result {
    whole(a, f64::round)
}

fn floor(a: &Arguments<'_>) -> Result {
    whole(a, f64::floor)
}

fn ceil(a: &Arguments<'_>) -> Result {
    whole(a, f64::ceil)
}

fn trunc(a: &Arguments<'_>) -> Result {
    whole(a, f64::trunc)
}

fn abs(a: &Arguments<'_>) -> Result {
    match a.number(0)? {
        Num::Int(int) => Num::Int(int.abs()),
        Num::Double(double) => Num::Double(double.abs()),
    }
    .into_value()
    .map_err(|why| a.wrong(why))
}

fn sign(a: &Arguments<'_>) -> Result {
    Ok(match a.number(0)?.compare(Num::Int(0)) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    }
    .into())
}

fn least(a: &Arguments<'_>) -> Result {
    extreme(a, Ordering::Less)
}

fn greatest(a: &Arguments<'_>) -> Result {
    extreme(a, Ordering::Greater)
}

fn extreme(a: &Arguments<'_>, wanted: Ordering) -> Result {
    let items: Vec<&Value> = match a.all() {
        [Value::Array(items)] => items.iter().collect(),
        several => several.to_vec(),
    };
    let mut best: Option<&Value> = None;
    for item in items {
        let better = match best {
            None => order(a, item, item)? == Ordering::Equal,
            Some(best) => order(a, item, best)? == wanted,
        };
        if better {
            best = Some(item);
        }
    }
    best.map_or_else(|| Err(a.wrong("the list is empty; ask size(list) > 0 first")), |best| a.copy(best))
}

/// The order of two numbers or of two strings.
pub(super) fn order(a: &Arguments<'_>, one: &Value, other: &Value) -> Result<Ordering> {
    ordered(one, other).map_err(|why| a.wrong(why))
}

/// The same, for whoever has no arguments at hand.
pub(in crate::template) fn ordered(one: &Value, other: &Value) -> std::result::Result<Ordering, String> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => Ok(Num::of(one).compare(Num::of(other))),
        (Value::String(one), Value::String(other)) => Ok(one.cmp(other)),
        (one, other) => Err(format!(
            "{} and {} have no order; it takes numbers or strings",
            super::kind(one),
            super::kind(other)
        )),
    }
}

/// What is said of a value that cannot become another.
fn wrong(a: &Arguments<'_>, to: &str) -> Fault {
    Fault::Data(format!("{} cannot become {to}", shown(a.any(0))))
}

fn int(a: &Arguments<'_>) -> Result {
    match a.any(0) {
        Value::Number(number) => Num::of(number).to_int().map_err(Fault::Data),
        Value::String(text) => {
            let int = text.parse::<i64>().map(Value::from);
            int.or_else(|_| text.parse::<u64>().map(Value::from)).map_err(|_| wrong(a, "an integer"))
        }
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => Err(wrong(a, "an integer")),
    }
}

fn double(a: &Arguments<'_>) -> Result {
    let double = match a.any(0) {
        Value::Number(number) => Num::of(number).to_double_rounded(),
        Value::String(text) => text.parse().map_err(|_| wrong(a, "a double"))?,
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            return Err(wrong(a, "a double"));
        }
    };
    Num::Double(double).into_value().map_err(Fault::Data)
}

fn bool(a: &Arguments<'_>) -> Result {
    match a.any(0) {
        Value::Bool(bool) => Ok((*bool).into()),
        Value::String(text) if text == "true" => Ok(true.into()),
        Value::String(text) if text == "false" => Ok(false.into()),
        Value::String(_) | Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Err(wrong(a, "a boolean"))
        }
    }
}
