//! HTTP through the host's gate: build a request, send it, read the answer.
//!
//! What is surprising: a status such as 404 is an answer, not an error, until
//! [`Response::error_for_status`] is asked. From then on every failure has the class, the
//! provider's waiting time and, for a write, whether it may have been applied.

mod encode;
mod link;
mod request;
mod response;
mod wait;

pub use crate::bindings::wharf::connector::http::{Denial, DeniedBy, Error, Redirects};
pub use crate::bindings::wharf::connector::types::{Field, HttpMessage, HttpReply};
pub use encode::{form, segment};
pub use link::next_link;
pub use request::Request;
pub use response::Response;
pub use wait::{parse_http_date, retry_after_ms};

use crate::failure::{Failure, FailureClass};

/// Whether a request may change the provider's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// It changes nothing, whatever its method.
    Read,
    /// It may change something: a failure after sending leaves the outcome unknown.
    Write,
}

impl Intent {
    /// Safe methods read (RFC 9110, section 9.2.1), all others write.
    #[must_use]
    pub fn of_method(method: &str) -> Self {
        match method {
            "GET" | "HEAD" | "OPTIONS" => Self::Read,
            _ => Self::Write,
        }
    }
}

/// The failure of a request that got no usable response.
#[must_use]
pub fn failure(error: Error, intent: Intent) -> Failure {
    use FailureClass as Class;
    let (class, sent, message) = match error {
        Error::Denied(denial) => (Class::CapabilityDenied, false, denial.message),
        Error::InvalidRequest(text) => (Class::ConnectorDefect, false, text),
        Error::CredentialUnavailable(text) => (Class::CredentialInvalid, false, text),
        Error::BudgetExhausted(text) => (Class::CapabilityDenied, false, text),
        Error::Unreachable(text) | Error::Tls(text) => (Class::TemporarilyUnavailable, false, text),
        Error::Timeout(text) => (Class::TimedOut, true, text),
        Error::Interrupted(text) => (Class::TemporarilyUnavailable, true, text),
        Error::BadResponse(text) => (Class::SchemaMismatch, true, text),
        // The step stops whatever the class says; the message is the host's.
        Error::Ambiguous(text) => {
            return Failure::new(Class::Conflict, text).with_outcome_unknown();
        }
    };
    let failure = Failure::new(class, message);
    match intent {
        Intent::Write if sent => failure.with_outcome_unknown(),
        Intent::Write | Intent::Read => failure,
    }
}

/// The first value of a header as text, compared without regard to case.
#[must_use]
pub fn header<'a>(headers: &'a [Field], name: &str) -> Option<&'a str> {
    headers
        .iter()
        .find(|field| field.name.eq_ignore_ascii_case(name))
        .and_then(|field| core::str::from_utf8(&field.value).ok())
}

impl HttpMessage {
    /// The first value of a header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// `schema-mismatch` when it is not JSON of this shape.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> crate::Result<T> {
        serde_json::from_slice(&self.body)
            .map_err(|error| Failure::schema_mismatch(format_args!("the delivery: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{Denial, DeniedBy, Error, FailureClass as Class, Intent, failure};

    #[track_caller]
    fn check(error: Error, class: Class, unknown_for_write: bool) {
        let write = failure(error.clone(), Intent::Write);
        let read = failure(error, Intent::Read);
        assert_eq!((write.class, read.class), (class, class));
        assert_eq!(write.outcome_unknown, unknown_for_write);
        assert!(!read.outcome_unknown || class == Class::Conflict);
    }

    #[test]
    fn errors_have_classes() {
        let text = || "why".to_owned();
        let denial = Denial { by: DeniedBy::Grant, reason: "host".into(), message: "why".into() };
        check(Error::Denied(denial), Class::CapabilityDenied, false);
        check(Error::InvalidRequest(text()), Class::ConnectorDefect, false);
        check(Error::CredentialUnavailable(text()), Class::CredentialInvalid, false);
        check(Error::BudgetExhausted(text()), Class::CapabilityDenied, false);
        check(Error::Unreachable(text()), Class::TemporarilyUnavailable, false);
        check(Error::Tls(text()), Class::TemporarilyUnavailable, false);
        check(Error::Timeout(text()), Class::TimedOut, true);
        check(Error::Interrupted(text()), Class::TemporarilyUnavailable, true);
        check(Error::BadResponse(text()), Class::SchemaMismatch, true);
        check(Error::Ambiguous(text()), Class::Conflict, true);
    }
}
