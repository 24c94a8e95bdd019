//! A run's journal: append only, chained by hash from the run's id to the head that the run's row names.
//!
//! The head makes the chain closed at both ends: an entry that was changed, moved, inserted, or cut
//! off at the end does not verify.

use std::{fmt, str::FromStr};

use rusqlite::{Connection, Row, params};
use sha2::{Digest as _, Sha256};
use wharf_model::{digest::Digest, time::Timestamp};

use crate::{
    blob::{self, Placed},
    error::StoreError,
    row::{self, Millis, Raw, signed},
    run::RunId,
    store::Store,
};

/// One entry as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalRow {
    /// Position, from 0 without gaps.
    pub seq: u64,
    /// When it was appended.
    pub at: Timestamp,
    /// JSON, byte for byte as the engine wrote it.
    pub entry: String,
}

/// What a chain of hashes says after it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many entries it has.
    pub entries: u64,
    /// The last hash. Keep it elsewhere, and a later check finds out whether all of them were replaced.
    pub head: Digest,
}

/// Not `ENTRIES:sha256:HASH`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no head of a chain: it is written `ROW:sha256:` and 64 hexadecimal digits")]
pub struct BadHead(String);

impl fmt::Display for Verified {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.entries, self.head)
    }
}

impl FromStr for Verified {
    type Err = BadHead;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = text.split_once(':').and_then(|(entries, head)| {
            Some(Self { entries: entries.parse().ok()?, head: head.parse().ok()? })
        });
        // One spelling a head: what `parse` takes besides (`+1`, capitals) is not what was printed.
        parsed
            .filter(|head| head.to_string() == text)
            .ok_or_else(|| BadHead(text.chars().take(100).collect()))
    }
}

/// The next position of a journal and the hash of what lies before it.
#[derive(Clone, Copy)]
pub(crate) struct Head {
    pub(crate) seq: u64,
    pub(crate) hash: Digest,
}

impl Head {
    /// Of the empty journal. It depends on the run, so that no journal passes for another's.
    pub(crate) fn first(run: &str) -> Self {
        Self { seq: 0, hash: Digest::of(&[b"wharf journal 1 ", run.as_bytes()].concat()) }
    }

    fn next(self, at: Timestamp, entry: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.hash.bytes());
        hash.update(self.seq.to_le_bytes());
        hash.update(at.0.to_le_bytes());
        hash.update(entry.as_bytes());
        Self { seq: self.seq.saturating_add(1), hash: Digest::from(<[u8; 32]>::from(hash.finalize())) }
    }
}

/// Appends `entries` at `head` and returns the new one.
pub(crate) fn append(
    connection: &Connection,
    run: &str,
    head: Head,
    at: Timestamp,
    entries: &[String],
) -> Result<Head, StoreError> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO journal (run, seq, at, entry, entry_blob, prev_hash, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut head = head;
    for entry in entries {
        let next = head.next(at, entry);
        let (inline, apart) = match blob::place(connection, entry.as_str())? {
            Placed::Inline(text) => (Some(text), None),
            Placed::Apart(digest) => (None, Some(Raw(digest))),
        };
        insert.execute(params![
            run,
            signed(head.seq),
            Millis(at),
            inline,
            apart,
            Raw(head.hash),
            Raw(next.hash)
        ])?;
        head = next;
    }
    Ok(head)
}

/// All entries in order, checked against the chain and the run's own `head`.
pub(crate) fn load(connection: &Connection, run: &str, head: Head) -> Result<Vec<JournalRow>, StoreError> {
    let damaged =
        |seq: u64, reason: &str| StoreError::corrupt(format!("journal of run {run}, entry {seq}"), reason);
    let mut select = connection.prepare_cached(
        "SELECT seq, at, entry, entry_blob, prev_hash, hash FROM journal WHERE run = ?1 ORDER BY seq",
    )?;
    let mut rows = select.query([run])?;
    let mut at_head = Head::first(run);
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let (seq, hash, entry) = stored(connection, row)?;
        if seq != at_head.seq {
            return Err(damaged(at_head.seq, "it is gone"));
        }
        if row.get::<_, Raw>("prev_hash")?.0 != at_head.hash {
            return Err(damaged(seq, "it does not follow the entry before it"));
        }
        let at = row::time(row, "at")?;
        at_head = at_head.next(at, &entry);
        if hash != at_head.hash {
            return Err(damaged(seq, "its hash does not match its content"));
        }
        entries.push(JournalRow { seq, at, entry });
    }
    if at_head.seq == head.seq && at_head.hash == head.hash {
        Ok(entries)
    } else {
        Err(damaged(at_head.seq, "the journal does not end where the run says"))
    }
}

fn stored(connection: &Connection, row: &Row<'_>) -> Result<(u64, Digest, String), StoreError> {
    let seq = row::count(row, "seq")?;
    let hash = row.get::<_, Raw>("hash")?.0;
    let inline: Option<String> = row.get("entry")?;
    let apart: Option<Raw> = row.get("entry_blob")?;
    let entry = match (inline, apart) {
        (Some(text), None) => text,
        (None, Some(Raw(digest))) => {
            let bytes = blob::fetch(connection, digest)?;
            String::from_utf8(bytes)
                .map_err(|error| StoreError::corrupt(format!("blob {digest}"), error.to_string()))?
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(StoreError::corrupt(format!("journal entry {seq}"), "it has no content, or two"));
        }
    };
    Ok((seq, hash, entry))
}

/// The run's own word on where its journal ends.
pub(crate) fn head_of(row: &Row<'_>) -> rusqlite::Result<Head> {
    Ok(Head { seq: row::count(row, "seq")?, hash: row.get::<_, Raw>("head")?.0 })
}

impl Store {
    /// Checks the chain of one run's journal.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] with the first entry that is wrong; [`StoreError::NotFound`] without the run.
    pub async fn verify_journal(&self, run: RunId) -> Result<Verified, StoreError> {
        self.read(move |connection| {
            let head =
                crate::run::head(connection, &run)?.ok_or_else(|| StoreError::not_found("run", &run))?;
            load(connection, &run, head)?;
            Ok(Verified { entries: head.seq, head: head.hash })
        })
        .await
    }
}
