//! One connector call under limits: the only crate that knows wasmtime.
//!
//! A component comes in through [`Sandbox::load`] and leaves as a [`Connector`], whose methods are
//! the exports of the contract in `wit/`. What a call may ask of the world it asks of a [`Host`].
//! There is one way to call a guest, `call::invoke`, and every limit is on in it: fuel, a deadline,
//! memory, tables, instances, handles, bytes across the border, log and output. The surprising
//! thing: a call always gets a fresh instance; that costs 25 µs and means that nothing a connector
//! does to its own memory outlives the call.

mod answer;
mod bindings;
mod cache;
mod call;
mod capability;
mod config;
mod connector;
mod contract;
mod convert;
mod engine;
mod exchange;
mod facts;
mod fair;
mod heart;
mod host;
mod inert;
mod load;
mod log;
mod output;
mod pace;
pub mod price;
mod report;
mod room;
mod runner;
mod sandbox;
mod scan;
mod scratch;
mod state;
mod wasi;
mod weigh;
mod worker;

#[cfg(test)]
mod tests;

pub use answer::{
    Choice, Choices, Entry, Identity, Listing, OptionsQuery, PollBatch, PollOrigin, Slice, Subscription,
};
pub use call::{Call, Finished};
pub use config::{SandboxConfig, SandboxError, WorkerCommand};
pub use connector::Connector;
pub use contract::{CONTRACT_VERSION, Interface, Interfaces};
pub use facts::{Facts, Tried, WorkerTrial, facts, try_worker};
pub use host::{
    Blob, BlobError, BlobInfo, BlobPieces, CredentialError, Exchange, Host, StoreError, StoreScope,
};
pub use inert::inert;
pub use load::LoadError;
pub use sandbox::Sandbox;
pub use scan::ScanLimits;
pub use worker::{WorkerError, compile_worker};
