//! What can go wrong when the engine is asked for something, by what the asker can do about it.

use tokio_util::sync::CancellationToken;
use wharf_model::{digest::Digest, flow::Problem};
use wharf_store::StoreError;

/// Why the engine did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// There is no such thing.
    #[error("no {what} `{name}`")]
    NotFound {
        /// `connector`, `connection`, `flow`, `run`, `dead letter`.
        what: &'static str,
        /// What was asked for.
        name: String,
    },
    /// The request does not fit what is there; the message names the fix.
    #[error("{0}")]
    Refused(String),
    /// The values that were given are wrong; the message names the place and the fix.
    #[error("{0}")]
    Invalid(String),
    /// Whoever asked for a call went away while it ran, so it was dropped.
    #[error("the call was dropped: whoever asked for it is gone")]
    Abandoned,
    /// A connector cannot be loaded any more: its file is damaged or the engine changed.
    #[error("connector {digest} cannot be loaded: {why}")]
    Load {
        /// Which version.
        digest: Digest,
        /// Why.
        why: String,
    },
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl EngineError {
    pub(crate) fn not_found(what: &'static str, name: &str) -> Self {
        Self::NotFound { what, name: name.to_owned() }
    }
}

/// Awaits `call`, unless whoever asked for it goes first.
pub(crate) async fn unless_gone<T>(
    gone: &CancellationToken,
    call: impl Future<Output = T>,
) -> Result<T, EngineError> {
    gone.run_until_cancelled(call).await.ok_or(EngineError::Abandoned)
}

/// Why a connector was not installed.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The file is not a connector package.
    #[error(transparent)]
    Package(#[from] wharf_package::PackageError),
    /// The manifest breaks a rule; each problem names the place and the fix.
    #[error("the manifest is not valid: {}", .0.join("; "))]
    Manifest(Vec<String>),
    /// The sandbox refuses the component.
    #[error(transparent)]
    Load(#[from] wharf_sandbox::LoadError),
    /// What `describe` returns is not what the file's section says.
    #[error(
        "the connector describes itself otherwise than its file does: {0}; build it again with `wharf build`"
    )]
    Describe(String),
    /// This version exists with other content, or is older than what is in use.
    #[error("{0}")]
    Refused(String),
    /// The engine or its store.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for InstallError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Why a flow was not applied.
#[derive(Debug, thiserror::Error)]
pub enum FlowError {
    /// The file is wrong; `rendered` shows each problem at its place.
    #[error("{rendered}")]
    Problems {
        /// For a terminal, without colour.
        rendered: String,
        /// One by one.
        problems: Vec<Problem>,
    },
    /// The engine or its store.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for FlowError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// Why an event was not accepted. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// No flow of that name takes this kind of event.
    #[error("no flow `{0}` takes this event")]
    UnknownFlow(String),
    /// More is under way than the server takes on.
    #[error("too much is waiting to be stored; try again in {retry_after_s} s")]
    Overloaded {
        /// Seconds.
        retry_after_s: u32,
    },
    /// The server is shutting down.
    #[error("the server is shutting down")]
    Stopping,
    /// The engine or its store.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for AcceptError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Overloaded | StoreError::Busy | StoreError::Full => {
                Self::Overloaded { retry_after_s: 1 }
            }
            other => Self::Engine(other.into()),
        }
    }
}
