//! A write whose outcome is unknown: the connector is asked, and nothing is sent again before it answered.

use std::sync::Arc;

use serde_json::Value;
use wharf_model::{call::Metering, effect::Effect, failure::Failure, journal::Entry, time::Timestamp};
use wharf_sandbox::Call;

use crate::{
    bind::Doing,
    clock,
    engine::Inner,
    host::Recorder,
    outcome, redact,
    run::{DriveError, Run},
    seed, settle,
    state::{Buffer, Scopes},
};

/// A question that was put, or could not be.
struct Asked {
    at: Timestamp,
    number: u32,
    effects: Vec<Effect>,
    metering: Metering,
}

impl Inner {
    /// Asks the connector what became of a write, and journals its verdict.
    pub(crate) async fn confirm(&self, run: &Run, doing: Doing<'_>, input: &Value) -> Result<(), DriveError> {
        let Doing { path, action, attempt: number, .. } = doing;
        let asked = Asked { at: clock::now(), number, effects: Vec::new(), metering: Metering::default() };
        let bound = match self.bind(run, doing).await {
            Ok(bound) => bound,
            Err(failure) => return Self::unconfirmed(run, doing, failure, asked).await,
        };
        let actions = &bound.loaded.manifest.actions;
        if !actions.get(&action.action).is_some_and(|action| action.confirms) {
            let failure = outcome::unconfirmable(&action.connector, &action.action);
            return Self::unconfirmed(run, doing, failure, asked).await;
        }
        let record = Arc::<Recorder>::default();
        let scopes = Scopes::of(action, &run.flow.name);
        let buffer = Buffer::new(self.store.clone(), scopes, bound.access.store_max_bytes);
        let host = self.bare_host(&bound.access, &record, &buffer, (&run.id, path, bound.at));
        let call = Call { limits: bound.limits, host: Box::new(host) };
        let context = self.context(run, &bound);
        let connector = &bound.loaded.connector;
        let finished = connector.confirm(call, &action.action, &input.to_string(), &context).await;
        let effects = record.take().effects;
        let cost = (outcome::label(&finished.result), &finished.metering);
        self.observe.call(&action.connector, "confirm", &action.action, cost, &effects);
        self.keep_denials(&action.connector, (Some(&run.id), path), &effects).await;
        let metering = finished.metering;
        let asked = Asked { at: clock::now(), effects, metering, ..asked };
        match finished.result {
            Ok(verdict) => {
                let entry = Entry::Confirmed {
                    step: path.to_owned(),
                    at: asked.at,
                    verdict: redact::verdict(verdict, bound.access.authority.redactor()),
                    metering,
                    effects: asked.effects,
                };
                run.tail.lock().await.push(entry);
                Ok(())
            }
            Err(error) => {
                let error = redact::error(error, bound.access.authority.redactor());
                Self::unconfirmed(run, doing, settle::failure(error).0, asked).await
            }
        }
    }

    async fn unconfirmed(
        run: &Run,
        doing: Doing<'_>,
        failure: Failure,
        asked: Asked,
    ) -> Result<(), DriveError> {
        let seed = seed::jitter(&run.id, doing.path);
        let then = settle::after_confirm(&failure, &doing.step.retry, asked.number, seed, asked.at);
        // It is the question that failed; what it was about is unknown all the same.
        let failure = Failure { outcome_unknown: true, ..failure };
        let entry = Entry::Unconfirmed {
            step: doing.path.to_owned(),
            at: asked.at,
            failure,
            then,
            metering: asked.metering,
            effects: asked.effects,
        };
        run.tail.lock().await.push(entry);
        Ok(())
    }
}
