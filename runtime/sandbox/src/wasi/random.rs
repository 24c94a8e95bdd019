//! Randomness of a step, for both versions of WASI: endless streams from the step's seed, so that
//! each attempt draws the same bytes. Not for keys, and therefore `random` and `insecure` differ in
//! nothing but their bytes.

use wasmtime::component::{Linker, LinkerInstance};
use wharf_model::call::StopReason;

use super::open;
use crate::state::{State, Stop, stream};

/// What one call of WASI 0.3 returns at most; that version lets a host return fewer.
const MAX_PIECE: u64 = 64 << 10;

/// The streams of one call.
pub(crate) struct Streams {
    secure: blake3::OutputReader,
    insecure: blake3::OutputReader,
    seed: (u64, u64),
}

impl Streams {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let mut word = [0; 16];
        stream(seed, "wasi insecure seed").fill(&mut word);
        let word = u128::from_le_bytes(word);
        let low = |word: u128| u64::try_from(word & u128::from(u64::MAX)).unwrap_or_default();
        Self {
            secure: stream(seed, "wasi random"),
            insecure: stream(seed, "wasi insecure random"),
            seed: (low(word), low(word >> 64)),
        }
    }
}

/// One of the two streams.
type Pick = fn(&mut Streams) -> &mut blake3::OutputReader;

/// What a request for more bytes than the host gives in one call ends in.
type Bound = fn(&State, u64) -> Result<u64, Stop>;

pub(super) fn link_02(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    drawing(linker, "0.2.12", all)?;
    let mut seed = linker.instance("wasi:random/insecure-seed@0.2.12")?;
    open(&mut seed, "insecure-seed", |state, (): ()| Ok((state.wasi().random.seed,)))
}

pub(super) fn link_03(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    drawing(linker, "0.3.0", some)?;
    let mut seed = linker.instance("wasi:random/insecure-seed@0.3.0")?;
    open(&mut seed, "get-insecure-seed", |state, (): ()| Ok((state.wasi().random.seed,)))
}

fn drawing(linker: &mut Linker<State>, version: &str, bound: Bound) -> wasmtime::Result<()> {
    let mut random = linker.instance(&format!("wasi:random/random@{version}"))?;
    draws(&mut random, ["get-random-bytes", "get-random-u64"], |streams| &mut streams.secure, bound)?;
    let mut insecure = linker.instance(&format!("wasi:random/insecure@{version}"))?;
    let names = ["get-insecure-random-bytes", "get-insecure-random-u64"];
    draws(&mut insecure, names, |streams| &mut streams.insecure, bound)
}

fn draws(
    linker: &mut LinkerInstance<'_, State>,
    [bytes, word]: [&'static str; 2],
    pick: Pick,
    bound: Bound,
) -> wasmtime::Result<()> {
    open(linker, bytes, move |state, (count,): (u64,)| {
        let count = bound(state, count)?;
        let mut drawn = vec![0; usize::try_from(count)?];
        pick(&mut state.wasi().random).fill(&mut drawn);
        Ok((drawn,))
    })?;
    open(linker, word, move |state, (): ()| {
        let mut drawn = [0; 8];
        pick(&mut state.wasi().random).fill(&mut drawn);
        Ok((u64::from_le_bytes(drawn),))
    })
}

/// All or nothing, and nothing is allocated before it is known which.
fn all(state: &State, count: u64) -> Result<u64, Stop> {
    let limit = state.limits.host_bytes_per_call.min(state.bytes_left());
    if count <= limit {
        return Ok(count);
    }
    let message = format!("`get-random-bytes` of {count} bytes; the limit of one host call is {limit}");
    Err(Stop { reason: StopReason::HostBytes, message })
}

fn some(state: &State, count: u64) -> Result<u64, Stop> {
    Ok(count.min(MAX_PIECE).min(state.limits.host_bytes_per_call))
}
