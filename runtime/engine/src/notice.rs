//! What the engine tells an observer: metrics and live feeds hang here, and nowhere else.

use std::{sync::Arc, time::Duration};

use wharf_model::{call::Metering, digest::Digest, effect::Effect};
use wharf_store::RunStatus;

/// Called inline by the engine, so it must be quick and must not block.
pub type Observer = Arc<dyn Fn(&Notice<'_>) + Send + Sync>;

/// Something happened.
#[derive(Debug)]
pub enum Notice<'a> {
    /// An event was made durable, or recognised as one that was.
    EventAccepted {
        /// The flow.
        flow: &'a str,
        /// It had been accepted before.
        duplicate: bool,
    },
    /// A schedule fired, or passed over fires that it could not make.
    ScheduleFired {
        /// The flow.
        flow: &'a str,
        /// Fires that were made.
        made: u64,
        /// Fires that were passed over.
        missed: u64,
    },
    /// A trigger was polled.
    Polled {
        /// The flow.
        flow: &'a str,
        /// `ok`, a failure class, or why the sandbox stopped the call.
        outcome: &'static str,
    },
    /// The end of a run was to start a run of another flow, and could not.
    ChainRefused {
        /// The other flow.
        flow: &'a str,
    },
    /// A connector was called.
    CallFinished {
        /// The connector's name.
        connector: &'a str,
        /// `run`, `receive`, `confirm`, `validate`, `options`, `poll`, `resume`.
        export: &'static str,
        /// The action, trigger, method or loader.
        name: &'a str,
        /// `ok`, a failure class, or why the sandbox stopped it.
        outcome: &'static str,
        /// What it cost.
        metering: &'a Metering,
    },
    /// An effect went through the gate, or was denied by it.
    EffectDone {
        /// The connector's name.
        connector: &'a str,
        /// The effect.
        effect: &'a Effect,
    },
    /// A run ended.
    RunFinished {
        /// The run.
        run: &'a str,
        /// Its flow.
        flow: &'a str,
        /// How.
        status: RunStatus,
        /// From acceptance to the end.
        took: Duration,
    },
    /// A connector version is loaded.
    ConnectorLoaded {
        /// Its name.
        name: &'a str,
        /// Its version.
        version: &'a str,
        /// Its digest.
        digest: Digest,
        /// How long it took to load.
        took: Duration,
    },
    /// A connector version is no longer loaded.
    ConnectorUnloaded {
        /// Its name.
        name: &'a str,
        /// Its digest.
        digest: Digest,
    },
}
