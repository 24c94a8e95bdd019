//! A response: its head, and a body that is read when asked for.

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Field, Intent, failure, header, next_link, retry_after_ms};
use crate::bindings::wharf::connector::http::Body;
use crate::failure::{Failure, FailureClass, Result};

/// Bytes asked of the host at once.
const PIECE: u32 = 64 * 1024;

/// Bytes of an error's body that are looked at for its message.
const ERROR_BODY: usize = 64 * 1024;

/// Characters of a provider's message that are kept.
const MESSAGE: usize = 300;

/// A response; dropping it discards a body that was not read.
#[derive(Debug)]
pub struct Response {
    status: u16,
    headers: Vec<Field>,
    /// What was read of the body.
    read: Vec<u8>,
    /// What the host has of it; none at the end.
    rest: Option<Body>,
    intent: Intent,
}

impl Response {
    pub(super) fn new(status: u16, headers: Vec<Field>, body: Body, intent: Intent) -> Self {
        Self { status, headers, read: Vec::new(), rest: Some(body), intent }
    }

    /// The status code (RFC 9110, section 15).
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// All headers, in order.
    #[must_use]
    pub fn headers(&self) -> &[Field] {
        &self.headers
    }

    /// The first value of a header as text, compared without regard to case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The URL of the next page by the `Link` header (RFC 8288).
    #[must_use]
    pub fn next_link(&self) -> Option<String> {
        next_link(&self.headers)
    }

    /// Whether the request could change something.
    #[must_use]
    pub fn intent(&self) -> Intent {
        self.intent
    }

    /// The complete body; read once, then kept.
    ///
    /// # Errors
    /// As the host reports; for a write the outcome is then unknown.
    pub fn bytes(&mut self) -> Result<&[u8]> {
        self.read(usize::MAX)?;
        Ok(&self.read)
    }

    /// The complete body as text.
    ///
    /// # Errors
    /// As [`Self::bytes`], and `schema-mismatch` when it is not UTF-8.
    pub fn text(&mut self) -> Result<&str> {
        let (status, intent) = (self.status, self.intent);
        core::str::from_utf8(self.bytes()?).map_err(|error| unusable(status, intent, &error))
    }

    /// The complete body as JSON.
    ///
    /// # Errors
    /// As [`Self::bytes`], and `schema-mismatch` when it is not JSON of this shape. After a write that
    /// the provider answered with 2xx the outcome is then unknown: it should not be sent again.
    pub fn json<T: DeserializeOwned>(&mut self) -> Result<T> {
        let (status, intent) = (self.status, self.intent);
        serde_json::from_slice(self.bytes()?).map_err(|error| unusable(status, intent, &error))
    }

    /// The response itself if its status is 2xx.
    ///
    /// # Errors
    /// The failure of [`FailureClass::from_status`], with the provider's message and the time it asks
    /// to wait. A 403 of an exhausted rate limit is `rate-limited`. A 502 or 504 is the answer of
    /// somebody in between: for a write the outcome is unknown.
    pub fn error_for_status(mut self) -> Result<Self> {
        let Some(class) = FailureClass::from_status(self.status) else {
            return Ok(self);
        };
        // A body that breaks off says less, and the status still says what happened.
        let _ = self.read(ERROR_BODY);
        Err(status_failure(class, self.status, &self.headers, &self.read, self.intent))
    }

    /// Reads on until there are `enough` bytes, or all.
    fn read(&mut self, enough: usize) -> Result<()> {
        while self.read.len() < enough {
            let Some(body) = &self.rest else { break };
            let piece =
                body.read(PIECE).map_err(|error| failure(error, self.intent).with_status(self.status))?;
            if piece.is_empty() {
                self.rest = None;
            } else if self.read.is_empty() {
                self.read = piece;
            } else {
                self.read.extend_from_slice(&piece);
            }
        }
        Ok(())
    }
}

fn unusable(status: u16, intent: Intent, error: &dyn core::fmt::Display) -> Failure {
    let failure =
        Failure::schema_mismatch(format_args!("the provider's answer: {error}")).with_status(status);
    match intent {
        Intent::Write if (200..300).contains(&status) => failure.with_outcome_unknown(),
        Intent::Write | Intent::Read => failure,
    }
}

fn status_failure(
    class: FailureClass,
    status: u16,
    headers: &[Field],
    body: &[u8],
    intent: Intent,
) -> Failure {
    let wait = retry_after_ms(headers, crate::clock::now_ms);
    let class = match class {
        FailureClass::PermissionDenied if wait.is_some() => FailureClass::RateLimited,
        class => class,
    };
    let mut failure = Failure::new(class, message(status, body)).with_status(status);
    failure.retry_after_ms = match class {
        FailureClass::RateLimited | FailureClass::TemporarilyUnavailable => wait,
        _ => None,
    };
    failure.outcome_unknown = intent == Intent::Write && matches!(status, 502 | 504);
    failure
}

/// What the provider says, for a person.
fn message(status: u16, body: &[u8]) -> String {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(value) => ["message", "error_description", "detail", "error", "title"]
            .iter()
            .find_map(|name| {
                let member = value.get(name)?;
                member.as_str().or_else(|| member.get("message")?.as_str())
            })
            .map(str::to_owned),
        Err(_) => core::str::from_utf8(body)
            .ok()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty() && !text.starts_with('<')),
    };
    match said {
        Some(text) => {
            let text: String = text.chars().take(MESSAGE).collect();
            format!("the provider answered {status}: {text}")
        }
        None => format!("the provider answered {status}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Intent, message, status_failure};
    use crate::FailureClass as Class;

    #[test]
    fn messages_are_found() {
        let check = |body: &str, expected: &str| {
            assert_eq!(message(500, body.as_bytes()), expected, "{body}");
        };
        check("", "the provider answered 500");
        check("<html>", "the provider answered 500");
        check("busy", "the provider answered 500: busy");
        check(r#"{"message":"Bad"}"#, "the provider answered 500: Bad");
        check(r#"{"error":{"message":"Bad"}}"#, "the provider answered 500: Bad");
        check(r#"{"error":"bad","code":1}"#, "the provider answered 500: bad");
        check("[1]", "the provider answered 500");
    }

    #[track_caller]
    fn check(status: u16, headers: &[(&str, &str)], class: Class, wait: Option<u64>, unknown: bool) {
        let headers: Vec<Field> = headers
            .iter()
            .map(|(name, value)| Field { name: (*name).into(), value: value.as_bytes().to_vec() })
            .collect();
        let first = Class::from_status(status).expect("not a success");
        let failure = status_failure(first, status, &headers, b"", Intent::Write);
        assert_eq!(failure.class, class);
        assert_eq!(failure.retry_after_ms, wait);
        assert_eq!(failure.outcome_unknown, unknown);
        assert_eq!(failure.http_status, Some(status));
    }

    #[test]
    fn statuses_become_failures() {
        check(429, &[("retry-after", "30")], Class::RateLimited, Some(30_000), false);
        check(429, &[], Class::RateLimited, None, false);
        check(503, &[("retry-after", "1")], Class::TemporarilyUnavailable, Some(1_000), false);
        check(403, &[], Class::PermissionDenied, None, false);
        check(403, &[("retry-after", "60")], Class::RateLimited, Some(60_000), false);
        check(422, &[("retry-after", "60")], Class::InvalidInput, None, false);
        check(500, &[], Class::TemporarilyUnavailable, None, false);
        check(502, &[], Class::TemporarilyUnavailable, None, true);
        check(504, &[], Class::TimedOut, None, true);
    }
}
