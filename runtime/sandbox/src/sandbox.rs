//! From bytes to a connector: size, scan, names, compile (or cache), link, a trial start, types.
//!
//! The order is the security: nothing is compiled that was not judged, and nothing is kept that
//! does not start. What the cache returns went through all of it before, under the same settings;
//! a hit costs a MAC and an `mmap`.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Semaphore;
use wasmtime::{
    Engine,
    component::{Component, Linker},
};
use wharf_model::{digest::Digest, grant::Limits};

use crate::{
    cache::{self, Cache, Kept, Staged},
    call, capability,
    config::{SandboxConfig, SandboxError},
    connector::{Connector, Loaded, check_types},
    contract::{self, Exports},
    engine,
    load::LoadError,
    pace::Share,
    room::Room,
    scan::{ScanLimits, scan},
    state::State,
    wasi, worker,
};

/// Loads connectors. Cheap to clone; clones share one engine, one pool and one cache.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    engine: Engine,
    bare: Linker<State>,
    wasi: Linker<State>,
    cache: Option<Cache>,
    worker: Option<crate::config::WorkerCommand>,
    scan: ScanLimits,
    ceiling: Limits,
    room: Arc<Room>,
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
        let engine = engine::runner(&config)?;
        let fail = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let mut bare = Linker::new(&engine);
        capability::link(&mut bare).map_err(fail)?;
        let mut wasi = bare.clone();
        wasi::link(&mut wasi).map_err(fail)?;
        let settings = format!("{:?} {:?} {}", config.scan, config.ceiling, contract::CONTRACT_VERSION);
        let fingerprint = engine::fingerprint(&engine, &settings);
        let cache = config
            .cache
            .as_deref()
            .map(|dir| Cache::open(dir, fingerprint, config.cache_bytes))
            .transpose()?;
        let room = Arc::new(Room::new(&engine, &config)?);
        Ok(Self(Arc::new(Inner {
            engine,
            bare,
            wasi,
            cache,
            worker: config.worker,
            scan: config.scan,
            ceiling: config.ceiling,
            room,
            compiling: Semaphore::new(1),
            loads: AtomicUsize::new(0),
            max_loads: config.compile_queue.saturating_add(1),
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
        if let Some((component, kept)) = self.cached(digest).await? {
            return self.0.link(&component, digest, Some(kept));
        }
        let _queued = self.0.queue()?;
        // The semaphore is never closed.
        let _turn = self.0.compiling.acquire().await;
        // Whoever was before may have loaded the same.
        if let Some((component, kept)) = self.cached(digest).await? {
            return self.0.link(&component, digest, Some(kept));
        }
        let wasm: Arc<[u8]> = wasm.into();
        let (inner, bytes) = (Arc::clone(&self.0), Arc::clone(&wasm));
        blocking(move || inner.judge(&bytes, digest)).await??;
        let artifact = self.compile(wasm).await?;
        let inner = Arc::clone(&self.0);
        let (staged, component) = blocking(move || inner.stage(digest, &artifact)).await??;
        let kept = self.0.cache.as_ref().map(|cache| cache.kept(digest));
        let connector = self.0.link(&component, digest, kept)?;
        self.0.try_start(&connector).await?;
        if let (Some(cache), Some(staged)) = (&self.0.cache, staged) {
            let cache = cache.clone();
            blocking(move || cache.publish(digest, staged)).await?;
        }
        Ok(connector)
    }

    async fn cached(&self, digest: Digest) -> Result<Option<(Component, Kept)>, LoadError> {
        if self.0.cache.is_none() {
            return Ok(None);
        }
        let inner = Arc::clone(&self.0);
        blocking(move || inner.cache.as_ref().and_then(|cache| cache.find(&inner.engine, digest))).await
    }

    async fn compile(&self, wasm: Arc<[u8]>) -> Result<Vec<u8>, LoadError> {
        if let Some(command) = &self.0.worker {
            return worker::compile(command, &wasm).await;
        }
        let engine = self.0.engine.clone();
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

    fn judge(&self, wasm: &[u8], digest: Digest) -> Result<(), LoadError> {
        let found = Digest::of(wasm);
        if found != digest {
            return Err(LoadError::Digest { found: found.to_string(), expected: digest.to_string() });
        }
        let inventory = scan(wasm, &self.scan, &self.ceiling, self.engine.get_wasm_features())?;
        let (imports, exports) = (inventory.imports.iter(), inventory.exports.iter());
        contract::check_names(imports.map(String::as_str), exports.map(String::as_str))
    }

    fn stage(&self, digest: Digest, artifact: &[u8]) -> Result<(Option<Staged>, Component), LoadError> {
        if let Some(cache) = &self.cache {
            match cache.stage(&self.engine, digest, artifact) {
                Ok((staged, component)) => return Ok((Some(staged), component)),
                Err(error) => tracing::warn!(%error, "compiled connector is not kept"),
            }
        }
        let component = cache::load(&self.engine, artifact)
            .map_err(|error| LoadError::Malformed(format!("{error:#}")))?;
        Ok((None, component))
    }

    fn link(
        &self,
        component: &Component,
        digest: Digest,
        kept: Option<Kept>,
    ) -> Result<Connector, LoadError> {
        let ty = component.component_type();
        let imports: Vec<String> = ty.imports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<String> = ty.exports(&self.engine).map(|(name, _)| name.to_owned()).collect();
        let names = || imports.iter().map(String::as_str);
        contract::check_names(names(), exports.iter().map(String::as_str))?;
        let (found, interfaces) = Exports::of(component)?;
        let linker = if contract::imports_wasi(names()) { &self.wasi } else { &self.bare };
        let pre =
            linker.instantiate_pre(component).map_err(|error| LoadError::ImportType(format!("{error:#}")))?;
        Ok(Connector(Arc::new(Loaded {
            digest,
            pre,
            exports: found,
            interfaces,
            imports,
            share: Share::new(),
            room: Arc::clone(&self.room),
            _kept: kept,
        })))
    }

    /// Starts it once, without any capability and under the ceiling, to see that it starts and that
    /// its exports have the types of the contract.
    async fn try_start(&self, connector: &Connector) -> Result<(), LoadError> {
        let limits = Limits { fuel: 100_000_000, deadline_ms: 5_000, ..self.ceiling };
        let loaded = &connector.0;
        let slot = self.room.slot(loaded.digest).await;
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
