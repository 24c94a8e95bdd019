//! Exact decimals: a whole number of units and the digits after the point. No binary fraction is ever made.
//!
//! What is surprising: a double of an event is taken by its shortest digits, which are those that stood in the JSON;
//! so the price `0.1` is one tenth here.

use std::{cmp::Ordering, fmt};

use serde_json::Value;

use super::{kind, shown};

/// Digits after the point at most.
pub(super) const MAX_PLACES: u32 = 28;

/// What is said when 38 digits do not do.
const TOO_LARGE: &str = "the result has more than 38 digits";

/// `units / 10^places`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Decimal {
    units: i128,
    places: u32,
}

/// Where a number goes that lies between two others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rounding {
    /// To the nearest; a half to the even digit.
    HalfEven,
    /// To the nearest; a half away from zero.
    HalfUp,
    /// To the nearest; a half towards zero.
    HalfDown,
    /// Away from zero.
    Up,
    /// Towards zero.
    Down,
    /// Towards positive infinity.
    Ceiling,
    /// Towards negative infinity.
    Floor,
}

/// The roundings by name.
const ROUNDINGS: [(&str, Rounding); 7] = [
    ("half-even", Rounding::HalfEven),
    ("half-up", Rounding::HalfUp),
    ("half-down", Rounding::HalfDown),
    ("up", Rounding::Up),
    ("down", Rounding::Down),
    ("ceiling", Rounding::Ceiling),
    ("floor", Rounding::Floor),
];

impl Rounding {
    pub(super) fn read(name: &str) -> Result<Self, String> {
        let found = ROUNDINGS.iter().find(|(known, _)| *known == name).map(|(_, rounding)| *rounding);
        found.ok_or_else(|| {
            let known: Vec<_> = ROUNDINGS.iter().map(|(known, _)| *known).collect();
            format!("there is no rounding {}; there is: {}", shown(&name.into()), known.join(", "))
        })
    }
}

fn power(exponent: u32) -> Result<i128, String> {
    10_i128.checked_pow(exponent).ok_or_else(|| TOO_LARGE.to_owned())
}

impl Decimal {
    pub(super) fn new(units: i128, places: u32) -> Self {
        Self { units, places }
    }

    /// A number, or digits as text: `-12.50`, `1e3`.
    pub(super) fn of(value: &Value) -> Result<Self, String> {
        match value {
            Value::Number(number) => Self::parse(&number.to_string()),
            Value::String(text) => Self::parse(text),
            other => Err(format!("{} is no decimal", kind(other))),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let not = || {
            format!("{} is no decimal; it is written with digits and a point: -12.50", shown(&text.into()))
        };
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, exponent.parse::<i32>().map_err(|_| not())?),
            None => (text, 0),
        };
        let unsigned = digits.strip_prefix(['-', '+']).unwrap_or(digits);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) || text.len() > 400 {
            return Err(not());
        }
        let fraction = if unsigned.contains('.') { fraction } else { "" };
        let mut units: i128 = 0;
        for digit in whole.bytes().chain(fraction.bytes()) {
            let more = units.checked_mul(10).and_then(|units| units.checked_add(i128::from(digit - b'0')));
            units = more.ok_or_else(|| format!("{} has more than 38 digits", shown(&text.into())))?;
        }
        let units = if digits.starts_with('-') { -units } else { units };
        let places = i64::try_from(fraction.len()).map_err(|_| not())? - i64::from(exponent);
        Self { units, places: 0 }.shifted(places)
    }

    /// The same units with the point moved to the left.
    fn shifted(self, places: i64) -> Result<Self, String> {
        if places < 0 {
            let up = u32::try_from(-places).map_err(|_| TOO_LARGE.to_owned())?;
            let units = if self.units == 0 { Some(0) } else { power(up)?.checked_mul(self.units) };
            return Ok(Self { units: units.ok_or(TOO_LARGE)?, places: 0 });
        }
        let (mut units, mut places) = (self.units, places);
        while places > i64::from(MAX_PLACES) && units % 10 == 0 && units != 0 {
            units /= 10;
            places -= 1;
        }
        if units == 0 {
            places = places.min(i64::from(MAX_PLACES));
        }
        let places = u32::try_from(places).ok().filter(|places| *places <= MAX_PLACES);
        let places = places.ok_or_else(|| {
            format!("it has more than {MAX_PLACES} digits after the point; round it with decimal.round")
        })?;
        Ok(Self { units, places })
    }

    /// Both with the digits of the one that has more.
    fn aligned(self, other: Self) -> Result<(i128, i128, u32), String> {
        let places = self.places.max(other.places);
        let of = |decimal: Self| -> Result<i128, String> {
            let scaled = decimal.units.checked_mul(power(places - decimal.places)?);
            scaled.ok_or_else(|| TOO_LARGE.to_owned())
        };
        Ok((of(self)?, of(other)?, places))
    }

    pub(super) fn add(self, other: Self) -> Result<Self, String> {
        let (one, two, places) = self.aligned(other)?;
        Ok(Self { units: one.checked_add(two).ok_or(TOO_LARGE)?, places })
    }

    pub(super) fn negated(self) -> Self {
        Self { units: -self.units, ..self }
    }

    pub(super) fn multiply(self, other: Self) -> Result<Self, String> {
        let units = self.units.checked_mul(other.units).ok_or(TOO_LARGE)?;
        Self { units, places: 0 }.shifted(i64::from(self.places) + i64::from(other.places))
    }

    pub(super) fn divide(self, by: Self, places: u32, rounding: Rounding) -> Result<Self, String> {
        if by.units == 0 {
            return Err(format!("{self} is divided by zero"));
        }
        let (mut over, mut under) = (self.units, by.units);
        // self / by = over·10^by.places / (under·10^self.places), and `places` digits more.
        let up = by.places + places;
        let (up, down) = (up.saturating_sub(self.places), self.places.saturating_sub(up));
        over = over.checked_mul(power(up)?).ok_or(TOO_LARGE)?;
        under = under.checked_mul(power(down)?).ok_or(TOO_LARGE)?;
        Ok(Self { units: quotient(over, under, rounding), places })
    }

    /// With exactly so many digits after the point.
    pub(super) fn round(self, places: u32, rounding: Rounding) -> Result<Self, String> {
        if places >= self.places {
            let units = self.units.checked_mul(power(places - self.places)?).ok_or(TOO_LARGE)?;
            return Ok(Self { units, places });
        }
        Ok(Self { units: quotient(self.units, power(self.places - places)?, rounding), places })
    }

    /// With exactly so many digits after the point, if none but zeros is lost.
    pub(super) fn exactly(self, places: u32) -> Result<Option<Self>, String> {
        let rounded = self.round(places, Rounding::Down)?;
        Ok((rounded.compare(self)? == Ordering::Equal).then_some(rounded))
    }

    pub(super) fn compare(self, other: Self) -> Result<Ordering, String> {
        let (one, two, _) = self.aligned(other)?;
        Ok(one.cmp(&two))
    }

    /// The number without its point.
    pub(super) fn units(self) -> i128 {
        self.units
    }
}

/// `over / under` as a whole number; `under` is not 0.
fn quotient(over: i128, under: i128, rounding: Rounding) -> i128 {
    let (whole, rest) = (over / under, over % under);
    if rest == 0 {
        return whole;
    }
    let away = if (over < 0) == (under < 0) { 1 } else { -1 };
    // |rest| < |under|, so what is left to |under| does not overflow.
    let half = rest.unsigned_abs().cmp(&(under.unsigned_abs() - rest.unsigned_abs()));
    let up = match rounding {
        Rounding::HalfEven => half == Ordering::Greater || (half == Ordering::Equal && whole % 2 != 0),
        Rounding::HalfUp => half != Ordering::Less,
        Rounding::HalfDown => half == Ordering::Greater,
        Rounding::Up => true,
        Rounding::Down => false,
        Rounding::Ceiling => away > 0,
        Rounding::Floor => away < 0,
    };
    if up { whole + away } else { whole }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.units < 0 { "-" } else { "" };
        let places = usize::try_from(self.places).unwrap_or(0);
        let digits = format!("{:0>width$}", self.units.unsigned_abs(), width = places + 1);
        let (whole, fraction) = digits.split_at(digits.len() - places);
        let point = if places == 0 { "" } else { "." };
        write!(f, "{sign}{whole}{point}{fraction}")
    }
}
