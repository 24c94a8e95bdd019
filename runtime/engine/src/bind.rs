//! What a step needs before it calls: the connector version that its run pins, what that may do for
//! the connection, the limits and the context of the call.

use std::{sync::Arc, time::Duration};

use wharf_gate::Scope;
use wharf_model::{
    call::{Context, Mode},
    failure::Failure,
    flow::{ActionCall, Step},
    grant::Limits,
    manifest::EffectClass,
    time::Timestamp,
};

use crate::{
    access::Access,
    clock,
    engine::Inner,
    error::EngineError,
    host::{Recorder, Reveals, StepHost},
    outcome,
    registry::Loaded,
    run::Run,
    seed,
    state::Buffer,
};

/// A call of a step, as it is asked for.
#[derive(Clone, Copy)]
pub(crate) struct Doing<'a> {
    pub(crate) step: &'a Step,
    /// With the items of the loops that it is in: what the journal and the idempotency key know it by.
    pub(crate) path: &'a str,
    pub(crate) action: &'a ActionCall,
    /// From 1; of a question, its own number.
    pub(crate) attempt: u32,
}

/// What a step needs of its connector.
pub(crate) struct Bound<'a> {
    pub(crate) loaded: Arc<Loaded>,
    pub(crate) access: Arc<Access>,
    pub(crate) action: &'a ActionCall,
    pub(crate) path: &'a str,
    pub(crate) attempt: u32,
    /// The time that the step sees: the same for every attempt.
    pub(crate) at: Timestamp,
    pub(crate) limits: Limits,
}

impl Bound<'_> {
    /// What the action may do at the gate.
    pub(crate) fn scope(&self) -> Scope {
        let none = || Scope::new(EffectClass::Read, &self.limits);
        self.access.authority.action(&self.action.action, &self.limits).unwrap_or_else(none)
    }
}

impl Inner {
    pub(crate) async fn bind<'a>(&self, run: &Run, doing: Doing<'a>) -> Result<Bound<'a>, Failure> {
        let Doing { step, path, action, attempt } = doing;
        let (loaded, access) = self.reach(run, &action.connector, action.connection.as_deref()).await?;
        let timeout =
            step.timeout.map_or(u64::MAX, |timeout| u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX));
        let declared = loaded.manifest.actions.get(&action.action).and_then(|action| action.timeout_ms);
        let deadline_ms = access.limits.deadline_ms.min(timeout).min(declared.unwrap_or(u64::MAX));
        let limits = Limits { deadline_ms, ..access.limits };
        let began = run.tail.lock().await.state.step(path).and_then(|state| state.began);
        let at = began.unwrap_or_else(clock::now);
        Ok(Bound { loaded, access, action, path, attempt, at, limits })
    }

    /// The connector version that the run pins, and what it may do for the connection.
    pub(crate) async fn reach(
        &self,
        run: &Run,
        connector: &str,
        connection: Option<&str>,
    ) -> Result<(Arc<Loaded>, Arc<Access>), Failure> {
        let digest = run.pins.get(connector).ok_or_else(|| {
            outcome::misconfigured(format!("the run pins no version of connector `{connector}`"))
        })?;
        let loaded = self.registry.get(digest).await.map_err(|error| outcome::unavailable(&error))?;
        let access = self.access(&loaded, connection).await?;
        Ok((loaded, access))
    }

    /// What a connector version may do for the connection.
    pub(crate) async fn access(
        &self,
        loaded: &Loaded,
        connection: Option<&str>,
    ) -> Result<Arc<Access>, Failure> {
        self.registry.access(loaded, connection).await.map_err(|error| match error {
            EngineError::Store(_) | EngineError::Abandoned => outcome::unavailable(&error),
            EngineError::NotFound { .. }
            | EngineError::Refused(_)
            | EngineError::Invalid(_)
            | EngineError::Load { .. } => outcome::misconfigured(error.to_string()),
        })
    }

    /// A host that only reads; the connector sees the time `at`.
    pub(crate) fn bare_host(
        &self,
        access: &Access,
        record: &Arc<Recorder>,
        buffer: &Buffer,
        (run, step, at): (&str, &str, Timestamp),
    ) -> StepHost {
        StepHost {
            gate: self.gate.clone(),
            authority: access.authority.clone(),
            scope: Scope::new(EffectClass::Read, &access.limits),
            effect: EffectClass::Read,
            scopes: access.scopes.clone(),
            scratch_bytes: access.scratch_bytes,
            writing: None,
            buffer: buffer.clone(),
            record: Arc::clone(record),
            now: at,
            seed: seed::randomness(run, step),
            reveals: Reveals {
                store: self.store.clone(),
                subject: access.subject.clone(),
                run: run.to_owned(),
                step: step.to_owned(),
            },
        }
    }

    pub(crate) fn context(&self, run: &Run, bound: &Bound<'_>) -> Context {
        self.context_of((&run.id, bound.path), bound.attempt, &bound.access, bound.limits.deadline_ms)
    }

    pub(crate) fn context_of(
        &self,
        (run, step): (&str, &str),
        attempt: u32,
        access: &Access,
        deadline_ms: u64,
    ) -> Context {
        Context {
            run: run.to_owned(),
            step: step.to_owned(),
            attempt,
            mode: Mode::Live,
            idempotency_key: seed::idempotency_key(run, step),
            deadline: clock::now().after(Duration::from_millis(deadline_ms)),
            trace_parent: seed::trace_parent(run, step),
            connection: access.settings.clone(),
        }
    }
}
