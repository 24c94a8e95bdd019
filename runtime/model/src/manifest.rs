//! What a connector declares about itself: the JSON that `manifest.describe` returns.
//!
//! Nothing here is granted by being declared. The types reject unknown fields, so that a typing
//! mistake in a permission is an error and never a silent default.

mod auth;
mod recipe;

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use auth::{
    AuthMethod, AwsSigV4, ClientCertificate, HashAlgorithm, Jwt, JwtAlgorithm, KeyEncoding, OAuth1,
    OAuth1Method, PlacedField, Placement, Position, SignatureRecipe, Slot, TextEncoding,
};
pub use recipe::{Context, Moment, Piece, Template, TemplateError, Variable};

use crate::failure::FailureClass;

/// A connector's manifest, version 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// `[a-z][a-z0-9-]{0,62}`: how flows name the connector.
    pub name: String,
    /// Semantic version 2.0.0.
    #[schemars(with = "String")]
    pub version: semver::Version,
    /// For people: `GitHub`.
    pub title: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// An SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Where it wants to send HTTP.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub egress: Vec<EgressRequest>,
    /// The state of its own that it wants to keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store: Option<StoreRequest>,
    /// The scratch directory that it wants, empty at the start of each call and gone at its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch: Option<ScratchRequest>,
    /// Settings of a connection that are not secret, as a JSON Schema of an object; egress hosts may name them as `{connection.x}`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Value>,
    /// How an account can be connected, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub auth: IndexMap<String, AuthMethod>,
    /// Actions by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub actions: IndexMap<String, Action>,
    /// Triggers by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub triggers: IndexMap<String, Trigger>,
    /// Entities for sync, by name.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub entities: IndexMap<String, Entity>,
    /// Names of the option loaders that `options.load` knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// An address that a connector wants to call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EgressRequest {
    /// `https://api.example.com/v1/`: scheme, host (exact, `*.` and a domain, or `{connection.x}`), port, path prefix.
    /// `*` alone asks for any public address.
    pub url: String,
    /// Upper-case methods.
    pub methods: Vec<String>,
}

/// State of a connector's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StoreRequest {
    /// Bytes of keys and values together, per connection.
    pub max_bytes: u64,
}

/// A directory for files of one call, seen as `/scratch`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ScratchRequest {
    /// Bytes by which files may grow in one call; what is deleted is not given back.
    pub max_bytes: u64,
}

/// What an action does to the world; decides what the host may do when it fails half-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EffectClass {
    /// Changes nothing; may be repeated at will and only makes safe calls.
    Read,
    /// The same call twice leaves the same state as once.
    IdempotentWrite,
    /// The provider recognises the idempotency key that the gate places.
    KeyedWrite,
    /// Twice is twice: never repeated when its outcome is unknown.
    UnsafeWrite,
    /// As `unsafe-write`, and what is lost cannot be brought back.
    Destructive,
}

impl EffectClass {
    /// Whether a call of this class may change the provider's state.
    #[must_use]
    pub fn writes(self) -> bool {
        self != Self::Read
    }

    /// Whether a write of unknown outcome may simply be sent again.
    #[must_use]
    pub fn resendable(self) -> bool {
        matches!(self, Self::Read | Self::IdempotentWrite | Self::KeyedWrite)
    }

    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::IdempotentWrite => "idempotent-write",
            Self::KeyedWrite => "keyed-write",
            Self::UnsafeWrite => "unsafe-write",
            Self::Destructive => "destructive",
        }
    }
}

/// Where the gate puts the idempotency key of a keyed write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, tag = "kind")]
pub enum KeyCarrier {
    /// A request header, such as `Idempotency-Key`.
    Header {
        /// The header's name.
        name: String,
    },
    /// A member of a JSON object body, or a field of a form body; the connector leaves it out, and a body that has it
    /// already is sent only if it holds the very key that the connector sees in its context.
    BodyField {
        /// The member's name.
        name: String,
    },
}

/// An action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Action {
    /// For people.
    pub title: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// What it does to the world.
    pub effect: EffectClass,
    /// Where the idempotency key goes; required for `keyed-write`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotency: Option<KeyCarrier>,
    /// JSON Schema (2020-12) of the input, an object. A property may carry `x-options: loader`.
    pub input: Value,
    /// JSON Schema of the output.
    pub output: Value,
    /// Auth methods that serve; empty: it needs no connection.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<String>,
    /// Provider scopes that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// Stop an attempt after this long; the grant's limit holds too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u64>,
    /// Inputs at most in one `batches.run`; none: it takes no batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_batch: Option<u32>,
    /// Answers in pages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paged: bool,
    /// May answer `suspended`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspends: bool,
    /// `confirmation.confirm` can tell what became of a write.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirms: bool,
    /// Calls of a `read` action that need an unsafe method, such as a search by POST, as egress URLs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<EgressRequest>,
    /// Classes to retry beyond those that the host retries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retryable: Vec<FailureClass>,
}

/// A trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Trigger {
    /// For people.
    pub title: String,
    /// One sentence.
    #[serde(default)]
    pub description: String,
    /// How events come.
    pub source: TriggerSource,
    /// JSON Schema of the settings, an object.
    #[serde(default = "empty_object_schema")]
    pub settings: Value,
    /// JSON Schema of an event's data.
    pub event: Value,
    /// Auth methods that serve.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub auth: Vec<String>,
    /// Provider scopes that it needs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

fn empty_object_schema() -> Value {
    serde_json::json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

/// How a trigger's events come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", deny_unknown_fields, tag = "kind")]
pub enum TriggerSource {
    /// The provider calls.
    Webhook(Webhook),
    /// The host asks from time to time.
    Poll {
        /// Not more often than this.
        min_interval_ms: u64,
    },
}

/// How a provider's deliveries are recognised, by the host, before any connector code runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Webhook {
    /// How deliveries are signed.
    pub verification: Verification,
    /// The header that names a delivery once and for all: what the host deduplicates by. With
    /// `standard-webhooks` it is `webhook-id`; without any, the digest of the body serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery_id_header: Option<String>,
    /// The header that names the kind of event, and the kinds that are meant: others are acknowledged and dropped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_filter: Option<EventFilter>,
    /// The connector exports `subscriptions`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub self_registering: bool,
    /// The connector exports `handshakes`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub handshake: bool,
    /// One address serves a whole app; the connector exports `routing`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub app_level: bool,
}

/// Deliveries that are meant, by a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EventFilter {
    /// The header's name, such as `x-github-event`.
    pub header: String,
    /// Its values that are meant.
    pub values: Vec<String>,
}

/// A signature scheme over the raw bytes of a delivery. `slot` names the secret in the connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, tag = "scheme")]
pub enum Verification {
    /// A hexadecimal HMAC-SHA-256 of the body in a header, after a prefix: GitHub's `X-Hub-Signature-256: sha256=…`.
    HmacSha256 {
        /// The header's name.
        header: String,
        /// What stands before the digits, such as `sha256=`.
        #[serde(default)]
        prefix: String,
        /// The secret's slot.
        slot: String,
    },
    /// Standard Webhooks 1.0: `webhook-id`, `webhook-timestamp`, `webhook-signature`, base64 `v1` signatures.
    StandardWebhooks {
        /// The secret's slot; the value may start with `whsec_`.
        slot: String,
    },
    /// Anybody may deliver. Only where an operator says so in the flow.
    Unsigned,
}

/// An entity for sync.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entity {
    /// For people.
    pub title: String,
    /// JSON Schema of a record's data.
    pub schema: Value,
    /// Sets of fields that identify a record besides its id.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_keys: Vec<Vec<String>>,
    /// What `entities` can do for it.
    pub operations: Vec<EntityOperation>,
}

/// An operation of the `entities` interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EntityOperation {
    /// All records, page by page.
    List,
    /// Records that changed since a time.
    ListSince,
    /// Deleted records.
    ListDeleted,
    /// One record by id.
    Get,
    /// Records by field values.
    Find,
    /// Create or replace.
    Put,
    /// Replace one version only.
    PutIfVersion,
    /// Delete.
    Delete,
}
