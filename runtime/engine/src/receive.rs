//! The trigger's own call: a stored delivery becomes events. The delivery is durable before any
//! connector code sees it, so a connector that fails here costs the sender nothing.

use std::sync::{Arc, Mutex};

use wharf_model::{
    call::{CallError, Metering},
    effect::Effect,
    flow::On,
    journal::{AttemptResult, Entry, TRIGGER},
    retry::RetryPolicy,
    time::Timestamp,
};
use wharf_sandbox::Call;

use crate::{
    clock,
    engine::Inner,
    host::Record,
    outcome,
    run::{DriveError, Run},
    seed, settle,
    state::{Buffer, Scopes},
};

impl Inner {
    /// Has the trigger's connector make events of the run's delivery. The first is this run's; each further one starts a run of its own.
    pub(crate) async fn receive(&self, run: &Run, attempt: u32) -> Result<(), DriveError> {
        let started_at = clock::now();
        let (On::Trigger(binding), Some(delivery)) = (&run.flow.on, &run.delivery) else {
            let failure =
                outcome::misconfigured("the run has no delivery to make an event of".to_owned());
            return self
                .unreceived(
                    run,
                    attempt,
                    started_at,
                    (Err(CallError::Failed(failure)), Vec::new()),
                )
                .await;
        };
        let (loaded, access) = match self
            .reach(run, &binding.connector, binding.connection.as_deref())
            .await
        {
            Ok(reached) => reached,
            Err(failure) => {
                return self
                    .unreceived(
                        run,
                        attempt,
                        started_at,
                        (Err(CallError::Failed(failure)), Vec::new()),
                    )
                    .await;
            }
        };
        let record = Arc::new(Mutex::new(Record::default()));
        let scopes = Scopes::new(
            &binding.connector,
            binding.connection.as_deref(),
            &run.flow.name,
        );
        let buffer = Buffer::new(self.store.clone(), scopes, access.store_max_bytes);
        let host = self.bare_host(&access, &record, &buffer, (&run.id, TRIGGER));
        let call = Call {
            limits: access.limits,
            host: Box::new(host),
        };
        let context = self.context_of(
            (&run.id, TRIGGER),
            attempt,
            &access,
            access.limits.deadline_ms,
        );
        let settings = binding.with.to_string();
        let finished = loaded
            .connector
            .receive(call, &binding.trigger, &settings, delivery, &context)
            .await;
        let effects = outcome::take(&record).effects;
        let label = outcome::label(&finished.result);
        self.observe.call(
            &binding.connector,
            "receive",
            &binding.trigger,
            (label, &finished.metering),
            &effects,
        );
        let mut events = match finished.result {
            Ok(events) => events.into_iter(),
            Err(error) => {
                return self
                    .unreceived(run, attempt, started_at, (Err(error), effects))
                    .await;
            }
        };
        let at = clock::now();
        let mut tail = run.tail.lock().await;
        let provenance = tail
            .state
            .provenance
            .clone()
            .unwrap_or_else(outcome::unknown_provenance);
        let Some(event) = events.next() else {
            tail.push(Entry::Ignored { at });
            return Ok(());
        };
        for event in events {
            let entry = Entry::Triggered {
                at,
                provenance: provenance.clone(),
                event,
                metering: None,
            };
            tail.fork(run.sibling(&entry, at)?);
        }
        let entry = Entry::Triggered {
            at,
            provenance,
            event,
            metering: Some(finished.metering),
        };
        let writes = buffer.into_writes();
        if writes.is_empty() {
            tail.push(entry);
            return Ok(());
        }
        let kept = tail.keep(entry, writes).await?;
        drop(tail);
        match kept {
            Ok(()) => Ok(()),
            Err(error) => {
                let failure = outcome::misconfigured(error.to_string());
                self.unreceived(
                    run,
                    attempt,
                    started_at,
                    (Err(CallError::Failed(failure)), effects),
                )
                .await
            }
        }
    }

    async fn unreceived(
        &self,
        run: &Run,
        attempt: u32,
        started_at: Timestamp,
        (result, effects): (Result<(), CallError>, Vec<Effect>),
    ) -> Result<(), DriveError> {
        let Err(error) = result else { return Ok(()) };
        let (failure, trap) = settle::failure(error);
        let seed = seed::jitter(&run.id, TRIGGER);
        let then = settle::after_read(
            &failure,
            &RetryPolicy::default(),
            attempt,
            seed,
            clock::now(),
        );
        run.tail.lock().await.push(Entry::Attempted {
            step: TRIGGER.to_owned(),
            attempt,
            started_at,
            result: AttemptResult::Failed {
                failure,
                trap,
                then,
            },
            metering: Metering::default(),
            effects,
            log: Vec::new(),
        });
        Ok(())
    }
}
