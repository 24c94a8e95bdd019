//! The engine in this process: a real SQLite file with its fsyncs, the sandbox with its limits, and a
//! caller who is told when a run has ended. No HTTP: what is measured is what durability costs.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, Result};
use serde_json::json;
use tokio::sync::oneshot;
use wharf_engine::{Approval, Consent, Engine, EngineConfig, NewConnection, Notice};
use wharf_gate::{Gate, GateConfig};
use wharf_model::{
    event::{Delivery, Provenance},
    time::Timestamp,
};
use wharf_sandbox::{Sandbox, SandboxConfig};
use wharf_store::{MasterKey, RunStatus, Store, StoreConfig};

use crate::{EVENT, flows};

/// The actor of the audit log.
const ACTOR: &str = "bench";

/// An engine with the bench's connector, connection and flows.
pub struct Bed {
    engine: Engine,
    ends: Arc<Ends>,
}

/// Runs that somebody waits for, and runs that ended before anybody did.
#[derive(Default)]
struct Ends(Mutex<HashMap<String, End>>);

enum End {
    Awaited(oneshot::Sender<RunStatus>),
    Came(RunStatus),
}

impl Ends {
    /// Called inline by the engine.
    fn notice(&self, notice: &Notice<'_>) {
        let Notice::RunFinished { run, status, .. } = notice else {
            return;
        };
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match ends.remove(*run) {
            // The caller is gone only when the bench is over.
            Some(End::Awaited(caller)) => drop(caller.send(*status)),
            Some(End::Came(_)) | None => drop(ends.insert((*run).to_owned(), End::Came(*status))),
        }
    }

    async fn of(&self, run: String) -> Result<RunStatus> {
        let ended = {
            let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(End::Came(status)) = ends.remove(&run) {
                return Ok(status);
            }
            let (caller, ended) = oneshot::channel();
            ends.insert(run, End::Awaited(caller));
            ended
        };
        ended.await.context("the engine dropped a run")
    }
}

impl Bed {
    /// Starts an engine on an empty data directory and sets it up.
    ///
    /// # Errors
    /// Whatever is in the way of that.
    pub async fn start(dir: &Path, connector: Vec<u8>) -> Result<Self> {
        let store = Store::open(StoreConfig { path: dir.join("data"), master_key: MasterKey::generate()? })?;
        let sandbox =
            Sandbox::new(SandboxConfig { cache: Some(dir.join("cache")), ..SandboxConfig::default() })?;
        let ends = Arc::new(Ends::default());
        let told = Arc::clone(&ends);
        let config = EngineConfig {
            observer: Some(Arc::new(move |notice| told.notice(notice))),
            ..EngineConfig::default()
        };
        let engine = Engine::start(config, store, sandbox, Gate::new(GateConfig::default())?).await?;
        engine.install(connector, Consent { approval: Approval::Approved, ..Consent::NONE }, ACTOR).await?;
        let connection = NewConnection {
            name: flows::CONNECTION.to_owned(),
            connector: "bench".to_owned(),
            method: None,
            settings: json!({}),
            secrets: BTreeMap::from([("secret".to_owned(), flows::SECRET.to_owned())]),
        };
        engine.add_connection(connection, ACTOR).await?;
        for (name, source) in flows::all() {
            engine.apply_flow(name, &source, ACTOR).await?;
        }
        Ok(Self { engine, ends })
    }

    /// A delivery that was verified, from its acceptance to the end of its run.
    ///
    /// # Errors
    /// It is not accepted, or the run does not end well.
    pub async fn run(&self, flow: &str, delivery_id: String) -> Result<()> {
        let delivery = Delivery {
            method: "POST".to_owned(),
            target: format!("/webhooks/{flow}"),
            headers: Vec::new(),
            body: EVENT.as_bytes().to_vec(),
            received_at: Timestamp(1_795_288_392_345),
        };
        let provenance = Provenance { verified: "hmac-sha256".to_owned(), delivery_id };
        let accepted = self.engine.accept(flow, delivery, provenance).await?;
        let status = self.ends.of(accepted.run).await?;
        anyhow::ensure!(status == RunStatus::Done, "a run of {flow} ended as {status:?}");
        Ok(())
    }

    /// Stops the engine.
    pub async fn stop(self) {
        self.engine.shutdown(std::time::Duration::from_secs(5)).await;
    }
}
