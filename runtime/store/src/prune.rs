//! Forgetting what is old, a small batch at a time, so that ingress never waits behind it.
//!
//! A dedupe key outlives its run if need be: a sender that repeats itself within a week must find it.

use std::time::Duration;

use rusqlite::{Connection, params};
use wharf_model::time::Timestamp;

use crate::{
    audit, blob, denial,
    error::StoreError,
    kv, mail,
    row::{Millis, Raw, signed},
    run::RunId,
    store::Store,
};

/// The least time that a dedupe key is kept.
const KEYS_AT_LEAST: Duration = Duration::from_secs(7 * 24 * 3600);

/// What to keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Runs that ended, other than failed ones, which wait for a decision.
    pub runs: Duration,
    /// What arrived and its dedupe keys; less than 7 days counts as 7 days.
    pub inbox: Duration,
    /// Rows of the audit log; they go a whole batch at a time.
    pub audit: Duration,
    /// Most rows of each kind that one call deletes.
    pub batch: u32,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Self { runs: days(30), inbox: days(30), audit: days(400), batch: 200 }
    }
}

/// What one call deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Runs with their journals.
    pub runs: usize,
    /// Arrivals.
    pub inbox: usize,
    /// Expired entries of connectors' stores.
    pub kept: usize,
    /// Rows of the audit log.
    pub audit: usize,
}

impl Pruned {
    /// Whether there was nothing left to delete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Deletes one batch of what is older than `retention`. Call it again until it deletes nothing.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn prune(&self, now: Timestamp, retention: Retention) -> Result<Pruned, StoreError> {
        self.write(move |connection| {
            let runs = forgettable(connection, now, before(now, retention.runs), retention.batch)?;
            for run in &runs {
                forget(connection, run)?;
            }
            let keep = retention.inbox.max(KEYS_AT_LEAST);
            denial::prune(connection, before(now, keep))?;
            Ok(Pruned {
                runs: runs.len(),
                inbox: forget_arrivals(connection, before(now, keep), retention.batch)?,
                kept: kv::prune(connection, now, retention.batch.into())?,
                audit: audit::prune(connection, before(now, retention.audit), retention.batch, now)?,
            })
        })
        .await
    }
}

fn before(now: Timestamp, age: Duration) -> Timestamp {
    Timestamp(now.0.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
}

/// Ended runs whose own time is over, and those without one that ended before `time`.
fn forgettable(
    connection: &Connection,
    now: Timestamp,
    time: Timestamp,
    batch: u32,
) -> Result<Vec<RunId>, StoreError> {
    // Each half reads its own index, and the whole as many rows as it deletes.
    let mut select = connection.prepare_cached(
        "SELECT id FROM (SELECT id FROM run WHERE finished_at < ?1 AND finished_at IS NOT NULL
             AND status <> 'failed' AND forget_at IS NULL ORDER BY finished_at LIMIT ?2)
         UNION ALL SELECT id FROM (SELECT id FROM run WHERE forget_at <= ?3 AND forget_at IS NOT NULL
             AND status <> 'failed' ORDER BY forget_at LIMIT ?2)
         LIMIT ?2",
    )?;
    let rows = select.query_map(params![Millis(time), batch, Millis(now)], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn forget(connection: &Connection, run: &str) -> Result<(), StoreError> {
    let mut apart = connection
        .prepare_cached("SELECT entry_blob FROM journal WHERE run = ?1 AND entry_blob IS NOT NULL")?;
    let blobs: Vec<Raw> = apart.query_map([run], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for Raw(digest) in blobs {
        blob::release(connection, digest)?;
    }
    mail::forget(connection, run)?;
    connection.prepare_cached("DELETE FROM journal WHERE run = ?1")?.execute([run])?;
    connection.prepare_cached("DELETE FROM dead_letter WHERE run = ?1")?.execute([run])?;
    connection.prepare_cached("DELETE FROM denied_run WHERE run = ?1")?.execute([run])?;
    connection.prepare_cached("DELETE FROM run WHERE id = ?1")?.execute([run])?;
    Ok(())
}

fn forget_arrivals(connection: &Connection, time: Timestamp, batch: u32) -> Result<usize, StoreError> {
    let mut delete = connection.prepare_cached(
        "DELETE FROM inbox WHERE n IN (SELECT n FROM inbox WHERE at < ?1 ORDER BY at LIMIT ?2) RETURNING body_blob",
    )?;
    let rows =
        delete.query_map(params![Millis(time), signed(batch.into())], |row| row.get::<_, Option<Raw>>(0))?;
    let gone: Vec<Option<Raw>> = rows.collect::<Result<_, _>>()?;
    for Raw(digest) in gone.iter().flatten() {
        blob::release(connection, *digest)?;
    }
    Ok(gone.len())
}
