//! What protects a host on this machine, found out by trying: for `wharf doctor`.

use std::fs;

use wasmtime::PoolingAllocationConfig;

use crate::{
    config::WorkerCommand,
    engine::{self, Flavour},
    load::LoadError,
    worker,
};

/// When the line's support ends: 48.0.0 came out on 2026-08-20, and of wasmtime every twelfth version is
/// supported for 24 months.
const SUPPORTED_UNTIL: &str = "2028-08-20";

/// What the engine is and what it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The engine's full version.
    pub engine: &'static str,
    /// The day, `2028-08-20`, until which its makers fix what is found in it.
    pub supported_until: &'static str,
    /// Whether slots are reset by `PAGEMAP_SCAN`; without it, a call costs about twice as much.
    pub pagemap_scan: bool,
    /// Memory mappings that so many slots need.
    pub mappings_needed: u64,
    /// `vm.max_map_count`; none where the kernel does not say.
    pub mappings: Option<u64>,
}

/// What is found out without doing anything, for a sandbox of `slots`.
#[must_use]
pub fn facts(slots: u32) -> Facts {
    let text = fs::read_to_string("/proc/sys/vm/max_map_count").ok();
    Facts {
        engine: engine::ENGINE_VERSION,
        supported_until: SUPPORTED_UNTIL,
        pagemap_scan: PoolingAllocationConfig::is_pagemap_scan_available(),
        mappings_needed: engine::mappings(slots),
        mappings: text.and_then(|text| text.trim().parse().ok()),
    }
}

/// What the compile worker did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// What it should.
    Held,
    /// Something else; what.
    Not(String),
}

/// What became of each trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerTrial {
    /// It compiles what is harmless.
    pub compiles: Tried,
    /// It is killed when it has used up its CPU time.
    pub cpu: Tried,
    /// It cannot take more memory than it may.
    pub memory: Tried,
}

/// Starts the worker on a component that takes minutes to compile, and watches it being killed. Takes
/// a little more than a second.
pub async fn try_worker(command: &WorkerCommand) -> WorkerTrial {
    let compiles = match worker::compile(command, Flavour::Plain, &component(1)).await {
        Ok(_) => Tried::Held,
        Err(error) => Tried::Not(error.to_string()),
    };
    // Minutes of CPU, and little memory.
    let bomb = component(60_000);
    let hasty = WorkerCommand { cpu_seconds: 1, address_space: 8 << 30, ..command.clone() };
    let cpu = match worker::compile(&hasty, Flavour::Plain, &bomb).await {
        Err(LoadError::CompileBudget(_)) => Tried::Held,
        Err(error) => Tried::Not(error.to_string()),
        Ok(_) => Tried::Not("it went on after its CPU time".to_owned()),
    };
    let small = WorkerCommand { address_space: 1 << 20, ..command.clone() };
    let memory = match worker::compile(&small, Flavour::Plain, &bomb).await {
        Err(_) => Tried::Held,
        Ok(_) => Tried::Not("it took more memory than it may".to_owned()),
    };
    WorkerTrial { compiles, cpu, memory }
}

/// A component with one core module of `functions` functions that add numbers.
fn component(functions: u32) -> Vec<u8> {
    let mut body = vec![0, 0x41, 1];
    body.extend([0x41, 1, 0x6a].repeat(50));
    body.push(0x0b);
    let mut code = leb(functions);
    for _ in 0..functions {
        code.extend(leb(u32::try_from(body.len()).unwrap_or(u32::MAX)));
        code.extend_from_slice(&body);
    }
    let mut types = leb(functions);
    types.extend(std::iter::repeat_n(0, functions as usize));
    let mut module = b"\0asm\x01\0\0\0".to_vec();
    // One type: nothing to i32.
    section(&mut module, 1, &[1, 0x60, 0, 1, 0x7f]);
    section(&mut module, 3, &types);
    section(&mut module, 10, &code);
    let mut component = b"\0asm\x0d\0\x01\0".to_vec();
    section(&mut component, 1, &module);
    component
}

fn section(to: &mut Vec<u8>, id: u8, content: &[u8]) {
    to.push(id);
    to.extend(leb(u32::try_from(content.len()).unwrap_or(u32::MAX)));
    to.extend_from_slice(content);
}

/// Unsigned LEB128.
fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or(0);
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::{component, facts, leb};
    use crate::engine;

    #[test]
    fn the_trial_component_is_one() {
        let engine = engine::compiler(engine::Flavour::Plain).unwrap();
        for functions in [1, 3] {
            engine.precompile_component(&component(functions)).unwrap();
        }
        assert_eq!((leb(127), leb(128), leb(60_000)), (vec![0x7f], vec![0x80, 1], vec![0xe0, 0xd4, 3]));
    }

    #[test]
    fn the_facts_are_this_engine() {
        let facts = facts(512);
        assert!(facts.engine.starts_with("48."), "another line's support ends on another day: {facts:?}");
        assert!(facts.mappings_needed > 512 * 8);
    }
}
