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
    let now = u64::try_from(since.as_millis()).unwrap_or(u64::MAX);
    Timestamp(now.saturating_add_signed(ahead()))
}

/// Milliseconds by which a test has the clock run ahead, or behind: `WHARF_CLOCK_AHEAD`.
#[cfg(debug_assertions)]
fn ahead() -> i64 {
    static AHEAD: std::sync::OnceLock<i64> = std::sync::OnceLock::new();
    *AHEAD.get_or_init(|| {
        std::env::var("WHARF_CLOCK_AHEAD").ok().and_then(|text| text.parse().ok()).unwrap_or(0)
    })
}

/// Nothing: there is nothing to switch on.
#[cfg(not(debug_assertions))]
fn ahead() -> i64 {
    0
}
