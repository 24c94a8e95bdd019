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

/// The keyed hash of `data` with the secret in `slot` (RFC 2104).
///
/// # Errors
/// `configuration-invalid` for an unknown or empty slot, `capability-denied` for one that is not granted.
pub fn hmac(slot: &str, algorithm: HmacAlgorithm, data: &[u8]) -> Result<Vec<u8>> {
    host::hmac(slot, algorithm, data).map_err(|error| match error {
        Error::UnknownSlot => {
            Failure::configuration(format_args!("the connection holds nothing in `{slot}`"))
        }
        Error::Denied(message) => Failure::new(FailureClass::CapabilityDenied, message),
    })
}

/// Compares in time that does not depend on the content.
#[must_use]
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    host::constant_time_equal(a, b)
}
