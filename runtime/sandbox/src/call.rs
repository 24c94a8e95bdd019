//! The one way to call a guest: a fresh instance, every limit, one export, and the bill.
//!
//! The deadline spans instantiation too, since start functions are guest code. A guest that does not
//! end by itself is dropped where it stands; the store outlives it, so that a call that was cut off is
//! billed like one that returned.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use wasmtime::{
    Engine, Store,
    component::{ComponentNamedList, Lift, Lower},
};
use wharf_model::{
    call::{CallError, LogLine, Metering},
    grant::Limits,
};

use crate::{
    bindings::types,
    capability,
    connector::Loaded,
    contract::Export,
    convert,
    fair::Full,
    host::Host,
    output::{Output, Rejected},
    pace::{self, SLICE_FUEL},
    report::{self, Phase, Scene},
    state::State,
};

/// With what a connector is called: limits, and the host that its effects go through.
pub struct Call {
    /// The limits of this call.
    pub limits: Limits,
    /// Answers what the guest asks for.
    pub host: Box<dyn Host>,
}

/// A call that is over, one way or the other.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished<T> {
    /// What it returned, or why it returned nothing.
    pub result: Result<T, CallError>,
    /// What it cost, whatever the result.
    pub metering: Metering,
    /// What it logged, inert and capped.
    pub log: Vec<LogLine>,
}

impl<T> Finished<T> {
    fn never_began(error: CallError) -> Self {
        Self { result: Err(error), metering: Metering::default(), log: Vec::new() }
    }
}

/// What a call may do.
pub(crate) enum Authority<'a> {
    /// Nothing but compute.
    None(&'a Limits),
    /// What the host grants.
    Host(Call),
}

/// Calls `export`, and hands what it returned to `take`.
pub(crate) async fn invoke<P, R, T>(
    connector: &Arc<Loaded>,
    export: Export,
    authority: Authority<'_>,
    params: P,
    take: impl FnOnce(R, &mut Output) -> Result<T, Rejected>,
) -> Finished<T>
where
    P: ComponentNamedList + Lower + Send + Sync,
    R: ComponentNamedList + Lift + Send + Sync + 'static,
{
    let Some(index) = connector.exports.get(export) else {
        return Finished::never_began(CallError::NotExported(export.name()));
    };
    // A slot is waited for outside of the deadline: the queue is not the call's fault.
    let room = &connector.room;
    let _slot = match room.slot(connector.digest).await {
        Ok(slot) => slot,
        Err(full) => return Finished::never_began(CallError::Host(busy(full))),
    };
    let _pulse = room.heart.pulse();
    let (limits, host) = match authority {
        Authority::None(limits) => (*limits, None),
        Authority::Host(Call { limits, host }) => (limits, Some(host)),
    };
    let mut store = match store(connector.pre.engine(), limits, host) {
        Ok(store) => store,
        Err(error) => {
            return Finished::never_began(CallError::Host(format!("no store for the call: {error:#}")));
        }
    };
    store.data_mut().ground.clone_from(&connector.ground);
    let mut phase = Phase::Instantiating;
    let started = Instant::now();
    let deadline = store.data().deadline;
    let share = (connector.digest, &connector.share);
    let ran = pace::run(&room.turns, share, deadline, async {
        let instance = connector.pre.instantiate_async(&mut store).await?;
        phase = Phase::Calling;
        let function = instance.get_typed_func::<P, R>(&mut store, index)?;
        function.call_async(&mut store, params).await
    })
    .await;
    let wall = started.elapsed();
    let closing = ran.close(&room.turns, share).await;
    let fuel = used(&store, &limits);
    let state = store.data();
    let scene = Scene { state, fuel, wall, export: export.name(), phase };
    let result = match ran.ended {
        Ok(Ok(returned)) => {
            take(returned, &mut Output::new(limits.output_bytes)).map_err(|why| report::rejected(why, &scene))
        }
        Ok(Err(error)) => Err(report::trapped(&error, &scene)),
        Err(pace::Late) => Err(report::late(&scene)),
    };
    let metering = metering(state, fuel, wall);
    crate::wasi::flush(state);
    let log = state.log.take();
    drop(store);
    drop(closing);
    Finished { result, metering, log }
}

/// Waiting is bounded too; the call was not made and may be made later.
pub(crate) fn busy(full: Full) -> String {
    format!("{} calls of this connector wait for a sandbox already", full.waiting)
}

/// Fuel that was used, with what is still owed.
fn used(store: &Store<State>, limits: &Limits) -> u64 {
    let left = store.get_fuel().unwrap_or(0).saturating_sub(store.data().debt.take());
    limits.fuel.saturating_sub(left)
}

/// A store with every limit set.
pub(crate) fn store(
    engine: &Engine,
    limits: Limits,
    host: Option<Box<dyn Host>>,
) -> wasmtime::Result<Store<State>> {
    let mut store = Store::try_new(engine, State::new(host, limits))?;
    store.limiter(|state| state);
    store.set_fuel(limits.fuel)?;
    store.fuel_async_yield_interval(Some(SLICE_FUEL))?;
    store.epoch_deadline_callback(capability::epoch);
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(usize::try_from(limits.host_bytes_per_call).unwrap_or(usize::MAX));
    store.set_max_component_handles(limits.handles as usize);
    Ok(store)
}

/// Instantiates under the given limits and hands the instance to `check`; for load. The caller holds a
/// slot.
pub(crate) async fn trial(
    connector: &Loaded,
    limits: &Limits,
    check: impl FnOnce(&wasmtime::component::Instance, &mut Store<State>) -> wasmtime::Result<()>,
) -> Result<wasmtime::Result<()>, CallError> {
    let _pulse = connector.room.heart.pulse();
    let mut store = store(connector.pre.engine(), *limits, None)
        .map_err(|error| CallError::Host(format!("no store: {error:#}")))?;
    let started = Instant::now();
    let deadline = store.data().deadline;
    let starting = connector.pre.instantiate_async(&mut store);
    let share = (connector.digest, &connector.share);
    let ran = pace::run(&connector.room.turns, share, deadline, starting).await;
    let fuel = used(&store, limits);
    let failed = match ran.ended {
        Ok(Ok(instance)) => return Ok(check(&instance, &mut store)),
        Ok(Err(error)) => Some(error),
        Err(pace::Late) => None,
    };
    let scene = Scene {
        state: store.data(),
        fuel,
        wall: started.elapsed(),
        export: "instantiation",
        phase: Phase::Instantiating,
    };
    Err(failed.map_or_else(|| report::late(&scene), |error| report::trapped(&error, &scene)))
}

fn metering(state: &State, fuel: u64, wall: Duration) -> Metering {
    Metering {
        fuel,
        peak_memory_bytes: state.used.peak_memory_bytes,
        host_bytes: state.host_bytes(),
        host_calls: state.used.host_calls,
        effects: state.exchanges.begun(),
        wall_micros: u64::try_from(wall.as_micros()).unwrap_or(u64::MAX),
        gate_micros: state.exchanges.waited_micros(),
    }
}

/// A function that may fail, as nearly all of the contract may.
pub(crate) fn settled<W, T>(
    result: Result<W, types::Failure>,
    output: &mut Output,
    take: impl FnOnce(W, &mut Output) -> Result<T, Rejected>,
) -> Result<T, Rejected> {
    match result {
        Ok(value) => take(value, output),
        Err(failure) => Err(Rejected::Failed(convert::failure(failure))),
    }
}
