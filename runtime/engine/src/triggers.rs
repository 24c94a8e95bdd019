//! Flows that the server starts by itself: a row for each, one timer over all schedules and one over all polls.
//!
//! What is surprising: nothing about them is in memory but which are being polled now. A timer sleeps until the
//! first row of an index is due; a flow that is applied wakes it.

mod poll;
mod schedule;
mod shown;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use wharf_model::{
    flow::{Flow, On, TriggerBinding},
    manifest::TriggerSource,
    schedule::Schedule,
    time::Timestamp,
};
use wharf_store::{FlowTrigger, TriggerKind};

pub use self::{
    poll::PollReport,
    shown::{Fire, TriggerInfo},
};
use crate::{clock, engine::Inner, error::EngineError};

/// Triggers that are polled at once.
const POLLS_AT_ONCE: usize = 16;

/// Schedules that are read from the store at once.
const BATCH: usize = 100;

/// How long to wait after something could not be stored.
const AFTER_ERROR: Duration = Duration::from_secs(1);

/// How often a timer that sleeps looks at the clock, which may have been set. It reads nothing else.
const CLOCK_LOOK: Duration = Duration::from_secs(30);

/// What the timers share.
pub(crate) struct Triggers {
    schedules: Notify,
    polls: Notify,
    /// Flows that are polled now.
    busy: Mutex<Vec<String>>,
    room: Arc<Semaphore>,
}

/// What makes a flow start, and the name of that.
type Wanted = (TriggerKind, String, Option<Timestamp>);

impl Default for Triggers {
    fn default() -> Self {
        Self {
            schedules: Notify::new(),
            polls: Notify::new(),
            busy: Mutex::default(),
            room: Arc::new(Semaphore::new(POLLS_AT_ONCE)),
        }
    }
}

/// A flow that nobody else polls meanwhile.
pub(crate) struct Turn {
    inner: Arc<Inner>,
    flow: String,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.inner.triggers.lock().retain(|flow| *flow != self.flow);
        self.inner.triggers.polls.notify_one();
    }
}

impl Triggers {
    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self, kind: TriggerKind) {
        match kind {
            TriggerKind::Schedule => self.schedules.notify_one(),
            TriggerKind::Poll => self.polls.notify_one(),
        }
    }
}

/// The timer of all schedules; runs until the engine stops.
pub(crate) async fn schedules(inner: Arc<Inner>) {
    while !inner.stopping() {
        if let Err(error) = fire_due(&inner).await {
            tracing::error!(%error, "a schedule cannot fire; it is tried again");
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }
}

/// Fires what is due, or waits for what is next.
async fn fire_due(inner: &Arc<Inner>) -> Result<(), EngineError> {
    let rows = inner.store.next_triggers(TriggerKind::Schedule, BATCH).await?;
    let now = clock::now();
    let is_due = |row: &&FlowTrigger| row.due_at.is_some_and(|at| at <= now);
    let due: Vec<_> = rows.iter().filter(is_due).collect();
    if due.is_empty() {
        sleep_until(inner, rows.first(), &inner.triggers.schedules).await;
        return Ok(());
    }
    let mut failed = Ok(());
    for row in due {
        // One that cannot fire does not hold up the others.
        let fired = inner.fire(row, clock::now()).await;
        failed = failed.and(fired);
    }
    failed
}

/// The timer of all polls; runs until the engine stops.
pub(crate) async fn polls(inner: Arc<Inner>) {
    while !inner.stopping() {
        if let Err(error) = poll_due(&inner).await {
            tracing::error!(%error, "triggers to poll cannot be read");
            tokio::time::sleep(AFTER_ERROR).await;
        }
    }
}

/// Begins the poll that is due for longest, or waits for the next.
async fn poll_due(inner: &Arc<Inner>) -> Result<(), EngineError> {
    let Ok(permit) = Arc::clone(&inner.triggers.room).acquire_owned().await else {
        return Ok(());
    };
    let busy = inner.triggers.lock().clone();
    let rows = inner.store.next_triggers(TriggerKind::Poll, busy.len() + 1).await?;
    let next = rows.iter().find(|row| !busy.contains(&row.flow));
    let Some(row) = next.filter(|row| row.due_at.is_some_and(|at| at <= clock::now())) else {
        drop(permit);
        sleep_until(inner, next, &inner.triggers.polls).await;
        return Ok(());
    };
    let Some(turn) = inner.turn(&row.flow) else {
        return Ok(());
    };
    let inner_of_poll = Arc::clone(inner);
    inner.tasks.spawn(async move {
        let _permit = permit;
        if let Err(error) = inner_of_poll.poll(&turn.flow).await {
            tracing::error!(flow = turn.flow, %error, "a poll is cut off");
            // The row is due still; it is not polled again at once.
            tokio::time::sleep(AFTER_ERROR).await;
        }
        drop(turn);
    });
    Ok(())
}

/// Returns when the row is due, when something else may be, or when the engine stops.
async fn sleep_until(inner: &Inner, row: Option<&FlowTrigger>, woken: &Notify) {
    let due = row.and_then(|row| row.due_at);
    let woken = woken.notified();
    tokio::pin!(woken);
    loop {
        let pause = due.map_or(Duration::MAX, |at| at.since(clock::now()));
        if pause.is_zero() {
            return;
        }
        tokio::select! {
            () = &mut woken => return,
            () = inner.stopped() => return,
            () = tokio::time::sleep(pause.min(CLOCK_LOOK)), if due.is_some() => {}
        }
    }
}

impl Inner {
    /// Takes the flow for a poll; none if somebody has it.
    pub(crate) fn turn(self: &Arc<Self>, flow: &str) -> Option<Turn> {
        let mut busy = self.triggers.lock();
        if busy.iter().any(|one| one == flow) {
            return None;
        }
        busy.push(flow.to_owned());
        Some(Turn { inner: Arc::clone(self), flow: flow.to_owned() })
    }

    /// Has the row of a flow stand for what starts it now.
    pub(crate) async fn set_trigger(&self, flow: &Flow) -> Result<(), EngineError> {
        let now = clock::now();
        match self.wanted(flow, now).await? {
            None => self.store.forget_trigger(flow.name.clone()).await?,
            Some((kind, spec, due_at)) => {
                self.store.keep_trigger(flow.name.clone(), (kind, spec), due_at, now).await?;
                self.triggers.wake(kind);
            }
        }
        Ok(())
    }

    /// The same for every flow: an earlier process may have died between publishing one and its row.
    pub(crate) async fn set_triggers(&self) -> Result<(), EngineError> {
        let rows = self.store.flow_triggers().await?.into_iter();
        let mut rows: BTreeMap<String, (TriggerKind, String)> =
            rows.map(|row| (row.flow, (row.kind, row.spec))).collect();
        let now = clock::now();
        for active in self.flows.all() {
            let row = rows.remove(&active.flow.name);
            let wanted = match self.wanted(&active.flow, now).await {
                Ok(wanted) => wanted.map(|(kind, spec, _)| (kind, spec)),
                // Its connector cannot be loaded: where the trigger stands is kept until it can.
                Err(error) => {
                    tracing::error!(flow = active.flow.name, %error, "what starts the flow cannot be told");
                    continue;
                }
            };
            if row != wanted {
                self.set_trigger(&active.flow).await?;
            }
        }
        for flow in rows.into_keys() {
            self.store.forget_trigger(flow).await?;
        }
        Ok(())
    }

    /// The same for the flows with a trigger of a connector of which another version is active now. Where a
    /// trigger stands is kept while the new version does not have it.
    pub(crate) async fn set_triggers_of(&self, connector: &str) {
        for active in self.flows.all() {
            let On::Trigger(binding) = &active.flow.on else { continue };
            if binding.connector != connector {
                continue;
            }
            if let Err(error) = self.set_trigger(&active.flow).await {
                tracing::error!(flow = active.flow.name, %error, "what starts the flow cannot be told");
            }
        }
    }

    async fn wanted(&self, flow: &Flow, now: Timestamp) -> Result<Option<Wanted>, EngineError> {
        Ok(match &flow.on {
            On::Schedule(binding) => {
                let schedule = &binding.schedule;
                Some((TriggerKind::Schedule, schedule_spec(schedule), schedule.next_after(now)))
            }
            On::Trigger(binding) => {
                let loaded = self.registry.active(&binding.connector).await?;
                let trigger = loaded.manifest.triggers.get(&binding.trigger);
                let trigger = trigger.ok_or_else(|| EngineError::not_found("trigger", &binding.trigger))?;
                match trigger.source {
                    TriggerSource::Poll { .. } => Some((TriggerKind::Poll, poll_spec(binding), Some(now))),
                    TriggerSource::Webhook(_) => None,
                }
            }
            On::Webhook(_) | On::Flow(_) | On::Manual(_) => None,
        })
    }
}

/// What a schedule's row stands for: whatever changes when it fires.
fn schedule_spec(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Every(_) => schedule.to_string(),
        Schedule::Cron(cron) => format!("{schedule} gap={} fold={}", cron.gap().name(), cron.fold().name()),
    }
}

/// What a poll trigger's row stands for: whatever a cursor means.
fn poll_spec(binding: &TriggerBinding) -> String {
    json!([binding.connector, binding.trigger, binding.connection, binding.with]).to_string()
}
