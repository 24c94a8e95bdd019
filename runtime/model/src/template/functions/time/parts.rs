//! The parts of a time in a zone, by the names and the numbers that CEL gives them, and those of ISO 8601.
//!
//! What is surprising: CEL counts months, days of the month and days of the year from 0, and Sunday as 0; only
//! `getDate` counts from 1. The same names of the clock take a duration and give all of it in that unit.

use jiff::Zoned;
use serde_json::Value;

use super::{
    Result,
    clock::{Clock, clock},
    zoned,
};
use crate::template::functions::{arguments::Arguments, entries};

entries! {
    /// Parts of a time.
    PARTS:
    "getFullYear" Method (t: Time) [zone: Zone] Plain full_year, "The year.";
    "getMonth" Method (t: Time) [zone: Zone] Plain month, "The month, from 0 for January.";
    "getDate" Method (t: Time) [zone: Zone] Plain day, "The day of the month, from 1.";
    "getDayOfMonth" Method (t: Time) [zone: Zone] Plain day_of_month, "The day of the month, from 0.";
    "getDayOfWeek" Method (t: Time) [zone: Zone] Plain day_of_week, "The day of the week, from 0 for Sunday.";
    "getDayOfYear" Method (t: Time) [zone: Zone] Plain day_of_year, "The day of the year, from 0.";
    "getHours" Method (t: Clock) [zone: Zone] Plain hours, "The hour, 0 to 23. Of a duration: its whole hours.";
    "getMinutes" Method (t: Clock) [zone: Zone] Plain minutes, "The minute. Of a duration: its whole minutes.";
    "getSeconds" Method (t: Clock) [zone: Zone] Plain seconds, "The second. Of a duration: its whole seconds.";
    "getMilliseconds" Method (t: Clock) [zone: Zone] Plain millis, "The millisecond of the second. Of a duration: all its milliseconds.";
    "isoWeek" Method (t: Time) [zone: Zone] Plain iso_week, "The week of ISO 8601 with its year: `2026-W47`.";
    "isoWeekday" Method (t: Time) [zone: Zone] Plain iso_weekday, "The day of the week, 1 for Monday to 7 for Sunday.";
    "isoQuarter" Method (t: Time) [zone: Zone] Plain quarter, "The quarter with its year: `2026-Q4`.";
    "zoneOffset" Method (t: Time, zone: Zone) [] Plain offset, "The offset of a zone at this time: `+01:00`.";
}

fn full_year(a: &Arguments<'_>) -> Result {
    Ok(zoned(a, 1)?.year().into())
}

fn month(a: &Arguments<'_>) -> Result {
    Ok((zoned(a, 1)?.month() - 1).into())
}

fn day(a: &Arguments<'_>) -> Result {
    Ok(zoned(a, 1)?.day().into())
}

fn day_of_month(a: &Arguments<'_>) -> Result {
    Ok((zoned(a, 1)?.day() - 1).into())
}

fn day_of_week(a: &Arguments<'_>) -> Result {
    Ok(zoned(a, 1)?.weekday().to_sunday_zero_offset().into())
}

fn day_of_year(a: &Arguments<'_>) -> Result {
    Ok((zoned(a, 1)?.day_of_year() - 1).into())
}

/// A part of a time, or all of a duration: its milliseconds in units of so many.
fn part(a: &Arguments<'_>, of: fn(&Zoned) -> i16, unit: i128) -> Result {
    if let Ok(text) = a.text(0)
        && let Ok(Clock::Duration(duration)) = clock(text)
    {
        let whole = i64::try_from(duration.as_millis() / unit);
        return whole.map(Value::from).map_err(|_| a.wrong("the duration is too long"));
    }
    Ok(of(&zoned(a, 1)?).into())
}

fn hours(a: &Arguments<'_>) -> Result {
    part(a, |time| time.hour().into(), 3_600_000)
}

fn minutes(a: &Arguments<'_>) -> Result {
    part(a, |time| time.minute().into(), 60_000)
}

fn seconds(a: &Arguments<'_>) -> Result {
    part(a, |time| time.second().into(), 1000)
}

fn millis(a: &Arguments<'_>) -> Result {
    part(a, Zoned::millisecond, 1)
}

fn iso_week(a: &Arguments<'_>) -> Result {
    let week = zoned(a, 1)?.iso_week_date();
    Ok(format!("{:04}-W{:02}", week.year(), week.week()).into())
}

fn iso_weekday(a: &Arguments<'_>) -> Result {
    Ok(zoned(a, 1)?.weekday().to_monday_one_offset().into())
}

fn quarter(a: &Arguments<'_>) -> Result {
    let time = zoned(a, 1)?;
    Ok(format!("{:04}-Q{}", time.year(), (time.month() - 1) / 3 + 1).into())
}

fn offset(a: &Arguments<'_>) -> Result {
    Ok(jiff::fmt::strtime::format("%:z", &zoned(a, 1)?).map_err(|why| a.wrong(why))?.into())
}
