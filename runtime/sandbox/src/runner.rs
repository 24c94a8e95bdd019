//! An engine and what it offers. There are two: the plain one, which a sandbox opens at once, and the
//! concurrent one, opened by the first component that needs it.

use std::{io, sync::Arc};

use wasmtime::{
    Engine,
    component::{Component, Linker},
};
use wharf_model::digest::Digest;

use crate::{
    cache::{self, Cache, Kept, Staged},
    capability,
    config::{SandboxConfig, SandboxError},
    contract,
    engine::{self, Flavour},
    load::LoadError,
    room::Room,
    state::State,
    wasi,
};

/// See the module.
pub(crate) struct Runner {
    pub(crate) engine: Engine,
    /// Our capabilities only.
    pub(crate) bare: Linker<State>,
    /// And WASI.
    pub(crate) wasi: Linker<State>,
    pub(crate) cache: Option<Cache>,
    pub(crate) room: Arc<Room>,
}

impl Runner {
    /// The one that is there from the start.
    pub(crate) fn plain(config: &SandboxConfig) -> Result<Self, SandboxError> {
        let engine = engine::runner(config, Flavour::Plain)?;
        let room = Room::new(&engine, config)?;
        Self::open(engine, room, artifacts(config, Flavour::Plain)?, Flavour::Plain)
    }

    /// The other one, which shares slots and turns with the first.
    pub(crate) fn concurrent(
        config: &SandboxConfig,
        plain: &Self,
        cache: Option<Cache>,
    ) -> Result<Self, SandboxError> {
        let engine = engine::runner(config, Flavour::Concurrent)?;
        let room = plain.room.beside(&engine)?;
        Self::open(engine, room, cache, Flavour::Concurrent)
    }

    fn open(
        engine: Engine,
        room: Room,
        cache: Option<Cache>,
        flavour: Flavour,
    ) -> Result<Self, SandboxError> {
        let fail = |error: wasmtime::Error| SandboxError::Engine(format!("{error:#}"));
        let mut bare = Linker::new(&engine);
        capability::link(&mut bare).map_err(fail)?;
        let mut wasi = bare.clone();
        wasi::link_02(&mut wasi).map_err(fail)?;
        if flavour == Flavour::Concurrent {
            wasi::link_03(&mut wasi).map_err(fail)?;
        }
        Ok(Self { engine, bare, wasi, cache, room: Arc::new(room) })
    }

    /// Makes a component of an artifact, and writes it aside to be kept.
    pub(crate) fn stage(
        engine: &Engine,
        cache: Option<&Cache>,
        digest: Digest,
        artifact: &[u8],
    ) -> Result<(Component, Option<(Staged, Kept)>), LoadError> {
        if let Some(cache) = cache {
            let staged: io::Result<_> = cache.stage(engine, digest, artifact);
            match staged {
                Ok((staged, component)) => return Ok((component, Some((staged, cache.kept(digest))))),
                Err(error) => tracing::warn!(%error, "compiled connector is not kept"),
            }
        }
        let component =
            cache::load(engine, artifact).map_err(|error| LoadError::Malformed(format!("{error:#}")))?;
        Ok((component, None))
    }
}

/// The artifacts of an engine. Their fingerprint is that of the engine that compiles them, which is
/// made in a millisecond: what is in the cache is known before the engine that runs it is opened.
pub(crate) fn artifacts(config: &SandboxConfig, flavour: Flavour) -> Result<Option<Cache>, SandboxError> {
    let Some(dir) = &config.cache else { return Ok(None) };
    let settings = format!("{:?} {:?} {}", config.scan, config.ceiling, contract::CONTRACT_VERSION);
    let fingerprint = engine::fingerprint(&engine::compiler(flavour)?, &settings);
    Cache::open(dir, fingerprint, config.cache_bytes).map(Some)
}
