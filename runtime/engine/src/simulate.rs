//! Time and chance in the hands of a simulation: what the engine would ask the machine for comes from a seed.
//!
//! It holds for the calling thread, and the time is tokio's, so that a runtime whose clock is paused lives
//! through days in a moment. A build without debug assertions has none of this.

use std::cell::RefCell;

use tokio::time::Instant;
use wharf_model::time::Timestamp;

thread_local! {
    static HERE: RefCell<Option<Simulated>> = const { RefCell::new(None) };
}

/// What a thread's engine takes for the machine's clock and chance.
#[derive(Debug)]
struct Simulated {
    from: Timestamp,
    since: Instant,
    ids: u128,
}

/// From here on it is `from` on this thread, going on as tokio's clock does, and ids count up from `ids`,
/// which must be greater than any before. Called inside of a runtime.
pub fn simulate(from: Timestamp, ids: u128) {
    HERE.set(Some(Simulated { from, since: Instant::now(), ids }));
}

/// The time that it is here; the machine's again once the simulation is over.
pub fn simulated_now() -> Option<Timestamp> {
    HERE.with_borrow(|here| {
        here.as_ref().map(|here| here.from.after(Instant::now().saturating_duration_since(here.since)))
    })
}

/// The next id.
pub(crate) fn next_id() -> Option<ulid::Ulid> {
    let now = simulated_now()?;
    HERE.with_borrow_mut(|here| {
        let here = here.as_mut()?;
        here.ids += 1;
        Some(ulid::Ulid::from_parts(now.0, here.ids))
    })
}

/// The machine's clock again.
pub fn simulation_over() {
    HERE.set(None);
}
