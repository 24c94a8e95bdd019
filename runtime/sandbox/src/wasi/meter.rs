//! The bill of WASI calls.
//!
//! The functions of `wasmtime-wasi` see a call's state and not its fuel, so what they cost is
//! written down here and added to the guest's own fuel when the call is over. A call whose account
//! alone is past a limit is stopped where it next yields, within a million units of guest work.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::Notify;
use wharf_model::{call::StopReason, grant::Limits};

use crate::{report::grouped, state::Stop};

/// What a call owes for WASI; clones share one account.
#[derive(Clone)]
pub(crate) struct Meter(Arc<Account>);

struct Account {
    limits: Limits,
    calls: AtomicU64,
    fuel: AtomicU64,
    bytes: AtomicU64,
    broken: OnceLock<StopReason>,
    stop: Notify,
}

impl Meter {
    pub(crate) fn new(limits: Limits) -> Self {
        Self(Arc::new(Account {
            limits,
            calls: AtomicU64::new(0),
            fuel: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            broken: OnceLock::new(),
            stop: Notify::new(),
        }))
    }

    /// One host call of this price.
    pub(crate) fn called(&self, price: u64) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        self.owe(price);
    }

    /// Bytes that crossed the border; each costs one unit, as with our own host calls.
    pub(crate) fn moved(&self, bytes: u64) {
        let moved = self.0.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes);
        if moved > self.0.limits.host_bytes {
            self.break_off(StopReason::HostBytes);
        }
        self.owe(bytes);
    }

    fn owe(&self, price: u64) {
        let owed = self.0.fuel.fetch_add(price, Ordering::Relaxed).saturating_add(price);
        if owed > self.0.limits.fuel {
            self.break_off(StopReason::Fuel);
        }
    }

    fn break_off(&self, reason: StopReason) {
        if self.0.broken.set(reason).is_ok() {
            self.0.stop.notify_one();
        }
    }

    /// Fuel owed so far.
    pub(crate) fn fuel(&self) -> u64 {
        self.0.fuel.load(Ordering::Relaxed)
    }

    /// Host calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// Ends once a limit is broken.
    pub(crate) async fn broken(&self) -> Stop {
        loop {
            if let Some(&reason) = self.0.broken.get() {
                return self.stop(reason);
            }
            self.0.stop.notified().await;
        }
    }

    /// Why a call that returned may not have: the guest's own fuel and what it owes are more than
    /// it may use.
    pub(crate) fn settled(&self, guest: u64) -> Result<(), Stop> {
        if let Some(&reason) = self.0.broken.get() {
            return Err(self.stop(reason));
        }
        if guest.saturating_add(self.fuel()) > self.0.limits.fuel {
            return Err(self.stop(StopReason::Fuel));
        }
        Ok(())
    }

    fn stop(&self, reason: StopReason) -> Stop {
        let message = match reason {
            StopReason::HostBytes => format!(
                "WASI calls moved {} bytes across the border; the limit for all host calls together is {}",
                grouped(self.bytes()),
                grouped(self.0.limits.host_bytes)
            ),
            _ => format!(
                "out of fuel ({}): {} WASI calls cost {}",
                grouped(self.0.limits.fuel),
                grouped(self.calls()),
                grouped(self.fuel())
            ),
        };
        Stop { reason, message }
    }
}
