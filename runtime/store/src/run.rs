//! Runs: how they begin, wait for their time, and are claimed.
//!
//! A claim is a change of status in the same file as everything else, so that what a process held
//! when it died is known to the next one; nobody has to guess by a timeout.

use std::{collections::BTreeMap, fmt, str::FromStr};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wharf_model::{digest::Digest, time::Timestamp};

use crate::{
    dead_letter::{self, NewDeadLetter},
    error::StoreError,
    journal::{self, Head, JournalRow},
    mail::{self, Mail},
    row::{self, Millis, Raw, signed},
    store::Store,
};

/// A run's id: a ULID in its text form, made by whoever makes the run; ids sort by age.
pub type RunId = String;

/// A run to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRun {
    /// Its id.
    pub id: RunId,
    /// The flow's name.
    pub flow: String,
    /// The version it is pinned to.
    pub flow_version: u32,
    /// The connectors it is pinned to, by name.
    pub digests: BTreeMap<String, Digest>,
    /// The first journal entries, JSON.
    pub entries: Vec<String>,
    /// When it may be claimed; none means that the caller has it already.
    pub due_at: Option<Timestamp>,
    /// The run that started it, if one did.
    pub origin: Option<Origin>,
}

/// What started a run that no event from outside did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The run.
    pub run: RunId,
    /// The path of its step.
    pub step: String,
    /// How many runs led to this one, from 1.
    pub depth: u32,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RunStatus {
    /// Claimed.
    Running,
    /// To be claimed at its due time.
    Waiting,
    /// Ended well.
    Done,
    /// Ended at once, because the flow was not interested.
    Ignored,
    /// Ended badly; there is a dead letter.
    Failed,
    /// Ended badly, and somebody decided to leave it at that.
    Discarded,
}

/// A run that is the caller's to drive until it settles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The run.
    pub run: RunId,
    /// Goes back with [`Settle`](crate::Settle).
    pub epoch: u64,
    /// The flow's name.
    pub flow: String,
    /// The version it is pinned to.
    pub flow_version: u32,
    /// The connectors it is pinned to, by name.
    pub digests: BTreeMap<String, Digest>,
    /// How many runs led to it.
    pub depth: u32,
    /// The whole journal in order, verified.
    pub entries: Vec<JournalRow>,
    /// What waits to be taken over into it, in order.
    pub mail: Vec<Mail>,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [Self; 6] =
        [Self::Running, Self::Waiting, Self::Done, Self::Ignored, Self::Failed, Self::Discarded];

    /// The stable kebab-case name, as in SQL, the API and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
        }
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        match self {
            Self::Running | Self::Waiting => false,
            Self::Done | Self::Ignored | Self::Failed | Self::Discarded => true,
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RunStatus {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|status| status.name() == text).ok_or_else(|| StoreError::Invalid {
            what: "status",
            reason: format!("`{text}` is none of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

/// The status in column `status`.
pub(crate) fn status(row: &Row<'_>) -> Result<RunStatus, StoreError> {
    let text: String = row.get("status")?;
    text.parse::<RunStatus>().map_err(|error| StoreError::corrupt("run", error.to_string()))
}

/// Makes a run and the start of its journal.
pub(crate) fn insert(
    connection: &Connection,
    run: &NewRun,
    inbox: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    if run.id.is_empty() {
        return Err(StoreError::Invalid { what: "run id", reason: "it is empty: make a ULID".to_owned() });
    }
    let head = journal::append(connection, &run.id, Head::first(&run.id), now, &run.entries)?;
    let status = if run.due_at.is_some() { RunStatus::Waiting } else { RunStatus::Running };
    connection
        .prepare_cached(
            "INSERT INTO run (id, flow, flow_version, digests, status, due_at, seq, head, inbox, created_at, updated_at,
                 parent, parent_step, depth)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            run.id,
            run.flow,
            run.flow_version,
            row::json("digests", &run.digests)?,
            status.name(),
            run.due_at.map(Millis),
            signed(head.seq),
            Raw(head.hash),
            inbox,
            Millis(now),
            run.origin.as_ref().map(|origin| &origin.run),
            run.origin.as_ref().map(|origin| &origin.step),
            run.origin.as_ref().map_or(0, |origin| origin.depth),
        ])?;
    Ok(())
}

/// Where the run's journal ends; none without the run.
pub(crate) fn head(connection: &Connection, run: &str) -> Result<Option<Head>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT seq, head FROM run WHERE id = ?1")?
        .query_row([run], journal::head_of)
        .optional()?)
}

impl Store {
    /// Claims up to `limit` runs whose time has come, the longest due first.
    ///
    /// A run whose journal does not verify is not handed out: it ends as failed, with a dead letter of
    /// class `journal-damaged`, so that one bad row never holds up the others.
    ///
    /// # Errors
    /// When the write fails.
    pub async fn claim(&self, now: Timestamp, limit: usize) -> Result<Vec<Claimed>, StoreError> {
        let epoch = self.epoch();
        self.write(move |connection| {
            let mut claimed = Vec::new();
            for (run, flow) in mark_claimed(connection, now, limit)? {
                match read_claimed(connection, epoch, &run) {
                    Ok(run) => claimed.push(run),
                    Err(error @ StoreError::Corrupt { .. }) => bury(connection, &run, &flow, &error, now)?,
                    Err(error) => return Err(error),
                }
            }
            Ok(claimed)
        })
        .await
    }

    /// When the next run is due; none when none waits.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        self.read(|connection| {
            let due: Option<Millis> = connection
                .prepare_cached("SELECT due_at FROM run WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1")?
                .query_row([], |row| row.get(0))
                .optional()?;
            Ok(due.map(|millis| millis.0))
        })
        .await
    }
}

/// The ids and flows of the runs that are now the caller's.
fn mark_claimed(
    connection: &Connection,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<(RunId, String)>, StoreError> {
    let mut update = connection.prepare_cached(
        "UPDATE run SET status = 'running', due_at = NULL, updated_at = ?1
         WHERE id IN (SELECT id FROM run WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2)
         RETURNING id, flow",
    )?;
    let rows = update
        .query_map(params![Millis(now), row::length(limit)], |row| Ok((row.get("id")?, row.get("flow")?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_claimed(connection: &Connection, epoch: u64, run: &str) -> Result<Claimed, StoreError> {
    let mut select = connection
        .prepare_cached("SELECT flow, flow_version, digests, depth, seq, head FROM run WHERE id = ?1")?;
    let mut rows = select.query([run])?;
    let row = rows.next()?.ok_or_else(|| StoreError::not_found("run", run))?;
    let digests: String = row.get("digests")?;
    Ok(Claimed {
        run: run.to_owned(),
        epoch,
        flow: row.get("flow")?,
        flow_version: row::small(row, "flow_version")?,
        digests: row::parse(format!("run {run}"), &digests)?,
        depth: row::small(row, "depth")?,
        entries: journal::load(connection, run, journal::head_of(row)?)?,
        mail: mail::waiting(connection, run)?,
    })
}

fn bury(
    connection: &Connection,
    run: &str,
    flow: &str,
    error: &StoreError,
    now: Timestamp,
) -> Result<(), StoreError> {
    tracing::error!(run, %error, "a run ends because its journal is damaged");
    connection
        .prepare_cached("UPDATE run SET status = 'failed', finished_at = ?2 WHERE id = ?1")?
        .execute(params![run, Millis(now)])?;
    let letter = NewDeadLetter {
        step: String::new(),
        class: "journal-damaged".to_owned(),
        message: error.to_string(),
        detail: "{}".to_owned(),
    };
    dead_letter::open(connection, run, flow, &letter, now)
}
