//! How a sandbox is set up, and why it may not start. Every field has a default that is safe for a
//! host with many tenants.

use std::{ffi::OsString, path::PathBuf, thread};

use wharf_model::grant::Limits;

use crate::scan::ScanLimits;

const SLOTS: u32 = 512;

/// How a [`crate::Sandbox`] is set up.
#[derive(Clone, Debug)]
pub struct SandboxConfig {
    /// Where compiled connectors are kept; none keeps nothing. The directory is made, for the
    /// owner only, if it is not there.
    pub cache: Option<PathBuf>,
    /// Where scratch directories are made, for calls that are granted one; none offers none. The
    /// directory is made, for the owner only, if it is not there, and what a crash left in it is
    /// removed.
    pub scratch: Option<PathBuf>,
    /// Bytes of compiled connectors that are kept; past it those go that were not loaded for longest,
    /// and none that is in use. Default 4 GiB.
    pub cache_bytes: u64,
    /// The process that compiles; none compiles in this process, where a compile that takes too
    /// long cannot be stopped. For tests.
    pub worker: Option<WorkerCommand>,
    /// Calls that may be inside a guest at the same time, suspended ones included. Default 512.
    pub slots: u32,
    /// Slots that one connector may take, so that a hundred calls that wait for a dead provider leave
    /// room for others. Default half of them.
    pub slots_each: u32,
    /// Calls that may compute at once after they have computed for longer than most ever do; they take
    /// turns, by connector. Default one fewer than there are processors: one is left to the others.
    pub heavy_calls: usize,
    /// Components that may wait to be compiled; a further one is refused as busy. Default 16.
    pub compile_queue: usize,
    /// The most that any call may be given; a connector that needs more to start is refused at load.
    pub ceiling: Limits,
    /// What is refused before it is compiled.
    pub scan: ScanLimits,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        Self {
            cache: None,
            scratch: None,
            cache_bytes: 4 << 30,
            worker: None,
            slots: SLOTS,
            slots_each: SLOTS / 2,
            heavy_calls: thread::available_parallelism().map_or(1, |all| all.get().saturating_sub(1)).max(1),
            compile_queue: 16,
            ceiling: Limits::ceiling(),
            scan: ScanLimits::default(),
        }
    }
}

/// The program whose main function is [`crate::compile_worker`], and what it may use up.
#[derive(Clone, Debug)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Seconds of CPU for one component. Default 20.
    pub cpu_seconds: u64,
    /// Bytes of address space. Default 1 GiB.
    pub address_space: u64,
}

impl WorkerCommand {
    /// `program args…` with the default limits.
    pub fn new(program: impl Into<PathBuf>, args: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            program: program.into(),
            args: args.into_iter().map(Into::into).collect(),
            cpu_seconds: 20,
            address_space: 1 << 30,
        }
    }
}

/// Why a sandbox cannot start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The kernel lets a process have too few mappings.
    #[error(
        "{slots} sandbox slots need {need} memory mappings and vm.max_map_count is {have}: \
         raise it (sysctl -w vm.max_map_count={need}) or lower the number of slots"
    )]
    MapCount {
        /// Slots that were asked for.
        slots: u32,
        /// Mappings that they need.
        need: u64,
        /// Mappings that there are.
        have: u64,
    },
    /// The engine does not start: mostly too little address space (`ulimit -v`).
    #[error("wasm engine: {0}")]
    Engine(String),
    /// The directory for scratch directories cannot be used.
    #[error("scratch directory {}: {message}", path.display())]
    Scratch {
        /// The directory.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// The cache directory cannot be used.
    #[error("compile cache {}: {message}", path.display())]
    Cache {
        /// The directory or file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        message: String,
    },
}
