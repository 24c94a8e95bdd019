//! What a host call costs in fuel.
//!
//! Fuel measures guest work only: a bare host call costs the guest two units and the host a
//! microsecond or more, so without a price a loop of log lines would keep a core busy until the
//! deadline. Prices are in units of guest work of about the same duration, with room for a slow
//! machine. Each byte that crosses the border costs one unit more, both ways: copying a byte costs
//! less, looking at it (UTF-8, JSON, headers) about that.
//!
//! `docs/reference/limits.md` has the table; a test writes it from here.

/// One row of the price list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// `interface.function`, or the part of WASI.
    pub call: &'static str,
    /// Fuel for the call itself.
    pub fuel: u64,
}

/// Fuel for each byte of arguments and results.
pub const PER_BYTE: u64 = 1;

/// Fuel for any call of WASI that has no row of its own.
pub const WASI: u64 = 1_000;

/// Fuel for a call of `wasi:filesystem`, which asks the kernel.
pub const WASI_FILES: u64 = 10_000;

/// Fuel for a request, through our own interface or through `wasi:http`.
pub const REQUEST: u64 = 50_000;

const fn price(call: &'static str, fuel: u64) -> Price {
    Price { call, fuel }
}

/// The price list, in the order of the contract.
pub const PRICES: [Price; 21] = [
    price("http.send", REQUEST),
    price("http.[method]body.read", 500),
    price("credentials.granted-scopes", 500),
    price("credentials.has", 500),
    price("credentials.hmac", 5_000),
    price("credentials.verify", 5_000),
    price("credentials.reveal", 5_000),
    price("credentials.constant-time-equal", 500),
    price("store.get", 10_000),
    price("store.put", 10_000),
    price("store.compare-and-swap", 10_000),
    price("store.delete", 10_000),
    price("blobs.open", 10_000),
    price("blobs.[method]reader.info", 500),
    price("blobs.[method]reader.read", 10_000),
    price("blobs.create", 500),
    price("blobs.[method]writer.write", 500),
    price("blobs.[static]writer.finish", 10_000),
    price("log.write", 1_000),
    price("clock.now", 500),
    price("random.bytes", 500),
];

/// The price of a function of the contract. A function without one cannot be offered.
pub(crate) fn of(call: &str) -> wasmtime::Result<u64> {
    let listed = PRICES.iter().find(|price| price.call == call);
    listed.map(|price| price.fuel).ok_or_else(|| wasmtime::Error::msg(format!("`{call}` has no price")))
}
