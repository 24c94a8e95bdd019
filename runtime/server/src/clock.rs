//! The one place where this crate reads the wall clock; everything below takes `now` as a value.

use std::time::{SystemTime, UNIX_EPOCH};

use wharf_model::time::Timestamp;

/// The time of day. A clock before 1970 counts as 1970.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the rim reads the clock once and hands it down")]
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
