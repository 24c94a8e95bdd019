//! Runs that runs start: the flow that is told of a failure, and those that follow an end.
//!
//! The new run becomes durable in the transaction that needs it, so it exists if and only if what it is
//! about happened. A chain of such runs is bounded: two flows that tell each other end after a while.

use serde_json::{Value, json};
use wharf_model::{
    event::{Event, Provenance},
    flow::Ended,
    journal::{Entry, Progress, State},
    time::Timestamp,
};
use wharf_store::{By, NewRun, Origin, RunStatus};

use crate::{
    engine::Inner,
    error::EngineError,
    notice::Notice,
    run::Run,
    tail::{self, Death, Tail},
};

/// Runs that may lead to one another.
pub(crate) const MAX_DEPTH: u32 = 16;

/// The name of the step at which a run tells another flow of its failure; no step has such an id.
const ON_FAILURE: &str = "@on-failure";

/// The same for the flows that follow its end.
const AFTER: &str = "@after";

impl Inner {
    /// A run of the flow that is to be told goes with the run's end. Whether there is one stands in the dead letter.
    pub(crate) fn tell_of_failure(&self, run: &Run, tail: &mut Tail, now: Timestamp) {
        let Some(told) = &run.flow.on_failure else {
            return;
        };
        let event = failure_event(run, &tail.state);
        match self.started_run(run, (&told.name, ON_FAILURE), event, now) {
            Ok(new) => {
                tail.tell(json!({ "flow": told.name, "run": new.id }));
                tail.fork(new);
            }
            Err(error) => {
                tracing::error!(flow = told.name, %error, "nobody is told of a failure");
                tail.tell(json!({ "flow": told.name, "refused": error.to_string() }));
            }
        }
    }

    /// Runs of the flows that such an end starts go with it, too. One that cannot start is in the audit log.
    pub(crate) async fn start_followers(
        &self,
        run: &Run,
        tail: &mut Tail,
        status: RunStatus,
        now: Timestamp,
    ) {
        let (end, event): (_, fn(&Run, &State) -> Value) = match status {
            RunStatus::Done => (Ended::Done, done_event),
            RunStatus::Failed => (Ended::Failed, failure_event),
            RunStatus::Ignored | RunStatus::Running | RunStatus::Waiting | RunStatus::Discarded => return,
        };
        for name in self.flows.followers(&run.flow.name, end) {
            match self.started_run(run, (&name, AFTER), event(run, &tail.state), now) {
                Ok(new) => tail.fork(new),
                Err(error) => self.refused_chain(run, &name, &error, now).await,
            }
        }
    }

    async fn refused_chain(&self, run: &Run, flow: &str, error: &EngineError, now: Timestamp) {
        tracing::error!(flow, after = run.id, %error, "the end of a run starts nothing");
        self.notify(&Notice::ChainRefused { flow });
        let detail = json!({ "after": run.id, "flow": run.flow.name, "reason": error.to_string() });
        let by = By::new("system", now);
        if let Err(error) = self.store.record(by, "flow.not-started", flow.to_owned(), detail).await {
            tracing::error!(flow, %error, "nor is that in the audit log");
        }
    }

    /// A run of another flow, with `data` as its event.
    pub(crate) fn started_run(
        &self,
        by: &Run,
        (flow, step): (&str, &str),
        data: Value,
        now: Timestamp,
    ) -> Result<NewRun, EngineError> {
        let depth = by.depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return Err(EngineError::Refused(format!(
                "chain-depth: {MAX_DEPTH} runs have led to run {}; a flow probably starts itself by a detour",
                by.id
            )));
        }
        let active = self.flows.active(flow).ok_or_else(|| EngineError::not_found("flow", flow))?;
        let id = tail::new_run_id();
        let provenance = Provenance { verified: "run".to_owned(), delivery_id: by.id.clone() };
        let event =
            Event { id: id.clone(), occurred_at: Some(now), ordering_key: None, sequence: None, data };
        let entry = Entry::Triggered { at: now, provenance, event, metering: None };
        let entry = serde_json::to_string(&entry).map_err(|error| EngineError::Invalid(error.to_string()))?;
        Ok(NewRun {
            id,
            flow: active.flow.name.clone(),
            flow_version: active.version,
            digests: self.pins(&active.flow)?.into_map(),
            entries: vec![entry],
            due_at: Some(now),
            origin: Some(Origin { run: by.id.clone(), step: step.to_owned(), depth }),
        })
    }
}

/// What a flow that follows a good end sees as `event`.
fn done_event(run: &Run, state: &State) -> Value {
    let last = run.flow.steps.last().and_then(|step| state.step(&step.path));
    let output = last.and_then(|step| match &step.progress {
        Progress::Done(output) => Some(output),
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
        | Progress::Failed(..) => None,
    });
    json!({
        "flow": run.flow.name,
        "flow_version": run.flow_version,
        "run": run.id,
        "status": "done",
        "output": output,
        "event": state.event.as_ref().map(|event| &event.data),
    })
}

/// What the flow that is told sees as `event`.
fn failure_event(run: &Run, state: &State) -> Value {
    let Death { step, failure, why, attempts } = tail::death(state);
    json!({
        "flow": run.flow.name,
        "flow_version": run.flow_version,
        "run": run.id,
        "status": "failed",
        "owner": run.flow.owner,
        "runbook": run.flow.runbook,
        "step": step,
        "class": failure.class.name(),
        "message": failure.message,
        "http_status": failure.http_status,
        "provider_code": failure.provider_code,
        "gave_up": why.name(),
        "attempts": attempts,
        "event": state.event.as_ref().map(|event| &event.data),
    })
}
