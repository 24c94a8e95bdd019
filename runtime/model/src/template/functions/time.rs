//! Time: points in time and lengths of time as text, read, written, moved and compared.
//!
//! What is surprising: a time is always given in UTC with three digits of a second, as `2026-11-21T19:13:12.345Z`,
//! so that texts sort as their times do. Zones come from the database that is built in, never from the machine: a
//! flow gives the same on every server. Where a local time does not exist (a gap) it moves on by the gap, and where
//! there are two (a fold) the earlier is meant (RFC 5545, 3.3.5).

mod calendar;
pub(in crate::template) mod clock;
mod parts;

use std::sync::LazyLock;

use jiff::{
    SignedDuration, Span, Timestamp, Zoned,
    fmt::{rfc2822, strtime},
    tz::{TimeZone, TimeZoneDatabase},
};
use serde_json::Value;

pub(super) use self::{calendar::unit, clock::clock, parts::PARTS};
use super::{arguments::Arguments, entries, kind, shown};
use crate::{flow::suggest, template::purse::Fault};

type Result<T = Value> = std::result::Result<T, Fault>;

/// The format of a time, in bytes. A directive may fill up to 255 characters.
const MAX_FORMAT_BYTES: usize = 128;

/// A text that stands for a time or a length of time, in bytes.
const MAX_TEXT_BYTES: usize = 100;

static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

entries! {
    /// Functions of time.
    TIME:
    "timestamp" Global (x: Time) [] Time timestamp, "A time from text with an offset (RFC 3339), or from whole seconds since 1970, as `2026-11-21T19:13:12.345Z`: always UTC with milliseconds, the rest cut off.";
    "time.fromMillis" Global (n: Int) [] Time from_millis, "A time from milliseconds since 1970.";
    "time.fromRfc2822" Global (s: Text) [] Time from_rfc2822, "A time as mail and HTTP write it: `Sat, 21 Nov 2026 19:13:12 +0000`.";
    "time.parse" Global (s: Text, format: Format) [zone: Zone] Time parse, "A time by a format of `strptime`, such as `'%d.%m.%Y %H:%M'`: in the zone if the text has no offset, UTC if left out; midnight if it has no time of day.";
    "format" Method (t: Time, format: Format) [zone: Zone] Plain format, "As text by a format of `strftime`, such as `'%Y-%m-%d'`; names are English.";
    "inZone" Method (t: Time, zone: Zone) [] Time in_zone, "The same time with the offset of a zone: `2026-11-21T20:13:12.345+01:00`.";
    "date" Method (t: Time) [zone: Zone] Plain date, "The day: `2026-11-21`.";
    "rfc2822" Method (t: Time) [] Plain to_rfc2822, "As mail writes it, in UTC.";
    "epochSeconds" Method (t: Time) [] Plain epoch_seconds, "Whole seconds since 1970.";
    "epochMillis" Method (t: Time) [] Plain epoch_millis, "Milliseconds since 1970.";
    "duration" Global (s: Duration) [] Duration to_duration, "A length of time from text such as `1h30m`, `250ms` or `PT90M`, as seconds: `5400s`. A day is not one: see `plus`.";
    "plus" Method (t: Time, span: Span) [zone: Zone] Time calendar::plus, "Later by a length that may have calendar units: `P1M` (ISO 8601), `2h`, `1mo 2d`. Months and days are those of the zone.";
    "minus" Method (t: Time, span: Span) [zone: Zone] Time calendar::minus, "Earlier by it.";
    "until" Method (t: Time, u: Time, unit: Unit) [zone: Zone] Plain calendar::until, "Whole units from `t` to `u`, less than 0 if `u` is earlier. Units: `millisecond`, `second`, `minute`, `hour`, `day`, `week`, `month`, `quarter`, `year`.";
    "startOf" Method (t: Time, unit: Unit) [zone: Zone] Time calendar::start_of, "The first millisecond of the unit that `t` is in; a week starts on Monday.";
    "endOf" Method (t: Time, unit: Unit) [zone: Zone] Time calendar::end_of, "The last millisecond of it.";
}

/// The time that a value stands for.
pub(super) fn instant(value: &Value) -> std::result::Result<Timestamp, String> {
    match value {
        Value::Number(number) => {
            let seconds = number.as_i64().ok_or_else(|| format!("{number} is no whole number of seconds"))?;
            Timestamp::from_second(seconds).ok().and_then(in_range).ok_or_else(|| {
                format!("{seconds} seconds are outside of the years 1 to 9999; for milliseconds write time.fromMillis(n)")
            })
        }
        Value::String(text) => text_instant(text),
        other => Err(format!("{} is no time", kind(other))),
    }
}

fn text_instant(text: &str) -> std::result::Result<Timestamp, String> {
    let read = if text.len() > MAX_TEXT_BYTES { None } else { text.parse::<Timestamp>().ok() };
    read.and_then(in_range).ok_or_else(|| {
        format!(
            "{} is no time; it is written with an offset: 2026-11-21T19:13:12Z; read others with time.parse(s, format, zone)",
            shown(&text.into())
        )
    })
}

/// Years 1 to 9999, so that text sorts as time does, without what is finer than a millisecond.
fn in_range(time: Timestamp) -> Option<Timestamp> {
    let whole =
        Timestamp::from_millisecond(time.as_nanosecond().div_euclid(1_000_000).try_into().ok()?).ok()?;
    (-62_135_596_800_000..=253_402_207_200_999).contains(&whole.as_millisecond()).then_some(whole)
}

/// A time as every function gives it.
pub(super) fn written(time: Timestamp) -> Value {
    format!("{time:.3}").into()
}

fn given(a: &Arguments<'_>, time: std::result::Result<Timestamp, jiff::Error>) -> Result {
    let time = time.ok().and_then(in_range);
    time.map(written).ok_or_else(|| a.wrong("the time is outside of the years 1 to 9999"))
}

/// A zone by its name in the IANA database, or an offset such as `+02:00`.
pub(crate) fn zone(name: &str) -> std::result::Result<TimeZone, String> {
    if name.starts_with(['+', '-']) && name.len() == 6 {
        let offset = strtime::parse("%:z", name).ok().and_then(|read| read.offset());
        return offset.map(TimeZone::fixed).ok_or_else(|| format!("{} is no offset", shown(&name.into())));
    }
    let found = if name.len() > MAX_TEXT_BYTES { None } else { ZONES.get(name).ok() };
    found.ok_or_else(|| {
        format!(
            "there is no time zone {}; it is written as in the IANA database: Europe/Berlin",
            shown(&name.into())
        )
    })
}

/// Why a zone that is written out is none. Looking for the one that is meant takes a while.
pub(crate) fn check_zone(name: &str) -> std::result::Result<(), String> {
    zone(name).map(drop).map_err(|why| {
        let known: Vec<_> = ZONES.available().collect();
        // There are 600; those of another size are not meant.
        let close = |zone: &&str| zone.len().abs_diff(name.len()) <= 2;
        match suggest(name, known.iter().map(jiff::tz::TimeZoneName::as_str).filter(close)) {
            Some(near) => format!("there is no time zone {}; did you mean `{near}`?", shown(&name.into())),
            None => why,
        }
    })
}

/// A length of time without calendar units.
pub(in crate::template) fn duration(text: &str) -> std::result::Result<SignedDuration, String> {
    let read = if text.len() > MAX_TEXT_BYTES { None } else { text.parse().ok() };
    read.ok_or_else(|| {
        format!(
            "{} is no duration; it is written with units of at most an hour: 1h30m, 250ms, PT90M",
            shown(&text.into())
        )
    })
}

/// A length of time that may have calendar units.
pub(super) fn span(text: &str) -> std::result::Result<Span, String> {
    let read = if text.len() > MAX_TEXT_BYTES { None } else { text.parse().ok() };
    read.ok_or_else(|| {
        format!("{} is no length of time; it is written: P1M, 2h, 1mo 2d", shown(&text.into()))
    })
}

/// A duration as CEL writes it: seconds with as many digits as there are.
pub(in crate::template) fn seconds(duration: SignedDuration) -> Value {
    let sign = if duration.is_negative() { "-" } else { "" };
    let (whole, nanos) = (duration.as_secs().unsigned_abs(), duration.subsec_nanos().unsigned_abs());
    let fraction = format!("{nanos:09}");
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{whole}{point}{fraction}s").into()
}

/// Why a format is none. Whatever it may mean, it is tried on a time.
pub(super) fn check_format(format: &str) -> std::result::Result<(), String> {
    if format.len() > MAX_FORMAT_BYTES {
        return Err(format!("a format of {} bytes; at most {MAX_FORMAT_BYTES} are read", format.len()));
    }
    let any = Timestamp::UNIX_EPOCH.to_zoned(TimeZone::UTC);
    strtime::format(format, &any).map(drop).map_err(|why| {
        let why: String = why.to_string().chars().take(120).collect();
        format!("not a format: {why}")
    })
}

fn timestamp(a: &Arguments<'_>) -> Result {
    Ok(written(a.time(0)?))
}

fn from_millis(a: &Arguments<'_>) -> Result {
    given(a, Timestamp::from_millisecond(a.int(0)?))
}

fn from_rfc2822(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    let read = if text.len() > MAX_TEXT_BYTES {
        None
    } else {
        rfc2822::DateTimeParser::new().parse_timestamp(text).ok().and_then(in_range)
    };
    read.map(written).ok_or_else(|| {
        let shown = shown(&text.into());
        a.wrong(format_args!("{shown} is no time; it is written: Sat, 21 Nov 2026 19:13:12 +0000"))
    })
}

fn parse(a: &Arguments<'_>) -> Result {
    let (text, format) = (a.text(0)?, a.text(1)?);
    check_format(format).map_err(|why| a.wrong(why))?;
    a.purse.step(10)?;
    let not = || {
        let shown = shown(&text.into());
        a.wrong(format_args!("{shown} is not written as {format}"))
    };
    let read =
        if text.len() > MAX_TEXT_BYTES { None } else { strtime::BrokenDownTime::parse(format, text).ok() };
    let read = read.ok_or_else(not)?;
    if read.offset().is_some() || read.timestamp().is_some() {
        return given(a, Ok(read.to_timestamp().map_err(|_| not())?));
    }
    let zone = match read.iana_time_zone() {
        Some(name) => zone(name).map_err(|why| a.wrong(why))?,
        None => a.zone(2)?,
    };
    let local = read.to_datetime().or_else(|_| read.to_date().map(|date| date.at(0, 0, 0, 0)));
    given(a, local.map_err(|_| not())?.to_zoned(zone).map(|zoned| zoned.timestamp()))
}

/// The time in the zone of the last argument.
fn zoned(a: &Arguments<'_>, zone: usize) -> Result<Zoned> {
    Ok(a.time(0)?.to_zoned(a.zone(zone)?))
}

fn format(a: &Arguments<'_>) -> Result {
    let format = a.text(1)?;
    check_format(format).map_err(|why| a.wrong(why))?;
    a.purse.step(20)?;
    strtime::format(format, &zoned(a, 2)?).map(Value::from).map_err(|why| a.wrong(why))
}

fn in_zone(a: &Arguments<'_>) -> Result {
    Ok(strtime::format("%Y-%m-%dT%H:%M:%S%.3f%:z", &zoned(a, 1)?).map_err(|why| a.wrong(why))?.into())
}

fn date(a: &Arguments<'_>) -> Result {
    Ok(zoned(a, 1)?.date().to_string().into())
}

fn to_rfc2822(a: &Arguments<'_>) -> Result {
    let time = zoned(a, usize::MAX)?;
    Ok(strtime::format("%a, %d %b %Y %H:%M:%S %z", &time).map_err(|why| a.wrong(why))?.into())
}

fn epoch_seconds(a: &Arguments<'_>) -> Result {
    Ok(a.time(0)?.as_millisecond().div_euclid(1000).into())
}

fn epoch_millis(a: &Arguments<'_>) -> Result {
    Ok(a.time(0)?.as_millisecond().into())
}

fn to_duration(a: &Arguments<'_>) -> Result {
    Ok(seconds(a.duration(0)?))
}
