//! Settling: a step's outcome, what the connector kept, and where the run goes next, in one transaction.
//!
//! It is a compare-and-set. The caller says which entry comes next and in which epoch it claimed
//! the run; if either is no longer so, nothing is written, and somebody else's outcome stands.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, params};
use wharf_model::time::Timestamp;

use crate::{
    dead_letter::{self, NewDeadLetter},
    error::StoreError,
    journal::{self, Head},
    kv::{self, KvError, StoreWrite},
    mail,
    row::{Millis, Raw, signed},
    run::{self, NewRun, RunId, RunStatus},
    store::Store,
    writer::JobError,
};

/// What became of a claimed run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settle {
    /// The run.
    pub run: RunId,
    /// From [`Claimed`](crate::Claimed), or [`Store::epoch`] for a run that the caller made itself.
    pub epoch: u64,
    /// The position that the first of `entries` gets: how many entries the caller knows.
    pub expected_seq: u64,
    /// JSON, appended in order.
    pub entries: Vec<String>,
    /// Where the run goes next.
    pub state: RunState,
    /// JSON for lists of runs; none leaves the last one.
    pub summary: Option<String>,
    /// What the connector kept.
    pub store_writes: Vec<StoreWrite>,
    /// Goes with [`RunStatus::Failed`].
    pub dead_letter: Option<NewDeadLetter>,
    /// Mail that is among the entries now.
    pub taken: Vec<i64>,
    /// Runs that this one starts.
    pub new_runs: Vec<NewRun>,
    /// How long the run is kept after its end; none: as long as the server keeps any.
    pub keep: Option<Duration>,
    /// The time.
    pub now: Timestamp,
}

/// Where a run goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunState {
    /// The caller goes on with it at once.
    Claimed,
    /// Anybody may claim it at this time; at once, if there is mail for it.
    Ready {
        /// The time.
        due_at: Timestamp,
    },
    /// It has ended.
    Finished {
        /// A final one.
        status: RunStatus,
    },
}

/// Why a run was not settled. Nothing of it was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The claim is from an earlier epoch.
    #[error("fenced: claimed in epoch {held}, the database is at {current}")]
    Fenced {
        /// The claim's epoch.
        held: u64,
        /// The database's.
        current: u64,
    },
    /// The run has moved on, or is not claimed.
    #[error("run {run} is {status} at entry {found}, not running at {expected}")]
    Conflict {
        /// The run.
        run: RunId,
        /// Its status.
        status: RunStatus,
        /// What the caller expected.
        expected: u64,
        /// Where the run is.
        found: u64,
    },
    /// What the connector kept cannot be kept.
    #[error(transparent)]
    Kept(#[from] KvError),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for SettleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Fenced { held, current } => Self::Fenced { held, current },
            error => Self::Store(error),
        }
    }
}

impl From<rusqlite::Error> for SettleError {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(StoreError::from(error))
    }
}

impl JobError for SettleError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) | Self::Kept(KvError::Store(error)) => Some(error),
            // A claim of an earlier epoch concerns its own job; the group's own epoch is checked apart.
            Self::Fenced { .. } | Self::Conflict { .. } | Self::Kept(_) => None,
        }
    }
}

impl Store {
    /// Writes what became of a claimed run; durable when it returns.
    ///
    /// # Errors
    /// See [`SettleError`]; nothing was written then.
    pub async fn settle(&self, settle: Settle) -> Result<(), SettleError> {
        let current = self.epoch();
        self.write(move |connection| apply(connection, current, &settle)).await
    }
}

fn apply(connection: &Connection, current: u64, settle: &Settle) -> Result<(), SettleError> {
    if settle.epoch != current {
        return Err(SettleError::Fenced { held: settle.epoch, current });
    }
    let (flow, head) = expect(connection, settle)?;
    let head = journal::append(connection, &settle.run, head, settle.now, &settle.entries)?;
    for write in &settle.store_writes {
        kv::apply(connection, write, settle.now)?;
    }
    mail::remove(connection, &settle.run, &settle.taken)?;
    for run in &settle.new_runs {
        run::insert(connection, run, None, settle.now)?;
    }
    if let Some(letter) = &settle.dead_letter {
        dead_letter::open(connection, &settle.run, &flow, letter, settle.now)?;
    }
    move_on(connection, settle, head)
}

/// The run as the caller believes it to be.
fn expect(connection: &Connection, settle: &Settle) -> Result<(String, Head), SettleError> {
    let found = connection
        .prepare_cached("SELECT flow, status, seq, head FROM run WHERE id = ?1")?
        .query_row([&settle.run], |row| {
            Ok((row.get::<_, String>("flow")?, run::status(row), journal::head_of(row)?))
        })
        .optional()?;
    let (flow, status, head) = found.ok_or_else(|| StoreError::not_found("run", &settle.run))?;
    let status = status?;
    if status == RunStatus::Running && head.seq == settle.expected_seq {
        Ok((flow, head))
    } else {
        Err(SettleError::Conflict {
            run: settle.run.clone(),
            status,
            expected: settle.expected_seq,
            found: head.seq,
        })
    }
}

fn move_on(connection: &Connection, settle: &Settle, head: Head) -> Result<(), SettleError> {
    let (status, due_at) = match settle.state {
        RunState::Claimed => (RunStatus::Running, None),
        // Whoever posts to a run that is claimed leaves it to this to see the mail.
        RunState::Ready { due_at } if mail::is_waiting(connection, &settle.run)? => {
            (RunStatus::Waiting, Some(due_at.min(settle.now)))
        }
        RunState::Ready { due_at } => (RunStatus::Waiting, Some(due_at)),
        RunState::Finished { status } => (status, None),
    };
    let ended = match settle.state {
        RunState::Claimed | RunState::Ready { .. } => None,
        RunState::Finished { status } if status.is_final() => Some(settle.now),
        RunState::Finished { status } => {
            let reason = format!("a run cannot finish as {status}");
            return Err(StoreError::Invalid { what: "status", reason }.into());
        }
    };
    if settle.dead_letter.is_some() != (status == RunStatus::Failed) {
        let reason = "a failed run has one, and no other".to_owned();
        return Err(StoreError::Invalid { what: "dead letter", reason }.into());
    }
    connection
        .prepare_cached(
            "UPDATE run SET status = ?2, due_at = ?3, seq = ?4, head = ?5, updated_at = ?6, finished_at = ?7,
                 summary = coalesce(?8, summary), forget_at = ?9
             WHERE id = ?1",
        )?
        .execute(params![
            settle.run,
            status.name(),
            due_at.map(Millis),
            signed(head.seq),
            Raw(head.hash),
            Millis(settle.now),
            ended.map(Millis),
            settle.summary,
            ended.zip(settle.keep).map(|(at, keep)| Millis(at.after(keep))),
        ])?;
    Ok(())
}
