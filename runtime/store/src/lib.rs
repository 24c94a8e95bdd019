//! Persistence: what arrived, every run and its journal, definitions, secrets, and the audit log.
//!
//! The surprising thing: nothing here is written by the caller's own thread. One writer folds the
//! transactions of many callers into one commit, and a caller hears back only when that commit is
//! on the disk. What makes a fast disk slow is the number of commits, not the number of rows.

mod api_key;
mod archive;
mod audit;
mod blob;
mod connection;
mod connector;
mod dead_letter;
mod denial;
mod error;
mod examine;
mod flow;
mod grant;
mod inbox;
mod journal;
mod key;
mod kv;
mod lock;
mod mail;
mod prune;
mod reader;
mod rotate;
mod row;
mod run;
mod run_list;
mod schema;
mod seal;
mod settle;
#[cfg(debug_assertions)]
mod simulate;
mod store;
mod trigger;
mod writer;

#[cfg(test)]
mod tests;

pub use api_key::ApiKey;
pub use archive::{Archive, Damaged, Journals};
pub use audit::{AuditRow, By};
pub use blob::BLOB_THRESHOLD;
pub use connection::{Connection, NewConnection, Secret};
pub use connector::{Activation, Connector, NewConnector};
pub use dead_letter::{DeadLetter, DeadLetterFilter, DeadLetterState, NewDeadLetter, ResolveError};
pub use denial::{Denial, DenialKind, DeniedIn, NewDenial};
pub use error::StoreError;
pub use examine::{Examined, examine, owner};
pub use flow::{FlowState, FlowVersion};
pub use grant::{GrantMode, GrantVersion, NewGrant};
pub use inbox::{Accept, Accepted};
pub use journal::{BadHead, JournalRow, Verified};
pub use key::{MasterKey, MasterKeyError};
pub use kv::{Expected, KvError, StoreOp, StoreWrite};
pub use mail::{Mail, PostError};
pub use prune::{Pruned, Retention};
pub use rotate::{Progress, Rotated, Rotation, next_key_file, rotate, rotate_key_file};
pub use run::{Claimed, NewRun, Origin, RunId, RunStatus};
pub use run_list::{RunCount, RunDetail, RunFilter, RunRow};
pub use settle::{RunState, Settle, SettleError};
#[cfg(debug_assertions)]
pub use simulate::{Commit, Disk, Verdict};
pub use store::{Store, StoreConfig};
pub use trigger::{Fired, FlowTrigger, NextPoll, PollFailed, Polled, TriggerKind};
