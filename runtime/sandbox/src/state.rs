//! What a store holds during one call: the host, the limits, and what has been used of them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use wasmtime::{ResourceLimiter, component::ResourceTable};
use wharf_model::{
    call::StopReason,
    grant::Limits,
    http::{HttpError, Pieces},
};

use crate::{
    exchange::Exchanges,
    host::{BlobPieces, Host},
    log::Log,
    scratch::{Ground, Scratch},
    wasi::{Http, Printed, Wasi},
};

/// Ten days: what is longer is no deadline, and would not fit every clock.
const LONGEST_MS: u64 = 864_000_000;

/// The data of a call's store.
pub(crate) struct State {
    /// None: a call without any capability, such as `describe`.
    pub(crate) host: Option<Box<dyn Host>>,
    pub(crate) limits: Limits,
    pub(crate) used: Used,
    pub(crate) table: ResourceTable,
    pub(crate) log: Log,
    /// Built by the first WASI call; most connectors make none.
    pub(crate) wasi: Option<Box<Wasi>>,
    /// Likewise for `wasi:http`.
    pub(crate) wasi_http: Option<Box<Http>>,
    /// Where a scratch directory would be made, if the host grants one.
    pub(crate) ground: Option<Arc<Ground>>,
    /// The one that was.
    pub(crate) scratch: Option<Scratch>,
    pub(crate) printed: Printed,
    pub(crate) random: Option<blake3::OutputReader>,
    pub(crate) exchanges: Exchanges,
    /// When the call is stopped.
    pub(crate) deadline: Instant,
    /// Fuel for host work that is not paid yet.
    pub(crate) debt: Debt,
    /// The growth that was refused last: why an instance cannot start.
    pub(crate) refused: Option<Refused>,
}

/// What a call has used of its limits.
#[derive(Default)]
pub(crate) struct Used {
    pub(crate) host_calls: u64,
    /// Bytes that crossed the border.
    pub(crate) host_bytes: u64,
    /// Bytes that the host holds for the guest: of bodies and blobs what has come and is not read
    /// yet, and unfinished blobs.
    pub(crate) held_bytes: u64,
    pub(crate) memory_bytes: u64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) table_elements: u64,
}

/// What a call owes for work done where the store is out of reach; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Debt(Arc<Owed>);

#[derive(Default)]
struct Owed {
    fuel: AtomicU64,
    bytes: AtomicU64,
}

impl Debt {
    /// Owes more.
    pub(crate) fn add(&self, fuel: u64) {
        self.0.fuel.fetch_add(fuel, Ordering::Relaxed);
    }

    /// Bytes crossed the border.
    pub(crate) fn moved(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.add(bytes.saturating_mul(crate::price::PER_BYTE));
    }

    /// Bytes so far; they stay on the bill.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.bytes.load(Ordering::Relaxed)
    }

    /// All that is owed, to be paid by the caller.
    pub(crate) fn take(&self) -> u64 {
        self.0.fuel.swap(0, Ordering::Relaxed)
    }
}

/// A memory or table that would have been too large.
#[derive(Clone, Copy)]
pub(crate) struct Refused {
    pub(crate) reason: StopReason,
    pub(crate) wanted: u64,
    pub(crate) limit: u64,
}

/// A call was stopped by a limit; the cause of a trap, found again by type when the trap arrives.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Stop {
    pub(crate) reason: StopReason,
    pub(crate) message: String,
}

/// A capability was used in a call that has none.
#[derive(Debug, thiserror::Error)]
#[error("called `{import}`, and this call has no capability")]
pub(crate) struct NoCapability {
    pub(crate) import: &'static str,
}

/// A response body that the guest has not read to its end.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Body {
    /// What has come.
    pub(crate) left: Bytes,
    /// What has not; none once it has ended.
    pub(crate) rest: Option<Pieces>,
    /// Why nothing more comes, to be told after what has come.
    pub(crate) failed: Option<HttpError>,
}

/// A blob that is being read.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Reader {
    pub(crate) info: crate::host::BlobInfo,
    /// What has come.
    pub(crate) left: Bytes,
    /// What has not; none once it has ended.
    pub(crate) rest: Option<BlobPieces>,
}

/// A blob that is being written; kept by `finish` only.
#[expect(unreachable_pub, reason = "generated code re-exports it")]
pub struct Writer {
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) content: BytesMut,
}

impl State {
    pub(crate) fn new(host: Option<Box<dyn Host>>, limits: Limits) -> Self {
        let mut table = ResourceTable::new();
        table.set_max_capacity(limits.handles as usize);
        Self {
            host,
            limits,
            used: Used::default(),
            table,
            log: Log::new(limits.log_bytes),
            wasi: None,
            ground: None,
            scratch: None,
            wasi_http: None,
            printed: Printed::default(),
            random: None,
            exchanges: Exchanges::new(&limits),
            deadline: Instant::now() + Duration::from_millis(limits.deadline_ms.min(LONGEST_MS)),
            debt: Debt::default(),
            refused: None,
        }
    }

    /// Counts a call of the host that no door of ours sees. It is paid for within an epoch, or at the
    /// next door, whichever comes first.
    pub(crate) fn owe(&mut self, fuel: u64) {
        self.used.host_calls += 1;
        self.debt.add(fuel);
    }

    /// Bytes that may still cross the border or be held for the guest.
    pub(crate) fn bytes_left(&self) -> u64 {
        self.limits.host_bytes.saturating_sub(self.host_bytes()).saturating_sub(self.used.held_bytes)
    }

    /// Bytes that crossed the border, through whichever door.
    pub(crate) fn host_bytes(&self) -> u64 {
        self.used.host_bytes.saturating_add(self.debt.bytes())
    }

    /// Randomness of the step: the same bytes in the same order for each attempt.
    pub(crate) fn random(&mut self, out: &mut [u8]) {
        let host = self.host.as_deref();
        self.random.get_or_insert_with(|| stream(host.map_or([0; 32], Host::seed), "random")).fill(out);
    }
}

/// An endless stream of bytes from a seed, a different one for each purpose.
pub(crate) fn stream(seed: [u8; 32], purpose: &str) -> blake3::OutputReader {
    let mut hasher = blake3::Hasher::new_keyed(&seed);
    hasher.update(purpose.as_bytes());
    hasher.finalize_xof()
}

/// The tasks of `wasi:http` end one after the other when the call does, and run on other threads till then.
impl Drop for State {
    fn drop(&mut self) {
        self.exchanges.close();
    }
}

impl ResourceLimiter for State {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = (self.used.memory_bytes).saturating_sub(current as u64).saturating_add(desired as u64);
        if wanted > self.limits.memory_bytes {
            self.refused =
                Some(Refused { reason: StopReason::Memory, wanted, limit: self.limits.memory_bytes });
            return Ok(false);
        }
        self.used.memory_bytes = wanted;
        self.used.peak_memory_bytes = self.used.peak_memory_bytes.max(wanted);
        Ok(true)
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let wanted = self.used.table_elements.saturating_sub(current as u64).saturating_add(desired as u64);
        let limit = u64::from(self.limits.table_elements);
        if wanted > limit {
            self.refused = Some(Refused { reason: StopReason::Table, wanted, limit });
            return Ok(false);
        }
        self.used.table_elements = wanted;
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.limits.instances as usize
    }
}
