//! Runs that failed for good, and what somebody decided about them.
//!
//! A replay goes on with the same run: its id is part of every idempotency key, and a write that an
//! earlier attempt completed is answered from the same journal.

use std::{fmt, str::FromStr};

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use wharf_model::time::Timestamp;

use crate::{
    audit::{self, By},
    error::StoreError,
    journal,
    row::{self, Millis, Raw, signed},
    run::{self, RunId, RunStatus},
    run_list::{LAST_ID, page},
    store::Store,
    writer::JobError,
};

/// Why a run failed for good; goes with the settling that ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeadLetter {
    /// The path of the step that failed.
    pub step: String,
    /// The failure class, or another stable kebab-case name.
    pub class: String,
    /// For a person.
    pub message: String,
    /// JSON: the whole failure.
    pub detail: String,
}

/// A run that failed for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// The run; a run has one dead letter at most.
    pub run: RunId,
    /// Its flow.
    pub flow: String,
    /// When it failed, the last time.
    pub at: Timestamp,
    /// The path of the step that failed.
    pub step: String,
    /// The failure class, or another stable kebab-case name.
    pub class: String,
    /// For a person.
    pub message: String,
    /// JSON: the whole failure.
    pub detail: String,
    /// What was decided.
    pub state: DeadLetterState,
    /// When.
    pub resolved_at: Option<Timestamp>,
    /// By whom.
    pub resolved_by: Option<String>,
    /// Why.
    pub reason: Option<String>,
}

/// What was decided about a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLetterState {
    /// Nothing yet.
    Open,
    /// The run went on.
    Replayed,
    /// It stays as it is.
    Discarded,
}

/// Which dead letters to list, newest run first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Only those of this state.
    pub state: Option<DeadLetterState>,
    /// Only runs older than this one: the last of the page before.
    pub before: Option<RunId>,
    /// At most this many; 1 to 200.
    pub limit: usize,
}

/// Why a dead letter was not resolved.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResolveError {
    /// Somebody has decided already, or the run is under way again.
    #[error("the dead letter of run {run} is {state}, not open")]
    NotOpen {
        /// The run.
        run: RunId,
        /// The state it is in.
        state: DeadLetterState,
    },
    /// The store failed, or there is no such dead letter.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ResolveError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(StoreError::from(error))
    }
}

impl JobError for ResolveError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::NotOpen { .. } => None,
        }
    }
}

impl DeadLetterState {
    const ALL: [Self; 3] = [Self::Open, Self::Replayed, Self::Discarded];

    /// The stable name, as in SQL and the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

impl fmt::Display for DeadLetterState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for DeadLetterState {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|state| state.name() == text).ok_or_else(|| StoreError::Invalid {
            what: "state",
            reason: format!("`{text}` is none of {}", Self::ALL.map(Self::name).join(", ")),
        })
    }
}

impl Store {
    /// One page of dead letters.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, StoreError> {
        self.read(move |connection| {
            let before = filter.before.as_deref().unwrap_or(LAST_ID);
            let limit = page(filter.limit);
            let Some(state) = filter.state else {
                let sql = "SELECT * FROM dead_letter WHERE run < ?1 ORDER BY run DESC LIMIT ?2";
                return collect(connection, sql, params![before, limit]);
            };
            let sql = "SELECT * FROM dead_letter WHERE state = ?3 AND run < ?1 ORDER BY run DESC LIMIT ?2";
            collect(connection, sql, params![before, limit, state.name()])
        })
        .await
    }

    /// The dead letter of a run.
    ///
    /// # Errors
    /// When the read fails.
    pub async fn dead_letter(&self, run: RunId) -> Result<Option<DeadLetter>, StoreError> {
        self.read(move |connection| find(connection, &run)).await
    }

    /// Lets a failed run go on at `by.now`, after `entries` (JSON) in its journal. Of two callers, one is told
    /// that the dead letter is no longer open.
    ///
    /// # Errors
    /// See [`ResolveError`]; nothing was changed then.
    pub async fn replay_dead_letter(
        &self,
        run: RunId,
        entries: Vec<String>,
        by: By,
    ) -> Result<(), ResolveError> {
        self.write(move |connection| {
            resolve(connection, &run, DeadLetterState::Replayed, None, &by)?;
            let head = run::head(connection, &run)?.ok_or_else(|| StoreError::not_found("run", &run))?;
            let head = journal::append(connection, &run, head, by.now, &entries)?;
            connection
                .prepare_cached(
                    "UPDATE run SET status = ?2, due_at = ?3, seq = ?4, head = ?5, updated_at = ?3, finished_at = NULL, forget_at = NULL
                     WHERE id = ?1",
                )?
                .execute(params![run, RunStatus::Waiting.name(), Millis(by.now), signed(head.seq), Raw(head.hash)])?;
            Ok(())
        })
        .await
    }

    /// Leaves a failed run at that.
    ///
    /// # Errors
    /// See [`ResolveError`]; nothing was changed then.
    pub async fn discard_dead_letter(&self, run: RunId, reason: String, by: By) -> Result<(), ResolveError> {
        self.write(move |connection| {
            resolve(connection, &run, DeadLetterState::Discarded, Some(&reason), &by)?;
            connection
                .prepare_cached("UPDATE run SET status = ?2, updated_at = ?3 WHERE id = ?1")?
                .execute(params![run, RunStatus::Discarded.name(), Millis(by.now)])?;
            Ok(())
        })
        .await
    }
}

/// Opens the run's dead letter, again if it had one.
pub(crate) fn open(
    connection: &Connection,
    run: &str,
    flow: &str,
    letter: &NewDeadLetter,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO dead_letter (run, flow, at, step, class, message, detail, state)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            run,
            flow,
            Millis(now),
            letter.step,
            letter.class,
            letter.message,
            letter.detail,
            DeadLetterState::Open.name(),
        ])?;
    Ok(())
}

fn resolve(
    connection: &Connection,
    run: &str,
    state: DeadLetterState,
    reason: Option<&str>,
    by: &By,
) -> Result<(), ResolveError> {
    let letter = find(connection, run)?.ok_or_else(|| StoreError::not_found("dead letter", run))?;
    if letter.state != DeadLetterState::Open {
        return Err(ResolveError::NotOpen { run: run.to_owned(), state: letter.state });
    }
    connection
        .prepare_cached(
            "UPDATE dead_letter SET state = ?2, resolved_at = ?3, resolved_by = ?4, reason = ?5 WHERE run = ?1",
        )?
        .execute(params![run, state.name(), Millis(by.now), by.actor, reason])?;
    let act = match state {
        DeadLetterState::Replayed => "dead-letter.replay",
        DeadLetterState::Discarded => "dead-letter.discard",
        DeadLetterState::Open => "dead-letter.open",
    };
    audit::append(connection, by, act, run, &serde_json::json!({ "reason": reason }))?;
    Ok(())
}

fn find(connection: &Connection, run: &str) -> Result<Option<DeadLetter>, StoreError> {
    connection
        .prepare_cached("SELECT * FROM dead_letter WHERE run = ?1")?
        .query_row([run], |row| Ok(from_row(row)))
        .optional()?
        .transpose()
}

fn collect(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
) -> Result<Vec<DeadLetter>, StoreError> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut letters = Vec::new();
    while let Some(row) = rows.next()? {
        letters.push(from_row(row)?);
    }
    Ok(letters)
}

fn from_row(row: &Row<'_>) -> Result<DeadLetter, StoreError> {
    let state: String = row.get("state")?;
    Ok(DeadLetter {
        run: row.get("run")?,
        flow: row.get("flow")?,
        at: row::time(row, "at")?,
        step: row.get("step")?,
        class: row.get("class")?,
        message: row.get("message")?,
        detail: row.get("detail")?,
        state: state
            .parse::<DeadLetterState>()
            .map_err(|error| StoreError::corrupt("dead letter", error.to_string()))?,
        resolved_at: row::time_maybe(row, "resolved_at")?,
        resolved_by: row.get("resolved_by")?,
        reason: row.get("reason")?,
    })
}
