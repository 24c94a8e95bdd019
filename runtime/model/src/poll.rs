//! How often a trigger is polled and from where, as pure functions of what the polls before found.
//!
//! What is surprising: with a look-back, a poll does not begin where the last one ended but at a cursor that
//! is older by that much. A provider that shows an event late, behind others that were read already, is read
//! again; what comes twice is recognised by the event's id. The connector knows nothing of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    retry::{Jitter, MAX_RETRY_AFTER, RetryPolicy},
    time::Timestamp,
};

/// How often a trigger is polled unless its flow or its manifest say otherwise, at the fastest.
pub const FASTEST: Duration = Duration::from_secs(60);

/// The longest that polls of a trigger without news lie apart, unless its flow says so.
pub const SLOWEST: Duration = Duration::from_secs(15 * 60);

/// Cursors that a look-back needs are kept this many to its length.
const MARKS: u32 = 8;

/// The bounds between which a trigger's interval moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// While events come.
    pub fastest: Duration,
    /// While none come; not shorter.
    pub slowest: Duration,
}

/// What the polls before leave to the next: cursors and when the polls that they are from began, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Trail(Vec<Mark>);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Mark {
    at: Timestamp,
    cursor: String,
}

impl Pace {
    /// The pace of a flow's own wishes, never faster than the manifest allows.
    #[must_use]
    pub fn new(least: Duration, every: Option<Duration>, slowest: Option<Duration>) -> Self {
        let fastest = every.unwrap_or(FASTEST).max(least);
        Self { fastest, slowest: slowest.unwrap_or(SLOWEST).max(fastest) }
    }

    /// The interval after a poll that found something new: the fastest.
    #[must_use]
    pub fn found(&self) -> Duration {
        self.fastest
    }

    /// The interval after a poll that found nothing new: half as long again as the one before.
    #[must_use]
    pub fn quiet(&self, last: Duration) -> Duration {
        let last = last.max(self.fastest);
        (last + last / 2).min(self.slowest)
    }

    /// How long to wait after the `failures`th poll in a row that failed (from 1): doubling, drawn between half
    /// and the whole, and not less than the provider asked for up to an hour.
    #[must_use]
    pub fn failed(&self, failures: u32, asked: Option<Duration>, seed: u64) -> Duration {
        let policy = RetryPolicy {
            attempts: u32::MAX,
            backoff: self.fastest / 2,
            max: self.slowest.max(SLOWEST) / 2,
            jitter: Jitter::None,
        };
        let half = policy.delay(failures, seed);
        let drawn = RetryPolicy { jitter: Jitter::Full, ..policy }.delay(failures, seed);
        (half + drawn).max(asked.unwrap_or_default().min(MAX_RETRY_AFTER))
    }
}

impl Trail {
    /// Reads what [`Trail::text`] wrote; nothing of anything else.
    #[must_use]
    pub fn read(text: &str) -> Self {
        serde_json::from_str(text).unwrap_or_default()
    }

    /// As JSON; none when it is empty.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        if self.0.is_empty() { None } else { serde_json::to_string(&self.0).ok() }
    }

    /// The cursor from which a poll at `now` begins: the newest that is as old as the look-back, else the oldest.
    #[must_use]
    pub fn start(&self, now: Timestamp, look_back: Duration) -> Option<&str> {
        let mark = self.0.get(self.turn(now, look_back))?;
        Some(&mark.cursor)
    }

    /// Adds the cursor that a poll which began at `at` ended with; forgets what no poll will begin with again.
    pub fn mark(&mut self, at: Timestamp, cursor: &str, look_back: Duration) {
        self.0.drain(..self.turn(at, look_back));
        // Marks that lie close together add nothing but bytes.
        if let [.., before, last] = self.0.as_slice()
            && last.at.since(before.at) < look_back / MARKS
        {
            self.0.pop();
        }
        // A clock that was put back would leave a mark out of order.
        self.0.retain(|mark| mark.at < at);
        self.0.push(Mark { at, cursor: cursor.to_owned() });
    }

    fn turn(&self, now: Timestamp, look_back: Duration) -> usize {
        self.0.iter().rposition(|mark| now.since(mark.at) >= look_back).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_interval_follows_the_events() {
        let pace = Pace::new(secs(30), Some(secs(10)), Some(secs(120)));
        assert_eq!(
            pace,
            Pace { fastest: secs(30), slowest: secs(120) },
            "never faster than the manifest says"
        );
        let quiet: Vec<_> =
            std::iter::successors(Some(pace.found()), |last| Some(pace.quiet(*last))).take(6).collect();
        let expected = [30_000, 45_000, 67_500, 101_250, 120_000, 120_000].map(Duration::from_millis);
        assert_eq!(quiet, expected);
        assert_eq!(Pace::new(secs(1), None, None), Pace { fastest: FASTEST, slowest: SLOWEST });
        assert_eq!(Pace::new(secs(3600), None, None).slowest, secs(3600));
    }

    #[test]
    fn failures_back_off_and_the_provider_is_heard() {
        let pace = Pace { fastest: secs(60), slowest: secs(300) };
        for (failures, asked, least, most) in [
            (1, None, 30, 60),
            (2, None, 60, 120),
            (5, None, 450, 900),
            (u32::MAX, None, 450, 900),
            (1, Some(7), 30, 60),
            (1, Some(500), 500, 500),
            (1, Some(u64::MAX), 3600, 3600),
        ] {
            for seed in 0..50 {
                let wait = pace.failed(failures, asked.map(secs), seed);
                assert!((secs(least)..=secs(most)).contains(&wait), "{failures} {asked:?}: {wait:?}");
            }
        }
        let drawn: std::collections::BTreeSet<_> = (0..50).map(|seed| pace.failed(3, None, seed)).collect();
        assert!(drawn.len() > 40, "polls that failed together do not come back together");
    }

    #[test]
    fn a_look_back_begins_at_an_older_cursor() {
        let look_back = secs(80);
        let mut trail = Trail::default();
        assert_eq!(trail.start(Timestamp(0), look_back), None);
        for second in (0..=400).step_by(5) {
            let now = Timestamp(second * 1000);
            if let Some(cursor) = trail.start(now, look_back) {
                let age = second - cursor.parse::<u64>().unwrap();
                assert!(age >= 80.min(second) && age <= 95, "at {second} from {cursor}");
            }
            trail.mark(now, &second.to_string(), look_back);
            assert!(trail.0.len() <= 11, "{trail:?}");
            assert_eq!(Trail::read(&trail.text().unwrap()), trail);
        }
        // The clock is put back: marks of the time that has not come are of no use.
        trail.mark(Timestamp(350_000), "back", look_back);
        assert!(trail.0.windows(2).all(|pair| pair[0].at < pair[1].at), "{trail:?}");
        assert_eq!(Trail::read("nonsense"), Trail::default());
    }
}
