//! Large values that travel between steps as ids.
//!
//! A writer that is dropped before [`Writer::finish`] keeps nothing: a failed action leaves no litter.

pub use crate::bindings::wharf::connector::blobs::{Error, Info, Reader, Writer};

use crate::bindings::wharf::connector::blobs as host;
use crate::failure::{Failure, FailureClass, Result};

/// Opens a blob for reading in pieces.
///
/// # Errors
/// As [`failure`].
pub fn open(id: &str) -> Result<Reader> {
    host::open(id).map_err(failure)
}

/// A whole blob, with its name and media type.
///
/// # Errors
/// As [`failure`].
pub fn read(id: &str) -> Result<(Info, Vec<u8>)> {
    const PIECE: u32 = 256 * 1024;
    let reader = open(id)?;
    let mut bytes = Vec::new();
    loop {
        let piece = reader.read(PIECE).map_err(failure)?;
        if piece.is_empty() {
            return Ok((reader.info(), bytes));
        }
        bytes.extend_from_slice(&piece);
    }
}

/// Begins a blob. `content_type` is a media type (RFC 9110, section 8.3).
///
/// # Errors
/// As [`failure`].
pub fn create(name: &str, content_type: &str) -> Result<Writer> {
    host::create(name, content_type).map_err(failure)
}

/// Keeps these bytes as a blob and gives its id.
///
/// # Errors
/// As [`failure`].
pub fn keep(name: &str, content_type: &str, bytes: &[u8]) -> Result<String> {
    let writer = create(name, content_type)?;
    writer.write(bytes).map_err(failure)?;
    Writer::finish(writer).map_err(failure)
}

/// The failure of a blob error.
#[must_use]
pub fn failure(error: Error) -> Failure {
    match error {
        Error::Denied(message) => Failure::new(FailureClass::CapabilityDenied, message),
        Error::NotFound => Failure::not_found("no blob of this run or connection has the id"),
        Error::QuotaExceeded(bytes) => Failure::new(
            FailureClass::CapabilityDenied,
            format_args!("the blobs are over what is granted: {bytes} bytes"),
        ),
        Error::Unavailable(message) => Failure::new(FailureClass::TemporarilyUnavailable, message),
    }
}
