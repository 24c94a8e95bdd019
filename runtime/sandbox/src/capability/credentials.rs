//! The use of a credential without the sight of it.

use wasmtime::component::Linker;

use super::{direct, host, interface, waiting};
use crate::{
    bindings::credentials::{Error, HmacAlgorithm},
    convert,
    state::State,
};

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const SCOPES: &str = "credentials.granted-scopes";
    const HAS: &str = "credentials.has";
    const HMAC: &str = "credentials.hmac";
    const VERIFY: &str = "credentials.verify";
    const REVEAL: &str = "credentials.reveal";
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
    direct(
        &mut credentials,
        VERIFY,
        |state, (slot, algorithm, data, signature): (String, HmacAlgorithm, Vec<u8>, Vec<u8>)| {
            let algorithm = convert::hmac_algorithm(algorithm);
            let same = host(&mut state.host, VERIFY)?.verify(&slot, algorithm, &data, &signature);
            let same: Result<bool, Error> = same.map_err(convert::credential_error);
            Ok((same,))
        },
    )?;
    waiting(&mut credentials, REVEAL, |state, (slot,): (String,)| {
        Box::pin(async move {
            let secret = host(&mut state.host, REVEAL)?.reveal(&slot).await;
            let secret: Result<Vec<u8>, Error> = secret.map_err(convert::credential_error);
            Ok((secret,))
        })
    })?;
    direct(&mut credentials, "credentials.constant-time-equal", |_, (a, b): (Vec<u8>, Vec<u8>)| {
        // Two hashes compare in constant time, and hashing takes a time that depends on the
        // lengths only.
        Ok((blake3::hash(&a) == blake3::hash(&b),))
    })
}
