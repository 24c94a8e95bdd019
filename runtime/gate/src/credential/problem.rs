//! Why a credential is not placed. Slots and settings are named; no value ever is.

use wharf_model::{http::HttpError, manifest::TemplateError};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("the connection holds nothing in the slot `{0}`")]
    Empty(String),
    #[error("the value in the slot `{0}` cannot stand in a request there")]
    Unfit(String),
    #[error("the slot `{slot}` holds no usable key: {problem}")]
    Key { slot: String, problem: &'static str },
    #[error("the credential needs the connection's setting `{0}`, which is not set")]
    Setting(String),
    #[error("the manifest's recipe cannot be used: {0}")]
    Recipe(#[from] TemplateError),
    #[error("{0}")]
    Challenge(&'static str),
    /// The guest's request does not go with the recipe.
    #[error("{0}")]
    Request(String),
}

impl From<PlaceError> for HttpError {
    fn from(error: PlaceError) -> Self {
        match error {
            PlaceError::Request(problem) => Self::InvalidRequest(problem),
            PlaceError::Empty(_)
            | PlaceError::Unfit(_)
            | PlaceError::Key { .. }
            | PlaceError::Setting(_)
            | PlaceError::Recipe(_)
            | PlaceError::Challenge(_) => Self::CredentialUnavailable(error.to_string()),
        }
    }
}
