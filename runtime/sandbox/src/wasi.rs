//! WASI 0.2 and 0.3 with nothing behind them, for components whose toolchain links it: no files but
//! a granted scratch directory, no sockets, no environment, no arguments, an empty stdin. What is
//! printed goes to the step's log; clocks and randomness are the step's.
//!
//! What a component could not do anything with is refused when it is loaded, by name: sockets.
//! `wasi:filesystem` is there, since most toolchains import it unasked, and lists no directory.
//!
//! What a call costs is owed where the engine's own bindings borrow our state for it: in the views
//! below, by package.

mod clock;
mod http;
mod random;
mod scratch;
mod stdio;

use std::time::Duration;

use wasmtime::{
    StoreContextMut,
    component::{ComponentNamedList, HasData, Lift, Linker, LinkerInstance, Lower, ResourceTable},
};
use wasmtime_wasi::{
    FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    cli::{WasiCli, WasiCliCtxView, WasiCliView as _},
    clocks::{WasiClocks, WasiClocksCtxView, WasiClocksView as _},
    filesystem::{WasiFilesystem, WasiFilesystemCtxView, WasiFilesystemView as _},
    p2, p3,
};
use wharf_model::call::LogLevel;

use crate::{
    price,
    scratch::{Ground, Scratch},
    state::State,
    weigh::Weigh,
};

pub(crate) use http::Http;
pub(crate) use stdio::{Printed, flush};

/// Where a guest finds its scratch directory.
const SCRATCH: &str = "/scratch";

/// What WASI keeps during a call. Built by the first WASI call; most connectors make none.
pub(crate) struct Wasi {
    ctx: WasiCtx,
    clock: clock::StepClock,
    random: random::Streams,
}

/// The handle table as WASI's streams use it.
struct Handles;

impl HasData for Handles {
    type Data<'a> = &'a mut ResourceTable;
}

/// Links WASI 0.2.
pub(crate) fn link_02(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p2::bindings::{cli, clocks, filesystem, io};
    io::error::add_to_linker::<_, Handles>(linker, handles)?;
    io::poll::add_to_linker::<_, Handles>(linker, handles)?;
    io::streams::add_to_linker::<_, Handles>(linker, handles)?;
    cli::environment::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    clocks::wall_clock::add_to_linker::<_, WasiClocks>(linker, clock_view)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, clock_view)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, file_view)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, file_view)?;
    http::link_02(linker)?;
    random::link_02(linker)?;
    replacing(linker, clock::link_02)?;
    replacing(linker, scratch::link_02)
}

/// Links WASI 0.3; only for an engine with concurrency.
pub(crate) fn link_03(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p3::bindings::{cli, clocks, filesystem};
    cli::environment::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::exit::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::stdin::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::stdout::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::stderr::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_input::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_output::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_stdin::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_stdout::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    cli::terminal_stderr::add_to_linker::<_, WasiCli>(linker, cli_view)?;
    clocks::types::add_to_linker::<_, WasiClocks>(linker, clock_view)?;
    clocks::system_clock::add_to_linker::<_, WasiClocks>(linker, clock_view)?;
    clocks::monotonic_clock::add_to_linker::<_, WasiClocks>(linker, clock_view)?;
    filesystem::types::add_to_linker::<_, WasiFilesystem>(linker, file_view)?;
    filesystem::preopens::add_to_linker::<_, WasiFilesystem>(linker, file_view)?;
    http::link_03(linker)?;
    random::link_03(linker)?;
    replacing(linker, clock::link_03)?;
    replacing(linker, scratch::link_03)
}

/// Puts functions of ours in the place of those that are linked.
fn replacing(
    linker: &mut Linker<State>,
    link: impl FnOnce(&mut Linker<State>) -> wasmtime::Result<()>,
) -> wasmtime::Result<()> {
    linker.allow_shadowing(true);
    let linked = link(linker);
    linker.allow_shadowing(false);
    linked
}

fn handles(state: &mut State) -> &mut ResourceTable {
    state.owe(price::WASI);
    &mut state.table
}

fn cli_view(state: &mut State) -> WasiCliCtxView<'_> {
    state.owe(price::WASI);
    state.cli()
}

fn clock_view(state: &mut State) -> WasiClocksCtxView<'_> {
    state.owe(price::WASI);
    state.clocks()
}

fn file_view(state: &mut State) -> WasiFilesystemCtxView<'_> {
    state.owe(price::WASI_FILES);
    state.filesystem()
}

/// Links a function of ours that answers at once. Unlike a capability it works in a call without
/// any, since it reaches nothing.
fn open<P, R, F>(
    linker: &mut LinkerInstance<'_, State>,
    name: &'static str,
    answer: F,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + 'static,
    R: ComponentNamedList + Lower + Weigh + 'static,
    F: Fn(&mut State, P) -> wasmtime::Result<R> + Send + Sync + 'static,
{
    linker.func_wrap(name, move |mut store: StoreContextMut<'_, State>, params: P| {
        let state = store.data_mut();
        state.owe(price::WASI);
        let result = answer(state, params)?;
        state.debt.moved(result.weight());
        Ok(result)
    })
}

/// Makes what a first WASI call would make, for a test that puts files where the guest finds them.
#[cfg(test)]
pub(crate) fn prepare(state: &mut State) {
    state.wasi();
}

impl State {
    fn wasi(&mut self) -> &mut Wasi {
        self.wasi_and_handles().0
    }

    fn wasi_and_handles(&mut self) -> (&mut Wasi, &mut ResourceTable) {
        let Self { host, log, printed, debt, wasi, table, ground, scratch, .. } = self;
        let wasi = wasi.get_or_insert_with(|| {
            let seed = host.as_deref().map_or([0; 32], crate::Host::seed);
            let now = host.as_deref().map_or_else(Default::default, crate::Host::now);
            let lines = |level, partial: &stdio::Partial| stdio::Lines {
                level,
                log: log.clone(),
                partial: partial.clone(),
                debt: debt.clone(),
            };
            let clock = clock::StepClock::default();
            let wall = clock::WallClock { start: Duration::from_millis(now.0), clock: clock.clone() };
            let mut ctx = WasiCtxBuilder::new();
            ctx.wall_clock(wall)
                .monotonic_clock(clock.clone())
                .stdout(lines(LogLevel::Info, &printed.stdout))
                .stderr(lines(LogLevel::Warn, &printed.stderr));
            let bytes = host.as_deref().map_or(0, crate::Host::scratch_bytes);
            if let (Some(ground), 1..) = (ground, bytes) {
                match mount(&mut ctx, ground, bytes) {
                    Ok(made) => *scratch = Some(made),
                    Err(error) => {
                        tracing::warn!(%error, "no scratch directory");
                        log.push(LogLevel::Error, "the host has no scratch directory for this call", "");
                    }
                }
            }
            Box::new(Wasi { ctx: ctx.build(), clock, random: random::Streams::new(seed) })
        });
        (wasi, table)
    }
}

/// Makes a scratch directory and shows it to the guest.
fn mount(ctx: &mut WasiCtxBuilder, ground: &Ground, bytes: u64) -> wasmtime::Result<Scratch> {
    let scratch = ground.make(bytes)?;
    ctx.preopened_dir(scratch.path(), SCRATCH, FsPerms::ReadWrite)?;
    Ok(scratch)
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let (wasi, table) = self.wasi_and_handles();
        WasiCtxView { ctx: &mut wasi.ctx, table }
    }
}
