//! The gate: the one place that sends HTTP for connectors.
//!
//! A call goes through two steps. [`Gate::authorise`] decides without touching the network: rules,
//! headers, credential, address literals. [`Gate::perform`] resolves, checks every address, dials
//! the address that was checked, places the credential, sends and reads under caps. Between the two
//! the caller journals. What surprises: reqwest's resolver hook is never asked about address
//! literals, so those are judged before the request is handed over, and names inside the hook.

mod address;
mod authorise;
mod authority;
mod binding;
mod carve_out;
mod classify;
mod config;
mod credential;
mod effects;
mod gate;
mod header;
mod perform;
mod pool;
mod receive;
mod redact;
mod redirect;
mod refusal;
mod resolve;

pub use address::{Special, special};
pub use authorise::Authorised;
pub use authority::{Authority, AuthorityError, Scope};
pub use carve_out::{CarveOut, CarveOutError};
pub use config::{GateConfig, GateConfigError};
pub use credential::{Credentials, HmacAlgorithm, Secret, UnknownSlot, constant_time_equal};
pub use effects::{Effects, Place};
pub use gate::Gate;
pub use redact::Redactor;

#[cfg(test)]
mod tests;
