//! What moves a row on: fires, polls, polls that failed, and people.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};
use wharf_model::time::Timestamp;

use crate::{
    audit::{self, By},
    error::StoreError,
    inbox::{self, Accept, Accepted},
    kv::{self, KvError, StoreWrite},
    row::{Millis, length, signed},
    store::Store,
};

/// A fire of a schedule, or a time that passed without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fired {
    /// The flow.
    pub flow: String,
    /// The version that the fire was decided by.
    pub version: u64,
    /// Its events.
    pub events: Vec<Accept>,
    /// Fires that are passed over.
    pub missed: u64,
    /// The next.
    pub due_at: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// When the next poll is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextPoll {
    /// The time.
    pub due_at: Timestamp,
    /// Milliseconds to it.
    pub pause: u64,
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Polled {
    /// The flow.
    pub flow: String,
    /// The version that the poll began with.
    pub version: u64,
    /// The events.
    pub events: Vec<Accept>,
    /// The connector's cursor, JSON; none leaves it where it is.
    pub cursor: Option<String>,
    /// Older cursors.
    pub trail: Option<String>,
    /// There is more to read at once.
    pub behind: bool,
    /// The next poll if an event was new.
    pub found: NextPoll,
    /// The next poll if none was.
    pub quiet: NextPoll,
    /// What the connector kept.
    pub store_writes: Vec<StoreWrite>,
    /// The time.
    pub now: Timestamp,
}

/// A poll that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PollFailed {
    /// The flow.
    pub flow: String,
    /// The version that the poll began with.
    pub version: u64,
    /// The next poll.
    pub next: NextPoll,
    /// Why, JSON.
    pub failure: String,
    /// The time.
    pub now: Timestamp,
}

impl Store {
    /// Takes in the events of a fire and moves the schedule on, all of it or none.
    ///
    /// # Errors
    /// When the row has moved meanwhile ([`StoreError::Exists`]) or the write fails.
    pub async fn fire(&self, fired: Fired) -> Result<Vec<Accepted>, StoreError> {
        self.write(move |connection| {
            let accepted = take_in(connection, &fired.events)?;
            let changed = connection
                .prepare_cached(
                    "UPDATE flow_trigger SET version = version + 1, due_at = ?3, events = events + ?4,
                         missed = missed + ?5, done_at = CASE WHEN ?4 > 0 THEN ?6 ELSE done_at END
                     WHERE flow = ?1 AND version = ?2",
                )?
                .execute(params![
                    fired.flow,
                    signed(fired.version),
                    fired.due_at.map(Millis),
                    length(fresh(&accepted)),
                    signed(fired.missed),
                    Millis(fired.now),
                ])?;
            moved(changed, &fired.flow, fired.version)?;
            Ok(accepted)
        })
        .await
    }

    /// Takes in what a poll found and what its connector kept, and moves the cursor, all of it or none.
    ///
    /// # Errors
    /// When the row has moved meanwhile ([`StoreError::Exists`]), the connector may not keep what it wants to, or
    /// the write fails.
    pub async fn polled(&self, polled: Polled) -> Result<Vec<Accepted>, KvError> {
        self.write(move |connection| {
            let accepted = take_in(connection, &polled.events)?;
            for write in &polled.store_writes {
                kv::apply(connection, write, polled.now)?;
            }
            let fresh = fresh(&accepted);
            let next = if fresh > 0 { polled.found } else { polled.quiet };
            let changed = connection
                .prepare_cached(
                    "UPDATE flow_trigger SET version = version + 1, due_at = ?3, pause = ?4,
                         cursor_at = CASE WHEN ?5 IS NULL OR ?5 IS cursor THEN cursor_at ELSE ?9 END,
                         cursor = coalesce(?5, cursor), trail = ?6, behind = ?7, events = events + ?8,
                         done_at = ?9, failures = 0, failed_at = NULL, failure = NULL
                     WHERE flow = ?1 AND version = ?2",
                )?
                .execute(params![
                    polled.flow,
                    signed(polled.version),
                    Millis(next.due_at),
                    signed(next.pause),
                    polled.cursor,
                    polled.trail,
                    polled.behind,
                    length(fresh),
                    Millis(polled.now),
                ])?;
            moved(changed, &polled.flow, polled.version)?;
            Ok(accepted)
        })
        .await
    }

    /// Notes that a poll failed and puts the next one off; the cursor stays. Nothing happens if the row has
    /// moved meanwhile.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn poll_failed(&self, failed: PollFailed) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE flow_trigger SET due_at = ?3, pause = ?4, failures = failures + 1, failed_at = ?5, failure = ?6
                     WHERE flow = ?1 AND version = ?2",
                )?
                .execute(params![
                    failed.flow,
                    signed(failed.version),
                    Millis(failed.next.due_at),
                    signed(failed.next.pause),
                    Millis(failed.now),
                    failed.failure,
                ])?;
            Ok(())
        })
        .await
    }

    /// Puts a poll trigger's cursor where somebody says, or at the beginning of its flow's own; the next poll is
    /// at once. Events that were taken in before are still recognised.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the flow is not polled; or the write fails.
    pub async fn reset_trigger(
        &self,
        flow: String,
        cursor: Option<String>,
        by: By,
    ) -> Result<(), StoreError> {
        self.write(move |connection| {
            let before: Option<String> = connection
                .prepare_cached("SELECT cursor FROM flow_trigger WHERE flow = ?1 AND kind = 'poll'")?
                .query_row([&flow], |row| row.get(0))
                .optional()?
                .ok_or_else(|| StoreError::not_found("poll trigger", &flow))?;
            connection
                .prepare_cached(
                    "UPDATE flow_trigger SET version = version + 1, cursor = ?2, cursor_at = ?3, trail = NULL, behind = 0,
                         pause = 0, due_at = ?3, failures = 0, failed_at = NULL, failure = NULL
                     WHERE flow = ?1",
                )?
                .execute(params![flow, cursor, Millis(by.now)])?;
            let shown = |text: &Option<String>| text.as_deref().map(|text| {
                serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
            });
            audit::append(
                connection,
                &by,
                "trigger.reset",
                &flow,
                &json!({ "from": shown(&before), "to": shown(&cursor) }),
            )
        })
        .await
    }
}

fn take_in(connection: &Connection, events: &[Accept]) -> Result<Vec<Accepted>, StoreError> {
    events.iter().map(|event| inbox::take_in(connection, event)).collect()
}

fn fresh(accepted: &[Accepted]) -> usize {
    accepted.iter().filter(|accepted| matches!(accepted, Accepted::Fresh)).count()
}

fn moved(changed: usize, flow: &str, version: u64) -> Result<(), StoreError> {
    if changed == 1 {
        return Ok(());
    }
    let reason = format!("something else moved it on from version {version}");
    Err(StoreError::Exists { what: "trigger", name: flow.to_owned(), reason })
}
