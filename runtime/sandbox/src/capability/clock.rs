//! Time as the step sees it: it does not pass during a call, and a retry sees the same.

use wasmtime::component::Linker;

use super::{direct, host, interface};
use crate::state::State;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const NOW: &str = "clock.now";
    let mut clock = interface(linker, "clock")?;
    direct(&mut clock, NOW, |state, (): ()| Ok((host(&mut state.host, NOW)?.now().0,)))
}
