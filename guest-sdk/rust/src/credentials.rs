//! The use of a credential without the sight of it.

pub use crate::bindings::wharf::connector::credentials::{Error, HmacAlgorithm};

use crate::bindings::wharf::connector::credentials as host;
use crate::failure::{Failure, FailureClass, Result};

/// The scopes that the provider granted to the connection.
#[must_use]
pub fn granted_scopes() -> Vec<String> {
    host::granted_scopes()
}

/// Whether the connection holds something in the slot.
#[must_use]
pub fn has(slot: &str) -> bool {
    host::has(slot)
}

/// The keyed hash of `data` with the secret in `slot` (RFC 2104), which the manifest declares with
/// [`Auth::hmac`](crate::manifest::Auth::hmac). At most 1 MiB at once.
///
/// # Errors
/// `configuration-invalid` for an unknown or empty slot, `capability-denied` for one that is not granted.
pub fn hmac(slot: &str, algorithm: HmacAlgorithm, data: &[u8]) -> Result<Vec<u8>> {
    host::hmac(slot, algorithm, data).map_err(|error| refused(slot, error))
}

/// Whether `signature` is the keyed hash of `data` with the secret in `slot`, found out in constant time.
///
/// # Errors
/// As [`hmac`].
pub fn verify(slot: &str, algorithm: HmacAlgorithm, data: &[u8], signature: &[u8]) -> Result<bool> {
    host::verify(slot, algorithm, data, signature).map_err(|error| refused(slot, error))
}

/// The secret itself, for protocols that the host cannot speak. The manifest gives a reason
/// ([`Auth::reveal`](crate::manifest::Auth::reveal)), and an operator grants the slot by name.
///
/// # Errors
/// `configuration-invalid` for an unknown or empty slot, `capability-denied` for one that is not granted.
pub fn reveal(slot: &str) -> Result<Vec<u8>> {
    host::reveal(slot).map_err(|error| refused(slot, error))
}

fn refused(slot: &str, error: Error) -> Failure {
    match error {
        Error::UnknownSlot => {
            Failure::configuration(format_args!("the connection holds nothing in `{slot}`"))
        }
        Error::Denied(message) => Failure::new(FailureClass::CapabilityDenied, message),
    }
}

/// Compares in time that does not depend on the content.
#[must_use]
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    host::constant_time_equal(a, b)
}
