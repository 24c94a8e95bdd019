//! Mail for runs: journal entries that somebody else than a run's driver has written, such as an approval.
//!
//! Only the driver appends to a journal, so that it stays one sequence. Mail lies beside it until the
//! driver takes it over, in the transaction that makes it an entry. A run with mail is due at once.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use crate::{
    audit::{self, By},
    error::StoreError,
    row::{self, Millis},
    run::{self, RunId, RunStatus},
    store::Store,
    writer::JobError,
};

/// Mail that waits for one run.
const MAX_WAITING: i64 = 1000;

/// A piece of mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Goes back with [`Settle`](crate::Settle).
    pub n: i64,
    /// JSON, as it was posted.
    pub entry: String,
}

/// Why mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PostError {
    /// The run has ended.
    #[error("run {run} is {status}; it takes nothing more")]
    Ended {
        /// The run.
        run: RunId,
        /// Its status.
        status: RunStatus,
    },
    /// Too much waits for the run already.
    #[error("run {0} has {MAX_WAITING} messages that it has not taken; wait until it has")]
    Full(RunId),
    /// The store failed, or there is no such run.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for PostError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(StoreError::from(error))
    }
}

impl JobError for PostError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Ended { .. } | Self::Full(_) => None,
        }
    }
}

impl Store {
    /// Leaves an entry (JSON) for a run's driver; the act is in the audit log. Durable when it returns.
    ///
    /// # Errors
    /// See [`PostError`]; nothing was written then.
    pub async fn post(
        &self,
        run: RunId,
        entry: String,
        by: By,
        (act, detail): (&'static str, Value),
    ) -> Result<(), PostError> {
        self.write(move |connection| {
            let status = connection
                .prepare_cached("SELECT status FROM run WHERE id = ?1")?
                .query_row([&run], |row| Ok(run::status(row)))
                .optional()?
                .ok_or_else(|| StoreError::not_found("run", &run))??;
            if status.is_final() {
                return Err(PostError::Ended { run: run.clone(), status });
            }
            let waiting: i64 = connection
                .prepare_cached("SELECT count(*) FROM mail WHERE run = ?1")?
                .query_row([&run], |row| row.get(0))?;
            if waiting >= MAX_WAITING {
                return Err(PostError::Full(run.clone()));
            }
            connection
                .prepare_cached("INSERT INTO mail (run, at, entry) VALUES (?1, ?2, ?3)")?
                .execute(params![run, Millis(by.now), entry])?;
            connection
                .prepare_cached("UPDATE run SET due_at = ?2 WHERE id = ?1 AND status = 'waiting'")?
                .execute(params![run, Millis(by.now)])?;
            audit::append(connection, &by, act, &run, &detail)?;
            Ok(())
        })
        .await
    }
}

/// What waits for a run, in order.
pub(crate) fn waiting(connection: &Connection, run: &str) -> Result<Vec<Mail>, StoreError> {
    let mut select = connection.prepare_cached("SELECT n, entry FROM mail WHERE run = ?1 ORDER BY n")?;
    let rows = select.query_map([run], |row| Ok(Mail { n: row.get("n")?, entry: row.get("entry")? }))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether anything does.
pub(crate) fn is_waiting(connection: &Connection, run: &str) -> Result<bool, StoreError> {
    Ok(connection.prepare_cached("SELECT 1 FROM mail WHERE run = ?1 LIMIT 1")?.exists([run])?)
}

/// Removes what was taken over.
pub(crate) fn remove(connection: &Connection, run: &str, taken: &[i64]) -> Result<(), StoreError> {
    if !taken.is_empty() {
        connection
            .prepare_cached("DELETE FROM mail WHERE run = ?1 AND n IN (SELECT value FROM json_each(?2))")?
            .execute(params![run, row::json("mail", &taken)?])?;
    }
    Ok(())
}

/// Removes whatever waits for a run that is forgotten.
pub(crate) fn forget(connection: &Connection, run: &str) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM mail WHERE run = ?1")?.execute([run])?;
    Ok(())
}
