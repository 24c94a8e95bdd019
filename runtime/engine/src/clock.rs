//! The one place where the engine reads the wall clock.

use wharf_model::time::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the rim: everything inward takes the time as a value")]
pub(crate) fn now() -> Timestamp {
    #[cfg(debug_assertions)]
    if let Some(now) = crate::simulate::simulated_now() {
        return now;
    }
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
