//! The one place of the command that reads the wall clock.

use std::time::{SystemTime, UNIX_EPOCH};

use wharf_model::time::Timestamp;

/// Now.
#[expect(
    clippy::disallowed_methods,
    reason = "the rim of the process: everything below takes the time as a value"
)]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
