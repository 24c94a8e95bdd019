//! HTTP as it crosses from a connector to the gate: the request that was asked for, and either the
//! response or the one reason why there is none.
//!
//! A body may still be on its way. Its reader pulls it, so nobody holds more of it than one piece.

mod body;
mod header;

use serde::{Deserialize, Serialize};

pub use body::{Body, Pieces};
pub use header::{is_forbidden, spelling};

/// One header field; the name in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, as the sender wrote it.
    pub name: String,
    /// The value's bytes (RFC 9110, section 5.5).
    pub value: Vec<u8>,
}

impl Field {
    /// A field of text.
    pub fn new(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self { name: name.into(), value: value.into() }
    }
}

/// The first value of a header, compared without regard to case.
#[must_use]
pub fn header<'a>(headers: &'a [Field], name: &str) -> Option<&'a [u8]> {
    headers.iter().find(|field| field.name.eq_ignore_ascii_case(name)).map(|field| field.value.as_slice())
}

/// What to do with a 3xx response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Redirects {
    /// Hand it to the connector.
    #[default]
    Manual,
    /// Follow up to 5, each judged like a first request.
    Follow,
}

/// A request as a connector asks for it; nothing in it has been judged.
#[derive(Debug)]
pub struct HttpRequest {
    /// The method as written.
    pub method: String,
    /// The URL as written.
    pub url: String,
    /// The headers as written, in order.
    pub headers: Vec<Field>,
    /// The body; empty for none.
    pub body: Body,
    /// The auth method whose credential goes along.
    pub auth: Option<String>,
    /// The connector's own limit in milliseconds.
    pub timeout_ms: Option<u32>,
    /// What to do with a redirect.
    pub redirects: Redirects,
}

/// A response: its head is complete, its body may still be on its way.
#[derive(Debug)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// The headers in order.
    pub headers: Vec<Field>,
    /// The body; whoever produces it holds it to the caps.
    pub body: Body,
}

/// Which gate denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeniedBy {
    /// The manifest does not declare it.
    Manifest,
    /// The operator has not granted it.
    Grant,
    /// Above the engine's ceiling, or never allowed.
    Ceiling,
    /// The address is not public and not carved out.
    Address,
}

impl DeniedBy {
    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Grant => "grant",
            Self::Ceiling => "ceiling",
            Self::Address => "address",
        }
    }
}

/// A refused effect: which gate, why, and the line that would allow it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Denial {
    /// Which gate.
    pub by: DeniedBy,
    /// Stable, kebab-case: `host`, `method`, `path`, `scheme`, `port`, `userinfo`, `ip`, `forbidden-header`, …
    pub reason: String,
    /// For a person: what was tried and the exact line that would allow it. Never a secret.
    pub message: String,
}

/// Why there is no response; the same cases as `error` in `wit/http.wit`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// Nothing was sent.
    #[error("denied ({}): {}", .0.reason, .0.message)]
    Denied(Denial),
    /// Nothing was sent.
    #[error("invalid request: {0}")]
    InvalidRequest(String),
    /// Nothing was sent.
    #[error("credential unavailable: {0}")]
    CredentialUnavailable(String),
    /// Nothing was sent.
    #[error("budget exhausted: {0}")]
    BudgetExhausted(String),
    /// Nothing was sent.
    #[error("unreachable: {0}")]
    Unreachable(String),
    /// Nothing was sent.
    #[error("tls: {0}")]
    Tls(String),
    /// May have been applied.
    #[error("timeout: {0}")]
    Timeout(String),
    /// May have been applied.
    #[error("interrupted: {0}")]
    Interrupted(String),
    /// The provider answered, and the answer cannot be used.
    #[error("bad response: {0}")]
    BadResponse(String),
    /// A write of an earlier attempt has no known outcome.
    #[error("ambiguous: {0}")]
    Ambiguous(String),
}

impl HttpError {
    /// Whether the provider may have received the request.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match self {
            Self::Timeout(_) | Self::Interrupted(_) | Self::BadResponse(_) | Self::Ambiguous(_) => true,
            Self::Denied(_)
            | Self::InvalidRequest(_)
            | Self::CredentialUnavailable(_)
            | Self::BudgetExhausted(_)
            | Self::Unreachable(_)
            | Self::Tls(_) => false,
        }
    }
}

/// Whether a method is safe (RFC 9110, section 9.2.1).
#[must_use]
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}
