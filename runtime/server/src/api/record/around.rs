//! What stands around the steps of a run: the runs beside it, whom it waits for, what ended it.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use wharf_engine::{Asks, RunLink};

/// A run that was ended by one of its steps.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Stopped {
    /// The step's path.
    step: String,
    /// Why.
    reason: String,
}

/// Another run, and the step between the two.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Link {
    /// The other run.
    run: String,
    /// The path of the step that started a run; `@on-failure` for one that is told of a failure.
    step: String,
}

/// What a step waits for somebody to do.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AsksRecord {
    /// `approval` or `signal`.
    kind: &'static str,
    /// What is asked, or the signal's name.
    text: String,
    /// The JSON Schema of what is to be filled in.
    form: Option<Value>,
    /// Who may answer; empty: whoever has a key.
    approvers: Vec<String>,
}

impl From<RunLink> for Link {
    fn from(RunLink { run, step }: RunLink) -> Self {
        Self { run, step }
    }
}

impl From<(String, String)> for Stopped {
    fn from((step, reason): (String, String)) -> Self {
        Self { step, reason }
    }
}

impl From<Asks> for AsksRecord {
    fn from(Asks { kind, text, form, approvers }: Asks) -> Self {
        Self { kind, text, form, approvers }
    }
}
