//! From bytes to a connector: size, scan, names, compile (or cache), link, a trial start, types.
//!
//! The order is the security: nothing is compiled that was not judged, and nothing is kept that
//! does not start. What the cache returns went through all of it before, under the same settings;
//! a hit costs a MAC and an `mmap`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::{OnceCell, Semaphore};
use wasmtime::component::Component;
use wharf_model::{digest::Digest, grant::Limits};

use crate::{
    cache::{Cache, Kept},
    call,
    config::{SandboxConfig, SandboxError},
    connector::{Connector, Loaded, check_types},
    contract::{self, Exports},
    engine::{self, Flavour},
    load::LoadError,
    pace::Share,
    runner::{self, Runner},
    scan::{ScanLimits, scan},
    scratch::Ground,
    worker,
};

/// Loads connectors. Cheap to clone; clones share one engine, one pool and one cache.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    config: SandboxConfig,
    plain: Runner,
    /// Opened by the first component that needs it: an engine reserves address space.
    concurrent: OnceCell<Runner>,
    concurrent_cache: Option<Cache>,
    ground: Option<Arc<Ground>>,
    scan: ScanLimits,
    ceiling: Limits,
    /// One at a time is scanned and compiled: the rest of the CPU is for calls.
    compiling: Semaphore,
    /// Those that compile or wait for it.
    loads: AtomicUsize,
    max_loads: usize,
}

/// A place in the queue of the compiler.
struct Queued<'a>(&'a AtomicUsize);

impl Drop for Queued<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a refused connector should wait for each one before it.
const SECONDS_EACH: u32 = 2;

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").finish_non_exhaustive()
    }
}

impl Sandbox {
    /// Starts an engine and reserves its slots.
    ///
    /// # Errors
    /// When the kernel grants too few mappings or too little address space, or the cache is not safe.
    pub fn new(config: SandboxConfig) -> Result<Self, SandboxError> {
        let ground = config.scratch.as_deref().map(|path| {
            Ground::open(path)
                .map(Arc::new)
                .map_err(|error| SandboxError::Scratch { path: path.to_owned(), message: error.to_string() })
        });
        Ok(Self(Arc::new(Inner {
            plain: Runner::plain(&config)?,
            concurrent: OnceCell::new(),
            concurrent_cache: runner::artifacts(&config, Flavour::Concurrent)?,
            ground: ground.transpose()?,
            scan: config.scan,
            ceiling: config.ceiling,
            compiling: Semaphore::new(1),
            loads: AtomicUsize::new(0),
            max_loads: config.compile_queue.saturating_add(1),
            config,
        })))
    }

    /// Makes a connector of a component. `digest` is that of `wasm`; it names the compiled artifact
    /// in the cache, and is checked before anything is compiled under it.
    ///
    /// # Errors
    /// A [`LoadError`] with a stable reason.
    pub async fn load(&self, wasm: &[u8], digest: Digest) -> Result<Connector, LoadError> {
        let (bytes, max) = (wasm.len() as u64, self.0.scan.component_bytes);
        if bytes > max {
            return Err(LoadError::Size { bytes, max });
        }
        if let Some(connector) = self.cached(digest).await? {
            return Ok(connector);
        }
        let _queued = self.0.queue()?;
        // The semaphore is never closed.
        let _turn = self.0.compiling.acquire().await;
        // Whoever was before may have loaded the same.
        if let Some(connector) = self.cached(digest).await? {
            return Ok(connector);
        }
        let wasm: Arc<[u8]> = wasm.into();
        let (inner, bytes) = (Arc::clone(&self.0), Arc::clone(&wasm));
        let flavour = blocking(move || inner.judge(&bytes, digest)).await??;
        let runner = self.runner(flavour).await?;
        let artifact = self.compile(flavour, wasm).await?;
        let (engine, cache) = (runner.engine.clone(), runner.cache.clone());
        let (component, staged) =
            blocking(move || Runner::stage(&engine, cache.as_ref(), digest, &artifact)).await??;
        let (staged, kept) = staged.unzip();
        let connector = self.0.link(runner, &component, digest, kept)?;
        self.0.try_start(&connector).await?;
        if let (Some(cache), Some(staged)) = (&runner.cache, staged) {
            let cache = cache.clone();
            blocking(move || cache.publish(digest, staged)).await?;
        }
        Ok(connector)
    }

    async fn cached(&self, digest: Digest) -> Result<Option<Connector>, LoadError> {
        let caches = [(Flavour::Plain, &self.0.plain.cache), (Flavour::Concurrent, &self.0.concurrent_cache)];
        for (flavour, cache) in caches {
            let Some(cache) = cache.clone().filter(|cache| cache.has(digest)) else {
                continue;
            };
            let runner = self.runner(flavour).await?;
            let engine = runner.engine.clone();
            if let Some((component, kept)) = blocking(move || cache.find(&engine, digest)).await? {
                return self.0.link(runner, &component, digest, Some(kept)).map(Some);
            }
        }
        Ok(None)
    }

    pub(crate) async fn runner(&self, flavour: Flavour) -> Result<&Runner, LoadError> {
        if flavour == Flavour::Plain {
            return Ok(&self.0.plain);
        }
        let open = || async {
            let inner = Arc::clone(&self.0);
            blocking(move || Runner::concurrent(&inner.config, &inner.plain, inner.concurrent_cache.clone()))
                .await?
                .map_err(|error| LoadError::Host(error.to_string()))
        };
        self.0.concurrent.get_or_try_init(open).await
    }

    async fn compile(&self, flavour: Flavour, wasm: Arc<[u8]>) -> Result<Vec<u8>, LoadError> {
        if let Some(command) = &self.0.config.worker {
            return worker::compile(command, flavour, &wasm).await;
        }
        let engine = self.runner(flavour).await?.engine.clone();
        let compiled = blocking(move || engine.precompile_component(&wasm)).await?;
        compiled.map_err(|error| LoadError::Malformed(format!("{error:#}")))
    }
}

impl Inner {
    fn queue(&self) -> Result<Queued<'_>, LoadError> {
        let before = self.loads.fetch_add(1, Ordering::Relaxed);
        let queued = Queued(&self.loads);
        if before >= self.max_loads {
            let waiting = u32::try_from(before).unwrap_or(u32::MAX);
            let retry_after_s = waiting.saturating_mul(SECONDS_EACH);
            return Err(LoadError::Busy { waiting, retry_after_s });
        }
        Ok(queued)
    }

    /// What it is judged by decides which engine it runs on: a component that is valid without
    /// concurrency, and imports nothing that has it, runs without.
    fn judge(&self, wasm: &[u8], digest: Digest) -> Result<Flavour, LoadError> {
        let found = Digest::of(wasm);
        if found != digest {
            return Err(LoadError::Digest { found: found.to_string(), expected: digest.to_string() });
        }
        let features = self.plain.engine.get_wasm_features();
        let (inventory, flavour) = match scan(wasm, &self.scan, &self.ceiling, features) {
            Ok(inventory) if inventory.imports.iter().any(|name| contract::is_concurrent(name)) => {
                (inventory, Flavour::Concurrent)
            }
            Ok(inventory) => (inventory, Flavour::Plain),
            Err(LoadError::Feature { .. }) => {
                let features = features | engine::CONCURRENT;
                (scan(wasm, &self.scan, &self.ceiling, features)?, Flavour::Concurrent)
            }
            Err(error) => return Err(error),
        };
        let (imports, exports) = (inventory.imports.iter(), inventory.exports.iter());
        contract::check_names(imports.map(String::as_str), exports.map(String::as_str))?;
        Ok(flavour)
    }

    fn link(
        &self,
        runner: &Runner,
        component: &Component,
        digest: Digest,
        kept: Option<Kept>,
    ) -> Result<Connector, LoadError> {
        let ty = component.component_type();
        let imports: Vec<String> = ty.imports(&runner.engine).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<String> = ty.exports(&runner.engine).map(|(name, _)| name.to_owned()).collect();
        let names = || imports.iter().map(String::as_str);
        contract::check_names(names(), exports.iter().map(String::as_str))?;
        let (found, interfaces) = Exports::of(component)?;
        let foreign = contract::imports_wasi(names());
        let linker = if foreign { &runner.wasi } else { &runner.bare };
        let pre =
            linker.instantiate_pre(component).map_err(|error| LoadError::ImportType(format!("{error:#}")))?;
        Ok(Connector(Arc::new(Loaded {
            digest,
            pre,
            exports: found,
            interfaces,
            imports,
            ground: self.ground.clone().filter(|_| foreign),
            share: Share::new(),
            room: Arc::clone(&runner.room),
            _kept: kept,
        })))
    }

    /// Starts it once, without any capability and under the ceiling, to see that it starts and that
    /// its exports have the types of the contract.
    async fn try_start(&self, connector: &Connector) -> Result<(), LoadError> {
        let limits = Limits { fuel: 100_000_000, deadline_ms: 5_000, ..self.ceiling };
        let loaded = &connector.0;
        let slot = loaded.room.slot(loaded.digest).await;
        let _slot = slot.map_err(|full| LoadError::Host(call::busy(full)))?;
        call::trial(loaded, &limits, |instance, store| check_types(&loaded.exports, instance, store))
            .await
            .map_err(LoadError::start)?
            .map_err(|error| LoadError::ExportType(format!("{error:#}")))
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| LoadError::Host(format!("load: {error}")))
}
