//! The end of a run's journal, in the hands of whoever drives the run.
//!
//! Entries collect here and become durable together: facts that cost nothing to repeat wait for the
//! next one that does, so that a step costs one commit.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use wharf_model::{
    failure::{Failure, FailureClass},
    journal::{Entry, Progress, State, TRIGGER},
    retry::GiveUp,
};
use wharf_store::{
    KvError, NewDeadLetter, NewRun, RunId, RunState, RunStatus, Settle, SettleError, Store, StoreWrite,
};

use crate::{clock, crash, run::DriveError};

/// How long a run rests after an error of the host's own.
const AFTER_ERROR: Duration = Duration::from_secs(5);

/// The end of one run's journal.
pub(crate) struct Tail {
    store: Store,
    run: RunId,
    epoch: u64,
    /// The sequence number of the first pending entry.
    seq: u64,
    pending: Vec<Entry>,
    along: Along,
    /// Runs were started that nobody drives yet.
    started: bool,
    /// How long the run is kept once it has ended, if its flow says so.
    keep: Option<Duration>,
    /// Slots whose secret a connector has read since this run was claimed.
    revealed: BTreeSet<String>,
    /// The journal folded, pending entries included.
    pub(crate) state: State,
}

/// What becomes durable with the entries.
#[derive(Default)]
struct Along {
    store_writes: Vec<StoreWrite>,
    new_runs: Vec<NewRun>,
    /// Mail that is among the entries.
    taken: Vec<i64>,
    /// Who is told of the run's failure, for its dead letter.
    told: Option<Value>,
}

impl Tail {
    pub(crate) fn new(
        store: Store,
        (run, epoch): (RunId, u64),
        keep: Option<Duration>,
        state: State,
    ) -> Self {
        Self {
            store,
            run,
            epoch,
            seq: state.next_seq,
            pending: Vec::new(),
            along: Along::default(),
            started: false,
            keep,
            revealed: BTreeSet::new(),
            state,
        }
    }

    /// Notes that a connector reads a slot's secret; whether it has done so before.
    pub(crate) fn reveal(&mut self, slot: &str) -> bool {
        !self.revealed.insert(slot.to_owned())
    }

    /// Adds an entry that the state does not know yet.
    pub(crate) fn push(&mut self, entry: Entry) {
        self.state.apply(&entry);
        self.pending.push(entry);
    }

    /// Adds entries that are applied to the state already.
    pub(crate) fn extend_applied(&mut self, entries: Vec<Entry>) {
        self.pending.extend(entries);
    }

    /// Makes an entry durable together with what the connector keeps. If that cannot be kept, neither is
    /// written, and the caller says what becomes of the attempt.
    pub(crate) async fn keep(
        &mut self,
        entry: Entry,
        writes: Vec<StoreWrite>,
    ) -> Result<Result<(), KvError>, DriveError> {
        self.pending.push(entry.clone());
        self.along.store_writes = writes;
        match self.commit(RunState::Claimed).await {
            Ok(()) => {
                self.state.apply(&entry);
                Ok(Ok(()))
            }
            Err(DriveError::Settle(SettleError::Kept(error))) => {
                self.pending.pop();
                self.along = Along::default();
                match error {
                    KvError::Store(error) => Err(error.into()),
                    error @ (KvError::InvalidKey | KvError::Quota { .. } | KvError::Moved { .. }) => {
                        Ok(Err(error))
                    }
                }
            }
            Err(error) => Err(error),
        }
    }

    /// A run that starts with the step's transaction.
    pub(crate) fn fork(&mut self, run: NewRun) {
        self.along.new_runs.push(run);
    }

    /// Whether runs were started since this was last asked: somebody has to claim them.
    pub(crate) fn has_started(&mut self) -> bool {
        std::mem::take(&mut self.started)
    }

    /// Takes over what others had to say.
    pub(crate) fn take(&mut self, n: i64, entry: Entry) {
        self.push(entry);
        self.along.taken.push(n);
    }

    /// Notes who is told of the run's failure.
    pub(crate) fn tell(&mut self, told: Value) {
        self.along.told = Some(told);
    }

    /// Gives the run back after an error, to be taken up again a little later from what is durable.
    pub(crate) async fn release(&mut self) {
        release(&self.store, &self.run, self.epoch, self.seq).await;
    }

    /// Makes everything pending durable, and the run what `state` says. On an error nothing is.
    pub(crate) async fn commit(&mut self, state: RunState) -> Result<(), DriveError> {
        let dead_letter = match state {
            RunState::Finished { status: RunStatus::Failed } => {
                Some(dead_letter(&self.state, self.along.told.as_ref())?)
            }
            RunState::Finished { .. } | RunState::Claimed | RunState::Ready { .. } => None,
        };
        let entries = self.pending.iter().map(serde_json::to_string).collect::<Result<_, _>>()?;
        let settle = Settle {
            run: self.run.clone(),
            epoch: self.epoch,
            expected_seq: self.seq,
            entries,
            state,
            summary: None,
            store_writes: self.along.store_writes.clone(),
            dead_letter,
            taken: self.along.taken.clone(),
            new_runs: self.along.new_runs.clone(),
            keep: self.keep,
            now: clock::now(),
        };
        crash::point("settle-before");
        self.store.settle(settle).await?;
        crash::point("settle-after");
        self.seq += self.pending.len() as u64;
        self.pending.clear();
        self.started |= !self.along.new_runs.is_empty();
        self.along = Along::default();
        Ok(())
    }

    /// Whether something is pending that could not be derived again: the next call must wait for it.
    pub(crate) fn owes(&self) -> bool {
        self.pending.iter().any(|entry| !entry.derived())
    }

    /// Drops answers that nobody will ask for, because their step is done.
    pub(crate) fn forget_answers(&mut self, path: &str) {
        self.pending.retain(|entry| !matches!(entry, Entry::WriteAnswered { step, .. } if step == path));
    }
}

/// Gives a run back after an error, once the store can take that: a full disk must not keep it from ever being
/// taken up again by this process.
pub(crate) async fn release(store: &Store, run: &RunId, epoch: u64, seq: u64) {
    loop {
        let now = clock::now();
        let settle = Settle {
            run: run.clone(),
            epoch,
            expected_seq: seq,
            entries: Vec::new(),
            state: RunState::Ready { due_at: now.after(AFTER_ERROR) },
            summary: None,
            store_writes: Vec::new(),
            dead_letter: None,
            taken: Vec::new(),
            new_runs: Vec::new(),
            keep: None,
            now,
        };
        match store.settle(settle).await {
            Ok(()) => return,
            Err(SettleError::Store(error)) if error.is_transient() => {
                tracing::warn!(%run, %error, "the run cannot be given back yet");
                tokio::time::sleep(AFTER_ERROR).await;
            }
            Err(error) => {
                tracing::error!(%run, %error, "the run is taken up again at the next start");
                return;
            }
        }
    }
}

/// A new run's id; ids sort by age.
pub(crate) fn new_run_id() -> RunId {
    #[cfg(debug_assertions)]
    if let Some(id) = crate::simulate::next_id() {
        return id.to_string();
    }
    ulid::Ulid::generate().to_string()
}

/// Why a run died, for the list of dead letters and for the flow that is told.
pub(crate) struct Death {
    pub(crate) step: String,
    pub(crate) failure: Failure,
    pub(crate) why: GiveUp,
    pub(crate) attempts: u32,
}

/// The step that died and why.
pub(crate) fn death(state: &State) -> Death {
    let step = state.died_at.as_deref().unwrap_or(TRIGGER).to_owned();
    let died = state.step(&step);
    let attempts = died.map_or(0, |step| step.attempts);
    let own = died.and_then(|step| match &step.progress {
        Progress::Failed(failure, why) => Some((failure.clone(), *why)),
        Progress::Pending
        | Progress::Waiting(_)
        | Progress::Unconfirmed(..)
        | Progress::Suspended(..)
        | Progress::Skipped
        | Progress::Branched(_)
        | Progress::Looping(_)
        | Progress::Forked
        | Progress::Delayed(_)
        | Progress::Listening(..)
        | Progress::Done(_) => None,
    });
    let (failure, why) = state.died_of.clone().or(own).unwrap_or_else(|| {
        let failure = Failure::new(FailureClass::ConnectorDefect, "the run died without a failed step");
        (failure, GiveUp::Permanent)
    });
    Death { step, failure, why, attempts }
}

fn dead_letter(state: &State, told: Option<&Value>) -> Result<NewDeadLetter, DriveError> {
    let Death { step, failure, why, attempts } = death(state);
    let detail = json!({ "failure": failure, "attempts": attempts, "on_failure": told }).to_string();
    Ok(NewDeadLetter { step, class: why.name().to_owned(), message: failure.message, detail })
}
