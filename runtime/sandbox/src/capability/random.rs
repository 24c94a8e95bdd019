//! Randomness seeded by the step, so that a retry asks the same thing. Not for keys: who knows the
//! seed knows the bytes.

use wasmtime::component::Linker;

use super::{direct, interface};
use crate::state::State;

/// More are cut, as the contract says.
const MAX_BYTES: usize = 65_536;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut random = interface(linker, "random")?;
    direct(&mut random, "random.bytes", |state, (count,): (u32,)| {
        let mut bytes = vec![0; MAX_BYTES.min(count as usize)];
        state.random(&mut bytes);
        Ok((bytes,))
    })
}
