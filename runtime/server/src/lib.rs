//! HTTP in: webhooks, the admin API, metrics and health, and the configuration of it all.
//!
//! [`serve`] puts a server together; everything else is what it is made of. What surprises: the
//! admin API and the webhooks share one listener, because what keeps strangers out is the key and
//! the signature, and two ports would only look like a wall.

mod answer;
mod api;
mod app;
mod body;
mod clock;
pub mod config;
mod directory;
pub mod doctor;
mod ingress;
mod key;
mod listen;
mod metrics;
pub mod secrets;
mod serve;
mod watch;

pub use api::openapi;
pub use config::{Config, ConfigError};
pub use ingress::verify;
pub use serve::{AdminKey, Running, ServeError, ServeOptions, Stopped, serve};
pub use watch::WatchError;
pub use wharf_store::{Archive, Journals, StoreError, Verified};
