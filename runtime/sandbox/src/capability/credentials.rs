//! The use of a credential without the sight of it.

use wasmtime::component::Linker;

use super::{direct, host, interface};
use crate::{
    bindings::credentials::{Error, HmacAlgorithm},
    convert,
    state::State,
};

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const SCOPES: &str = "credentials.granted-scopes";
    const HAS: &str = "credentials.has";
    const HMAC: &str = "credentials.hmac";
    let mut credentials = interface(linker, "credentials")?;
    direct(&mut credentials, SCOPES, |state, (): ()| Ok((host(&mut state.host, SCOPES)?.granted_scopes(),)))?;
    direct(&mut credentials, HAS, |state, (slot,): (String,)| {
        Ok((host(&mut state.host, HAS)?.has_slot(&slot),))
    })?;
    direct(&mut credentials, HMAC, |state, (slot, algorithm, data): (String, HmacAlgorithm, Vec<u8>)| {
        let keyed = host(&mut state.host, HMAC)?.hmac(&slot, convert::hmac_algorithm(algorithm), &data);
        let keyed: Result<Vec<u8>, Error> = keyed.map_err(convert::credential_error);
        Ok((keyed,))
    })?;
    direct(&mut credentials, "credentials.constant-time-equal", |_, (a, b): (Vec<u8>, Vec<u8>)| {
        // Two hashes compare in constant time, and hashing takes a time that depends on the
        // lengths only.
        Ok((blake3::hash(&a) == blake3::hash(&b),))
    })
}
