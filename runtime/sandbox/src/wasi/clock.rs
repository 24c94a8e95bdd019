//! Clocks of a step, for both versions of WASI.
//!
//! Time is the step's: it starts where `clock.now` of the contract stands, and passes by a
//! microsecond with each reading and by whatever is waited for. So a call sees the same times on
//! every attempt, a loop that waits for time to pass ends, and a timer that has fired is due. The
//! waiting itself is real, holds no thread, and ends at the call's deadline.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use wasmtime::component::{Linker, Resource};
use wasmtime_wasi::{
    HostMonotonicClock, HostWallClock,
    p2::{DynPollable, Pollable, subscribe},
};

use super::open;
use crate::{price, state::State};

/// What a reading adds, in nanoseconds.
const TICK: u64 = 1_000;

const MONOTONIC_02: &str = "wasi:clocks/monotonic-clock@0.2.12";
const MONOTONIC_03: &str = "wasi:clocks/monotonic-clock@0.3.0";

/// Waits that begin within this time of each other have one origin, so that they end in the order of
/// their instants.
const TOGETHER: Duration = Duration::from_millis(1);

/// Nanoseconds since the call began, as the guest sees them; clones share them.
#[derive(Clone, Default)]
pub(crate) struct StepClock(Arc<Now>);

#[derive(Default)]
struct Now {
    nanos: AtomicU64,
    /// The real time at which the guest's clock stood at zero, as far as waits are concerned.
    origin: Mutex<Option<Instant>>,
}

impl StepClock {
    fn read(&self) -> u64 {
        self.0.nanos.fetch_add(TICK, Ordering::Relaxed).saturating_add(TICK)
    }

    /// A wait until `instant` is over.
    fn reached(&self, instant: u64) {
        self.0.nanos.fetch_max(instant, Ordering::Relaxed);
    }

    fn after(&self, duration: u64) -> u64 {
        self.0.nanos.load(Ordering::Relaxed).saturating_add(duration)
    }

    /// When in real time the guest's clock would stand at `instant`; none is never.
    fn due(&self, instant: u64) -> Option<Instant> {
        let stands = Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed));
        let now = Instant::now();
        let latest = now.checked_sub(stands).unwrap_or(now);
        let mut origin = self.0.origin.lock().unwrap_or_else(PoisonError::into_inner);
        let origin = match *origin {
            Some(before) if latest.saturating_duration_since(before) < TOGETHER && before <= latest => before,
            Some(_) | None => *origin.insert(latest),
        };
        origin.checked_add(Duration::from_nanos(instant))
    }
}

impl HostMonotonicClock for StepClock {
    fn resolution(&self) -> u64 {
        TICK
    }

    fn now(&self) -> u64 {
        self.read()
    }
}

/// The wall clock: the step's time, and what has passed since.
pub(super) struct WallClock {
    pub(super) start: Duration,
    pub(super) clock: StepClock,
}

impl HostWallClock for WallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(TICK)
    }

    fn now(&self) -> Duration {
        self.start.saturating_add(Duration::from_nanos(self.clock.read()))
    }
}

/// A wait for the step's clock to reach an instant.
struct Timer {
    clock: StepClock,
    until: u64,
    due: Option<Instant>,
}

impl Timer {
    fn new(clock: StepClock, until: u64) -> Self {
        let due = clock.due(until);
        Self { clock, until, due }
    }

    /// Ends at once if the instant has been reached.
    async fn wait(&self) {
        match self.due {
            Some(due) if due > Instant::now() => tokio::time::sleep_until(due).await,
            Some(_) => {}
            None => std::future::pending().await,
        }
        self.clock.reached(self.until);
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        // A guest that polls without waiting must not keep the executor from its other work.
        tokio::task::yield_now().await;
        self.wait().await;
    }
}

/// Replaces the waits of WASI 0.2.
pub(super) fn link_02(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut clock = linker.instance(MONOTONIC_02)?;
    open(&mut clock, "subscribe-instant", |state, (instant,): (u64,)| {
        Ok((subscribed(state, |_| instant)?,))
    })?;
    open(&mut clock, "subscribe-duration", |state, (duration,): (u64,)| {
        Ok((subscribed(state, |clock| clock.after(duration))?,))
    })
}

fn subscribed(
    state: &mut State,
    until: impl FnOnce(&StepClock) -> u64,
) -> wasmtime::Result<Resource<DynPollable>> {
    let clock = state.wasi().clock.clone();
    let until = until(&clock);
    let timer = state.table.push(Timer::new(clock, until))?;
    subscribe(&mut state.table, timer)
}

/// Replaces the waits of WASI 0.3.
pub(super) fn link_03(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut clock = linker.instance(MONOTONIC_03)?;
    clock.func_wrap_concurrent("wait-until", |accessor, (instant,): (u64,)| {
        let timer = accessor.with(|mut store| timer(store.data_mut(), |_| instant));
        Box::pin(async move {
            timer.wait().await;
            Ok(())
        })
    })?;
    clock.func_wrap_concurrent("wait-for", |accessor, (duration,): (u64,)| {
        let timer = accessor.with(|mut store| timer(store.data_mut(), |clock| clock.after(duration)));
        Box::pin(async move {
            timer.wait().await;
            Ok(())
        })
    })
}

fn timer(state: &mut State, until: impl FnOnce(&StepClock) -> u64) -> Timer {
    state.owe(price::WASI);
    let clock = state.wasi().clock.clone();
    let until = until(&clock);
    Timer::new(clock, until)
}
