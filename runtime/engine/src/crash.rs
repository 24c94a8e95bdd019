//! Places where a test may have the process die, so that a crash at every boundary can be tried.
//!
//! A build without debug assertions has none of this: there is nothing to switch on.

/// Dies here if `WHARF_CRASH_AT` says so: `POINT` or `POINT:N` for the Nth time it is passed.
#[cfg(debug_assertions)]
pub(crate) fn point(name: &'static str) {
    use std::sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    };
    static AT: OnceLock<Option<(String, u32)>> = OnceLock::new();
    static PASSED: AtomicU32 = AtomicU32::new(0);
    let at = AT.get_or_init(|| {
        let wanted = std::env::var("WHARF_CRASH_AT").ok()?;
        let (point, nth) = wanted.split_once(':').unwrap_or((&wanted, "1"));
        Some((point.to_owned(), nth.parse().ok()?))
    });
    if let Some((point, nth)) = at
        && point == name
        && PASSED.fetch_add(1, Ordering::SeqCst) + 1 == *nth
    {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(crate) fn point(_name: &'static str) {}
