//! The gate: the one place that sends HTTP for connectors.
//!
//! A call goes through two steps. [`Gate::authorise`] decides without touching the network: rules,
//! headers, credential, address literals. [`Gate::perform`] resolves, checks every address, dials
//! the address that was checked, places the credential, sends and reads under caps. Between the two
//! the caller journals. What surprises: an address that a URL spells out is judged twice, before the
//! request is handed over, so that the refusal is a decision, and again where the socket is connected.

mod account;
mod address;
mod authorise;
mod authority;
mod bill;
mod binding;
mod carve_out;
mod classify;
mod client;
mod clock;
mod config;
mod credential;
mod decode;
mod dial;
mod effects;
mod gate;
mod header;
mod interim;
mod perform;
mod pool;
mod proxy;
mod receive;
mod redact;
mod redirect;
mod refusal;
mod resolve;
#[cfg(any(test, debug_assertions))]
mod script;
mod tls;
mod trial;
mod upload;

pub use address::{Special, special};
pub use authorise::Authorised;
pub use authority::{Authority, AuthorityError, Scope};
pub use carve_out::{CarveOut, CarveOutError};
pub use config::{GateConfig, GateConfigError};
pub use credential::{Credentials, Secret, SlotRefusal, UnknownSlot, constant_time_equal};
#[cfg(debug_assertions)]
pub use dial::{Dialled, Network};
pub use effects::{Effects, Place};
pub use gate::Gate;
pub use proxy::{EgressProxy, EgressProxyError};
pub use redact::Redactor;
pub use tls::{CertificateAuthority, TlsMaterialError};

#[cfg(test)]
mod tests;
