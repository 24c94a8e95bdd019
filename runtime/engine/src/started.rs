//! Runs that runs start: the flow that is told of a failure.
//!
//! The new run becomes durable in the transaction that needs it, so it exists if and only if what it is
//! about happened. A chain of such runs is bounded: two flows that tell each other end after a while.

use serde_json::{Value, json};
use wharf_model::{
    event::{Event, Provenance},
    journal::Entry,
    time::Timestamp,
};
use wharf_store::{NewRun, Origin};

use crate::{
    engine::Inner,
    error::EngineError,
    run::Run,
    tail::{self, Death, Tail},
};

/// Runs that may lead to one another.
pub(crate) const MAX_DEPTH: u32 = 16;

/// The name of the step at which a run tells another flow of its failure; no step has such an id.
const ON_FAILURE: &str = "@on-failure";

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

/// What the flow that is told sees as `event`.
fn failure_event(run: &Run, state: &wharf_model::journal::State) -> Value {
    let Death { step, failure, why, attempts } = tail::death(state);
    json!({
        "flow": run.flow.name,
        "flow_version": run.flow_version,
        "run": run.id,
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
