//! Drives runs: events in, connectors called, effects journaled, outcomes settled.
//!
//! The pure half of every decision lives in `wharf_model`; this crate is the impure rim around it.
//! What is surprising: nothing here remembers anything that matters. A run that is cut off at any
//! instant is the fold of its journal, and goes on from there.

mod accept;
mod access;
mod bind;
mod claim;
mod clock;
mod confirm;
mod connection;
mod connector;
mod crash;
mod denials;
mod engine;
mod error;
mod evidence;
mod flows;
mod host;
mod housekeeping;
mod notice;
mod observe;
mod outcome;
mod receive;
mod record;
mod redact;
mod registry;
mod run;
mod runs;
mod seed;
mod settle;
#[cfg(debug_assertions)]
mod simulate;
mod speak;
mod started;
mod state;
mod step;
mod tail;
mod triggers;

pub use accept::{Accepted, Endpoint};
pub use connection::{ConnectionInfo, ConnectionTest, NewConnection};
pub use connector::{
    AnyHost, Approval, Approve, ConnectorInfo, Consent, Downgrade, HeldVersion, InstallStatus, Installed,
    Permissions,
};
pub use engine::{Engine, EngineConfig};
pub use error::{AcceptError, EngineError, FlowError, InstallError};
pub use flows::{AppliedFlow, FlowInfo};
pub use notice::{Notice, Observer};
pub use wharf_package::PermissionChange;

pub use record::{Asks, AttemptRecord, RunLink, RunRecord, StepRecord};
pub use runs::{Counts, RunCount};
#[cfg(debug_assertions)]
pub use simulate::{simulate, simulated_now, simulation_over};
pub use speak::Answer;
pub use triggers::{Fire, PollReport, TriggerInfo};
