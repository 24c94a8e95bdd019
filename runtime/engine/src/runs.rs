//! Looking at runs and dead letters, and sending them on their way again.

use serde::Serialize;
use wharf_model::journal::{Entry, State};
use wharf_store::{By, DeadLetter, DeadLetterFilter, ResolveError, RunFilter, RunRow, RunStatus, StoreError};

use crate::{
    accept::Accepted,
    clock,
    engine::Engine,
    error::{AcceptError, EngineError},
    record::{RunLink, RunRecord, steps},
};

/// How many runs there are.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Runs by flow and status.
    pub runs: Vec<RunCount>,
    /// Dead letters that wait for somebody.
    pub dead_letters: u64,
}

/// Runs of one flow in one status.
#[derive(Clone, Debug, Serialize)]
pub struct RunCount {
    /// The flow.
    pub flow: String,
    /// The status.
    pub status: &'static str,
    /// How many.
    pub count: u64,
}

impl Engine {
    /// Runs, newest first.
    pub async fn runs(&self, filter: RunFilter) -> Result<Vec<RunRow>, EngineError> {
        Ok(self.inner.store.runs(filter).await?)
    }

    /// One run, step by step.
    pub async fn run(&self, id: &str) -> Result<RunRecord, EngineError> {
        let detail = self.inner.store.run(id.to_owned()).await?;
        let detail = detail.ok_or_else(|| EngineError::not_found("run", id))?;
        let entries = parse(&detail.entries)?;
        let state = State::fold(&entries);
        let flow =
            self.inner.flows.version(&self.inner.store, &detail.row.flow, detail.row.flow_version).await;
        let flow = flow.map_err(|error| EngineError::Refused(error.to_string()))?;
        let (steps, steps_left_out) = steps(&flow, &entries, &state);
        let spent = |of: fn(&wharf_model::call::Metering) -> u64| {
            steps.iter().flat_map(|step| &step.attempts).map(|attempt| of(&attempt.metering)).sum::<u64>()
        };
        let theirs_micros = spent(|metering| metering.gate_micros);
        let wall = spent(|metering| metering.wall_micros);
        Ok(RunRecord {
            id: detail.row.id,
            flow: detail.row.flow,
            flow_version: detail.row.flow_version,
            status: detail.row.status.name().to_owned(),
            accepted_at: detail.row.created_at,
            finished_at: detail.row.finished_at,
            provenance: state.provenance.clone(),
            event: state.event.clone(),
            connectors: detail
                .digests
                .iter()
                .map(|(name, digest)| (name.clone(), digest.to_string()))
                .collect(),
            ours_micros: wall.saturating_sub(theirs_micros),
            theirs_micros,
            steps,
            steps_left_out,
            stopped: state.stopped.map(|stopped| (stopped.step, stopped.reason)),
            started_by: detail.origin.map(|origin| RunLink { run: origin.run, step: origin.step }),
            started: detail.started.into_iter().map(|(step, run)| RunLink { run, step }).collect(),
        })
    }

    /// Sends a run on its way again. One that failed goes on from the step where it died, with its
    /// journal and its idempotency keys; one that ended well is done anew, as a run of its own.
    pub async fn replay_run(&self, id: &str, actor: &str) -> Result<Accepted, AcceptError> {
        let detail = self.inner.store.run(id.to_owned()).await?;
        let detail = detail.ok_or_else(|| EngineError::not_found("run", id))?;
        match detail.row.status {
            RunStatus::Failed => self.replay_dead_letter(id, actor).await,
            RunStatus::Running | RunStatus::Waiting => {
                Err(EngineError::Refused(format!("run {id} has not ended")).into())
            }
            RunStatus::Discarded => Err(EngineError::Refused(format!(
                "run {id} was discarded; start a new one with `wharf flow run`"
            ))
            .into()),
            RunStatus::Done | RunStatus::Ignored => {
                let state = State::fold(&parse(&detail.entries)?);
                let event =
                    state.event.ok_or_else(|| EngineError::Refused(format!("run {id} had no event")))?;
                self.run_flow(&detail.row.flow, event.data, None).await
            }
        }
    }

    /// Dead letters, newest first.
    pub async fn dead_letters(&self, filter: DeadLetterFilter) -> Result<Vec<DeadLetter>, EngineError> {
        Ok(self.inner.store.dead_letters(filter).await?)
    }

    /// One dead letter, by the id of its run.
    pub async fn dead_letter(&self, run: &str) -> Result<DeadLetter, EngineError> {
        let found = self.inner.store.dead_letter(run.to_owned()).await?;
        found.ok_or_else(|| EngineError::not_found("dead letter", run))
    }

    /// Sends a dead run on its way again, from the step where it died. What was done stays done.
    pub async fn replay_dead_letter(&self, run: &str, actor: &str) -> Result<Accepted, AcceptError> {
        let now = clock::now();
        let entry = Entry::Replayed { at: now, by: actor.to_owned() };
        let entry = serde_json::to_string(&entry).map_err(|error| EngineError::Invalid(error.to_string()))?;
        let replayed =
            self.inner.store.replay_dead_letter(run.to_owned(), vec![entry], By::new(actor, now)).await;
        replayed.map_err(unresolved)?;
        self.inner.wake.notify_one();
        Ok(Accepted { run: run.to_owned(), duplicate: false })
    }

    /// Leaves a dead run at that, with a reason for whoever asks later.
    pub async fn discard_dead_letter(&self, run: &str, reason: &str, actor: &str) -> Result<(), EngineError> {
        if reason.trim().is_empty() {
            return Err(EngineError::Invalid("a reason is needed to discard a dead letter".to_owned()));
        }
        let discarded = self
            .inner
            .store
            .discard_dead_letter(run.to_owned(), reason.to_owned(), By::new(actor, clock::now()))
            .await;
        discarded.map_err(unresolved)
    }

    /// How many runs there are, by flow and status.
    pub async fn counts(&self) -> Result<Counts, EngineError> {
        let counted = self.inner.store.run_counts().await?;
        let failed = counted.iter().filter(|count| count.status == RunStatus::Failed);
        Ok(Counts {
            dead_letters: failed.map(|count| count.count).sum(),
            runs: counted
                .into_iter()
                .map(|count| RunCount { flow: count.flow, status: count.status.name(), count: count.count })
                .collect(),
        })
    }
}

fn unresolved(error: ResolveError) -> EngineError {
    match error {
        ResolveError::NotOpen { .. } => EngineError::Refused(error.to_string()),
        ResolveError::Store(StoreError::NotFound { what, name }) => EngineError::NotFound { what, name },
        ResolveError::Store(error) => EngineError::Store(error),
    }
}

pub(crate) fn parse(rows: &[wharf_store::JournalRow]) -> Result<Vec<Entry>, EngineError> {
    let parse = |row: &wharf_store::JournalRow| {
        serde_json::from_str(&row.entry).map_err(|error| {
            EngineError::Refused(format!("journal entry {} cannot be read: {error}", row.seq))
        })
    };
    rows.iter().map(parse).collect()
}
