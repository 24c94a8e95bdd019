//! What a guest can call: one file a capability, and one door that each call goes through.
//!
//! The door refuses calls in a sandbox without capabilities, counts calls and bytes, and charges fuel
//! by the list in [`crate::price`]. WASI has doors of the engine's making, which cannot reach the
//! store: what is used there is owed ([`State::owe`]), and paid at the next door or epoch.
//!
//! A call that waits is also where a deadline finds a guest: the wait ends with a trap, so that the
//! report shows where the guest was.

mod blobs;
mod clock;
mod credentials;
mod http;
mod log;
mod random;
mod store;

use std::pin::Pin;

use tokio::time::{Instant, timeout_at};
use wasmtime::{
    StoreContextMut, UpdateDeadline,
    component::{ComponentNamedList, Lift, Linker, LinkerInstance, Lower},
};
use wharf_model::call::StopReason;

use crate::{
    host::Host,
    price,
    state::{NoCapability, State, Stop},
    weigh::Weigh,
};

/// A host function: its full name, and its price in fuel.
#[derive(Clone, Copy)]
struct Door {
    import: &'static str,
    price: u64,
}

type Answer<'a, R> = Pin<Box<dyn Future<Output = wasmtime::Result<R>> + Send + 'a>>;

/// Links every capability.
pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    http::link(linker)?;
    credentials::link(linker)?;
    store::link(linker)?;
    blobs::link(linker)?;
    log::link(linker)?;
    clock::link(linker)?;
    random::link(linker)
}

/// Opens the linker at an interface, by the full name of one of its functions.
fn interface<'a>(linker: &'a mut Linker<State>, name: &str) -> wasmtime::Result<LinkerInstance<'a, State>> {
    linker.instance(&format!("wharf:connector/{name}@{}", crate::contract::CONTRACT_VERSION))
}

/// The name of a function inside its interface.
fn function(import: &'static str) -> &'static str {
    import.split_once('.').map_or(import, |(_, function)| function)
}

/// Links a function that answers at once.
fn direct<P, R, F>(
    linker: &mut LinkerInstance<'_, State>,
    import: &'static str,
    answer: F,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + Weigh + 'static,
    R: ComponentNamedList + Lower + Weigh + 'static,
    F: Fn(&mut State, P) -> wasmtime::Result<R> + Send + Sync + 'static,
{
    let door = Door { import, price: price::of(import)? };
    linker.func_wrap(function(import), move |mut store: StoreContextMut<'_, State>, params: P| {
        enter(&mut store, door, params.weight())?;
        let result = answer(store.data_mut(), params)?;
        leave(&mut store, door, result.weight())?;
        Ok(result)
    })
}

/// Links a function that may wait; the guest's fiber is suspended meanwhile.
fn waiting<P, R, F>(
    linker: &mut LinkerInstance<'_, State>,
    import: &'static str,
    answer: F,
) -> wasmtime::Result<()>
where
    P: ComponentNamedList + Lift + Weigh + Send + 'static,
    R: ComponentNamedList + Lower + Weigh + Send + 'static,
    F: for<'a> Fn(&'a mut State, P) -> Answer<'a, R> + Copy + Send + Sync + 'static,
{
    let door = Door { import, price: price::of(import)? };
    linker.func_wrap_async(function(import), move |mut store: StoreContextMut<'_, State>, params: P| {
        Box::new(async move {
            enter(&mut store, door, params.weight())?;
            let deadline = store.data().deadline;
            let result =
                timeout_at(deadline, answer(store.data_mut(), params)).await.map_err(|_| past())??;
            leave(&mut store, door, result.weight())?;
            Ok(result)
        })
    })
}

fn enter(store: &mut StoreContextMut<'_, State>, door: Door, bytes: u64) -> wasmtime::Result<()> {
    let state = store.data_mut();
    if state.host.is_none() {
        return Err(NoCapability { import: door.import }.into());
    }
    state.used.host_calls += 1;
    charge(store, door.price.saturating_add(bytes.saturating_mul(price::PER_BYTE)))?;
    cross(store, door, bytes)
}

fn leave(store: &mut StoreContextMut<'_, State>, door: Door, bytes: u64) -> wasmtime::Result<()> {
    charge(store, bytes.saturating_mul(price::PER_BYTE))?;
    cross(store, door, bytes)
}

/// Takes fuel for work that the host did, what is owed included.
fn charge(store: &mut StoreContextMut<'_, State>, price: u64) -> wasmtime::Result<()> {
    let price = store.data().debt.take().saturating_add(price);
    if price == 0 {
        return Ok(());
    }
    let left = store.get_fuel()?;
    store.set_fuel(left.saturating_sub(price))?;
    if price > left { Err(wasmtime::Trap::OutOfFuel.into()) } else { Ok(()) }
}

/// What happens at each epoch that a guest computes through: debts are paid, past the deadline the
/// guest stops where it is, and before it the guest yields. Fuel alone would not make it: paying for a
/// host call starts the slice of fuel anew, so a guest that does little but call the host never comes
/// to the end of one.
pub(crate) fn epoch(mut store: StoreContextMut<'_, State>) -> wasmtime::Result<UpdateDeadline> {
    charge(&mut store, 0)?;
    let state = store.data();
    if state.host_bytes() > state.limits.host_bytes {
        return Err(over_all(state).into());
    }
    if Instant::now() >= store.data().deadline { Err(past()) } else { Ok(UpdateDeadline::Yield(1)) }
}

/// The report says more than this: it knows the call.
fn past() -> wasmtime::Error {
    Stop { reason: StopReason::Deadline, message: "past the deadline".into() }.into()
}

/// Counts bytes, and narrows what the next host call may lift to what is left.
fn cross(store: &mut StoreContextMut<'_, State>, door: Door, bytes: u64) -> wasmtime::Result<()> {
    let state = store.data_mut();
    let limits = state.limits;
    state.used.host_bytes = state.used.host_bytes.saturating_add(bytes);
    if bytes > limits.host_bytes_per_call {
        return Err(over(door, bytes, limits.host_bytes_per_call, "one host call").into());
    }
    if state.host_bytes() > limits.host_bytes {
        return Err(over(door, state.host_bytes(), limits.host_bytes, "all host calls together").into());
    }
    let next = state.bytes_left().min(limits.host_bytes_per_call);
    if next < limits.host_bytes_per_call {
        store.set_hostcall_fuel(usize::try_from(next).unwrap_or(usize::MAX));
    }
    Ok(())
}

fn over(door: Door, bytes: u64, limit: u64, of: &str) -> Stop {
    Stop {
        reason: StopReason::HostBytes,
        message: format!(
            "`{}` moved {bytes} bytes across the border; the limit for {of} is {limit}",
            door.import
        ),
    }
}

/// Doors of the engine's making moved more than may be; which of them is not known.
fn over_all(state: &State) -> Stop {
    Stop {
        reason: StopReason::HostBytes,
        message: format!(
            "WASI calls moved bytes across the border: {} with all host calls together, and the limit is {}",
            state.host_bytes(),
            state.limits.host_bytes
        ),
    }
}

/// The handle table is full.
fn handles(state: &State) -> Stop {
    Stop {
        reason: StopReason::Handles,
        message: format!(
            "more than {} handles alive: drop bodies, readers and writers",
            state.limits.handles
        ),
    }
}

/// The host. The door has checked that there is one.
fn host<'a>(host: &'a mut Option<Box<dyn Host>>, import: &'static str) -> wasmtime::Result<&'a mut dyn Host> {
    match host {
        Some(host) => Ok(host.as_mut()),
        None => Err(NoCapability { import }.into()),
    }
}

/// What one read may return: what the guest asks for, within the limit of one host call.
fn piece(max: u32, state: &State) -> u32 {
    u32::try_from(state.limits.host_bytes_per_call).map_or(max, |limit| max.min(limit))
}
