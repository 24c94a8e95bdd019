//! The connector's own entries. The sandbox checks keys; quota, scope and durability are the host's.

use wasmtime::component::Linker;

use super::{host, interface, waiting};
use crate::{
    bindings::store::{Error, Scope},
    convert,
    state::State,
};

const GET: &str = "store.get";
const PUT: &str = "store.put";
const SWAP: &str = "store.compare-and-swap";
const DELETE: &str = "store.delete";

/// The longest key, in bytes.
const MAX_KEY: usize = 512;

type Answered<T> = wasmtime::Result<(Result<T, Error>,)>;

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut store = interface(linker, "store")?;
    waiting(&mut store, GET, |state, params| Box::pin(get(state, params)))?;
    waiting(&mut store, PUT, |state, params| Box::pin(put(state, params)))?;
    waiting(&mut store, SWAP, |state, params| Box::pin(swap(state, params)))?;
    waiting(&mut store, DELETE, |state, params| Box::pin(delete(state, params)))
}

async fn get(state: &mut State, (scope, key): (Scope, String)) -> Answered<Option<Vec<u8>>> {
    let host = host(&mut state.host, GET)?;
    Ok((match check(&key) {
        Ok(()) => host.store_get(convert::scope(scope), &key).await.map_err(convert::store_error),
        Err(error) => Err(error),
    },))
}

async fn put(
    state: &mut State,
    (scope, key, value, ttl): (Scope, String, Vec<u8>, Option<u64>),
) -> Answered<()> {
    let host = host(&mut state.host, PUT)?;
    let scope = convert::scope(scope);
    Ok((match check(&key) {
        Ok(()) => host.store_put(scope, &key, value, ttl).await.map_err(convert::store_error),
        Err(error) => Err(error),
    },))
}

async fn swap(
    state: &mut State,
    (scope, key, expected, value): (Scope, String, Option<Vec<u8>>, Vec<u8>),
) -> Answered<bool> {
    let host = host(&mut state.host, SWAP)?;
    let scope = convert::scope(scope);
    Ok((match check(&key) {
        Ok(()) => host.store_swap(scope, &key, expected, value).await.map_err(convert::store_error),
        Err(error) => Err(error),
    },))
}

async fn delete(state: &mut State, (scope, key): (Scope, String)) -> Answered<()> {
    let host = host(&mut state.host, DELETE)?;
    Ok((match check(&key) {
        Ok(()) => host.store_delete(convert::scope(scope), &key).await.map_err(convert::store_error),
        Err(error) => Err(error),
    },))
}

fn check(key: &str) -> Result<(), Error> {
    let valid = (1..=MAX_KEY).contains(&key.len()) && !key.chars().any(char::is_control);
    if valid { Ok(()) } else { Err(Error::InvalidKey) }
}
