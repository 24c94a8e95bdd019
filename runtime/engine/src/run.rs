//! Drives one run from where its journal ends until it waits or has ended.
//!
//! The loop is the whole engine in small: decide (pure), make durable, do, journal, again. Several calls
//! of one run may be under way; they share its journal, and each outcome is durable as soon as it is known.

use std::{collections::BTreeSet, pin::pin, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::sync::{Mutex, MutexGuard};
use tracing::Instrument as _;
use wharf_model::{
    decide::{Ask, Hands, Task, Turn, decide},
    event::Delivery,
    flow::Flow,
    journal::{Ended, Entry, State},
    time::Timestamp,
};
use wharf_store::{Claimed, NewRun, RunId, RunState, RunStatus, SettleError};

use crate::{
    bind::Doing,
    clock,
    engine::Inner,
    notice::Notice,
    registry::Pins,
    tail::{self, Tail},
};

/// Calls of one run that are under way at once.
const MAX_AT_ONCE: usize = 16;

/// How long a run rests that has nothing to do and nothing to wait for, which no journal leads to.
const AT_A_LOSS: Duration = Duration::from_secs(60);

/// A run in the hands of this process.
pub(crate) struct Run {
    pub(crate) id: RunId,
    pub(crate) flow: Arc<Flow>,
    pub(crate) flow_version: u32,
    pub(crate) accepted_at: Timestamp,
    /// How many runs led to it.
    pub(crate) depth: u32,
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
            origin: None,
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
    #[error("mail of run {run} cannot be read: {why}")]
    Mail { run: RunId, why: serde_json::Error },
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
    let held = (claimed.run.clone(), claimed.epoch);
    let mut tail = Tail::new(inner.store.clone(), held, flow.retention, state);
    for mail in claimed.mail {
        let entry = serde_json::from_str(&mail.entry)
            .map_err(|why| DriveError::Mail { run: claimed.run.clone(), why })?;
        tail.take(mail.n, entry);
    }
    let run = Run {
        id: claimed.run,
        flow,
        depth: claimed.depth,
        accepted_at: claimed.entries.first().map(|row| row.at).unwrap_or_default(),
        flow_version: claimed.flow_version,
        pins: Pins::from(claimed.digests),
        delivery,
        tail: Arc::new(Mutex::new(tail)),
    };
    Ok(run)
}

/// The calls of a run that are under way, and what the run's driver knows them by.
struct UnderWay<'a> {
    paths: BTreeSet<String>,
    calls: FuturesUnordered<BoxFuture<'a, (String, Result<(), DriveError>)>>,
}

impl<'a> UnderWay<'a> {
    fn begin(&mut self, inner: &'a Arc<Inner>, run: &'a Run, task: Task<'a>) {
        self.paths.insert(task.path.clone());
        self.calls.push(Box::pin(async move {
            let path = task.path.clone();
            (path, act(inner, run, task).await)
        }));
    }

    /// The run's tail, while the calls go on: one of them may be next in line for it, and would never let go
    /// of it if nobody polled it.
    async fn tail<'r>(&mut self, run: &'r Run) -> Result<MutexGuard<'r, Tail>, DriveError> {
        let mut tail = pin!(run.tail.lock());
        loop {
            tokio::select! {
                biased;
                tail = &mut tail => return Ok(tail),
                Some((path, result)) = self.calls.next() => {
                    self.paths.remove(&path);
                    result?;
                }
            }
        }
    }

    /// Returns once a call has ended, with all that have by then; at `wake` at the latest.
    async fn until(&mut self, wake: Option<Timestamp>) -> Result<(), DriveError> {
        let mut ended = match wake {
            None => self.calls.next().await,
            Some(at) => {
                let pause = at.since(clock::now());
                tokio::time::timeout(pause, self.calls.next()).await.ok().flatten()
            }
        };
        while let Some((path, result)) = ended {
            self.paths.remove(&path);
            result?;
            ended = self.calls.next().now_or_never().flatten();
        }
        Ok(())
    }

    /// Waits for the end of everything; what comes of it is in the journal's tail.
    async fn abandon(&mut self) {
        while self.calls.next().await.is_some() {}
    }
}

/// Drives a run whose journal is at hand.
async fn drive(inner: &Arc<Inner>, run: &Run) -> Result<(), DriveError> {
    let flow = Arc::clone(&run.flow);
    let mut under_way = UnderWay { paths: BTreeSet::new(), calls: FuturesUnordered::new() };
    let driven = turns(inner, run, &flow, &mut under_way).await;
    if driven.is_err() {
        // A call that is dropped in the middle of its commit would leave the tail behind its journal.
        under_way.abandon().await;
    }
    driven
}

async fn turns<'a>(
    inner: &'a Arc<Inner>,
    run: &'a Run,
    flow: &'a Flow,
    under_way: &mut UnderWay<'a>,
) -> Result<(), DriveError> {
    loop {
        let mut tail = under_way.tail(run).await?;
        if tail.has_started() {
            inner.wake.notify_one();
        }
        let room = if inner.stopping() { 0 } else { MAX_AT_ONCE.saturating_sub(under_way.paths.len()) };
        let hands = Hands { busy: &under_way.paths, room };
        let decision = decide(flow, &run.id, &mut tail.state, hands, clock::now());
        tail.extend_applied(decision.entries);
        let (tasks, wake) = match decision.turn {
            Turn::End(ended) => return finish(inner, run, &mut tail, ended).await,
            Turn::Receive { .. } if inner.stopping() => (Vec::new(), None),
            Turn::Receive { attempt } => {
                if tail.owes() {
                    tail.commit(RunState::Claimed).await?;
                }
                drop(tail);
                inner.receive(run, attempt).instrument(tracing::info_span!("receive", attempt)).await?;
                continue;
            }
            Turn::Work { tasks, wake } => (tasks, wake),
        };
        if tasks.is_empty() && under_way.paths.is_empty() {
            if inner.stopping() || wake.is_none_or(|at| at > clock::now()) {
                return park(inner, &mut tail, wake).await;
            }
            // There is more of what needs only data than one turn does.
            tail.commit(RunState::Claimed).await?;
            drop(tail);
            tokio::task::yield_now().await;
            continue;
        }
        if tail.owes() {
            tail.commit(RunState::Claimed).await?;
        }
        drop(tail);
        for task in tasks {
            under_way.begin(inner, run, task);
        }
        under_way.until(wake).await?;
    }
}

/// Leaves the run to its row until it is due. One that is stopped on the way goes on after the restart.
async fn park(inner: &Inner, tail: &mut Tail, wake: Option<Timestamp>) -> Result<(), DriveError> {
    let due_at = match wake {
        _ if inner.stopping() => clock::now(),
        Some(at) => at,
        None => clock::now().after(AT_A_LOSS),
    };
    tail.commit(RunState::Ready { due_at }).await?;
    inner.wake_at(due_at);
    Ok(())
}

async fn act(inner: &Arc<Inner>, run: &Run, task: Task<'_>) -> Result<(), DriveError> {
    let Task { step, path, action, ask } = task;
    let doing = |attempt| Doing { step, path: &path, action, attempt };
    match ask {
        Ask::Call { input, attempt } => {
            let span = tracing::info_span!("step", path = %path, action = %action.action, attempt);
            inner.call(run, doing(attempt), input).instrument(span).await
        }
        Ask::Resume { state, attempt } => inner.resume(run, doing(attempt), &state).await,
        Ask::Confirm { input, attempt } => inner.confirm(run, doing(attempt), &input).await,
    }
}

async fn finish(inner: &Arc<Inner>, run: &Run, tail: &mut Tail, ended: Ended) -> Result<(), DriveError> {
    let now = clock::now();
    let status = match ended {
        Ended::Completed => RunStatus::Done,
        Ended::Ignored => RunStatus::Ignored,
        Ended::Died => RunStatus::Failed,
    };
    if status == RunStatus::Failed {
        inner.tell_of_failure(run, tail, now);
    }
    inner.start_followers(run, tail, status, now).await;
    tail.commit(RunState::Finished { status }).await?;
    if tail.has_started() {
        inner.wake.notify_one();
    }
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
