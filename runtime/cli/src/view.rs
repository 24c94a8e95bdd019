//! What the admin API answers, as far as it is shown to people.
//!
//! Reading is lenient: a field that a newer server leaves out or adds must not keep anybody from
//! seeing the rest. `--json` prints the server's own document and passes by here.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::exit::{Exit, Fault};

mod audit;
mod connector;
mod doctor;
mod run;

pub use audit::JournalsPage;
pub use connector::{
    Change, Connector, Denial, GrantVersion, Held, Installed, Permissions, Proposed, grant_document,
};
pub use doctor::{Doctor, Finding};
pub use run::{
    Asks, Attempt, Effect, EffectResult, Failure, FieldFailure, Link, LogLine, Metering, Run, Source, Step,
    Stopped, Trap,
};

/// Reads a document as a view.
///
/// # Errors
/// It has another shape than this version knows.
pub fn read<T: DeserializeOwned>(document: &Value) -> Result<T, Fault> {
    T::deserialize(document).map_err(|error| {
        Fault::new(
            Exit::Failed,
            "alien-answer",
            format!("the server answered in a shape this version does not know: {error}"),
        )
        .fix("use the `wharf` of the server's version, or --json for the answer as it is")
    })
}

/// Reads the `items` of a list.
///
/// # Errors
/// As [`read`].
pub fn items<T: DeserializeOwned>(document: &Value) -> Result<Vec<T>, Fault> {
    read(document.get("items").unwrap_or(&Value::Null))
}
