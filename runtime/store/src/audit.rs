//! Who changed what: append only, chained by hash, written in the same transaction as the change.
//!
//! A chain shows that a row was changed. That the newest rows were cut off shows only against a head
//! kept elsewhere, which [`Store::verify_audit`] returns for that purpose. Rows that are too old are
//! forgotten from the beginning on, and a new row says where: the chain is checked from there.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wharf_model::{digest::Digest, time::Timestamp};

use crate::{
    error::StoreError,
    journal::Verified,
    row::{self, Millis, Raw, signed},
    run_list::page,
    store::Store,
};

/// The act of the row that says which rows were forgotten.
const PRUNE: &str = "audit.prune";

/// Where the chain begins after rows were forgotten.
#[derive(Debug, Serialize, Deserialize)]
struct Forgotten {
    /// The last of them.
    through: u64,
    /// Its hash.
    hash: Digest,
}

/// Who does something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct By {
    /// `api-key/01J…`, `cli`, `system` and so on.
    pub actor: String,
    /// The time.
    pub now: Timestamp,
}

/// One row of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditRow {
    /// Position, from 1 without gaps.
    pub n: u64,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done: `connector.install`, `grant.set` and so on.
    pub act: String,
    /// To what.
    pub subject: String,
    /// JSON, without secrets.
    pub detail: String,
    /// The chain's hash up to here.
    pub hash: Digest,
}

impl By {
    /// `actor` at `now`.
    pub fn new(actor: impl Into<String>, now: Timestamp) -> Self {
        Self { actor: actor.into(), now }
    }
}

impl Store {
    /// Adds a row for something that changed nothing in the store.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn record(
        &self,
        by: By,
        act: &'static str,
        subject: String,
        detail: Value,
    ) -> Result<(), StoreError> {
        self.write(move |connection| append(connection, &by, act, &subject, &detail)).await
    }

    /// One page of rows, newest first; `before` is the last of the page before.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn audit(&self, before: Option<u64>, limit: usize) -> Result<Vec<AuditRow>, StoreError> {
        self.read(move |connection| {
            let before = before.map_or(i64::MAX, signed);
            let mut select =
                connection.prepare_cached("SELECT * FROM audit WHERE n < ?1 ORDER BY n DESC LIMIT ?2")?;
            let rows = select.query_map(params![before, page(limit)], from_row)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// Checks the whole chain, from the first row that was not forgotten; and, where `known` is an earlier
    /// answer that was kept elsewhere, that the chain is still the one it was made of.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first row that is wrong.
    pub async fn verify_audit(&self, known: Option<Verified>) -> Result<Verified, StoreError> {
        self.read(move |connection| verify(connection, known)).await
    }
}

/// Checks the chain.
pub(crate) fn verify(connection: &Connection, known: Option<Verified>) -> Result<Verified, StoreError> {
    let wrong = |n: u64, reason: &str| StoreError::corrupt(format!("audit row {n}"), reason);
    let mut select = connection.prepare_cached("SELECT * FROM audit ORDER BY n")?;
    let mut found = beginning(connection)?;
    let replaced =
        |found: Verified| known.is_some_and(|known| known.entries == found.entries && known != found);
    for row in select.query_map([], from_row)? {
        let row = row?;
        if row.n != found.entries.saturating_add(1) {
            return Err(wrong(row.n, "rows before it are gone"));
        }
        if hash(found.head, &row) != row.hash {
            return Err(wrong(row.n, "its hash does not match its content"));
        }
        found = Verified { entries: row.n, head: row.hash };
        if replaced(found) {
            return Err(wrong(row.n, "it is not the row that was there when the known hash was noted"));
        }
    }
    match known {
        Some(known) if known.entries > found.entries => {
            Err(wrong(known.entries, "it was there when the known hash was noted, and is gone"))
        }
        Some(_) | None => Ok(found),
    }
}

/// Adds a row in the caller's transaction.
pub(crate) fn append(
    connection: &Connection,
    by: &By,
    act: &str,
    subject: &str,
    detail: &Value,
) -> Result<(), StoreError> {
    let last = connection
        .prepare_cached("SELECT n, hash FROM audit ORDER BY n DESC LIMIT 1")?
        .query_row([], |row| Ok((row::count(row, "n")?, row.get::<_, Raw>("hash")?.0)))
        .optional()?;
    let (n, previous) = last.unwrap_or((0, first()));
    let mut row = AuditRow {
        n: n.saturating_add(1),
        at: by.now,
        actor: by.actor.clone(),
        act: act.to_owned(),
        subject: subject.to_owned(),
        detail: detail.to_string(),
        hash: previous,
    };
    row.hash = hash(previous, &row);
    connection
        .prepare_cached(
            "INSERT INTO audit (n, at, actor, act, subject, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            signed(row.n),
            Millis(row.at),
            row.actor,
            row.act,
            row.subject,
            row.detail,
            Raw(row.hash)
        ])?;
    Ok(())
}

/// Forgets the oldest `batch` rows if all of them are from before `time`; never the newest row. Fewer wait
/// for more, so that the rows about it do not outnumber those that go.
pub(crate) fn prune(
    connection: &Connection,
    time: Timestamp,
    batch: u32,
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut oldest = connection.prepare_cached(
        "SELECT n, at, hash FROM audit WHERE n < (SELECT max(n) FROM audit) ORDER BY n LIMIT ?1",
    )?;
    let rows = oldest.query_map([batch], |row| {
        let gone = Forgotten { through: row::count(row, "n")?, hash: row.get::<_, Raw>("hash")?.0 };
        Ok((row::time(row, "at")?, gone))
    })?;
    let rows: Vec<(Timestamp, Forgotten)> = rows.collect::<Result<_, _>>()?;
    let Some((_, last)) = rows.last().filter(|_| {
        rows.len() == usize::try_from(batch).unwrap_or(usize::MAX) && rows.iter().all(|(at, _)| *at < time)
    }) else {
        return Ok(0);
    };
    connection.prepare_cached("DELETE FROM audit WHERE n <= ?1")?.execute([signed(last.through)])?;
    let detail = json!({ "through": last.through, "hash": last.hash });
    append(connection, &By::new("system", now), PRUNE, "audit", &detail)?;
    Ok(rows.len())
}

/// What was verified before the first row that is there: nothing, unless the newest row about forgetting
/// says otherwise.
fn beginning(connection: &Connection) -> Result<Verified, StoreError> {
    let whole = Verified { entries: 0, head: first() };
    let oldest: Option<i64> = connection.query_row("SELECT min(n) FROM audit", [], |row| row.get(0))?;
    if oldest.is_none_or(|n| n <= 1) {
        return Ok(whole);
    }
    let said: Option<String> = connection
        .query_row("SELECT detail FROM audit WHERE act = ?1 ORDER BY n DESC LIMIT 1", [PRUNE], |row| {
            row.get(0)
        })
        .optional()?;
    match said {
        Some(said) => {
            let forgotten: Forgotten = row::parse("what was forgotten of the audit log", &said)?;
            Ok(Verified { entries: forgotten.through, head: forgotten.hash })
        }
        None => Ok(whole),
    }
}

fn first() -> Digest {
    Digest::of(b"wharf audit 1")
}

fn hash(previous: Digest, row: &AuditRow) -> Digest {
    let mut hash = Sha256::new();
    hash.update(previous.bytes());
    hash.update(row.n.to_le_bytes());
    hash.update(row.at.0.to_le_bytes());
    for text in [&row.actor, &row.act, &row.subject, &row.detail] {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    Digest::from(<[u8; 32]>::from(hash.finalize()))
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<AuditRow> {
    Ok(AuditRow {
        n: row::count(row, "n")?,
        at: row::time(row, "at")?,
        actor: row.get("actor")?,
        act: row.get("act")?,
        subject: row.get("subject")?,
        detail: row.get("detail")?,
        hash: row.get::<_, Raw>("hash")?.0,
    })
}
