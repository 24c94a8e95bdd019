//! Failures: who is to blame and whether to try again, as fields.
//!
//! The host decides about a retry from these fields alone and never reads the message, so that the
//! class is the one thing to get right. [`crate::http`] chooses it from status codes.

use core::fmt::Display;

pub use crate::bindings::wharf::connector::types::{Failure, FailureClass, FieldFailure, ItemFailure};

/// What connector functions return.
pub type Result<T> = core::result::Result<T, Failure>;

impl Failure {
    /// A failure with nothing but a class and a message for a person. Never put a secret in it.
    pub fn new(class: FailureClass, message: impl Display) -> Self {
        Self {
            class,
            message: message.to_string(),
            http_status: None,
            provider_code: None,
            retry_after_ms: None,
            outcome_unknown: false,
            fields: Vec::new(),
            items: Vec::new(),
        }
    }

    /// The input is wrong: the same input will fail again.
    pub fn invalid_input(message: impl Display) -> Self {
        Self::new(FailureClass::InvalidInput, message)
    }

    /// The thing does not exist.
    pub fn not_found(message: impl Display) -> Self {
        Self::new(FailureClass::NotFound, message)
    }

    /// The provider answered in a shape that the connector does not know.
    pub fn schema_mismatch(message: impl Display) -> Self {
        Self::new(FailureClass::SchemaMismatch, message)
    }

    /// The connection or the step is set up wrongly.
    pub fn configuration(message: impl Display) -> Self {
        Self::new(FailureClass::ConfigurationInvalid, message)
    }

    /// A bug of the connector.
    pub fn defect(message: impl Display) -> Self {
        Self::new(FailureClass::ConnectorDefect, message)
    }

    /// With the provider's HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.http_status = Some(status);
        self
    }

    /// With the provider's own code, such as `channel_not_found`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.provider_code = Some(code.into());
        self
    }

    /// Not to be tried again before this many milliseconds.
    #[must_use]
    pub fn with_retry_after_ms(mut self, wait: u64) -> Self {
        self.retry_after_ms = Some(wait);
        self
    }

    /// The provider may have applied the write.
    #[must_use]
    pub fn with_outcome_unknown(mut self) -> Self {
        self.outcome_unknown = true;
        self
    }

    /// With what is wrong at a JSON Pointer (RFC 6901) into the input.
    #[must_use]
    pub fn with_field(mut self, pointer: impl Into<String>, message: impl Display) -> Self {
        self.fields.push(FieldFailure { path: pointer.into(), message: message.to_string() });
        self
    }

    /// With a failed item of a batch; items that are not named succeeded.
    #[must_use]
    pub fn with_item(mut self, index: u32, class: FailureClass, message: impl Display) -> Self {
        self.items.push(ItemFailure { index, class, message: message.to_string() });
        self
    }
}

impl FailureClass {
    /// The class of an HTTP status (RFC 9110, section 15; RFC 6585); none for a success.
    ///
    /// A redirect that was not followed is a `schema-mismatch`. A 4xx without a class of its own is
    /// `invalid-input`: the same request will fail again.
    #[must_use]
    pub fn from_status(status: u16) -> Option<Self> {
        Some(match status {
            200..=299 => return None,
            401 => Self::CredentialInvalid,
            402 => Self::QuotaExhausted,
            403 | 451 => Self::PermissionDenied,
            404 => Self::NotFound,
            405 | 406 | 415 => Self::ConnectorDefect,
            408 | 504 => Self::TimedOut,
            409 | 412 | 423 => Self::Conflict,
            410 => Self::Gone,
            425 | 500..=599 => Self::TemporarilyUnavailable,
            429 => Self::RateLimited,
            400..=499 => Self::InvalidInput,
            _ => Self::SchemaMismatch,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::FailureClass;

    #[track_caller]
    fn check(status: u16, class: Option<FailureClass>) {
        assert_eq!(FailureClass::from_status(status), class, "{status}");
    }

    #[test]
    fn status_codes_have_classes() {
        check(200, None);
        check(204, None);
        check(304, Some(FailureClass::SchemaMismatch));
        check(400, Some(FailureClass::InvalidInput));
        check(401, Some(FailureClass::CredentialInvalid));
        check(402, Some(FailureClass::QuotaExhausted));
        check(403, Some(FailureClass::PermissionDenied));
        check(404, Some(FailureClass::NotFound));
        check(405, Some(FailureClass::ConnectorDefect));
        check(408, Some(FailureClass::TimedOut));
        check(409, Some(FailureClass::Conflict));
        check(410, Some(FailureClass::Gone));
        check(412, Some(FailureClass::Conflict));
        check(413, Some(FailureClass::InvalidInput));
        check(422, Some(FailureClass::InvalidInput));
        check(425, Some(FailureClass::TemporarilyUnavailable));
        check(429, Some(FailureClass::RateLimited));
        check(500, Some(FailureClass::TemporarilyUnavailable));
        check(502, Some(FailureClass::TemporarilyUnavailable));
        check(503, Some(FailureClass::TemporarilyUnavailable));
        check(504, Some(FailureClass::TimedOut));
        check(599, Some(FailureClass::TemporarilyUnavailable));
        check(999, Some(FailureClass::SchemaMismatch));
    }
}
