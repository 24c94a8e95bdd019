//! What operators see of the flows that the server starts by itself, and do about them.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};
use wharf_model::{flow::On, time::Timestamp};
use wharf_store::{By, FlowTrigger, StoreError, TriggerKind};

use super::PollReport;
use crate::{
    clock,
    engine::{Engine, Inner},
    error::EngineError,
};

/// Fires that are shown ahead.
const AHEAD: usize = 5;

/// Bytes of a cursor that somebody sets.
const MAX_CURSOR: usize = 64 << 10;

/// A fire that is to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fire {
    /// When.
    pub at: Timestamp,
    /// The same by the clocks of the schedule's zone, RFC 3339.
    pub local_time: String,
}

/// A flow that the server starts by itself.
#[derive(Clone, Debug, Serialize)]
pub struct TriggerInfo {
    /// The flow.
    pub flow: String,
    /// `schedule` or `poll`.
    pub kind: &'static str,
    /// `every 5m`, `cron 0 9 * * * UTC` or `github/issue-changed`.
    pub on: String,
    /// The connection that is polled with.
    pub connection: Option<String>,
    /// Since when it stands for this schedule, or this trigger with these settings.
    pub since: Timestamp,
    /// The next fire or poll.
    pub due_at: Option<Timestamp>,
    /// The fires to come.
    pub next_fires: Vec<Fire>,
    /// The last fire or poll that went well.
    pub done_at: Option<Timestamp>,
    /// Where a poll begins, in the connector's own terms.
    pub cursor: Option<Value>,
    /// When that last moved.
    pub cursor_at: Option<Timestamp>,
    /// There is more to read at once.
    pub behind: bool,
    /// Milliseconds between the last poll and the next.
    pub interval_ms: Option<u64>,
    /// Events that started runs.
    pub events: u64,
    /// Fires that were passed over.
    pub missed: u64,
    /// Polls in a row that failed.
    pub failures: u32,
    /// When the last one did.
    pub failed_at: Option<Timestamp>,
    /// Why.
    pub failure: Option<Value>,
}

impl Engine {
    /// The flows that the server starts by itself, by name.
    pub async fn triggers(&self) -> Result<Vec<TriggerInfo>, EngineError> {
        let rows = self.inner.store.flow_triggers().await?;
        Ok(rows.into_iter().map(|row| self.inner.trigger_info(row, 1)).collect())
    }

    /// One of them.
    pub async fn trigger(&self, flow: &str) -> Result<TriggerInfo, EngineError> {
        let row = self.inner.store.flow_trigger(flow.to_owned()).await?;
        let row = row.ok_or_else(|| EngineError::not_found("schedule or poll trigger of flow", flow))?;
        Ok(self.inner.trigger_info(row, AHEAD))
    }

    /// The next fires of a flow with a schedule; none of any other.
    #[must_use]
    pub fn next_fires(&self, flow: &str) -> Vec<Fire> {
        self.inner.next_fires(flow, AHEAD)
    }

    /// Polls a flow's trigger now, whenever it would be due. What it found is durable when it returns.
    pub async fn poll_now(&self, flow: &str, actor: &str) -> Result<PollReport, EngineError> {
        let row = self.inner.store.flow_trigger(flow.to_owned()).await?;
        row.filter(|row| row.kind == TriggerKind::Poll)
            .ok_or_else(|| EngineError::not_found("poll trigger of flow", flow))?;
        let turn = self.inner.turn(flow).ok_or_else(|| {
            EngineError::Refused(format!("flow `{flow}` is being polled; see `wharf trigger show {flow}`"))
        })?;
        let by = By::new(actor, clock::now());
        self.inner.store.record(by, "trigger.poll", flow.to_owned(), json!({})).await?;
        // What was begun goes on when whoever asked is gone.
        let (inner, name) = (Arc::clone(&self.inner), flow.to_owned());
        let polled = self.inner.tasks.spawn(async move {
            let report = inner.poll(&name).await;
            drop(turn);
            report
        });
        match polled.await {
            Ok(report) => report,
            Err(_) => Err(EngineError::Abandoned),
        }
    }

    /// Has the next poll of a flow's trigger, which is at once, begin at `cursor`, or as the first one did.
    /// Events that were taken in before start nothing again.
    pub async fn reset_cursor(
        &self,
        flow: &str,
        cursor: Option<Value>,
        actor: &str,
    ) -> Result<TriggerInfo, EngineError> {
        let text = cursor.map(|cursor| cursor.to_string());
        if text.as_ref().is_some_and(|text| text.len() > MAX_CURSOR) {
            return Err(EngineError::Invalid(format!("`cursor` is larger than {} KiB", MAX_CURSOR >> 10)));
        }
        let by = By::new(actor, clock::now());
        self.inner.store.reset_trigger(flow.to_owned(), text, by).await.map_err(|error| match error {
            StoreError::NotFound { .. } => EngineError::not_found("poll trigger of flow", flow),
            error => EngineError::Store(error),
        })?;
        self.inner.triggers.wake(TriggerKind::Poll);
        self.trigger(flow).await
    }
}

impl Inner {
    fn next_fires(&self, flow: &str, count: usize) -> Vec<Fire> {
        match self.flows.active(flow).map(|active| active.flow.on.clone()) {
            Some(On::Schedule(binding)) => {
                let fires = binding.schedule.upcoming(clock::now(), count).into_iter();
                fires.map(|at| Fire { at, local_time: binding.schedule.local(at) }).collect()
            }
            Some(On::Trigger(_) | On::Webhook(_) | On::Flow(_) | On::Manual(_)) | None => Vec::new(),
        }
    }

    fn trigger_info(&self, row: FlowTrigger, ahead: usize) -> TriggerInfo {
        let parsed = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
        let (on, connection) = match self.flows.active(&row.flow).map(|active| active.flow.on.clone()) {
            Some(On::Schedule(binding)) => (binding.schedule.to_string(), None),
            Some(On::Trigger(binding)) => {
                (format!("{}/{}", binding.connector, binding.trigger), binding.connection)
            }
            Some(On::Webhook(_) | On::Flow(_) | On::Manual(_)) | None => (String::new(), None),
        };
        TriggerInfo {
            kind: row.kind.name(),
            on,
            connection,
            since: row.since,
            due_at: row.due_at,
            next_fires: self.next_fires(&row.flow, ahead),
            done_at: row.done_at,
            cursor: row.cursor.map(parsed),
            cursor_at: row.cursor_at,
            behind: row.behind,
            interval_ms: (row.kind == TriggerKind::Poll).then_some(row.pause),
            events: row.events,
            missed: row.missed,
            failures: row.failures,
            failed_at: row.failed_at,
            failure: row.failure.map(parsed),
            flow: row.flow,
        }
    }
}
