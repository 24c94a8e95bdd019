//! The evidence: every chain of hashes that the database keeps, checked from end to end.
//!
//! It can be checked without the server that wrote it, through a connection that cannot write: who does not
//! trust the process need not ask it.

use std::{path::Path, time::Duration};

use rusqlite::{Connection, OpenFlags, params};

use crate::{
    audit,
    error::StoreError,
    journal::{self, Verified},
    run::RunId,
    run_list::LAST_ID,
    schema,
    store::{DATABASE, Store},
};

/// Most runs that are checked at once.
const PAGE: usize = 1_000;

/// What the chains of a page of runs say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journals {
    /// Runs whose journals were checked.
    pub runs: u64,
    /// Entries of those that are sound.
    pub entries: u64,
    /// Those that are not.
    pub damaged: Vec<Damaged>,
    /// Where the next page begins; none after the last.
    pub next: Option<RunId>,
}

/// A journal that is not what was appended to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damaged {
    /// Its run.
    pub run: RunId,
    /// The first thing that is wrong.
    pub why: String,
}

/// A database that is read without its server.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
}

impl Archive {
    /// Opens the database in `dir` for reading; a server may be at work on it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is none, [`StoreError::Older`] or [`StoreError::Newer`] when its
    /// schema is not this version's.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(DATABASE);
        if !matches!(path.try_exists(), Ok(true)) {
            return Err(StoreError::not_found("database", path.display().to_string()));
        }
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.execute_batch("PRAGMA query_only = ON")?;
        schema::require(&connection)?;
        Ok(Self { connection })
    }

    /// As [`Store::verify_audit`].
    ///
    /// # Errors
    /// As there.
    pub fn audit(&self, known: Option<Verified>) -> Result<Verified, StoreError> {
        audit::verify(&self.connection, known)
    }

    /// As [`Store::verify_journals`].
    ///
    /// # Errors
    /// As there.
    pub fn journals(&self, after: Option<&str>) -> Result<Journals, StoreError> {
        journals(&self.connection, after, PAGE)
    }
}

impl Store {
    /// Checks the journals of the next thousand runs after `after`, in the order of their ids.
    ///
    /// # Errors
    /// When the read fails. A damaged journal is an answer, not an error.
    pub async fn verify_journals(&self, after: Option<RunId>) -> Result<Journals, StoreError> {
        self.read(move |connection| journals(connection, after.as_deref(), PAGE)).await
    }
}

/// Checks at most `page` journals after `after`, and that no entries lie there without a run.
pub(crate) fn journals(
    connection: &Connection,
    after: Option<&str>,
    page: usize,
) -> Result<Journals, StoreError> {
    let after = after.unwrap_or("");
    let mut select =
        connection.prepare_cached("SELECT id, seq, head FROM run WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let mut rows = select.query(params![after, i64::try_from(page).unwrap_or(i64::MAX)])?;
    let mut found = Journals::default();
    let mut last = None;
    while let Some(row) = rows.next()? {
        let run: RunId = row.get("id")?;
        let head = journal::head_of(row).map_err(StoreError::from);
        match head.and_then(|head| journal::load(connection, &run, head)) {
            Ok(entries) => found.entries = found.entries.saturating_add(entries.len() as u64),
            Err(StoreError::Corrupt { what, reason }) => {
                found.damaged.push(Damaged { run: run.clone(), why: format!("{what}: {reason}") });
            }
            Err(error) => return Err(error),
        }
        found.runs = found.runs.saturating_add(1);
        last = Some(run);
    }
    found.next = last.filter(|_| usize::try_from(found.runs).is_ok_and(|runs| runs >= page));
    found.damaged.extend(orphans(connection, after, found.next.as_deref().unwrap_or(LAST_ID))?);
    Ok(found)
}

/// Entries between two ids whose run is gone: a run is never forgotten without its journal.
fn orphans(connection: &Connection, after: &str, through: &str) -> Result<Vec<Damaged>, StoreError> {
    let mut select = connection.prepare_cached(
        "SELECT DISTINCT run FROM journal WHERE run > ?1 AND run <= ?2
         AND NOT EXISTS (SELECT 1 FROM run WHERE run.id = journal.run) ORDER BY run LIMIT ?3",
    )?;
    let most = i64::try_from(PAGE).unwrap_or(i64::MAX);
    let rows = select.query_map(params![after, through, most], |row| row.get::<_, RunId>("run"))?;
    rows.map(|run| Ok(Damaged { run: run?, why: "its journal is there, and the run is gone".to_owned() }))
        .collect()
}
