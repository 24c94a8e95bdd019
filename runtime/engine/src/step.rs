//! One step that touches the world: map the input, call the connector, journal what came of it.
//!
//! Nothing here commits on its own: the entry goes to the run's tail, and the driver makes it durable
//! together with what it decides next.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;
use wharf_model::{
    call::{Metering, Outcome},
    failure::Failure,
    journal::{AttemptResult, Entry, Then, Write},
    manifest::Action,
    retry::GiveUp,
    time::Timestamp,
};
use wharf_sandbox::{Call, Finished};

use crate::{
    bind::{Bound, Doing},
    clock,
    engine::Inner,
    host::{Recorder, StepHost, Writing},
    outcome, redact,
    run::{DriveError, Run},
    seed, settle,
    state::{Buffer, Scopes},
};

/// Pages of one list that a step reads before it stops with what it has.
const MAX_PAGES: usize = 100;

impl Inner {
    /// Calls the step's action and journals the attempt.
    pub(crate) async fn call(&self, run: &Run, doing: Doing<'_>, input: Value) -> Result<(), DriveError> {
        self.attempt(run, doing, What::Run(input)).await
    }

    /// Continues a suspended action and journals the attempt.
    pub(crate) async fn resume(&self, run: &Run, doing: Doing<'_>, state: &Value) -> Result<(), DriveError> {
        self.attempt(run, doing, What::Resume(state.to_string())).await
    }

    async fn attempt(&self, run: &Run, doing: Doing<'_>, what: What) -> Result<(), DriveError> {
        let action = doing.action;
        let started_at = clock::now();
        let bound = match self.bind(run, doing).await {
            Ok(bound) => bound,
            Err(failure) => return self.unbound(run, doing, started_at, failure).await,
        };
        let Some(spec) = bound.loaded.manifest.actions.get(&action.action) else {
            let failure =
                outcome::misconfigured(format!("{} has no action `{}`", action.connector, action.action));
            return self.unbound(run, doing, started_at, failure).await;
        };
        let record = Arc::<Recorder>::default();
        let earlier = run
            .tail
            .lock()
            .await
            .state
            .step(doing.path)
            .map(|state| state.writes.clone())
            .unwrap_or_default();
        let buffer =
            Buffer::new(self.store.clone(), Scopes::of(action, &run.flow.name), bound.access.store_max_bytes);
        let finished = match what {
            What::Run(input) => match bound.loaded.check_input(&action.action, &input) {
                Err(error) => Finished { result: Err(error), metering: Metering::default(), log: Vec::new() },
                Ok(()) => self.run_pages(run, &bound, spec, &input, (earlier, &record, &buffer)).await,
            },
            What::Resume(state) => {
                let host = self.host(run, &bound, spec, (earlier, &record, &buffer));
                let call = Call { limits: bound.limits, host: Box::new(host) };
                let context = self.context(run, &bound);
                bound.loaded.connector.resume(call, &action.action, &state, None, &context).await
            }
        };
        self.attempted(run, doing, &bound, spec, Attempted { started_at, finished, record, buffer }).await
    }

    /// Runs an action; a list to its last page, each page a call of its own.
    async fn run_pages(
        &self,
        run: &Run,
        bound: &Bound<'_>,
        spec: &Action,
        input: &Value,
        (earlier, record, buffer): (BTreeMap<u32, Write>, &Arc<Recorder>, &Buffer),
    ) -> Finished<Outcome> {
        let input = input.to_string();
        let mut items = Vec::new();
        let mut page: Option<String> = None;
        let mut spent = outcome::Spent::default();
        for _ in 0..MAX_PAGES {
            let host = self.host(run, bound, spec, (earlier.clone(), record, buffer));
            let call = Call { limits: bound.limits, host: Box::new(host) };
            let context = self.context(run, bound);
            let connector = &bound.loaded.connector;
            let finished = connector.run(call, &bound.action.action, &input, page.as_deref(), &context).await;
            match spent.add(finished) {
                Ok(Outcome::Page { items: more, next }) => {
                    items.extend(more);
                    page = next;
                    if page.is_none() {
                        break;
                    }
                }
                other => return spent.finish(other),
            }
        }
        spent.finish(Ok(Outcome::Page { items, next: page }))
    }

    async fn attempted(
        &self,
        run: &Run,
        doing: Doing<'_>,
        bound: &Bound<'_>,
        spec: &Action,
        ended: Attempted,
    ) -> Result<(), DriveError> {
        let Doing { step, path, .. } = doing;
        let Attempted { started_at, finished, record, buffer } = ended;
        let record = record.take();
        let finished = redact::finished(finished, bound.access.authority.redactor());
        let name = &bound.loaded.manifest.name;
        let label = outcome::label(&finished.result);
        self.observe.call(name, "run", &bound.action.action, (label, &finished.metering), &record.effects);
        self.keep_denials(name, (Some(&run.id), path), &record.effects).await;
        let mut tail = run.tail.lock().await;
        if let Some(key) = settle::disowned(&finished.result, &record) {
            tail.push(Entry::WriteRefused { step: path.to_owned(), key });
        }
        let state = tail.state.step(path).cloned().unwrap_or_default();
        let ended = settle::Ended {
            action: spec,
            policy: &step.retry,
            attempt: bound.attempt,
            seed: seed::jitter(&run.id, path),
            now: clock::now(),
            state: &state,
        };
        let entry = |result: AttemptResult| Entry::Attempted {
            step: path.to_owned(),
            attempt: bound.attempt,
            started_at,
            result,
            metering: finished.metering,
            effects: record.effects.clone(),
            log: finished.log.clone(),
        };
        let mut result = settle::classify(finished.result, &record, &ended);
        if matches!(result, AttemptResult::Done { .. }) {
            let writes = buffer.into_writes();
            if writes.is_empty() {
                tail.forget_answers(path);
            } else {
                match tail.keep(entry(result), writes).await? {
                    Ok(()) => return Ok(()),
                    Err(error) => result = settle::unkept(&error, &ended),
                }
            }
        }
        tail.push(entry(result));
        Ok(())
    }

    /// Journals an attempt that could not even be made.
    async fn unbound(
        &self,
        run: &Run,
        doing: Doing<'_>,
        started_at: Timestamp,
        failure: Failure,
    ) -> Result<(), DriveError> {
        let result =
            AttemptResult::Failed { failure, trap: None, then: Then::GiveUp { why: GiveUp::Permanent } };
        run.tail.lock().await.push(Entry::Attempted {
            step: doing.path.to_owned(),
            attempt: doing.attempt,
            started_at,
            result,
            metering: Metering::default(),
            effects: Vec::new(),
            log: Vec::new(),
        });
        Ok(())
    }

    fn host(
        &self,
        run: &Run,
        bound: &Bound<'_>,
        spec: &Action,
        (earlier, record, buffer): (BTreeMap<u32, Write>, &Arc<Recorder>, &Buffer),
    ) -> StepHost {
        let key = seed::idempotency_key(&run.id, bound.path);
        let writing =
            Writing::new((bound.path.to_owned(), bound.attempt), Arc::clone(&run.tail), earlier, key);
        StepHost {
            scope: bound.scope(),
            effect: spec.effect,
            writing: Some(writing),
            ..self.bare_host(&bound.access, record, buffer, (&run.id, bound.path, bound.at))
        }
    }
}

enum What {
    Run(Value),
    Resume(String),
}

struct Attempted {
    started_at: Timestamp,
    finished: Finished<Outcome>,
    record: Arc<Recorder>,
    buffer: Buffer,
}
