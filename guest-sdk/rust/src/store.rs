//! The connector's own small store, with values as JSON of any type.
//!
//! Within a flow's step writes become durable together with the step's outcome: a failed attempt
//! leaves none, so that a retry does not find its own traces.

use serde::{Serialize, de::DeserializeOwned};

pub use crate::bindings::wharf::connector::store::{Error, Scope};

use crate::bindings::wharf::connector::store as host;
use crate::failure::{Failure, FailureClass, Result};

/// The value under `key`, if there is one.
///
/// # Errors
/// As [`failure`]; `schema-mismatch` when an older version of the connector wrote another shape.
pub fn get<T: DeserializeOwned>(scope: Scope, key: &str) -> Result<Option<T>> {
    let Some(bytes) = host::get(scope, key).map_err(failure)? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| Failure::schema_mismatch(format_args!("the store's value of `{key}`: {error}")))
}

/// Writes `value`, replacing what is there.
///
/// # Errors
/// As [`failure`].
pub fn put(scope: Scope, key: &str, value: &impl Serialize) -> Result<()> {
    host::put(scope, key, &encode(value)?, None).map_err(failure)
}

/// Writes `value` for so many milliseconds.
///
/// # Errors
/// As [`failure`].
pub fn put_for(scope: Scope, key: &str, value: &impl Serialize, ttl_ms: u64) -> Result<()> {
    host::put(scope, key, &encode(value)?, Some(ttl_ms)).map_err(failure)
}

/// Writes `value` when the entry still is `expected` (none: absent) and says whether it did. Values are
/// compared as their JSON, as [`put`] writes it.
///
/// # Errors
/// As [`failure`].
pub fn compare_and_swap<T: Serialize>(
    scope: Scope,
    key: &str,
    expected: Option<&T>,
    value: &T,
) -> Result<bool> {
    let expected = expected.map(encode).transpose()?;
    host::compare_and_swap(scope, key, expected.as_deref(), &encode(value)?).map_err(failure)
}

/// Removes the entry, if there is one.
///
/// # Errors
/// As [`failure`].
pub fn delete(scope: Scope, key: &str) -> Result<()> {
    host::delete(scope, key).map_err(failure)
}

/// The failure of a store error.
#[must_use]
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Denied(message) => Failure::new(FailureClass::CapabilityDenied, message),
        Error::InvalidKey => Failure::defect("a store key is empty, too long, or holds a control character"),
        Error::QuotaExceeded(bytes) => Failure::new(
            FailureClass::CapabilityDenied,
            format_args!("the store is full: {bytes} bytes are granted"),
        ),
        Error::Unavailable(message) => Failure::new(FailureClass::TemporarilyUnavailable, message),
    }
}

fn encode(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|error| Failure::defect(format_args!("a store value: {error}")))
}
