//! An event becomes a run: event, run and dedupe key in one transaction, and only then an answer.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;
use wharf_model::{
    event::{Delivery, Event, Provenance},
    failure::Failure,
    flow::{ManualBinding, On},
    journal::{Entry, State},
    manifest::{EventFilter, TriggerSource, Verification},
};
use wharf_store::Accept;

use crate::{
    clock, crash,
    engine::{Engine, Inner},
    error::{AcceptError, EngineError},
    flows::ActiveFlow,
    notice::Notice,
    registry::Pins,
    run::{self, Run},
    tail::Tail,
    tail::new_run_id,
};

/// How deliveries to a flow's address are recognised.
pub struct Endpoint {
    /// The signature scheme.
    pub verification: Verification,
    /// The secret that signs; none for `unsigned`.
    pub secret: Option<wharf_store::Secret>,
    /// The header that names a delivery.
    pub delivery_id_header: Option<String>,
    /// Deliveries that are meant, by a header.
    pub event_filter: Option<EventFilter>,
}

/// An event that is durable.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Accepted {
    /// Its run; the first one's if it had been accepted before.
    pub run: String,
    /// Whether it had been accepted before.
    pub duplicate: bool,
}

impl Engine {
    /// How deliveries for a flow are recognised; none for an unknown flow or one that takes no deliveries.
    pub async fn endpoint(&self, flow: &str) -> Result<Option<Endpoint>, EngineError> {
        let Some(active) = self.inner.flows.active(flow) else {
            return Ok(None);
        };
        match &active.flow.on {
            On::Schedule(_) | On::Flow(_) | On::Manual(_) => Ok(None),
            On::Webhook(binding) => {
                let secret =
                    self.inner.webhook_secret(&binding.verification, binding.connection.as_deref()).await?;
                Ok(Some(Endpoint {
                    verification: binding.verification.clone(),
                    secret,
                    delivery_id_header: binding.delivery_id_header.clone(),
                    event_filter: None,
                }))
            }
            On::Trigger(binding) => {
                let loaded = self.inner.registry.active(&binding.connector).await?;
                let trigger = loaded
                    .manifest
                    .triggers
                    .get(&binding.trigger)
                    .ok_or_else(|| EngineError::not_found("trigger", &binding.trigger))?;
                let TriggerSource::Webhook(webhook) = &trigger.source else {
                    return Ok(None);
                };
                let secret =
                    self.inner.webhook_secret(&webhook.verification, binding.connection.as_deref()).await?;
                Ok(Some(Endpoint {
                    verification: webhook.verification.clone(),
                    secret,
                    delivery_id_header: webhook.delivery_id_header.clone(),
                    event_filter: webhook.event_filter.clone(),
                }))
            }
        }
    }

    /// Makes a verified delivery durable and starts its run. Durable when it returns.
    pub async fn accept(
        &self,
        flow: &str,
        delivery: Delivery,
        provenance: Provenance,
    ) -> Result<Accepted, AcceptError> {
        let active =
            self.inner.flows.active(flow).ok_or_else(|| AcceptError::UnknownFlow(flow.to_owned()))?;
        let dedupe_key = provenance.delivery_id.clone();
        let at = delivery.received_at;
        let entry = match &active.flow.on {
            On::Schedule(_) | On::Flow(_) | On::Manual(_) => {
                return Err(AcceptError::UnknownFlow(flow.to_owned()));
            }
            On::Trigger(_) => Entry::Received { at, provenance },
            On::Webhook(_) => {
                let data = serde_json::from_slice(&delivery.body)
                    .map_err(|error| EngineError::Invalid(format!("the body is not JSON: {error}")))?;
                Entry::Triggered { at, event: event(&provenance, data), provenance, metering: None }
            }
        };
        self.inner.start(&active, dedupe_key, entry, Some(delivery)).await
    }

    /// Starts a run of a flow with `data` as its event, on behalf of a person or an API client.
    pub async fn run_flow(
        &self,
        flow: &str,
        data: Value,
        dedupe_key: Option<String>,
    ) -> Result<Accepted, AcceptError> {
        let active =
            self.inner.flows.active(flow).ok_or_else(|| AcceptError::UnknownFlow(flow.to_owned()))?;
        if let On::Manual(ManualBinding { input: Some((_, check)) }) = &active.flow.on {
            check.check(&data).map_err(|failure| EngineError::Invalid(unfit(flow, failure)))?;
        }
        let delivery_id = dedupe_key.unwrap_or_else(new_run_id);
        let provenance = Provenance { verified: "api".to_owned(), delivery_id: delivery_id.clone() };
        let event = event(&provenance, data);
        let entry = Entry::Triggered { at: clock::now(), provenance, event, metering: None };
        self.inner.start(&active, delivery_id, entry, None).await
    }
}

/// What is wrong with the event that somebody sent, without quoting it.
fn unfit(flow: &str, failure: Failure) -> String {
    let wrong = failure.fields.into_iter().map(|field| match field.path.as_str() {
        "" => field.message,
        path => format!("{path}: {}", field.message),
    });
    format!("the input does not fit flow `{flow}`: {}", wrong.collect::<Vec<_>>().join("; "))
}

fn event(provenance: &Provenance, data: Value) -> Event {
    Event { id: provenance.delivery_id.clone(), occurred_at: None, ordering_key: None, sequence: None, data }
}

impl Inner {
    /// One transaction, then the run goes on in this process if there is room, else as soon as there is.
    async fn start(
        self: &Arc<Self>,
        active: &ActiveFlow,
        dedupe_key: String,
        entry: Entry,
        delivery: Option<Delivery>,
    ) -> Result<Accepted, AcceptError> {
        if self.stopping() {
            return Err(AcceptError::Stopping);
        }
        let now = clock::now();
        let permit = Arc::clone(&self.permits).try_acquire_owned().ok();
        let new_run = active.new_run(self.pins(&active.flow)?, &entry, permit.is_none().then_some(now))?;
        let id = new_run.id.clone();
        let pins = Pins::from(new_run.digests.clone());
        let accept = Accept {
            source: active.flow.name.clone(),
            dedupe_key,
            now,
            delivery: delivery.clone().filter(|_| matches!(entry, Entry::Received { .. })),
            runs: vec![new_run],
        };
        crash::point("accept-before");
        let stored = self.store.accept(accept).await?;
        crash::point("accept-after");
        let (accepted, duplicate) = match stored {
            wharf_store::Accepted::Fresh => (id.clone(), false),
            wharf_store::Accepted::Duplicate { run_ids, .. } => {
                (run_ids.into_iter().next().unwrap_or(id.clone()), true)
            }
        };
        self.notify(&Notice::EventAccepted { flow: &active.flow.name, duplicate });
        match permit {
            Some(permit) if !duplicate => {
                let mut state = State::default();
                state.apply(&entry);
                let held = (id.clone(), self.store.epoch());
                let tail = Tail::new(self.store.clone(), held, active.flow.retention, state);
                let run = Run {
                    id,
                    flow: Arc::clone(&active.flow),
                    flow_version: active.version,
                    accepted_at: now,
                    depth: 0,
                    pins,
                    delivery,
                    tail: Arc::new(Mutex::new(tail)),
                };
                let inner = Arc::clone(self);
                self.tasks.spawn(async move {
                    let _permit = permit;
                    run::drive_logged(&inner, &run).await;
                });
            }
            Some(_) | None => self.wake.notify_one(),
        }
        Ok(Accepted { run: accepted, duplicate })
    }
}
