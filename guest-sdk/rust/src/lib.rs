//! Write Wharf connectors in Rust: typed actions over HTTP that the host sends, with credentials that
//! the connector never sees.
//!
//! ```
//! use wharf::prelude::*;
//!
//! #[input]
//! struct Greet {
//!     /// Whom to greet.
//!     name: String,
//! }
//!
//! #[output]
//! struct Greeted {
//!     text: String,
//! }
//!
//! /// Greet somebody.
//! #[action(effect = "read")]
//! fn greet(call: &Call, input: Greet) -> Result<Greeted> {
//!     log::info!("attempt {}", call.attempt());
//!     Ok(Greeted { text: format!("Hello, {}!", input.name) })
//! }
//!
//! struct Greeter;
//!
//! impl Connector for Greeter {
//!     fn manifest() -> Manifest {
//!         Manifest::new("greeter", "0.1.0", "Greeter")
//!     }
//!     fn actions() -> Actions {
//!         actions![greet]
//!     }
//! }
//!
//! wharf::connector!(Greeter: actions);
//! # fn main() {}
//! ```
//!
//! What is surprising: nothing here talks to a network. [`http`] asks the host, which judges each
//! request against the manifest and the operator's grant, places the credential and sends it.
//!
//! Outside of wasm (in `cargo test`) there is no host: capabilities that give a value panic, logging
//! does nothing, everything else is plain Rust.

// The macros say `::wharf`, also in this crate's own tests.
#[cfg(test)]
extern crate self as wharf;

pub mod action;
pub mod arena;
#[doc(hidden)]
pub mod bindings;
pub mod blobs;
pub mod call;
pub mod clock;
pub mod connector;
pub mod credentials;
pub mod entity;
pub mod failure;
pub mod http;
pub mod log;
pub mod manifest;
pub mod random;
#[doc(hidden)]
pub mod register;
pub mod schema;
pub mod store;
pub mod trigger;

pub use action::{Action, Actions, NoInput, Page, Progress, Verdict};
pub use bindings::wharf::connector::outcomes::Wake;
pub use bindings::wharf::connector::types::{Context, Mode};
pub use call::Call;
pub use connector::{Choice, Choices, Connector, Identity, Query};
pub use failure::{Failure, FailureClass, FieldFailure, ItemFailure, Result};
pub use http::{HttpMessage, HttpReply, Request, Response};
pub use manifest::Manifest;
pub use wharf_sdk_macros::{action, input, output};

#[doc(hidden)]
pub use schemars;
#[doc(hidden)]
pub use serde;
pub use serde_json as json;

/// What nearly every connector names.
pub mod prelude {
    pub use crate::action::{Action, Actions, NoInput, Page, Progress, Verdict};
    pub use crate::connector::{Choice, Choices, Connector, Identity, Query};
    pub use crate::json::{Value, json};
    pub use crate::manifest::{Auth, Effect, Manifest};
    pub use crate::trigger::{Batch, Event, Origin};
    pub use crate::{
        Call, Failure, FailureClass, HttpMessage, Response, Result, action, actions, input, log, output,
    };
}
