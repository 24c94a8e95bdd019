//! The engine's settings, each for a measured reason (the figures are in `benches/README.md`).
//!
//! A fresh instance per call is only cheap when no page faults: memory slots stay resident and are
//! reset by `PAGEMAP_SCAN` (Linux 6.7). Without it, keeping pages resident is worse than nothing,
//! so the probe at start chooses between the two sets and says which one is live.
//!
//! Loops are bounded three times. *Fuel* is the contract: it says what a call may compute, the same on
//! every machine, and each slice of it the guest yields to the executor (`pace`). *Epochs* are counted
//! by a thread of their own (`heart`), so a guest is stopped at its deadline even where the executor is
//! late; the check runs inside the guest, so the report has its stack, and what WASI owes is paid
//! there. The *executor's clock* ends what waits inside the host. One bulk instruction escapes all
//! three and is bounded by the memory limit instead: 64 MiB are filled in some 10 ms.

use std::{fs, hash::Hasher};

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, ModuleVersionStrategy, OptLevel,
    PoolingAllocationConfig, WasmFeatures,
};

use crate::config::{SandboxConfig, SandboxError};

/// The engine's full version, part of each cache key: the engine itself compares only the major
/// one. A test holds it to `Cargo.lock`.
pub(crate) const ENGINE_VERSION: &str = "48.0.8";

/// What a guest's calls may nest to; the rest of a fiber's 2 MiB is the host's.
const STACK_BYTES: usize = 512 << 10;

/// Proposals that no connector needs. Each is code of the engine that a stranger's bytes would reach;
/// threads would also take the determinism, and relaxed SIMD answers differently on other machines.
const OFF: [WasmFeatures; 14] = [
    WasmFeatures::THREADS,
    WasmFeatures::SHARED_EVERYTHING_THREADS,
    WasmFeatures::GC,
    WasmFeatures::FUNCTION_REFERENCES,
    WasmFeatures::EXCEPTIONS,
    WasmFeatures::LEGACY_EXCEPTIONS,
    WasmFeatures::MEMORY64,
    WasmFeatures::MULTI_MEMORY,
    WasmFeatures::RELAXED_SIMD,
    WasmFeatures::TAIL_CALL,
    WasmFeatures::STACK_SWITCHING,
    WasmFeatures::WIDE_ARITHMETIC,
    WasmFeatures::CUSTOM_PAGE_SIZES,
    WasmFeatures::CM_GC,
];

/// Per component. A component has one memory; shims and adapters share it.
pub(crate) const MEMORIES: u32 = 2;
/// Per component: the program's own, and those of the shims that make imports.
pub(crate) const TABLES: u32 = 4;

/// The two engines. What concurrency costs is paid only by components that need it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Flavour {
    /// One call at a time inside a component: our contract and WASI 0.2.
    Plain,
    /// Calls that overlap, streams and futures: WASI 0.3. An empty call takes 2 µs longer.
    Concurrent,
}

/// What does not depend on where instances live: compiler and worker agree on this.
fn common(flavour: Flavour) -> Config {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK_BYTES)
        .cranelift_opt_level(OptLevel::Speed)
        .memory_init_cow(true)
        .concurrency_support(flavour == Flavour::Concurrent)
        .wasm_component_model(true)
        .cranelift_nan_canonicalization(true);
    for feature in OFF {
        config.wasm_features(feature, false);
    }
    config
}

/// What the concurrent engine takes beyond the plain one.
pub(crate) const CONCURRENT: WasmFeatures = WasmFeatures::CM_ASYNC;

/// The engine of the compile worker: it makes no instance, so it reserves no memory for any.
pub(crate) fn compiler(flavour: Flavour) -> Result<Engine, SandboxError> {
    let mut config = common(flavour);
    versioned(&mut config)?;
    Engine::new(&config).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

/// The engine that runs calls.
pub(crate) fn runner(settings: &SandboxConfig, flavour: Flavour) -> Result<Engine, SandboxError> {
    check_map_count(settings.slots)?;
    let mut config = common(flavour);
    versioned(&mut config)?;
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool(settings)));
    Engine::new(&config).map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

fn versioned(config: &mut Config) -> Result<(), SandboxError> {
    config
        .module_version(ModuleVersionStrategy::Custom(format!("wharf-{ENGINE_VERSION}")))
        .map(|_| ())
        .map_err(|error| SandboxError::Engine(format!("{error:#}")))
}

fn pool(settings: &SandboxConfig) -> PoolingAllocationConfig {
    let slots = settings.slots;
    let instances = settings.ceiling.instances;
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(slots)
        .total_core_instances(slots.saturating_mul(instances))
        .max_core_instances_per_component(instances)
        .total_memories(slots.saturating_mul(MEMORIES))
        .max_memories_per_component(MEMORIES)
        .max_memories_per_module(MEMORIES)
        .total_tables(slots.saturating_mul(TABLES))
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .total_stacks(slots)
        .table_elements(settings.ceiling.table_elements as usize)
        .max_memory_size(usize::try_from(settings.ceiling.memory_bytes).unwrap_or(usize::MAX).min(1 << 32))
        .max_unused_warm_slots(slots.min(100));
    if PoolingAllocationConfig::is_pagemap_scan_available() {
        tracing::info!(reset = "pagemap-scan", slots, "sandbox slots keep their pages");
        pool.linear_memory_keep_resident(2 << 20)
            .table_keep_resident(64 << 10)
            .async_stack_keep_resident(64 << 10)
            .pagemap_scan(Enabled::Yes);
    } else {
        tracing::warn!(
            reset = "madvise",
            slots,
            "no PAGEMAP_SCAN (Linux 6.7): calls cost about twice as much"
        );
        pool.decommit_batch_size(32).pagemap_scan(Enabled::No);
    }
    pool
}

/// Memory mappings that so many slots need.
pub(crate) fn mappings(slots: u32) -> u64 {
    u64::from(slots) * 8 + 3 * 1000 + 300
}

/// A slot takes up to four mappings when it is idle and four more while a call is in it (memory,
/// guard, image, stack); a thousand connectors take three each, and 300 are everything else.
fn check_map_count(slots: u32) -> Result<(), SandboxError> {
    let need = mappings(slots);
    let Some(have) =
        fs::read_to_string("/proc/sys/vm/max_map_count").ok().and_then(|text| text.trim().parse().ok())
    else {
        return Ok(());
    };
    if need > have { Err(SandboxError::MapCount { slots, need, have }) } else { Ok(()) }
}

/// Names everything that a compiled artifact depends on beside the component's bytes.
pub(crate) fn fingerprint(engine: &Engine, more: &str) -> String {
    struct Digest(blake3::Hasher);

    impl Hasher for Digest {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            // Only the whole digest is used, below.
            0
        }
    }

    let mut digest = Digest(blake3::Hasher::new());
    std::hash::Hash::hash(&engine.precompile_compatibility_hash(), &mut digest);
    digest.write(ENGINE_VERSION.as_bytes());
    digest.write(more.as_bytes());
    let mut hex = digest.0.finalize().to_hex().to_string();
    hex.truncate(16);
    hex
}
