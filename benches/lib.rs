//! What the benchmarks share: the work in native Rust, the connector that does it in the sandbox, a
//! client that costs little beside the server it loads, and how figures are told.
//!
//! The connector is built when a bench starts, as its own workspace: a bench that ran yesterday's
//! guest would measure nothing.

pub mod client;
#[cfg(feature = "engine")]
pub mod engine;
pub mod flows;
#[cfg(feature = "engine")]
pub mod guest;
pub mod http;
pub mod load;
pub mod memory;
pub mod provider;

#[path = "guests/mapping.rs"]
mod mapping;

/// 1,000 bytes of JSON, the shape of an issue tracker's delivery.
pub const EVENT: &str = include_str!("event.json");

/// The mapping without any sandbox: JSON text in, JSON text out.
///
/// # Errors
/// The text is no event.
pub fn native(event: &str) -> serde_json::Result<String> {
    serde_json::to_string(&mapping::map(serde_json::from_str(event)?))
}
