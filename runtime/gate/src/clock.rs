//! The one place where the gate reads the wall clock: what a credential is signed with must be the
//! provider's time, not the step's.

use wharf_model::time::Timestamp;

/// Now.
#[expect(clippy::disallowed_methods, reason = "the rim: what signs takes the time as a value")]
pub(crate) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
