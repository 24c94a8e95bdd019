//! Looking at runs: pages of them, one in full, and how many there are.
//!
//! Every query is a few steps down an index, so that a page costs the same among a million runs as
//! among ten.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wharf_model::{digest::Digest, event::Delivery, time::Timestamp};

use crate::{
    error::StoreError,
    inbox, journal,
    journal::JournalRow,
    row,
    run::{self, Origin, RunId, RunStatus},
    store::Store,
};

/// Sorts after every id.
pub(crate) const LAST_ID: &str = "\u{10ffff}";
/// Most rows of a page.
const PAGE: usize = 200;

/// Which runs to list, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Only this flow's.
    pub flow: Option<String>,
    /// Only those in this status.
    pub status: Option<RunStatus>,
    /// Only runs older than this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most this many; 1 to 200.
    pub limit: usize,
}

/// A run in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Its id.
    pub id: RunId,
    /// The flow's name.
    pub flow: String,
    /// The version it is pinned to.
    pub flow_version: u32,
    /// Where it stands.
    pub status: RunStatus,
    /// When it may be claimed, while it waits.
    pub due_at: Option<Timestamp>,
    /// Entries in its journal.
    pub entries: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// JSON of the engine's own.
    pub summary: Option<String>,
}

/// A run in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunDetail {
    /// As in a list.
    pub row: RunRow,
    /// The connectors it is pinned to, by name.
    pub digests: BTreeMap<String, Digest>,
    /// The journal, verified.
    pub entries: Vec<JournalRow>,
    /// The request that started it, while it is kept.
    pub delivery: Option<Delivery>,
    /// The run that started it, if one did.
    pub origin: Option<Origin>,
    /// Runs that it started, with the paths of its steps; at most a thousand.
    pub started: Vec<(String, RunId)>,
}

/// How many runs of a flow are in a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCount {
    /// The flow's name.
    pub flow: String,
    /// The status.
    pub status: RunStatus,
    /// How many are stored.
    pub count: u64,
}

impl Store {
    /// One page of runs.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn runs(&self, filter: RunFilter) -> Result<Vec<RunRow>, StoreError> {
        self.read(move |connection| list(connection, &filter)).await
    }

    /// One run with its journal; none when there is none.
    ///
    /// # Errors
    /// When the read fails or the journal is damaged.
    pub async fn run(&self, id: RunId) -> Result<Option<RunDetail>, StoreError> {
        self.read(move |connection| {
            let mut select = connection.prepare_cached("SELECT * FROM run WHERE id = ?1")?;
            let mut rows = select.query([&id])?;
            let Some(row) = rows.next()? else {
                return Ok(None);
            };
            let digests: String = row.get("digests")?;
            let delivery = row.get::<_, Option<i64>>("inbox")?.map(|n| inbox::delivery(connection, n));
            Ok(Some(RunDetail {
                row: from_row(row)?,
                digests: row::parse(format!("run {id}"), &digests)?,
                entries: journal::load(connection, &id, journal::head_of(row)?)?,
                delivery: delivery.transpose()?.flatten(),
                origin: origin(row)?,
                started: started(connection, &id)?,
            }))
        })
        .await
    }

    /// How many runs there are, by flow and status; counts of zero are left out.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn run_counts(&self) -> Result<Vec<RunCount>, StoreError> {
        self.read(|connection| {
            let mut select = connection.prepare_cached("SELECT flow, status, n FROM tally WHERE n > 0")?;
            let mut rows = select.query([])?;
            let mut counts = Vec::new();
            while let Some(row) = rows.next()? {
                counts.push(RunCount {
                    flow: row.get("flow")?,
                    status: run::status(row)?,
                    count: row::count(row, "n")?,
                });
            }
            Ok(counts)
        })
        .await
    }

    /// How many runs that are not over, or may be replayed, are pinned to a connector's version.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn runs_pinned_to(&self, digest: Digest) -> Result<u64, StoreError> {
        self.read(move |connection| pinned(connection, digest)).await
    }
}

fn origin(row: &Row<'_>) -> Result<Option<Origin>, StoreError> {
    let (Some(run), Some(step)) = (row.get("parent")?, row.get("parent_step")?) else {
        return Ok(None);
    };
    Ok(Some(Origin { run, step, depth: row::small(row, "depth")? }))
}

fn started(connection: &Connection, run: &str) -> Result<Vec<(String, RunId)>, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT parent_step, id FROM run WHERE parent = ?1 ORDER BY id LIMIT 1000")?;
    let rows = select.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// See [`Store::runs_pinned_to`].
pub(crate) fn pinned(connection: &Connection, digest: Digest) -> Result<u64, StoreError> {
    let runs: Option<i64> = connection
        .prepare_cached(
            "SELECT count(*) FROM run, json_each(run.digests) AS pin
             WHERE run.status IN ('running', 'waiting', 'failed') AND pin.value = ?1",
        )?
        .query_row([digest.to_string()], |row| row.get(0))
        .optional()?;
    Ok(runs.map_or(0, row::unsigned))
}

/// A page's length within its bounds.
pub(crate) fn page(limit: usize) -> i64 {
    row::length(limit.clamp(1, PAGE))
}

fn list(connection: &Connection, filter: &RunFilter) -> Result<Vec<RunRow>, StoreError> {
    let before = filter.before.as_deref().unwrap_or(LAST_ID);
    let limit = page(filter.limit);
    match (&filter.flow, filter.status) {
        (None, None) => {
            let sql = "SELECT * FROM run WHERE id < ?1 ORDER BY id DESC LIMIT ?2";
            collect(connection, sql, params![before, limit])
        }
        (None, Some(status)) => {
            let sql = "SELECT * FROM run WHERE status = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2";
            collect(connection, sql, params![before, limit, status.name()])
        }
        (Some(flow), Some(status)) => of_flow(connection, flow, status, before, limit),
        (Some(flow), None) => {
            // The index is by flow, status and id: a page of each status holds the page of all.
            let mut runs = Vec::new();
            for status in RunStatus::ALL {
                runs.append(&mut of_flow(connection, flow, status, before, limit)?);
            }
            runs.sort_by(|a, b| b.id.cmp(&a.id));
            runs.truncate(filter.limit.clamp(1, PAGE));
            Ok(runs)
        }
    }
}

fn of_flow(
    connection: &Connection,
    flow: &str,
    status: RunStatus,
    before: &str,
    limit: i64,
) -> Result<Vec<RunRow>, StoreError> {
    let sql = "SELECT * FROM run WHERE flow = ?3 AND status = ?4 AND id < ?1 ORDER BY id DESC LIMIT ?2";
    collect(connection, sql, params![before, limit, flow, status.name()])
}

fn collect(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<RunRow>, StoreError> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut runs = Vec::new();
    while let Some(row) = rows.next()? {
        runs.push(from_row(row)?);
    }
    Ok(runs)
}

fn from_row(row: &Row<'_>) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        id: row.get("id")?,
        flow: row.get("flow")?,
        flow_version: row::small(row, "flow_version")?,
        status: run::status(row)?,
        due_at: row::time_maybe(row, "due_at")?,
        entries: row::count(row, "seq")?,
        created_at: row::time(row, "created_at")?,
        updated_at: row::time(row, "updated_at")?,
        finished_at: row::time_maybe(row, "finished_at")?,
        summary: row.get("summary")?,
    })
}
