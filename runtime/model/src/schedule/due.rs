//! Which fires are made now, after a time in which none could be: the missed-run policy.
//!
//! The same rule serves the usual case, one fire that is due, and a server that was down for a week.

use std::time::Duration;

use super::{Schedule, millis};
use crate::time::Timestamp;

/// Fires that `missed: all` makes up for, the newest.
pub const MAX_CATCH_UP: usize = 100;

/// A fire that is later than this was missed.
const LATE: Duration = Duration::from_secs(60);

/// Fires that are counted when some were missed.
const MAX_COUNTED: usize = 1000;

/// What becomes of fires that were missed because the server was down, or busy, or its clock jumped ahead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missed {
    /// They are passed over; a fire counts as missed once it is a minute late.
    Skip,
    /// The newest is made, for all of them.
    #[default]
    Once,
    /// Each is made, up to [`MAX_CATCH_UP`] of the newest.
    All,
}

/// What is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// To be made now, oldest first.
    pub fires: Vec<Timestamp>,
    /// Passed over; counted up to 1000.
    pub missed: u64,
    /// When to look again; none if the schedule has no end but the calendar has.
    pub next: Option<Timestamp>,
}

impl Missed {
    /// The name in a flow file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Skip => "skip",
            Self::Once => "once",
            Self::All => "all",
        }
    }
}

impl Schedule {
    /// What is due at `now` of a schedule whose next fire was to be at `next`. A `next` that lies ahead, as
    /// after a clock that was put back, leaves everything as it is.
    #[must_use]
    pub fn due(&self, next: Timestamp, now: Timestamp, missed: Missed) -> Due {
        if next > now {
            return Due { fires: Vec::new(), missed: 0, next: Some(next) };
        }
        let mut fires = self.latest(next, now);
        let counted = fires.len();
        let made = match missed {
            Missed::Skip => usize::from(fires.last().is_some_and(|last| now.since(*last) <= LATE)),
            Missed::Once => counted.min(1),
            Missed::All => counted.min(MAX_CATCH_UP),
        };
        let fires = fires.split_off(counted - made);
        Due { fires, missed: (counted - made) as u64, next: self.next_after(now) }
    }

    /// The fires from `from` to `now`, the newest thousand, oldest first.
    fn latest(&self, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        match self {
            Self::Every(interval) => {
                let step = millis(*interval);
                let last = now.0 / step;
                let first = from.0.div_ceil(step).max((last + 1).saturating_sub(MAX_COUNTED as u64));
                (first..=last).map(|n| Timestamp(n * step)).collect()
            }
            Self::Cron(_) => self.latest_by_calendar(from, now),
        }
    }

    /// Looks back twice as far each time until there is something, so that a year away costs no year's search.
    fn latest_by_calendar(&self, from: Timestamp, now: Timestamp) -> Vec<Timestamp> {
        let mut back = Duration::from_secs(3600);
        loop {
            let start = Timestamp(now.0.saturating_sub(millis(back))).max(from);
            let before = Timestamp(start.0.saturating_sub(1));
            let found = std::iter::successors(self.next_after(before), |at| self.next_after(*at));
            let mut found: Vec<_> = found.take_while(|at| *at <= now).collect();
            if start == from || found.len() >= MAX_COUNTED {
                return found.split_off(found.len().saturating_sub(MAX_COUNTED));
            }
            back = back.saturating_mul(2);
        }
    }
}
