//! Time by the calendar of a zone: later and earlier, the units that a time is in, the units between two.
//!
//! What is surprising: a day is what the zone's calendar says, 23 or 25 hours twice a year; an hour is always an hour.

use super::{Result, given, shown, zoned};
use crate::{flow::suggest, template::functions::arguments::Arguments};
use jiff::{
    RoundMode, SignedDuration, Timestamp, ToSpan as _, Unit as Smallest, Zoned, ZonedRound, civil::Date,
    tz::TimeZone,
};

/// A unit of the clock or the calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::template::functions) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

/// The units by name.
const UNITS: [(&str, Unit); 9] = [
    ("millisecond", Unit::Millisecond),
    ("second", Unit::Second),
    ("minute", Unit::Minute),
    ("hour", Unit::Hour),
    ("day", Unit::Day),
    ("week", Unit::Week),
    ("month", Unit::Month),
    ("quarter", Unit::Quarter),
    ("year", Unit::Year),
];

/// By its name.
pub(in crate::template::functions) fn unit(name: &str) -> std::result::Result<Unit, String> {
    let found = UNITS.iter().find(|(known, _)| *known == name).map(|(_, unit)| *unit);
    found.ok_or_else(|| {
        let names = || UNITS.iter().map(|(known, _)| *known);
        let hint = suggest(name, names()).map_or_else(
            || format!("there is: {}", names().collect::<Vec<_>>().join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        format!("there is no unit {}; {hint}", shown(&name.into()))
    })
}

/// A unit that is a length of time: an hour and below.
fn length(unit: Unit) -> Option<(SignedDuration, Smallest)> {
    match unit {
        Unit::Millisecond => Some((SignedDuration::from_millis(1), Smallest::Millisecond)),
        Unit::Second => Some((SignedDuration::from_secs(1), Smallest::Second)),
        Unit::Minute => Some((SignedDuration::from_mins(1), Smallest::Minute)),
        Unit::Hour => Some((SignedDuration::from_hours(1), Smallest::Hour)),
        Unit::Day | Unit::Week | Unit::Month | Unit::Quarter | Unit::Year => None,
    }
}

pub(super) fn plus(a: &Arguments<'_>) -> Result {
    a.purse.step(10)?;
    given(a, zoned(a, 2)?.checked_add(a.span(1)?).map(|moved| moved.timestamp()))
}

pub(super) fn minus(a: &Arguments<'_>) -> Result {
    a.purse.step(10)?;
    given(a, zoned(a, 2)?.checked_sub(a.span(1)?).map(|moved| moved.timestamp()))
}

pub(super) fn until(a: &Arguments<'_>) -> Result {
    a.purse.step(10)?;
    let unit = unit(a.text(2)?).map_err(|why| a.wrong(why))?;
    let (from, to) = (zoned(a, 3)?, a.time(1)?);
    if let Some((length, _)) = length(unit) {
        let between = to.as_millisecond() - from.timestamp().as_millisecond();
        return Ok((i128::from(between) / length.as_millis()).try_into().unwrap_or(0_i64).into());
    }
    let to = to.to_zoned(from.time_zone().clone());
    let largest = match unit {
        Unit::Week => Smallest::Week,
        Unit::Month | Unit::Quarter => Smallest::Month,
        Unit::Year => Smallest::Year,
        Unit::Day | Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => Smallest::Day,
    };
    let between = from.until((largest, &to)).map_err(|why| a.wrong(why))?;
    Ok(match unit {
        Unit::Week => between.get_weeks(),
        Unit::Month => between.get_months(),
        Unit::Quarter => between.get_months() / 3,
        Unit::Year => i32::from(between.get_years()),
        Unit::Day | Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => between.get_days(),
    }
    .into())
}

pub(super) fn start_of(a: &Arguments<'_>) -> Result {
    a.purse.step(10)?;
    let unit = unit(a.text(1)?).map_err(|why| a.wrong(why))?;
    given(a, start(&zoned(a, 2)?, unit))
}

pub(super) fn end_of(a: &Arguments<'_>) -> Result {
    a.purse.step(20)?;
    let unit = unit(a.text(1)?).map_err(|why| a.wrong(why))?;
    given(a, next(&zoned(a, 2)?, unit).and_then(|next| next.checked_sub(1.millisecond())))
}

fn start(time: &Zoned, unit: Unit) -> std::result::Result<Timestamp, jiff::Error> {
    match length(unit) {
        Some((_, smallest)) => {
            let cut = ZonedRound::new().smallest(smallest).mode(RoundMode::Trunc);
            time.round(cut).map(|cut| cut.timestamp())
        }
        None => midnight(first(time.date(), unit)?, time.time_zone()),
    }
}

/// The first millisecond after the unit.
fn next(time: &Zoned, unit: Unit) -> std::result::Result<Timestamp, jiff::Error> {
    match length(unit) {
        Some((length, _)) => start(time, unit)?.checked_add(length),
        None => {
            let step = match unit {
                Unit::Week => 1.week(),
                Unit::Month => 1.month(),
                Unit::Quarter => 3.months(),
                Unit::Year => 1.year(),
                Unit::Day | Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => 1.day(),
            };
            midnight(first(time.date(), unit)?.checked_add(step)?, time.time_zone())
        }
    }
}

/// The first day of the unit.
fn first(day: Date, unit: Unit) -> std::result::Result<Date, jiff::Error> {
    match unit {
        Unit::Week => day.checked_sub(i32::from(day.weekday().to_monday_zero_offset()).days()),
        Unit::Month => Ok(day.first_of_month()),
        Unit::Quarter => Date::new(day.year(), (day.month() - 1) / 3 * 3 + 1, 1),
        Unit::Year => Ok(day.first_of_year()),
        Unit::Day | Unit::Hour | Unit::Minute | Unit::Second | Unit::Millisecond => Ok(day),
    }
}

/// The first instant of a day; not 00:00 where a zone's clocks skip it.
fn midnight(day: Date, zone: &TimeZone) -> std::result::Result<Timestamp, jiff::Error> {
    day.to_zoned(zone.clone())?.start_of_day().map(|start| start.timestamp())
}
