//! Arithmetic and order of JSON numbers: exact for integers of 64 bits, IEEE 754 for the rest.
//!
//! What is surprising: an integer and a double compare by their exact values, so 2^53 + 1 is not 2^53 even
//! when one of them is a double. They may be added too, which standard CEL refuses, because a price of `9`
//! and one of `9.5` are the same field of the same event.

use std::cmp::Ordering;

use serde_json::{Number, Value};

/// A JSON number, taken apart. Integers are those of `i64` and `u64`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Num {
    Int(i128),
    Double(f64),
}

/// An operator of two numbers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Integers up to here are doubles too: 2^53.
const EXACT: i128 = 1 << 53;

impl Num {
    pub(super) fn of(number: &Number) -> Self {
        number
            .as_i64()
            .map(i128::from)
            .or_else(|| number.as_u64().map(i128::from))
            .map_or_else(|| Self::Double(number.as_f64().unwrap_or(0.0)), Self::Int)
    }

    pub(super) fn into_value(self) -> Result<Value, String> {
        match self {
            Self::Int(int) => i64::try_from(int)
                .map(Value::from)
                .or_else(|_| u64::try_from(int).map(Value::from))
                .map_err(|_| format!("{int} is an overflow, integers have 64 bits")),
            Self::Double(double) => Number::from_f64(double)
                .map(Value::Number)
                .ok_or_else(|| format!("the result is {double}, which JSON cannot hold")),
        }
    }

    pub(super) fn negate(self) -> Result<Value, String> {
        match self {
            Self::Int(int) => Self::Int(-int).into_value(),
            Self::Double(double) => Self::Double(-double).into_value(),
        }
    }

    /// Truncates towards zero.
    pub(super) fn to_int(self) -> Result<Value, String> {
        match self {
            Self::Int(_) => self.into_value(),
            Self::Double(double) if double.abs() < 1e30 => Self::Int(truncated(double)).into_value(),
            Self::Double(double) => Err(format!("{double} is an overflow, integers have 64 bits")),
        }
    }

    pub(super) fn to_double(self) -> Result<f64, String> {
        match self {
            Self::Double(double) => Ok(double),
            Self::Int(int) if int.abs() <= EXACT => Ok(rounded(int)),
            Self::Int(int) => {
                Err(format!("{int} has more digits than a double holds; write double({int}) to round it"))
            }
        }
    }

    /// To the nearest double.
    pub(super) fn to_double_rounded(self) -> f64 {
        match self {
            Self::Double(double) => double,
            Self::Int(int) => rounded(int),
        }
    }

    pub(super) fn compare(self, other: Self) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(&b),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
            (Self::Int(a), Self::Double(b)) => compare_mixed(a, b),
            (Self::Double(a), Self::Int(b)) => compare_mixed(b, a).reverse(),
        }
    }
}

/// `left` and `right` under an operator. A string result is the reason why there is none.
pub(super) fn apply(operator: Arithmetic, left: Num, right: Num) -> Result<Value, String> {
    let (Num::Int(a), Num::Int(b)) = (left, right) else {
        return apply_doubles(operator, left.to_double()?, right.to_double()?);
    };
    let result = match operator {
        Arithmetic::Add => a.checked_add(b),
        Arithmetic::Subtract => a.checked_sub(b),
        Arithmetic::Multiply => a.checked_mul(b),
        Arithmetic::Divide | Arithmetic::Remainder if b == 0 => {
            return Err(format!("{a} is divided by zero"));
        }
        Arithmetic::Divide => a.checked_div(b),
        Arithmetic::Remainder => a.checked_rem(b),
    };
    result.map(Num::Int).ok_or("an overflow, integers have 64 bits")?.into_value()
}

fn apply_doubles(operator: Arithmetic, a: f64, b: f64) -> Result<Value, String> {
    let result = match operator {
        Arithmetic::Add => a + b,
        Arithmetic::Subtract => a - b,
        Arithmetic::Multiply => a * b,
        Arithmetic::Divide => a / b,
        Arithmetic::Remainder => return Err("% takes integers only".to_owned()),
    };
    Num::Double(result).into_value()
}

fn compare_mixed(int: i128, double: f64) -> Ordering {
    if double.abs() >= 1e30 {
        return if double > 0.0 { Ordering::Less } else { Ordering::Greater };
    }
    let whole = truncated(double);
    int.cmp(&whole).then_with(|| 0.0_f64.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal))
}

#[expect(clippy::cast_possible_truncation, reason = "callers have checked that it lies within 1e30")]
fn truncated(double: f64) -> i128 {
    double.trunc() as i128
}

#[expect(clippy::cast_precision_loss, reason = "this is where an integer is rounded on purpose")]
fn rounded(int: i128) -> f64 {
    int as f64
}
