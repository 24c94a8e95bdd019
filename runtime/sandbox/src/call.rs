//! The one way to call a guest: a fresh instance, every limit, one export, and the bill.
//!
//! The deadline spans instantiation too, since start functions are guest code. When it fires the
//! guest's fiber is dropped where it stands; the store outlives it, so that a call that was cut
//! off is billed like one that returned.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, timeout};
use wasmtime::{
    Engine, Store,
    component::{ComponentNamedList, InstancePre, Lift, Lower},
};
use wharf_model::{
    call::{CallError, LogLine, Metering},
    grant::Limits,
};

use crate::{
    bindings::types,
    connector::Loaded,
    contract::Export,
    convert,
    engine::YIELD_FUEL,
    host::Host,
    output::{Output, Rejected},
    report::{self, Phase, Scene},
    state::State,
    wasi::Meter,
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
        return Finished {
            result: Err(CallError::NotExported(export.name())),
            metering: Metering::default(),
            log: Vec::new(),
        };
    };
    // A slot is waited for outside of the deadline: the queue is not the connector's fault. The
    // semaphore is never closed.
    let _slot = connector.slots.acquire().await;
    let (limits, host) = match authority {
        Authority::None(limits) => (*limits, None),
        Authority::Host(Call { limits, host }) => (limits, Some(host)),
    };
    let mut store = match store(connector.pre.engine(), limits, host) {
        Ok(store) => store,
        Err(error) => {
            let result = Err(CallError::Host(format!("no store for the call: {error:#}")));
            return Finished { result, metering: Metering::default(), log: Vec::new() };
        }
    };
    let meter = connector.foreign.then(|| Meter::new(limits));
    store.data_mut().meter.clone_from(&meter);
    store.data_mut().ground = connector.ground.clone().filter(|_| connector.foreign);
    let mut phase = Phase::Instantiating;
    let started = Instant::now();
    let ended = timeout(
        Duration::from_millis(limits.deadline_ms),
        metered(meter.as_ref(), async {
            let instance = connector.pre.instantiate_async(&mut store).await?;
            phase = Phase::Calling;
            let function = instance.get_typed_func::<P, R>(&mut store, index)?;
            function.call_async(&mut store, params).await
        }),
    )
    .await;
    let wall = started.elapsed();
    let guest = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
    let ended = ended.map(|returned| {
        let returned = returned?;
        meter.as_ref().map_or(Ok(()), |meter| meter.settled(guest))?;
        Ok(returned)
    });
    let fuel = guest.saturating_add(meter.as_ref().map_or(0, Meter::fuel)).min(limits.fuel);
    let state = store.data();
    let scene = Scene { state, fuel, wall, export: export.name(), phase };
    let result = match ended {
        Ok(Ok(returned)) => {
            take(returned, &mut Output::new(limits.output_bytes)).map_err(|why| report::rejected(why, &scene))
        }
        Ok(Err(error)) => Err(report::trapped(&error, &scene)),
        Err(_) => Err(report::late(&scene)),
    };
    let metering = metering(state, fuel, wall);
    crate::wasi::flush(state);
    Finished { result, metering, log: state.log.take() }
}

/// Drives a call, and stops it when its WASI calls alone cost more than it may use.
async fn metered<T>(
    meter: Option<&Meter>,
    call: impl Future<Output = wasmtime::Result<T>>,
) -> wasmtime::Result<T> {
    match meter {
        None => call.await,
        Some(meter) => tokio::select! {
            returned = call => returned,
            stop = meter.broken() => Err(stop.into()),
        },
    }
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
    store.fuel_async_yield_interval(Some(YIELD_FUEL))?;
    store.set_hostcall_fuel(usize::try_from(limits.host_bytes_per_call).unwrap_or(usize::MAX));
    store.set_max_component_handles(limits.handles as usize);
    Ok(store)
}

/// Instantiates under the given limits and hands the instance to `check`; for load.
pub(crate) async fn trial(
    pre: &InstancePre<State>,
    limits: &Limits,
    check: impl FnOnce(&wasmtime::component::Instance, &mut Store<State>) -> wasmtime::Result<()>,
) -> Result<wasmtime::Result<()>, CallError> {
    let mut store = store(pre.engine(), *limits, None)
        .map_err(|error| CallError::Host(format!("no store: {error:#}")))?;
    let started = Instant::now();
    let ended = timeout(Duration::from_millis(limits.deadline_ms), pre.instantiate_async(&mut store)).await;
    let fuel = limits.fuel.saturating_sub(store.get_fuel().unwrap_or(0));
    let failed = match ended {
        Ok(Ok(instance)) => return Ok(check(&instance, &mut store)),
        Ok(Err(error)) => Some(error),
        Err(_) => None,
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
    let wasi = state.meter.as_ref();
    Metering {
        fuel,
        peak_memory_bytes: state.used.peak_memory_bytes,
        host_bytes: state.used.host_bytes.saturating_add(wasi.map_or(0, Meter::bytes)),
        host_calls: state.used.host_calls.saturating_add(wasi.map_or(0, Meter::calls)),
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
