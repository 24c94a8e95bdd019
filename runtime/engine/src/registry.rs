//! Connectors that are loaded: by digest, because runs pin digests; and by name, for what starts now.
//!
//! A version is loaded the first time somebody needs it and unloaded when nobody can: it is no
//! longer active and no run in flight pins it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use serde_json::Value;
use tokio::sync::Mutex;
use wharf_model::{call::CallError, digest::Digest, flow::InputValidator, grant::Limits, manifest::Manifest};
use wharf_package::Package;
use wharf_sandbox::{Connector, Sandbox};
use wharf_store::Store;

use crate::{
    access::{Access, AccessKey},
    error::{EngineError, InstallError},
    notice::Notice,
    observe::Observe,
};

/// The connector digests that a run uses, by connector name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pins(BTreeMap<String, Digest>);

impl Pins {
    pub(crate) fn get(&self, connector: &str) -> Option<Digest> {
        self.0.get(connector).copied()
    }

    pub(crate) fn digests(&self) -> impl Iterator<Item = Digest> {
        self.0.values().copied()
    }

    pub(crate) fn into_map(self) -> BTreeMap<String, Digest> {
        self.0
    }
}

impl From<BTreeMap<String, Digest>> for Pins {
    fn from(digests: BTreeMap<String, Digest>) -> Self {
        Self(digests)
    }
}

/// A connector version that is ready to be called.
pub(crate) struct Loaded {
    pub(crate) digest: Digest,
    pub(crate) manifest: Manifest,
    pub(crate) connector: Connector,
    /// Compiled input schemas, by action.
    pub(crate) inputs: HashMap<String, InputValidator>,
}

/// What was worked out, and how often it was forgotten.
#[derive(Default)]
pub(crate) struct AccessCache {
    pub(crate) generation: u64,
    pub(crate) kept: HashMap<AccessKey, Arc<Access>>,
}

/// The loaded connectors and what they may do.
pub(crate) struct Registry {
    pub(crate) store: Store,
    sandbox: Sandbox,
    pub(crate) limits: Limits,
    pub(crate) ceiling: Limits,
    observe: Observe,
    loaded: RwLock<HashMap<Digest, Arc<Loaded>>>,
    active: RwLock<BTreeMap<String, Digest>>,
    pub(crate) access: RwLock<AccessCache>,
    /// One change of what is installed and granted at a time.
    pub(crate) changing: Mutex<()>,
    /// One load at a time: two runs that need the same version wait for one compilation.
    loading: Mutex<()>,
}

impl Loaded {
    /// Whether an action's rendered input fits its schema.
    pub(crate) fn check_input(&self, action: &str, input: &Value) -> Result<(), CallError> {
        match self.inputs.get(action) {
            Some(validator) => validator.check(input).map_err(CallError::Failed),
            None => Ok(()),
        }
    }
}

impl Registry {
    pub(crate) fn new(
        store: Store,
        sandbox: Sandbox,
        (limits, ceiling): (Limits, Limits),
        observe: Observe,
    ) -> Self {
        Self {
            store,
            sandbox,
            limits,
            ceiling,
            observe,
            loaded: RwLock::default(),
            active: RwLock::default(),
            access: RwLock::default(),
            changing: Mutex::new(()),
            loading: Mutex::new(()),
        }
    }

    pub(crate) fn default_limits(&self) -> Limits {
        self.limits
    }

    /// Loads every active version. One that cannot be loaded is left out: its flows fail, the server starts.
    pub(crate) async fn load_active(&self) -> Result<(), EngineError> {
        let names: BTreeSet<String> =
            self.store.connectors().await?.into_iter().map(|row| row.name).collect();
        for name in names {
            let Some(row) = self.store.active_connector(name).await? else {
                continue;
            };
            self.activate(&row.name, row.digest);
            if let Err(error) = self.get(row.digest).await {
                tracing::error!(connector = row.name, %error, "the connector is not loaded");
            }
        }
        Ok(())
    }

    /// The version of this digest, loaded.
    pub(crate) async fn get(&self, digest: Digest) -> Result<Arc<Loaded>, EngineError> {
        if let Some(loaded) = self.cached(digest) {
            return Ok(loaded);
        }
        let _one_at_a_time = self.loading.lock().await;
        if let Some(loaded) = self.cached(digest) {
            return Ok(loaded);
        }
        let wasm = self.store.connector_wasm(digest).await?;
        let loaded = self.load(digest, &wasm).await?;
        self.keep(Arc::clone(&loaded));
        Ok(loaded)
    }

    async fn load(&self, digest: Digest, wasm: &[u8]) -> Result<Arc<Loaded>, EngineError> {
        let began = tokio::time::Instant::now();
        let unloadable = |why: String| EngineError::Load { digest, why };
        let package = wharf_package::open(wasm).map_err(|error| unloadable(error.to_string()))?;
        let connector =
            self.sandbox.load(wasm, digest).await.map_err(|error| unloadable(error.to_string()))?;
        let mut inputs = HashMap::new();
        for (name, action) in &package.manifest.actions {
            let check = InputValidator::new(action).map_err(|error| unloadable(error.to_string()))?;
            inputs.insert(name.clone(), check);
        }
        let version = package.manifest.version.to_string();
        self.observe.notify(&Notice::ConnectorLoaded {
            name: &package.manifest.name,
            version: &version,
            digest,
            took: began.elapsed(),
        });
        Ok(Arc::new(Loaded { digest, manifest: package.manifest, connector, inputs }))
    }

    /// Loads a package that is not installed yet and has it describe itself: what it says must be what its file says.
    pub(crate) async fn try_out(&self, package: &Package, wasm: &[u8]) -> Result<(), InstallError> {
        let connector = self.sandbox.load(wasm, package.digest).await?;
        let described = connector.describe(&self.limits).await.result;
        let described = described.map_err(|error| InstallError::Describe(error.to_string()))?;
        let manifest = wharf_package::parse_manifest(&described)
            .map_err(|error| InstallError::Describe(error.to_string()))?;
        if manifest != package.manifest {
            return Err(InstallError::Describe("the two manifests differ".to_owned()));
        }
        Ok(())
    }

    fn cached(&self, digest: Digest) -> Option<Arc<Loaded>> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(&digest).cloned()
    }

    fn keep(&self, loaded: Arc<Loaded>) {
        self.loaded.write().unwrap_or_else(PoisonError::into_inner).insert(loaded.digest, loaded);
    }

    /// Makes a version the one for new runs.
    pub(crate) fn activate(&self, name: &str, digest: Digest) {
        self.active.write().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), digest);
        self.forget_access();
    }

    pub(crate) fn deactivate(&self, name: &str) {
        self.active.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        self.forget_access();
    }

    /// Unloads what nobody can call any more: no longer active, and pinned by no run that may still go on.
    pub(crate) async fn unload_unused(&self) {
        let idle: Vec<(Digest, String)> = {
            let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
            let all = loaded.values().filter(|loaded| !self.is_active(loaded.digest));
            all.map(|loaded| (loaded.digest, loaded.manifest.name.clone())).collect()
        };
        for (digest, name) in idle {
            match self.store.runs_pinned_to(digest).await {
                Ok(0) => {
                    self.loaded.write().unwrap_or_else(PoisonError::into_inner).remove(&digest);
                    self.observe.notify(&Notice::ConnectorUnloaded { name: &name, digest });
                }
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(%digest, %error, "whether runs need this version is not known")
                }
            }
        }
    }

    /// Whether new runs use this version.
    pub(crate) fn is_active(&self, digest: Digest) -> bool {
        self.active.read().unwrap_or_else(PoisonError::into_inner).values().any(|active| *active == digest)
    }

    fn active_digests(&self) -> Vec<Digest> {
        self.active.read().unwrap_or_else(PoisonError::into_inner).values().copied().collect()
    }

    /// The digest that new runs of a connector pin.
    pub(crate) fn active_digest(&self, name: &str) -> Result<Digest, EngineError> {
        let active = self.active.read().unwrap_or_else(PoisonError::into_inner);
        active.get(name).copied().ok_or_else(|| EngineError::not_found("active connector", name))
    }

    /// The version for new runs, loaded.
    pub(crate) async fn active(&self, name: &str) -> Result<Arc<Loaded>, EngineError> {
        self.get(self.active_digest(name)?).await
    }

    /// The version for new runs, if it happens to be loaded.
    pub(crate) fn loaded_now(&self, name: &str) -> Option<Arc<Loaded>> {
        self.cached(self.active_digest(name).ok()?)
    }

    /// Every version for new runs, by name.
    pub(crate) async fn all_active(&self) -> Result<Vec<Arc<Loaded>>, EngineError> {
        let mut all = Vec::new();
        for digest in self.active_digests() {
            all.push(self.get(digest).await?);
        }
        Ok(all)
    }
}
