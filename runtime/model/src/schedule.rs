//! When a schedule fires: an interval, or cron in a time zone, as a pure function of the time.
//!
//! What is surprising: a schedule has no state. Intervals count from 1970 and cron from the calendar, so that
//! two servers, and one server before and after a restart, mean the same instants; the instant is what a fire
//! is deduplicated by. Cron is matched on the clock on the wall, and only then made an instant: what happens at
//! a change of the clocks is said by [`Gap`] and [`Fold`] alone.

mod cron;
mod due;

use std::{fmt, time::Duration};

pub use self::{
    cron::{Cron, InvalidCron},
    due::{Due, MAX_CATCH_UP, Missed},
};
use crate::{retry::Written, time::Timestamp};

/// The shortest interval.
pub const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// A schedule.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// At each multiple of this since 1970-01-01T00:00:00Z, which is not zero.
    Every(Duration),
    /// By the calendar of a zone.
    Cron(Box<Cron>),
}

/// A local time that does not exist, because the clocks go forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Gap {
    /// Fires at the instant of the change; several such times fire once.
    #[default]
    Forward,
    /// Does not fire.
    Skip,
}

/// A local time that there is twice, because the clocks go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fold {
    /// Fires the first time.
    #[default]
    Once,
    /// Fires both times.
    Twice,
}

impl Gap {
    /// The name in a flow file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Skip => "skip",
        }
    }
}

impl Fold {
    /// The name in a flow file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Twice => "twice",
        }
    }
}

impl Schedule {
    /// The first fire after `time`; none if the calendar ends before.
    #[must_use]
    pub fn next_after(&self, time: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Every(interval) => {
                let step = millis(*interval);
                (time.0 / step).checked_add(1)?.checked_mul(step).map(Timestamp)
            }
            Self::Cron(cron) => cron.next_after(time),
        }
    }

    /// The next `count` fires after `time`.
    #[must_use]
    pub fn upcoming(&self, time: Timestamp, count: usize) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(time), |at| self.next_after(*at)).take(count).collect()
    }

    /// A fire's time as the clocks of the schedule's zone show it: RFC 3339 with the zone's offset.
    #[must_use]
    pub fn local(&self, time: Timestamp) -> String {
        match self {
            Self::Every(_) => time.to_string(),
            Self::Cron(cron) => cron.local(time),
        }
    }

    /// The zone's name; `UTC` for an interval.
    #[must_use]
    pub fn zone(&self) -> &str {
        match self {
            Self::Every(_) => "UTC",
            Self::Cron(cron) => cron.zone(),
        }
    }
}

impl fmt::Display for Schedule {
    /// `every 5m`, or `cron 30 2 * * * Europe/Berlin`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(interval) => write!(f, "every {}", Written(*interval)),
            Self::Cron(cron) => write!(f, "cron {} {}", cron.pattern(), cron.zone()),
        }
    }
}

/// An interval's milliseconds, at least one.
fn millis(interval: Duration) -> u64 {
    u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).max(1)
}

#[cfg(test)]
mod tests;
