//! The trigger's own call: a stored delivery becomes events. The delivery is durable before any
//! connector code sees it, so a connector that fails here costs the sender nothing.

use std::sync::Arc;

use wharf_model::{
    call::{CallError, Metering},
    effect::Effect,
    event::Event,
    failure::Failure,
    flow::On,
    journal::{AttemptResult, Entry, TRIGGER},
    retry::RetryPolicy,
    time::Timestamp,
};
use wharf_sandbox::Call;
use wharf_store::KvError;

use crate::{
    clock,
    engine::Inner,
    host::Recorder,
    outcome, redact,
    run::{DriveError, Run},
    seed, settle,
    state::{Buffer, Scopes},
};

/// What the trigger's connector made of a delivery.
struct Made {
    events: Vec<Event>,
    metering: Metering,
    buffer: Buffer,
}

/// Why it made nothing, and what it did meanwhile.
struct Unmade {
    error: CallError,
    effects: Vec<Effect>,
}

impl From<Failure> for Unmade {
    fn from(failure: Failure) -> Self {
        Self { error: CallError::Failed(failure), effects: Vec::new() }
    }
}

impl Inner {
    /// Has the trigger's connector make events of the run's delivery. The first is this run's; each
    /// further one starts a run of its own.
    pub(crate) async fn receive(&self, run: &Run, attempt: u32) -> Result<(), DriveError> {
        let started_at = clock::now();
        let unmade = match self.make_events(run, attempt).await {
            Ok(made) => match take_in(run, made).await? {
                Ok(()) => return Ok(()),
                Err(error) => outcome::misconfigured(error.to_string()).into(),
            },
            Err(unmade) => unmade,
        };
        unreceived(run, attempt, started_at, unmade).await;
        Ok(())
    }

    async fn make_events(&self, run: &Run, attempt: u32) -> Result<Made, Unmade> {
        let (On::Trigger(binding), Some(delivery)) = (&run.flow.on, &run.delivery) else {
            return Err(
                outcome::misconfigured("the run has no delivery to make an event of".to_owned()).into()
            );
        };
        let connection = binding.connection.as_deref();
        let (loaded, access) = self.reach(run, &binding.connector, connection).await?;
        let record = Arc::<Recorder>::default();
        let scopes = Scopes::new(&binding.connector, connection, &run.flow.name);
        let buffer = Buffer::new(self.store.clone(), scopes, access.store_max_bytes);
        let host = self.bare_host(&access, &record, &buffer, (&run.id, TRIGGER, run.accepted_at));
        let call = Call { limits: access.limits, host: Box::new(host) };
        let context = self.context_of((&run.id, TRIGGER), attempt, &access, access.limits.deadline_ms);
        let settings = binding.with.to_string();
        let connector = &loaded.connector;
        let finished = connector.receive(call, &binding.trigger, &settings, delivery, &context).await;
        let effects = record.take().effects;
        let cost = (outcome::label(&finished.result), &finished.metering);
        self.observe.call(&binding.connector, "receive", &binding.trigger, cost, &effects);
        self.keep_denials(&binding.connector, (Some(&run.id), TRIGGER), &effects).await;
        let redactor = access.authority.redactor();
        let result = finished.result.map_err(|error| redact::error(error, redactor));
        match result {
            Ok(events) => {
                let events = events.into_iter().map(|event| redact::event(event, redactor)).collect();
                Ok(Made { events, metering: finished.metering, buffer })
            }
            Err(error) => Err(Unmade { error, effects }),
        }
    }
}

/// Journals the events; the inner error says what the connector could not keep.
async fn take_in(run: &Run, made: Made) -> Result<Result<(), KvError>, DriveError> {
    let at = clock::now();
    let mut tail = run.tail.lock().await;
    let provenance = tail.state.provenance.clone().unwrap_or_else(outcome::unknown_provenance);
    let mut events = made.events.into_iter();
    let Some(event) = events.next() else {
        tail.push(Entry::Ignored { at });
        return Ok(Ok(()));
    };
    for event in events {
        let entry = Entry::Triggered { at, provenance: provenance.clone(), event, metering: None };
        tail.fork(run.sibling(&entry, at)?);
    }
    let entry = Entry::Triggered { at, provenance, event, metering: Some(made.metering) };
    let writes = made.buffer.into_writes();
    if writes.is_empty() {
        tail.push(entry);
        return Ok(Ok(()));
    }
    tail.keep(entry, writes).await
}

async fn unreceived(run: &Run, attempt: u32, started_at: Timestamp, unmade: Unmade) {
    let (failure, trap) = settle::failure(unmade.error);
    let seed = seed::jitter(&run.id, TRIGGER);
    let then = settle::after_read(&failure, &RetryPolicy::default(), attempt, seed, clock::now());
    run.tail.lock().await.push(Entry::Attempted {
        step: TRIGGER.to_owned(),
        attempt,
        started_at,
        result: AttemptResult::Failed { failure, trap, then },
        metering: Metering::default(),
        effects: unmade.effects,
        log: Vec::new(),
    });
}
