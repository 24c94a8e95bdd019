//! A write whose outcome is unknown: the connector is asked, and nothing is sent again before it answered.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use wharf_model::{
    effect::Effect,
    failure::Failure,
    flow::{ActionCall, Step},
    journal::{Entry, Then},
    retry::GiveUp,
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
    /// Asks the connector what became of a write, and journals its verdict.
    pub(crate) async fn confirm(
        &self,
        run: &Run,
        step: &Step,
        action: &ActionCall,
        input: &Value,
        asked: u32,
    ) -> Result<(), DriveError> {
        let at = clock::now();
        let bound = match self.bind(run, step, action, asked).await {
            Ok(bound) => bound,
            Err(failure) => {
                return Self::unconfirmed(run, step, at, failure, Vec::new(), asked).await;
            }
        };
        let spec = bound
            .loaded
            .manifest
            .actions
            .get(&action.action)
            .filter(|action| action.confirms);
        if spec.is_none() {
            let failure = outcome::unconfirmable(&action.connector, &action.action);
            let then = Then::GiveUp {
                why: GiveUp::Ambiguous,
            };
            run.tail.lock().await.push(Entry::Unconfirmed {
                step: step.path.clone(),
                at,
                failure,
                then,
                effects: Vec::new(),
            });
            return Ok(());
        }
        let record = Arc::new(Mutex::new(Record::default()));
        let buffer = Buffer::new(
            self.store.clone(),
            Scopes::of(action, &run.flow.name),
            bound.access.store_max_bytes,
        );
        let host = self.bare_host(&bound.access, &record, &buffer, (&run.id, &step.path));
        let call = Call {
            limits: bound.limits,
            host: Box::new(host),
        };
        let context = self.context(run, &bound);
        let finished = bound
            .loaded
            .connector
            .confirm(call, &action.action, &input.to_string(), &context)
            .await;
        let effects = outcome::take(&record).effects;
        let label = outcome::label(&finished.result);
        self.observe.call(
            &action.connector,
            "confirm",
            &action.action,
            (label, &finished.metering),
            &effects,
        );
        match finished.result {
            Ok(verdict) => {
                let entry = Entry::Confirmed {
                    step: step.path.clone(),
                    at: clock::now(),
                    verdict,
                    effects,
                };
                run.tail.lock().await.push(entry);
                Ok(())
            }
            Err(error) => {
                Self::unconfirmed(
                    run,
                    step,
                    clock::now(),
                    settle::failure(error).0,
                    effects,
                    asked,
                )
                .await
            }
        }
    }

    async fn unconfirmed(
        run: &Run,
        step: &Step,
        at: Timestamp,
        failure: Failure,
        effects: Vec<Effect>,
        asked: u32,
    ) -> Result<(), DriveError> {
        let seed = seed::jitter(&run.id, &step.path);
        let then = settle::after_confirm(&failure, &step.retry, asked, seed, at);
        let entry = Entry::Unconfirmed {
            step: step.path.clone(),
            at,
            failure,
            then,
            effects,
        };
        run.tail.lock().await.push(entry);
        Ok(())
    }
}
