//! The engine's errors as the API's: which status, which code, and what stays in the log.

use axum::http::StatusCode;
use wharf_engine::{AcceptError, EngineError, FlowError, InstallError};
use wharf_model::flow::Severity;
use wharf_sandbox::LoadError;
use wharf_store::StoreError;

use super::error::{ApiError, Problem};

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::NotFound { what, name } => Self::no_such(what, &name),
            EngineError::Refused(message) => Self::conflict("refused", message),
            EngineError::Invalid(message) => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message),
            EngineError::Abandoned => Self::new(StatusCode::REQUEST_TIMEOUT, "abandoned", error.to_string()),
            EngineError::Load { .. } => {
                let cause = error.to_string();
                Self::conflict("connector-unusable", "the connector cannot be loaded any more")
                    .fix("install it again")
                    .cause(cause)
            }
            EngineError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { what, name } => Self::no_such(what, &name),
            StoreError::Invalid { what, reason } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", format!("{what}: {reason}"))
            }
            StoreError::Exists { what, name, reason } => {
                Self::conflict("exists", format!("{what} `{name}` exists: {reason}"))
            }
            StoreError::SecretCorrupt { .. } => Self::conflict("secret-corrupt", error.to_string()),
            StoreError::Overloaded | StoreError::Busy | StoreError::Full => {
                Self::unavailable("overloaded", "the store takes no more at the moment; try again", 1)
                    .cause(error)
            }
            other => Self::internal(other),
        }
    }
}

impl From<InstallError> for ApiError {
    fn from(error: InstallError) -> Self {
        let unprocessable = |code, message| Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message);
        match error {
            InstallError::Package(error) => unprocessable(error.reason(), error.to_string()),
            InstallError::Manifest(_) => unprocessable("bad-manifest", error.to_string()),
            InstallError::Load(LoadError::Busy { waiting: _, retry_after_s }) => Self::unavailable(
                "compiler-busy",
                "enough other connectors are being compiled; try again",
                retry_after_s.into(),
            ),
            InstallError::Load(error) => unprocessable("refused-by-sandbox", error.to_string()),
            InstallError::Describe(_) => unprocessable("describes-itself-otherwise", error.to_string()),
            InstallError::Refused(message) => Self::conflict("refused", message),
            InstallError::Engine(error) => error.into(),
        }
    }
}

impl From<FlowError> for ApiError {
    fn from(error: FlowError) -> Self {
        match error {
            FlowError::Problems { rendered, problems } => {
                let problems = problems.into_iter().map(Problem::from).collect::<Vec<_>>();
                let message = match problems.as_slice() {
                    [one] => one.message.clone(),
                    several => format!("the flow has {} problems", several.len()),
                };
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad-flow", message).problems(problems, rendered)
            }
            FlowError::Engine(error) => error.into(),
        }
    }
}

impl From<wharf_model::flow::Problem> for Problem {
    fn from(problem: wharf_model::flow::Problem) -> Self {
        Self {
            severity: match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            line: problem.line,
            column: problem.column,
            len: problem.len,
            message: problem.message,
            help: problem.help,
            note: problem.note,
        }
    }
}

impl From<AcceptError> for ApiError {
    fn from(error: AcceptError) -> Self {
        match error {
            AcceptError::UnknownFlow(name) => Self::no_such("flow", &name),
            AcceptError::Overloaded { retry_after_s } => Self::unavailable(
                "overloaded",
                "the server takes no more at the moment; try again",
                retry_after_s.into(),
            ),
            AcceptError::Stopping => {
                Self::unavailable("stopping", "the server is shutting down; try again", 5)
            }
            AcceptError::Engine(error) => error.into(),
        }
    }
}
