//! Flows that the server starts by itself: when each is due, and where a poll trigger stands.
//!
//! A fire or a poll is a compare-and-set on the row's version, in one transaction with the events, their
//! dedupe keys and the runs: it happened as a whole or not at all, and two of one moment cannot both happen.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::{Value, json};
use wharf_model::time::Timestamp;

use crate::{
    audit::{self, By},
    error::StoreError,
    inbox::{self, Accept, Accepted},
    kv::{self, KvError, StoreWrite},
    row::{self, Millis, length, signed},
    store::Store,
};

/// What makes a flow start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TriggerKind {
    /// The clock.
    Schedule,
    /// Questions to a provider.
    Poll,
}

/// Where a flow that the server starts by itself stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowTrigger {
    /// The flow.
    pub flow: String,
    /// What makes it start.
    pub kind: TriggerKind,
    /// What the row stands for.
    pub spec: String,
    /// When it began.
    pub since: Timestamp,
    /// The next fire or poll; none: never.
    pub due_at: Option<Timestamp>,
    /// Goes back with what happened.
    pub version: u64,
    /// The connector's cursor, JSON.
    pub cursor: Option<String>,
    /// When the cursor last moved.
    pub cursor_at: Option<Timestamp>,
    /// Older cursors, as the caller wrote them.
    pub trail: Option<String>,
    /// There is more to read at once.
    pub behind: bool,
    /// Milliseconds to the next poll, as was last decided.
    pub pause: u64,
    /// The last fire or poll that went well.
    pub done_at: Option<Timestamp>,
    /// Events that started something.
    pub events: u64,
    /// Fires that were passed over.
    pub missed: u64,
    /// Polls in a row that failed.
    pub failures: u32,
    /// When the last one failed.
    pub failed_at: Option<Timestamp>,
    /// Why, JSON.
    pub failure: Option<String>,
}

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

impl TriggerKind {
    /// The stable name, as in SQL, the API and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Poll => "poll",
        }
    }
}

impl Store {
    /// Makes sure that a flow's row stands for `spec`: one that does is left alone, another begins anew at
    /// `now`, due at `due_at`. Whether it did begin anew.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn keep_trigger(
        &self,
        flow: String,
        (kind, spec): (TriggerKind, String),
        due_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let known = connection
                .prepare_cached("SELECT version, kind = ?2 AND spec = ?3 AS same FROM flow_trigger WHERE flow = ?1")?
                .query_row(params![flow, kind.name(), spec], |row| {
                    Ok((row::count(row, "version")?, row.get::<_, bool>("same")?))
                })
                .optional()?;
            let version = match known {
                Some((_, true)) => return Ok(false),
                Some((version, false)) => version + 1,
                None => 1,
            };
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO flow_trigger (flow, kind, spec, since, due_at, version)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![flow, kind.name(), spec, Millis(now), due_at.map(Millis), signed(version)])?;
            Ok(true)
        })
        .await
    }

    /// Forgets a flow's row, if there is one.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn forget_trigger(&self, flow: String) -> Result<(), StoreError> {
        self.write(move |connection| {
            connection.prepare_cached("DELETE FROM flow_trigger WHERE flow = ?1")?.execute([flow])?;
            Ok(())
        })
        .await
    }

    /// A flow's row.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn flow_trigger(&self, flow: String) -> Result<Option<FlowTrigger>, StoreError> {
        self.read(move |connection| {
            connection
                .prepare_cached("SELECT * FROM flow_trigger WHERE flow = ?1")?
                .query_row([flow], |row| Ok(from_row(row)))
                .optional()?
                .transpose()
        })
        .await
    }

    /// Every row, by flow.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn flow_triggers(&self) -> Result<Vec<FlowTrigger>, StoreError> {
        self.read(|connection| {
            collect(&mut connection.prepare_cached("SELECT * FROM flow_trigger ORDER BY flow")?, [])
        })
        .await
    }

    /// Up to `limit` flows of a kind whose time has come or comes next, the longest due first.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn next_triggers(&self, kind: TriggerKind, limit: usize) -> Result<Vec<FlowTrigger>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM flow_trigger WHERE kind = ?1 AND due_at IS NOT NULL ORDER BY due_at LIMIT ?2",
            )?;
            collect(&mut select, params![kind.name(), length(limit)])
        })
        .await
    }

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
    pub async fn reset_trigger(&self, flow: String, cursor: Option<String>, by: By) -> Result<(), StoreError> {
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

fn collect(
    select: &mut rusqlite::CachedStatement<'_>,
    params: impl rusqlite::Params,
) -> Result<Vec<FlowTrigger>, StoreError> {
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(from_row(row)?);
    }
    Ok(found)
}

fn from_row(row: &Row<'_>) -> Result<FlowTrigger, StoreError> {
    let kind: String = row.get("kind")?;
    Ok(FlowTrigger {
        flow: row.get("flow")?,
        kind: [TriggerKind::Schedule, TriggerKind::Poll]
            .into_iter()
            .find(|known| known.name() == kind)
            .ok_or_else(|| StoreError::corrupt("trigger", format!("`{kind}` is no kind")))?,
        spec: row.get("spec")?,
        since: row::time(row, "since")?,
        due_at: row::time_maybe(row, "due_at")?,
        version: row::count(row, "version")?,
        cursor: row.get("cursor")?,
        cursor_at: row::time_maybe(row, "cursor_at")?,
        trail: row.get("trail")?,
        behind: row.get("behind")?,
        pause: row::count(row, "pause")?,
        done_at: row::time_maybe(row, "done_at")?,
        events: row::count(row, "events")?,
        missed: row::count(row, "missed")?,
        failures: row::small(row, "failures")?,
        failed_at: row::time_maybe(row, "failed_at")?,
        failure: row.get("failure")?,
    })
}
