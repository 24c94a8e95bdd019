//! The server, put together in the order in which an event passes through it, backwards: what is
//! needed last is made first.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::{
    net::TcpListener,
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinHandle,
};
use wharf_engine::{Engine, EngineConfig, EngineError, Notice};
use wharf_gate::{EgressProxy, EgressProxyError, Gate, GateConfig, GateConfigError, Secret};
use wharf_sandbox::{Sandbox, SandboxConfig, SandboxError, ScanLimits, WorkerCommand};
use wharf_store::{
    By, MasterKey, MasterKeyError, Retention, Store, StoreConfig, StoreError, next_key_file, rotate_key_file,
};

use crate::{
    answer::RequestIds,
    api,
    api::auth::Throttle,
    app::App,
    body::Room,
    clock,
    config::{Config, SecretAt},
    directory,
    doctor::{Inside, keep_memory_private},
    key::{FreshKey, Keys},
    listen,
    metrics::Metrics,
    watch::{WatchError, Watched},
};

/// Bodies of deliveries in memory at once.
const WEBHOOK_ROOM: usize = 64 << 20;
/// Bodies of the admin API in memory at once: a few connector files.
const API_ROOM: usize = 256 << 20;

/// What the server cannot find out by itself.
#[derive(Clone, Debug, Default)]
pub struct ServeOptions {
    /// The process that compiles connectors; none compiles in this one, which a hostile connector can
    /// keep busy for minutes.
    pub compile_worker: Option<WorkerCommand>,
    /// The master key as 64 hexadecimal digits, from the environment; none takes `master.key` in the
    /// data directory, which is made at the first start.
    pub master_key: Option<String>,
}

/// A server that answers.
pub struct Running {
    addr: SocketAddr,
    admin_key: Option<AdminKey>,
    engine: Engine,
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
    drain: Duration,
    /// Until somebody waits for them.
    signals: Option<[Signal; 2]>,
}

/// The first admin key, as it was made at the first start.
#[derive(Clone)]
pub struct AdminKey {
    /// The key. Nobody can read it from the server again.
    pub key: String,
    /// Where it was written, for its owner only.
    pub file: PathBuf,
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Everything under way was finished, or cut off at the end of the drain to go on after the next start.
    Drained,
    /// A second signal came before that.
    Forced,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A directory or file that it needs.
    #[error("{}: {reason}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong, and the fix.
        reason: String,
    },
    /// The address is taken or not this machine's.
    #[error("cannot listen on {addr}: {reason}; change `listen`, or stop what uses the port")]
    Listen {
        /// As configured.
        addr: SocketAddr,
        /// The operating system's reason.
        reason: String,
    },
    /// The master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The sandbox.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// The gate.
    #[error(transparent)]
    Gate(#[from] GateConfigError),
    /// The variable that `egress.proxy-credentials` names.
    #[error("`egress.proxy-credentials`: the environment has no {0}")]
    Variable(String),
    /// Credentials for nothing.
    #[error("`egress.proxy-credentials` is for no proxy; set `egress.proxy`, or take it out")]
    NoProxy,
    /// The egress proxy's login.
    #[error("`egress.proxy-credentials`: {0}")]
    Proxy(#[from] EgressProxyError),
    /// The engine.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The watched folder.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// The operating system has no random bytes.
    #[error("no random bytes: {0}")]
    Random(getrandom::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(std::io::Error),
}

/// Starts a server. It answers when this returns.
///
/// # Errors
/// The first thing that is missing; nothing is left running.
pub async fn serve(config: Config, options: ServeOptions) -> Result<Running, ServeError> {
    // The engine looks at its own memory's pages once, and may not when that is private.
    let _ = wharf_sandbox::facts(0);
    keep_memory_private();
    // First, so that a server that cannot be reached does not take over the data of one that can.
    let (listener, addr) = bind(config.listen).await?;
    // Before anybody can know that it runs: whoever is told may tell it to stop at once.
    let signals = signals()?;
    directory::create(&config.data_dir)?;
    let store = open_store(&config, options.master_key).await?;
    let keys = Keys::new(store.clone());
    let admin_key = first_key(&keys, &config.data_dir).await?;
    let folder = config.watch.as_deref().map(Watched::open).transpose()?;
    let sandbox = Sandbox::new(sandbox_config(&config, options.compile_worker))?;
    let gate = Gate::new(gate_config(&config, addr)?)?;
    let metrics = Arc::new(Metrics::new());
    let engine_config = engine_config(&config, &metrics);
    let request_ids = RequestIds::new(getrandom::u32().map_err(ServeError::Random)?);
    // From here on nothing fails: the engine drives runs as soon as it is there.
    let engine = Engine::start(engine_config, store, sandbox, gate).await?;
    let (stop, stopping) = watch::channel(false);
    let mut tasks = Vec::new();
    if let Some(folder) = folder {
        tasks.push(tokio::spawn(folder.keep(engine.clone(), stopping.clone())));
    }
    let (drain, data_dir) = (config.drain, config.data_dir.clone());
    let max_connections = config.max_connections;
    let app = App {
        engine: engine.clone(),
        metrics,
        keys: Arc::new(keys),
        throttle: Arc::new(Throttle::default()),
        request_ids: Arc::new(request_ids),
        inside: Inside::Server { listens: addr },
        webhooks: Arc::new(config.webhooks.clone()),
        webhook_room: Room::new(WEBHOOK_ROOM),
        api_room: Room::new(API_ROOM),
        config: Arc::new(config),
    };
    let router = api::router(app);
    let listening = listen::listen(listener, router, max_connections, stopping, drain);
    tasks.push(tokio::spawn(listening));
    tracing::info!(%addr, data_dir = %data_dir.display(), "wharf listens");
    Ok(Running { addr, admin_key, engine, stop, tasks, drain, signals: Some(signals) })
}

fn sandbox_config(config: &Config, compile_worker: Option<WorkerCommand>) -> SandboxConfig {
    let default = SandboxConfig::default();
    SandboxConfig {
        cache: Some(config.data_dir.join("cache")),
        scratch: Some(config.data_dir.join("scratch")),
        worker: compile_worker.map(|command| WorkerCommand {
            cpu_seconds: config.compile.cpu_seconds,
            address_space: config.compile.address_space,
            ..command
        }),
        scan: ScanLimits { component_bytes: config.compile.component_bytes, ..ScanLimits::default() },
        ceiling: config.ceiling,
        slots_each: config.sandbox.slots_each,
        heavy_calls: config.sandbox.heavy_calls.unwrap_or(default.heavy_calls),
        compile_queue: config.sandbox.compile_queue,
        cache_bytes: config.sandbox.cache_bytes,
        ..default
    }
}

fn gate_config(config: &Config, addr: SocketAddr) -> Result<GateConfig, ServeError> {
    let roots = config.extra_roots.iter().map(|path| directory::read(path));
    Ok(GateConfig {
        carve_outs: config.carve_outs.clone(),
        own_listeners: vec![addr],
        extra_roots: roots.collect::<Result<_, _>>()?,
        egress_proxy: egress_proxy(config)?,
        ..GateConfig::default()
    })
}

fn egress_proxy(config: &Config) -> Result<Option<EgressProxy>, ServeError> {
    let (proxy, at) = match (&config.proxy, &config.proxy_credentials) {
        (Some(proxy), Some(at)) => (proxy, at),
        (None, Some(_)) => return Err(ServeError::NoProxy),
        (proxy, None) => return Ok(proxy.clone()),
    };
    let login = match at {
        SecretAt::File(path) => Secret::new(directory::read(path)?),
        SecretAt::Variable(name) => {
            let value = std::env::var(name).map_err(|_| ServeError::Variable(name.clone()))?;
            Secret::new(value)
        }
    };
    Ok(Some(proxy.clone().with_login(&login)?))
}

fn engine_config(config: &Config, metrics: &Arc<Metrics>) -> EngineConfig {
    let metrics = Arc::clone(metrics);
    EngineConfig {
        limits: config.limits,
        ceiling: config.ceiling,
        max_concurrent_runs: config.max_concurrent_runs,
        retention: Retention {
            runs: config.retention,
            inbox: config.retention,
            audit: config.audit,
            ..Retention::default()
        },
        observer: Some(Arc::new(move |notice: &Notice<'_>| metrics.notice(notice))),
    }
}

impl Running {
    /// Where it listens; with the port that was free, if 0 was asked for.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The admin key, if this was the first start.
    #[must_use]
    pub fn admin_key(&self) -> Option<&AdminKey> {
        self.admin_key.as_ref()
    }

    /// Takes nothing new, lets what is under way finish for the drain time, and ends.
    pub async fn shutdown(self) {
        // The receivers are gone only if the listener is, and then there is nothing to tell it.
        let _ = self.stop.send(true);
        // Both at once: a request may wait for a run, and a run for nothing of the listener's.
        let ended = async {
            for task in self.tasks {
                if let Err(error) = task.await {
                    tracing::error!(%error, "a task of the server failed");
                }
            }
        };
        tokio::join!(ended, self.engine.shutdown(self.drain));
        tracing::info!("wharf has stopped");
    }

    /// Serves until SIGTERM or SIGINT, then as [`Self::shutdown`]; a second signal does not wait.
    ///
    /// # Errors
    /// [`ServeError::Signals`].
    pub async fn until_stopped(mut self) -> Result<Stopped, ServeError> {
        let [mut terminate, mut interrupt] = match self.signals.take() {
            Some(signals) => signals,
            None => signals()?,
        };
        either(&mut terminate, &mut interrupt).await;
        tracing::info!(drain_seconds = self.drain.as_secs(), "stopping; a second signal stops at once");
        tokio::select! {
            () = self.shutdown() => Ok(Stopped::Drained),
            () = either(&mut terminate, &mut interrupt) => {
                tracing::warn!("stopped at once; runs under way go on after the next start");
                Ok(Stopped::Forced)
            }
        }
    }
}

/// SIGTERM and SIGINT, caught from now on.
fn signals() -> Result<[Signal; 2], ServeError> {
    let catch = |kind| signal(kind).map_err(ServeError::Signals);
    Ok([catch(SignalKind::terminate())?, catch(SignalKind::interrupt())?])
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! {
        _ = one.recv() => {}
        _ = other.recv() => {}
    }
}

async fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), ServeError> {
    let fail = |error: std::io::Error| ServeError::Listen { addr, reason: error.to_string() };
    let listener = TcpListener::bind(addr).await.map_err(fail)?;
    let addr = listener.local_addr().map_err(fail)?;
    Ok((listener, addr))
}

/// The store, with the master key from the environment or the data directory.
async fn open_store(config: &Config, master_key: Option<String>) -> Result<Store, ServeError> {
    let (path, file) = (config.data_dir.clone(), config.master_key_file());
    let opened = tokio::task::spawn_blocking(move || {
        let master_key = match master_key {
            Some(text) => MasterKey::from_hex(&text)?,
            None => file_key(&path, &file)?,
        };
        Ok(Store::open(StoreConfig { path, master_key })?)
    });
    opened.await.unwrap_or_else(|error| {
        Err(ServeError::File {
            path: config.data_dir.clone(),
            reason: format!("opening the store failed: {error}"),
        })
    })
}

/// The key in the file. It is made with the database and at no other time: a new key for secrets that
/// an old one sealed would only hide that the old one is missing. A rotation that was cut off is finished.
fn file_key(dir: &Path, file: &Path) -> Result<MasterKey, StoreError> {
    if !Store::exists(dir) {
        return Ok(MasterKey::load_or_create(file)?);
    }
    if next_key_file(file).exists() {
        tracing::warn!("a rotation of the master key was cut off; finishing it");
        let rotated = rotate_key_file(dir, file, &By::new("system", clock::now()), &mut |_| {})?;
        tracing::info!(
            secrets = rotated.secrets,
            generation = rotated.generation,
            "the master key is rotated"
        );
    }
    Ok(MasterKey::load(file)?)
}

/// Makes the admin key at the first start, and again when no key works any more.
async fn first_key(keys: &Keys, data_dir: &Path) -> Result<Option<AdminKey>, ServeError> {
    if keys.any().await? {
        return Ok(None);
    }
    let fresh = FreshKey::generate().map_err(ServeError::Random)?;
    let file = Config::admin_key_file(data_dir);
    // The file first: a key that is stored but written nowhere would lock everybody out.
    directory::write_secret(&file, &fresh.text)?;
    keys.add(&fresh, "admin, made at the first start", clock::now()).await?;
    tracing::info!(file = %file.display(), "the admin key was made");
    Ok(Some(AdminKey { key: fresh.text, file }))
}
