//! A failed call as the contract reports it: who is to blame and whether to try again, as fields.

use serde::{Deserialize, Serialize};

/// Why a call failed; the same cases as `failure-class` in `wit/types.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The input is wrong (HTTP 400, 422).
    InvalidInput,
    /// The credential is missing, expired or revoked (401).
    CredentialInvalid,
    /// The credential may not do this (403).
    PermissionDenied,
    /// The thing does not exist (404).
    NotFound,
    /// The thing changed meanwhile (409, 412).
    Conflict,
    /// The thing is gone for good (410).
    Gone,
    /// Too many requests (429).
    RateLimited,
    /// A quota of the account is used up.
    QuotaExhausted,
    /// The provider is down or overloaded (5xx).
    TemporarilyUnavailable,
    /// No answer in time.
    TimedOut,
    /// The connection or step is set up wrongly.
    ConfigurationInvalid,
    /// The provider answered in an unknown shape.
    SchemaMismatch,
    /// The host refused an effect.
    CapabilityDenied,
    /// Stopped from outside.
    Cancelled,
    /// A bug of the connector, a trap, or a broken limit.
    ConnectorDefect,
}

impl FailureClass {
    /// Every class.
    pub const ALL: [Self; 15] = [
        Self::InvalidInput,
        Self::CredentialInvalid,
        Self::PermissionDenied,
        Self::NotFound,
        Self::Conflict,
        Self::Gone,
        Self::RateLimited,
        Self::QuotaExhausted,
        Self::TemporarilyUnavailable,
        Self::TimedOut,
        Self::ConfigurationInvalid,
        Self::SchemaMismatch,
        Self::CapabilityDenied,
        Self::Cancelled,
        Self::ConnectorDefect,
    ];

    /// The stable kebab-case name, as in WIT, the API and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid-input",
            Self::CredentialInvalid => "credential-invalid",
            Self::PermissionDenied => "permission-denied",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Gone => "gone",
            Self::RateLimited => "rate-limited",
            Self::QuotaExhausted => "quota-exhausted",
            Self::TemporarilyUnavailable => "temporarily-unavailable",
            Self::TimedOut => "timed-out",
            Self::ConfigurationInvalid => "configuration-invalid",
            Self::SchemaMismatch => "schema-mismatch",
            Self::CapabilityDenied => "capability-denied",
            Self::Cancelled => "cancelled",
            Self::ConnectorDefect => "connector-defect",
        }
    }
}

/// A failed call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Failure {
    /// Decides about the retry.
    pub class: FailureClass,
    /// What happened, for a person.
    pub message: String,
    /// The provider's HTTP status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// The provider's own code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_code: Option<String>,
    /// Wait at least this long, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// The provider may have applied the write.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub outcome_unknown: bool,
    /// What is wrong with which field of the input.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldFailure>,
    /// Which items of a batch failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<ItemFailure>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FieldFailure {
    /// JSON Pointer (RFC 6901) into the input.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// One failed item of a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ItemFailure {
    /// Position in the inputs, from 0.
    pub index: u32,
    /// Why it failed.
    pub class: FailureClass,
    /// What happened.
    pub message: String,
}

impl Failure {
    /// A failure of this class with nothing but a message.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self {
            class,
            message: message.into(),
            http_status: None,
            provider_code: None,
            retry_after_ms: None,
            outcome_unknown: false,
            fields: Vec::new(),
            items: Vec::new(),
        }
    }
}
