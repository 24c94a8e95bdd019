//! From bytes to a connector: size, scan, names, compile (or cache), link, a trial start, types.
//!
//! The order is the security: nothing is compiled that was not judged, and nothing is kept that
//! does not start. What the cache returns went through all of it before, under the same settings;
//! a hit costs a MAC and an `mmap`.

use std::sync::Arc;

use tokio::sync::{OnceCell, Semaphore};
use wasmtime::{
    Engine,
    component::{Component, Linker},
};
use wharf_model::{digest::Digest, grant::Limits};

use crate::{
    cache::{self, Cache, Staged},
    call, capability,
    config::{SandboxConfig, SandboxError},
    connector::{Connector, Loaded, check_types},
    contract::{self, Exports},
    engine::{self, Flavour},
    load::LoadError,
    scan::{ScanLimits, scan},
    scratch::Ground,
    state::State,
    wasi, worker,
};

/// Loads connectors. Cheap to clone; clones share one engine, one pool and one cache.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    config: SandboxConfig,
    plain: Room,
    /// Opened by the first component that needs it: an engine reserves address space.
    concurrent: OnceCell<Room>,
    /// Where artifacts of the concurrent engine are; known before there is one.
    concurrent_cache: Option<Cache>,
    ground: Option<Arc<Ground>>,
    worker: Option<crate::config::WorkerCommand>,
    scan: ScanLimits,
    ceiling: Limits,
    slots: Arc<Semaphore>,
    /// One compile at a time: the rest of the CPU is for calls.
    compiling: Semaphore,
}

/// An engine, what it offers, and its artifacts.
pub(crate) struct Room {
    pub(crate) engine: Engine,
    /// Our capabilities only.
    bare: Linker<State>,
    /// And WASI.
    pub(crate) wasi: Linker<State>,
    cache: Option<Cache>,
}

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
        let plain = Room::open(&config, Flavour::Plain, cache_of(&config, Flavour::Plain)?)?;
        Ok(Self(Arc::new(Inner {
            plain,
            concurrent: OnceCell::new(),
            concurrent_cache: cache_of(&config, Flavour::Concurrent)?,
            ground: ground.transpose()?,
            worker: config.worker.clone(),
            scan: config.scan,
            ceiling: config.ceiling,
            slots: Arc::new(Semaphore::new(config.slots as usize)),
            compiling: Semaphore::new(1),
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
        if let Some((flavour, component)) = self.cached(digest).await? {
            return self.0.link(self.room(flavour).await?, &component, digest);
        }
        let wasm: Arc<[u8]> = wasm.into();
        let (inner, bytes) = (Arc::clone(&self.0), Arc::clone(&wasm));
        let flavour = blocking(move || inner.judge(&bytes, digest)).await??;
        let room = self.room(flavour).await?;
        let artifact = self.compile(flavour, wasm).await?;
        let (cache, engine) = (room.cache.clone(), room.engine.clone());
        let (staged, component) =
            blocking(move || stage(cache.as_ref(), &engine, digest, &artifact)).await??;
        let connector = self.0.link(room, &component, digest)?;
        self.0.try_start(&connector).await?;
        if let (Some(cache), Some(staged)) = (&room.cache, staged) {
            let cache = cache.clone();
            blocking(move || cache.publish(digest, staged)).await?;
        }
        Ok(connector)
    }

    async fn cached(&self, digest: Digest) -> Result<Option<(Flavour, Component)>, LoadError> {
        for (flavour, cache) in
            [(Flavour::Plain, &self.0.plain.cache), (Flavour::Concurrent, &self.0.concurrent_cache)]
        {
            let Some(cache) = cache.clone().filter(|cache| cache.has(digest)) else {
                continue;
            };
            let engine = self.room(flavour).await?.engine.clone();
            if let Some(component) = blocking(move || cache.find(&engine, digest)).await? {
                return Ok(Some((flavour, component)));
            }
        }
        Ok(None)
    }

    pub(crate) async fn room(&self, flavour: Flavour) -> Result<&Room, LoadError> {
        if flavour == Flavour::Plain {
            return Ok(&self.0.plain);
        }
        let open = || async {
            let inner = Arc::clone(&self.0);
            let cache = inner.concurrent_cache.clone();
            blocking(move || Room::open(&inner.config, flavour, cache))
                .await?
                .map_err(|error| LoadError::Host(error.to_string()))
        };
        self.0.concurrent.get_or_try_init(open).await
    }

    async fn compile(&self, flavour: Flavour, wasm: Arc<[u8]>) -> Result<Vec<u8>, LoadError> {
        // The semaphore is never closed.
        let _turn = self.0.compiling.acquire().await;
        if let Some(command) = &self.0.worker {
            return worker::compile(command, flavour, &wasm).await;
        }
        let engine = self.room(flavour).await?.engine.clone();
        let compiled = blocking(move || engine.precompile_component(&wasm)).await?;
        compiled.map_err(|error| LoadError::Malformed(format!("{error:#}")))
    }
}

impl Room {
    fn open(config: &SandboxConfig, flavour: Flavour, cache: Option<Cache>) -> Result<Self, SandboxError> {
        let engine = engine::runner(config, flavour)?;
        let fail = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let mut bare = Linker::new(&engine);
        capability::link(&mut bare).map_err(fail)?;
        let mut wasi = bare.clone();
        wasi::link_02(&mut wasi).map_err(fail)?;
        if flavour == Flavour::Concurrent {
            wasi::link_03(&mut wasi).map_err(fail)?;
        }
        Ok(Self { engine, bare, wasi, cache })
    }
}

/// The artifacts of an engine. Its fingerprint is that of the engine that compiles, which is there
/// in a millisecond.
fn cache_of(config: &SandboxConfig, flavour: Flavour) -> Result<Option<Cache>, SandboxError> {
    let Some(dir) = &config.cache else { return Ok(None) };
    let settings = format!("{:?} {:?} {}", config.scan, config.ceiling, contract::CONTRACT_VERSION);
    let fingerprint = engine::fingerprint(&engine::compiler(flavour)?, &settings);
    Cache::open(dir, fingerprint).map(Some)
}

fn stage(
    cache: Option<&Cache>,
    engine: &Engine,
    digest: Digest,
    artifact: &[u8],
) -> Result<(Option<Staged>, Component), LoadError> {
    if let Some(cache) = cache {
        match cache.stage(engine, digest, artifact) {
            Ok((staged, component)) => return Ok((Some(staged), component)),
            Err(error) => tracing::warn!(%error, "compiled connector is not kept"),
        }
    }
    let component =
        cache::load(engine, artifact).map_err(|error| LoadError::Malformed(format!("{error:#}")))?;
    Ok((None, component))
}

impl Inner {
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
            Err(LoadError::Feature(_)) => {
                let features = features | engine::concurrent_features();
                (scan(wasm, &self.scan, &self.ceiling, features)?, Flavour::Concurrent)
            }
            Err(error) => return Err(error),
        };
        let (imports, exports) = (inventory.imports.iter(), inventory.exports.iter());
        contract::check_names(imports.map(String::as_str), exports.map(String::as_str))?;
        Ok(flavour)
    }

    fn link(&self, room: &Room, component: &Component, digest: Digest) -> Result<Connector, LoadError> {
        let ty = component.component_type();
        let imports: Vec<String> = ty.imports(&room.engine).map(|(name, _)| name.to_owned()).collect();
        let exports: Vec<String> = ty.exports(&room.engine).map(|(name, _)| name.to_owned()).collect();
        let names = || imports.iter().map(String::as_str);
        contract::check_names(names(), exports.iter().map(String::as_str))?;
        let (found, interfaces) = Exports::of(component)?;
        let foreign = contract::imports_wasi(names());
        let linker = if foreign { &room.wasi } else { &room.bare };
        let pre =
            linker.instantiate_pre(component).map_err(|error| LoadError::ImportType(format!("{error:#}")))?;
        let slots = Arc::clone(&self.slots);
        Ok(Connector(Arc::new(Loaded {
            digest,
            pre,
            exports: found,
            interfaces,
            imports,
            foreign,
            ground: self.ground.clone(),
            slots,
        })))
    }

    /// Starts it once, without any capability and under the ceiling, to see that it starts and that
    /// its exports have the types of the contract.
    async fn try_start(&self, connector: &Connector) -> Result<(), LoadError> {
        let limits = Limits { fuel: 100_000_000, deadline_ms: 5_000, ..self.ceiling };
        // The semaphore is never closed.
        let _slot = self.slots.acquire().await;
        let loaded = &connector.0;
        call::trial(&loaded.pre, &limits, |instance, store| check_types(&loaded.exports, instance, store))
            .await
            .map_err(LoadError::start)?
            .map_err(|error| LoadError::ExportType(format!("{error:#}")))
    }
}

/// Runs `work` where it may block.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| LoadError::Host(format!("load: {error}")))
}
