//! Flows that the server starts by itself: when each is due, and where a poll trigger stands.
//!
//! A fire or a poll is a compare-and-set on the row's version, in one transaction with the events, their
//! dedupe keys and the runs: it happened as a whole or not at all, and two of one moment cannot both happen.

mod moves;

use rusqlite::{OptionalExtension as _, Row, params};
use wharf_model::time::Timestamp;

pub use self::moves::{Fired, NextPoll, PollFailed, Polled};
use crate::{
    error::StoreError,
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
                .prepare_cached(
                    "SELECT version, kind = ?2 AND spec = ?3 AS same FROM flow_trigger WHERE flow = ?1",
                )?
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
                .execute(params![
                    flow,
                    kind.name(),
                    spec,
                    Millis(now),
                    due_at.map(Millis),
                    signed(version)
                ])?;
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
    pub async fn next_triggers(
        &self,
        kind: TriggerKind,
        limit: usize,
    ) -> Result<Vec<FlowTrigger>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached(
                "SELECT * FROM flow_trigger WHERE kind = ?1 AND due_at IS NOT NULL ORDER BY due_at LIMIT ?2",
            )?;
            collect(&mut select, params![kind.name(), length(limit)])
        })
        .await
    }
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
