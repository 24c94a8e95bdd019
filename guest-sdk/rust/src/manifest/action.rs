//! Actions as the manifest has them.
//!
//! An auth list that was never given differs from an empty one until the manifest is complete: the first
//! means the connector's default, the second that no connection is needed.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{Egress, FailureClass, texts};
use crate::schema;

/// What an action does to the world; decides what the host may do when it fails half-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Changes nothing; only makes safe calls.
    Read,
    /// The same call twice leaves the same state as once.
    IdempotentWrite,
    /// The provider recognises the idempotency key.
    KeyedWrite,
    /// Twice is twice: never repeated when its outcome is unknown.
    UnsafeWrite,
    /// As `unsafe-write`, and what is lost cannot be brought back.
    Destructive,
}

/// Where the idempotency key of a keyed write goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
enum KeyCarrier {
    Header { name: String },
    BodyField { name: String },
}

/// An action, as the manifest has it. `#[action]` builds it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Action {
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    effect: Effect,
    #[serde(skip_serializing_if = "Option::is_none")]
    idempotency: Option<KeyCarrier>,
    input: Value,
    output: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_batch: Option<u32>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    paged: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    suspends: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    confirms: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reads: Vec<Egress>,
    #[serde(skip_serializing_if = "Vec::is_empty", serialize_with = "class_names")]
    retryable: Vec<FailureClass>,
}

impl Action {
    /// An action without input or output.
    #[must_use]
    pub fn new(title: &str, effect: Effect) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            effect,
            idempotency: None,
            input: schema::nothing(),
            output: Value::Bool(true),
            auth: None,
            scopes: Vec::new(),
            timeout_ms: None,
            max_batch: None,
            paged: false,
            suspends: false,
            confirms: false,
            reads: Vec::new(),
            retryable: Vec::new(),
        }
    }

    /// One sentence.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = text.into();
        self
    }

    /// The JSON Schema of the input, an object.
    #[must_use]
    pub fn input(mut self, schema: Value) -> Self {
        self.input = schema;
        self
    }

    /// The JSON Schema of the output.
    #[must_use]
    pub fn output(mut self, schema: Value) -> Self {
        self.output = schema;
        self
    }

    /// The gate sends the idempotency key in this header.
    #[must_use]
    pub fn key_header(mut self, name: &str) -> Self {
        self.idempotency = Some(KeyCarrier::Header { name: name.into() });
        self
    }

    /// The gate writes the idempotency key into this member of the JSON body, or field of the form. A
    /// connector leaves it out, or writes the key of its context there.
    #[must_use]
    pub fn key_field(mut self, name: &str) -> Self {
        self.idempotency = Some(KeyCarrier::BodyField { name: name.into() });
        self
    }

    /// The auth methods that serve; an empty list: it needs no connection. Without this call it is
    /// the connector's [`crate::Connector::AUTH`].
    #[must_use]
    pub fn auth(mut self, methods: &[&str]) -> Self {
        self.auth = Some(texts(methods));
        self
    }

    /// The provider's scopes that it needs.
    #[must_use]
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = texts(scopes);
        self
    }

    /// Stop an attempt after so many milliseconds.
    #[must_use]
    pub fn timeout_ms(mut self, milliseconds: u64) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }

    /// Takes so many inputs in one call.
    #[must_use]
    pub fn max_batch(mut self, inputs: u32) -> Self {
        self.max_batch = Some(inputs);
        self
    }

    /// Answers in pages.
    #[must_use]
    pub fn paged(mut self) -> Self {
        self.paged = true;
        self
    }

    /// May answer that it is not finished.
    #[must_use]
    pub fn suspends(mut self) -> Self {
        self.suspends = true;
        self
    }

    /// Can tell what became of a write.
    #[must_use]
    pub fn confirms(mut self) -> Self {
        self.confirms = true;
        self
    }

    /// A call of a `read` action with a method that is not safe, such as a search by POST.
    #[must_use]
    pub fn reads(mut self, methods: &[&str], url: &str) -> Self {
        self.reads.push(Egress::new(methods, url));
        self
    }

    /// A class to retry beyond those that the host retries.
    #[must_use]
    pub fn retryable(mut self, class: FailureClass) -> Self {
        self.retryable.push(class);
        self
    }

    /// Settles the auth methods: an empty list is left out, as none is said.
    pub(super) fn auth_or(&mut self, default: Option<&str>) {
        self.auth = match self.auth.take() {
            None => default.map(|method| vec![method.to_owned()]),
            Some(methods) => Some(methods).filter(|methods| !methods.is_empty()),
        };
    }
}

fn class_names<S: Serializer>(classes: &[FailureClass], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(classes.iter().map(|class| match class {
        FailureClass::InvalidInput => "invalid-input",
        FailureClass::CredentialInvalid => "credential-invalid",
        FailureClass::PermissionDenied => "permission-denied",
        FailureClass::NotFound => "not-found",
        FailureClass::Conflict => "conflict",
        FailureClass::Gone => "gone",
        FailureClass::RateLimited => "rate-limited",
        FailureClass::QuotaExhausted => "quota-exhausted",
        FailureClass::TemporarilyUnavailable => "temporarily-unavailable",
        FailureClass::TimedOut => "timed-out",
        FailureClass::ConfigurationInvalid => "configuration-invalid",
        FailureClass::SchemaMismatch => "schema-mismatch",
        FailureClass::CapabilityDenied => "capability-denied",
        FailureClass::Cancelled => "cancelled",
        FailureClass::ConnectorDefect => "connector-defect",
    }))
}
