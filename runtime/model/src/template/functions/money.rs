//! Exact decimals and money. Results are text with their digits, so that no reader makes a binary fraction of them.
//!
//! What is surprising: nothing rounds unless the call names how. An amount with more digits than its currency has
//! is an error until then.

use serde_json::Value;

use super::{
    arguments::Arguments,
    decimal::{Decimal, MAX_PLACES},
    entries,
};
use crate::template::{number::Num, purse::Fault};

type Result<T = Value> = std::result::Result<T, Fault>;

/// Parts that an amount is split into at most.
const MAX_PARTS: usize = 10_000;

entries! {
    /// Functions of exact decimals.
    MONEY:
    "decimal" Global (x: Decimal) [] Plain decimal, "A number or its text as plain digits: `1.5e3` becomes `1500`. At most 38 digits, 28 of them after the point.";
    "decimal.add" Global (x: Decimal, y: Decimal) [] Plain add, "The exact sum, as text.";
    "decimal.subtract" Global (x: Decimal, y: Decimal) [] Plain subtract, "The exact difference, as text.";
    "decimal.multiply" Global (x: Decimal, y: Decimal) [] Plain multiply, "The exact product, as text.";
    "decimal.divide" Global (x: Decimal, y: Decimal, places: Count, rounding: Rounding) [] Plain divide, "The quotient with so many digits after the point. Roundings: `half-even`, `half-up`, `half-down`, `up` (away from zero), `down`, `ceiling`, `floor`.";
    "decimal.round" Global (x: Decimal, places: Count, rounding: Rounding) [] Plain round, "With exactly so many digits after the point.";
    "decimal.sum" Global (list: List) [] Plain sum, "The exact sum of a list; `0` of an empty one.";
    "decimal.compare" Global (x: Decimal, y: Decimal) [] Plain compare, "-1, 0 or 1: `1.50` and `1.5` are equal.";
    "money.digits" Global (currency: Currency) [] Plain digits, "How many digits a currency has after the point (ISO 4217): 2 for `EUR`, 0 for `JPY`, 3 for `KWD`.";
    "money.round" Global (x: Decimal, currency: Currency, rounding: Rounding) [] Plain round_money, "With the digits of the currency.";
    "money.toMinor" Global (x: Decimal, currency: Currency) [rounding: Rounding] Plain to_minor, "In minor units, as an integer: `12.34` in `EUR` is 1234. An error if digits would be lost and no rounding is named.";
    "money.fromMinor" Global (n: Int, currency: Currency) [] Plain from_minor, "From minor units: 1234 in `EUR` is `12.34`.";
    "money.format" Global (x: Decimal, currency: Currency) [] Plain format, "With all its digits and the code: `1234.50 EUR`. An error if it has more digits than the currency.";
    "money.split" Global (x: Decimal, currency: Currency, n: Count) [] Plain split, "`n` parts that sum up to `x`; the first are greater by one minor unit where it does not divide.";
}

fn done(a: &Arguments<'_>, result: std::result::Result<Decimal, String>) -> Result {
    result.map(|decimal| decimal.to_string().into()).map_err(|why| a.wrong(why))
}

fn places(a: &Arguments<'_>, at: usize) -> Result<u32> {
    let places = u32::try_from(a.count(at)?).ok().filter(|places| *places <= MAX_PLACES);
    places.ok_or_else(|| a.wrong(format_args!("at most {MAX_PLACES} digits after the point")))
}

fn decimal(a: &Arguments<'_>) -> Result {
    done(a, Ok(a.decimal(0)?))
}

fn add(a: &Arguments<'_>) -> Result {
    done(a, a.decimal(0)?.add(a.decimal(1)?))
}

fn subtract(a: &Arguments<'_>) -> Result {
    done(a, a.decimal(0)?.add(a.decimal(1)?.negated()))
}

fn multiply(a: &Arguments<'_>) -> Result {
    done(a, a.decimal(0)?.multiply(a.decimal(1)?))
}

fn divide(a: &Arguments<'_>) -> Result {
    done(a, a.decimal(0)?.divide(a.decimal(1)?, places(a, 2)?, a.rounding(3)?))
}

fn round(a: &Arguments<'_>) -> Result {
    done(a, a.decimal(0)?.round(places(a, 1)?, a.rounding(2)?))
}

fn sum(a: &Arguments<'_>) -> Result {
    let items = a.list(0)?;
    a.purse.step(items.len() as u64 * 4)?;
    let added = |sum: Decimal, item| sum.add(Decimal::of(item)?);
    done(a, items.iter().try_fold(Decimal::new(0, 0), added))
}

fn compare(a: &Arguments<'_>) -> Result {
    let order = a.decimal(0)?.compare(a.decimal(1)?).map_err(|why| a.wrong(why))?;
    Ok(Value::from(order as i8))
}

fn digits(a: &Arguments<'_>) -> Result {
    Ok(a.currency(0)?.into())
}

fn round_money(a: &Arguments<'_>) -> Result {
    done(a, a.decimal(0)?.round(a.currency(1)?, a.rounding(2)?))
}

/// The amount with the digits of its currency, none lost.
fn exact(a: &Arguments<'_>) -> Result<Decimal> {
    let (amount, digits) = (a.decimal(0)?, a.currency(1)?);
    let exact = amount.exactly(digits).map_err(|why| a.wrong(why))?;
    exact.ok_or_else(|| {
        let code = a.text(1).unwrap_or_default();
        a.wrong(format_args!(
            "{amount} has more than the {digits} digits of {code}; name a rounding: money.round(…)"
        ))
    })
}

fn to_minor(a: &Arguments<'_>) -> Result {
    let amount = if a.has(2) {
        a.decimal(0)?.round(a.currency(1)?, a.rounding(2)?).map_err(|why| a.wrong(why))?
    } else {
        exact(a)?
    };
    Num::Int(amount.units()).into_value().map_err(|why| a.wrong(why))
}

fn from_minor(a: &Arguments<'_>) -> Result {
    done(a, Ok(Decimal::new(i128::from(a.int(0)?), a.currency(1)?)))
}

fn format(a: &Arguments<'_>) -> Result {
    Ok(format!("{} {}", exact(a)?, a.text(1)?).into())
}

fn split(a: &Arguments<'_>) -> Result {
    let (amount, digits, parts) = (exact(a)?, a.currency(1)?, a.count(2)?);
    if !(1..=MAX_PARTS).contains(&parts) {
        return Err(a.wrong(format_args!("it gives 1 to {MAX_PARTS} parts")));
    }
    a.room(parts, parts * 40)?;
    let count = i128::try_from(parts).map_err(|_| a.wrong("too many parts"))?;
    let (share, rest) = (amount.units() / count, amount.units() % count);
    let part = |at: usize| {
        let more = if at < usize::try_from(rest.unsigned_abs()).unwrap_or(0) { rest.signum() } else { 0 };
        Value::from(Decimal::new(share + more, digits).to_string())
    };
    Ok((0..parts).map(part).collect())
}
