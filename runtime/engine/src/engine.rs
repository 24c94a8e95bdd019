//! The engine as a whole: what it is made of, how it starts, and how it stops.

use std::{sync::Arc, time::Duration};

use tokio::sync::{Notify, Semaphore, watch};
use tokio_util::task::TaskTracker;
use wharf_gate::Gate;
use wharf_model::{flow::Flow, grant::Limits, manifest::Verification, time::Timestamp};
use wharf_sandbox::Sandbox;
use wharf_store::{Retention, Secret, Store};

use crate::{
    claim,
    error::EngineError,
    flows::Flows,
    housekeeping,
    notice::{Notice, Observer},
    observe::Observe,
    registry::{Pins, Registry},
    triggers::{self, Triggers},
};

/// How the engine runs.
#[derive(Clone)]
pub struct EngineConfig {
    /// Limits of a call that no grant changes.
    pub limits: Limits,
    /// The most that any grant may ask for.
    pub ceiling: Limits,
    /// Runs that are driven at once; the others wait in the store.
    pub max_concurrent_runs: usize,
    /// How long ended runs and deliveries are kept.
    pub retention: Retention,
    /// Is told what happens.
    pub observer: Option<Observer>,
}

impl Default for EngineConfig {
    /// 256 runs at once; what ended well is kept for 30 days.
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            ceiling: Limits::ceiling(),
            max_concurrent_runs: 256,
            retention: Retention::default(),
            observer: None,
        }
    }
}

/// Drives runs. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) gate: Gate,
    pub(crate) registry: Registry,
    pub(crate) flows: Flows,
    pub(crate) observe: Observe,
    /// One for each run that may be driven now.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) tasks: TaskTracker,
    /// Something may be ready in the store.
    pub(crate) wake: Notify,
    pub(crate) triggers: Triggers,
    stopping: watch::Sender<bool>,
}

impl Engine {
    /// Loads the active connectors and flows, takes over what an earlier process left, and starts driving.
    pub async fn start(
        config: EngineConfig,
        store: Store,
        sandbox: Sandbox,
        gate: Gate,
    ) -> Result<Self, EngineError> {
        let observe = Observe(config.observer);
        let registry =
            Registry::new(store.clone(), sandbox, (config.limits, config.ceiling), observe.clone());
        let inner = Arc::new(Inner {
            store,
            gate,
            registry,
            flows: Flows::default(),
            observe,
            permits: Arc::new(Semaphore::new(config.max_concurrent_runs)),
            tasks: TaskTracker::new(),
            wake: Notify::new(),
            triggers: Triggers::default(),
            stopping: watch::Sender::new(false),
        });
        inner.registry.load_active().await?;
        inner.load_flows().await?;
        inner.set_triggers().await?;
        tokio::spawn(triggers::schedules(Arc::clone(&inner)));
        tokio::spawn(triggers::polls(Arc::clone(&inner)));
        tokio::spawn(claim::run(Arc::clone(&inner)));
        tokio::spawn(housekeeping::run(Arc::clone(&inner), config.retention));
        Ok(Self { inner })
    }

    /// Whether it takes events.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.inner.stopping()
    }

    /// Takes nothing new and waits up to `grace` for the calls under way. What is cut off goes on from
    /// its journal after the next start.
    pub async fn shutdown(&self, grace: Duration) {
        self.inner.stopping.send_replace(true);
        self.inner.wake.notify_one();
        self.inner.tasks.close();
        if tokio::time::timeout(grace, self.inner.tasks.wait()).await.is_err() {
            tracing::warn!("runs are cut off; they go on after the next start");
        }
    }
}

impl Inner {
    pub(crate) fn stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Returns once the engine stops.
    pub(crate) async fn stopped(&self) {
        // The sender lives as long as `self`.
        let _ = self.stopping.subscribe().wait_for(|stopping| *stopping).await;
    }

    pub(crate) fn notify(&self, notice: &Notice<'_>) {
        self.observe.notify(notice);
    }

    /// Something is due at `_at`: the claimer looks again when it is.
    pub(crate) fn wake_at(&self, _at: Timestamp) {
        self.wake.notify_one();
    }

    /// The connector versions that a new run of `flow` is on.
    pub(crate) fn pins(&self, flow: &Flow) -> Result<Pins, EngineError> {
        let mut pins = std::collections::BTreeMap::new();
        for name in crate::flows::connectors(flow) {
            pins.insert(name.to_owned(), self.registry.active_digest(name)?);
        }
        Ok(pins.into())
    }

    /// The secret with which a flow's deliveries are signed.
    pub(crate) async fn webhook_secret(
        &self,
        verification: &Verification,
        connection: Option<&str>,
    ) -> Result<Option<Secret>, EngineError> {
        let slot = match verification {
            Verification::Unsigned => return Ok(None),
            Verification::HmacSha256 { slot, .. } | Verification::StandardWebhooks { slot } => slot,
        };
        let connection = connection.ok_or_else(|| {
            EngineError::Refused("signed deliveries need a connection that holds the secret".to_owned())
        })?;
        self.registry.secret(connection, slot).await.map(Some)
    }

    async fn load_flows(&self) -> Result<(), EngineError> {
        for row in self.store.flows().await? {
            match Flow::parse(&row.source) {
                Ok(flow) => self.flows.activate(Arc::new(flow), row.version),
                Err(problems) => {
                    let rendered = wharf_model::flow::render(&problems, &row.name, &row.source);
                    tracing::error!(
                        flow = row.name,
                        "the stored flow cannot be read and is not active: {rendered}"
                    );
                }
            }
        }
        Ok(())
    }
}
