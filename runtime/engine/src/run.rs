//! Drives one run from where its journal ends until it waits or has ended.
//!
//! The loop is the whole engine in small: decide (pure), make durable, do, journal, again.

use std::sync::Arc;

use tokio::sync::Mutex;
use tracing::Instrument as _;
use wharf_model::{
    decide::{Next, decide},
    event::Delivery,
    flow::Flow,
    journal::{Ended, Entry, State},
    time::Timestamp,
};
use wharf_store::{Claimed, NewRun, RunId, RunState, RunStatus, SettleError};

use crate::{
    clock,
    engine::Inner,
    notice::Notice,
    registry::Pins,
    tail::{self, Tail},
};

/// A run in the hands of this process.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) flow: Arc<Flow>,
    pub(crate) flow_version: u32,
    pub(crate) accepted_at: Timestamp,
    pub(crate) pins: Pins,
    /// The delivery, until the trigger's connector has made events of it.
    pub(crate) delivery: Option<Delivery>,
    pub(crate) tail: Arc<Mutex<Tail>>,
}

impl Run {
    /// A run of the same flow and connector versions, for a further event of the same delivery.
    pub(crate) fn sibling(&self, first: &Entry, at: Timestamp) -> Result<NewRun, DriveError> {
        Ok(NewRun {
            id: tail::new_run_id(),
            flow: self.flow.name.clone(),
            flow_version: self.flow_version,
            digests: self.pins.clone().into_map(),
            entries: vec![serde_json::to_string(first)?],
            due_at: Some(at),
        })
    }
}

/// Why driving stopped before the run waits or ends. Nothing is lost: the journal has what is durable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DriveError {
    /// Another process owns the run now, or the store cannot take its outcome.
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error(transparent)]
    Store(#[from] wharf_store::StoreError),
    /// The flow's stored source no longer parses: it was written by another version of Wharf.
    #[error("flow `{flow}` version {version} cannot be read: {why}")]
    Flow { flow: String, version: u32, why: String },
    #[error("an entry cannot be written: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("journal entry {seq} of run {run} cannot be read: {why}")]
    Journal { run: RunId, seq: u64, why: serde_json::Error },
}

/// Drives a claimed run. Errors are logged here: the run is claimed again after a restart, or when its lease is.
pub(crate) async fn drive_claimed(inner: Arc<Inner>, claimed: Claimed) {
    let id = claimed.run.clone();
    let seq = claimed.entries.len() as u64;
    let epoch = claimed.epoch;
    match load(&inner, claimed).await {
        Ok(run) => drive_logged(&inner, &run).await,
        Err(error) => {
            tracing::error!(run = %id, %error, "the run cannot be read");
            tail::release(&inner.store, &id, epoch, seq).await;
        }
    }
}

/// Drives a run; what stops it half-way is logged, and the run is given back.
pub(crate) async fn drive_logged(inner: &Arc<Inner>, run: &Run) {
    let span = tracing::info_span!("run", run = %run.id, flow = %run.flow.name, version = run.flow_version);
    if let Err(error) = drive(inner, run).instrument(span).await {
        tracing::error!(run = %run.id, %error, "the run stopped where its journal ends");
        run.tail.lock().await.release().await;
        inner.wake.notify_one();
    }
}

async fn load(inner: &Arc<Inner>, claimed: Claimed) -> Result<Run, DriveError> {
    let flow = inner.flows.version(&inner.store, &claimed.flow, claimed.flow_version).await?;
    let mut state = State::default();
    for row in &claimed.entries {
        let entry: Entry = serde_json::from_str(&row.entry).map_err(|why| DriveError::Journal {
            run: claimed.run.clone(),
            seq: row.seq,
            why,
        })?;
        state.apply(&entry);
    }
    let delivery = if state.event.is_none() {
        inner.store.run(claimed.run.clone()).await?.and_then(|detail| detail.delivery)
    } else {
        None
    };
    let tail = Tail::new(inner.store.clone(), claimed.run.clone(), claimed.epoch, state);
    let run = Run {
        id: claimed.run,
        flow,
        accepted_at: claimed.entries.first().map(|row| row.at).unwrap_or_default(),
        flow_version: claimed.flow_version,
        pins: Pins::from(claimed.digests),
        delivery,
        tail: Arc::new(Mutex::new(tail)),
    };
    Ok(run)
}

/// Drives a run whose journal is at hand.
async fn drive(inner: &Arc<Inner>, run: &Run) -> Result<(), DriveError> {
    let flow = Arc::clone(&run.flow);
    loop {
        let mut tail = run.tail.lock().await;
        let decision = decide(&flow, &run.id, &mut tail.state, clock::now());
        tail.extend_applied(decision.entries);
        match decision.next {
            Next::End(ended) => return finish(inner, run, &mut tail, ended).await,
            Next::Wait(at) => {
                tail.commit(RunState::Ready { due_at: at }).await?;
                inner.wake_at(at);
                return Ok(());
            }
            Next::Receive { .. } | Next::Call { .. } | Next::Resume { .. } | Next::Confirm { .. }
                if inner.stopping() =>
            {
                // What is durable goes on after the restart.
                tail.commit(RunState::Ready { due_at: clock::now() }).await?;
                return Ok(());
            }
            next => {
                if tail.owes() {
                    tail.commit(RunState::Claimed).await?;
                }
                drop(tail);
                act(inner, run, next).await?;
            }
        }
    }
}

async fn act(inner: &Arc<Inner>, run: &Run, next: Next<'_>) -> Result<(), DriveError> {
    match next {
        Next::Receive { attempt } => {
            inner.receive(run, attempt).instrument(tracing::info_span!("receive", attempt)).await
        }
        Next::Call { step, action, input, attempt } => {
            let span = tracing::info_span!("step", path = %step.path, action = %action.action, attempt);
            inner.call(run, step, action, input, attempt).instrument(span).await
        }
        Next::Resume { step, action, state, attempt } => {
            inner.resume(run, step, action, &state, attempt).await
        }
        Next::Confirm { step, action, input, attempt } => {
            inner.confirm(run, step, action, &input, attempt).await
        }
        Next::Wait(_) | Next::End(_) => Ok(()),
    }
}

async fn finish(inner: &Inner, run: &Run, tail: &mut Tail, ended: Ended) -> Result<(), DriveError> {
    let now = clock::now();
    let status = match ended {
        Ended::Completed => RunStatus::Done,
        Ended::Ignored => RunStatus::Ignored,
        Ended::Died => RunStatus::Failed,
    };
    tail.commit(RunState::Finished { status }).await?;
    inner.notify(&Notice::RunFinished {
        run: &run.id,
        flow: &run.flow.name,
        status,
        took: now.since(run.accepted_at),
    });
    if run.pins.digests().any(|digest| !inner.registry.is_active(digest)) {
        inner.registry.unload_unused().await;
    }
    Ok(())
}
