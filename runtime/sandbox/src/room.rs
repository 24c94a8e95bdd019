//! What all calls of a sandbox share: the slots of the pool, the processor's turns, and the epochs
//! that stop them.

use std::sync::Arc;

use wasmtime::Engine;
use wharf_model::digest::Digest;

use crate::{
    config::{SandboxConfig, SandboxError},
    fair::{Fair, Full, Place, Places},
    heart::Heart,
    pace::Turns,
};

/// Calls of one connector that may wait for a slot.
const WAITING_EACH: usize = 1024;

/// See the module.
pub(crate) struct Room {
    slots: Arc<Fair>,
    pub(crate) turns: Turns,
    pub(crate) heart: Heart,
}

impl Room {
    pub(crate) fn new(engine: &Engine, config: &SandboxConfig) -> Result<Self, SandboxError> {
        let all = config.slots.max(1);
        let each = config.slots_each.clamp(1, all);
        let slots = Places { all: all as usize, each: each as usize, waiting: WAITING_EACH };
        Ok(Self {
            slots: Fair::new(slots),
            turns: Turns::new(config.heavy_calls),
            heart: Heart::start(engine)?,
        })
    }

    /// The same slots and turns for another engine, whose epochs are its own.
    pub(crate) fn beside(&self, engine: &Engine) -> Result<Self, SandboxError> {
        Ok(Self { slots: Arc::clone(&self.slots), turns: self.turns.clone(), heart: Heart::start(engine)? })
    }

    /// Waits for a slot of the pool; connectors take turns.
    pub(crate) async fn slot(&self, connector: Digest) -> Result<Place, Full> {
        self.slots.enter(connector).await
    }
}
