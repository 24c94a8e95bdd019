//! Cron by the clock on the wall of a zone.
//!
//! The pattern is matched against local times without a zone; each that matches becomes an instant, two, or
//! none. As instants grow with local times but where the clocks go back, a search need not look behind.

use croner::parser::{CronParser, Seconds, Year};
use jiff::{
    Timestamp as Instant,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::{Fold, Gap};
use crate::{template::zone, time::Timestamp};

/// Bytes of a pattern.
const MAX_PATTERN: usize = 200;

/// Local times that one search looks at: more than the minutes of the longest change of clocks there was, a day.
const MAX_LOOKS: usize = 3000;

/// Patterns with a name.
const NAMED: [&str; 5] = ["@hourly", "@daily", "@weekly", "@monthly", "@yearly"];

/// From where a pattern is tried out: every date of the calendar, with any weekday, comes within 40 years.
const TRIAL: DateTime = DateTime::constant(2000, 1, 1, 0, 0, 0, 0);

/// A pattern of five fields in a zone.
#[derive(Clone, Debug)]
pub struct Cron {
    pattern: String,
    rule: croner::Cron,
    name: String,
    zone: TimeZone,
    gap: Gap,
    fold: Fold,
}

/// Why there is no such schedule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCron {
    /// The pattern is none.
    #[error("not a cron pattern: {0}")]
    Pattern(String),
    /// The pattern means a day that there is not, such as February 30.
    #[error("this cron pattern never fires: there is no such day")]
    Never,
    /// The zone is none.
    #[error("{0}")]
    Zone(String),
}

impl PartialEq for Cron {
    fn eq(&self, other: &Self) -> bool {
        let key = |cron: &Self| (cron.pattern.clone(), cron.name.clone(), cron.gap, cron.fold);
        key(self) == key(other)
    }
}

impl Cron {
    /// Reads a pattern of five fields (minute, hour, day of the month, month, day of the week) or `@daily` and its
    /// like, for a zone of the IANA database or an offset such as `+02:00`.
    ///
    /// # Errors
    /// If the pattern or the zone is none, or the pattern never fires.
    pub fn new(pattern: &str, zone_name: &str, gap: Gap, fold: Fold) -> Result<Self, InvalidCron> {
        let wrong = |why: String| InvalidCron::Pattern(why);
        if pattern.len() > MAX_PATTERN {
            return Err(wrong(format!("it is longer than {MAX_PATTERN} bytes")));
        }
        let fields = pattern.split_whitespace().count();
        if pattern.starts_with('@') {
            if !NAMED.contains(&pattern) {
                return Err(wrong(format!("`{pattern}` is none of {}", NAMED.join(", "))));
            }
        } else if fields != 5 {
            return Err(wrong(format!(
                "it has {fields} fields, and there are five: minute, hour, day of the month, month, day of the week"
            )));
        }
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let rule = parser.parse(pattern).map_err(|error| wrong(lowered(&error)))?;
        let cron = Self {
            pattern: pattern.split_whitespace().collect::<Vec<_>>().join(" "),
            rule,
            name: zone_name.to_owned(),
            zone: zone(zone_name).map_err(InvalidCron::Zone)?,
            gap,
            fold,
        };
        if cron.next_local(TRIAL).is_none() { Err(InvalidCron::Never) } else { Ok(cron) }
    }

    /// The pattern, its fields one space apart.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The zone's name, as it was given.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// What becomes of a local time that does not exist.
    #[must_use]
    pub fn gap(&self) -> Gap {
        self.gap
    }

    /// What becomes of a local time that there is twice.
    #[must_use]
    pub fn fold(&self) -> Fold {
        self.fold
    }

    pub(super) fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        let now = Instant::from_millisecond(i64::try_from(time.0).ok()?).ok()?;
        let offset = self.zone.to_offset(now);
        let here = offset.to_datetime(now);
        let first = self.first_time(here, now);
        let second = match self.fold {
            Fold::Once => None,
            Fold::Twice => self.second_time(here, now, offset),
        };
        let next = [first, second].into_iter().flatten().min()?;
        u64::try_from(next.as_millisecond()).ok().map(Timestamp)
    }

    pub(super) fn local(&self, time: Timestamp) -> String {
        let instant = i64::try_from(time.0).ok().and_then(|millis| Instant::from_millisecond(millis).ok());
        instant.map_or_else(
            || time.to_string(),
            |instant| instant.display_with_offset(self.zone.to_offset(instant)).to_string(),
        )
    }

    /// The first instant after `now` of a local time later than `here`, each local time meant once.
    fn first_time(&self, here: DateTime, now: Instant) -> Option<Instant> {
        let mut at = here;
        for _ in 0..MAX_LOOKS {
            at = self.next_local(at)?;
            let instant = match self.zone.to_ambiguous_timestamp(at).offset() {
                AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(at).ok()?,
                AmbiguousOffset::Fold { before, .. } => before.to_timestamp(at).ok()?,
                AmbiguousOffset::Gap { before, .. } => match self.gap {
                    Gap::Skip => continue,
                    Gap::Forward => self.change_before(before.to_timestamp(at).ok()?)?,
                },
            };
            if instant > now {
                return Some(instant);
            }
        }
        None
    }

    /// The first instant after `now` of a local time that comes again, while the clocks show times that do.
    fn second_time(&self, here: DateTime, now: Instant, offset: Offset) -> Option<Instant> {
        let AmbiguousOffset::Fold { before, after } = self.zone.to_ambiguous_timestamp(here).offset() else {
            return None;
        };
        let (change, from) = if offset == before {
            let change = self.zone.following(now).next()?.timestamp();
            // The search begins behind its start.
            (change, after.to_datetime(change).checked_sub(jiff::Span::new().seconds(1)).ok()?)
        } else {
            (self.change_before(now)?, here)
        };
        let at = self.next_local(from)?;
        if at >= before.to_datetime(change) {
            return None;
        }
        after.to_timestamp(at).ok().filter(|instant| *instant > now)
    }

    /// The last change of the clocks at `time` or before.
    fn change_before(&self, time: Instant) -> Option<Instant> {
        let after = time.checked_add(jiff::SignedDuration::from_secs(1)).ok()?;
        self.zone.preceding(after).next().map(|change| change.timestamp())
    }

    /// The first local time after `at` that the pattern means, whether it exists in the zone or not.
    fn next_local(&self, at: DateTime) -> Option<DateTime> {
        let at = at.to_zoned(TimeZone::UTC).ok()?;
        self.rule.find_next_occurrence(&at, false).ok().map(|found| found.datetime())
    }
}

/// The parser's words as a fragment: without its own heading, a capital or a full stop.
fn lowered(error: &croner::errors::CronError) -> String {
    let text = error.to_string();
    let text = text.split_once(": ").map_or(text.as_str(), |(_, rest)| rest);
    let mut letters = text.trim_end_matches('.').chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
