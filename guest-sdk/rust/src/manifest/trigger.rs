//! Triggers as the manifest has them: how deliveries are recognised, before any connector code runs.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::schema;

use super::texts;

/// A trigger.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trigger {
    title: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    source: Source,
    settings: Value,
    event: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    auth: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    scopes: Vec<String>,
}

/// How a trigger's events come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case", rename_all_fields = "kebab-case", tag = "kind")]
pub enum Source {
    /// The provider calls.
    Webhook(Webhook),
    /// The host asks from time to time.
    Poll {
        /// Not more often than this, in milliseconds.
        min_interval_ms: u64,
    },
}

/// A webhook.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Webhook {
    verification: Verification,
    #[serde(skip_serializing_if = "Option::is_none")]
    delivery_id_header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_filter: Option<EventFilter>,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    self_registering: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    handshake: bool,
    #[serde(skip_serializing_if = "core::ops::Not::not")]
    app_level: bool,
}

/// The kinds of event that are meant, by a header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EventFilter {
    header: String,
    values: Vec<String>,
}

/// A signature scheme over the raw bytes of a delivery; `slot` names the secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "scheme")]
pub enum Verification {
    /// A hexadecimal HMAC-SHA-256 of the body in a header, after a prefix.
    HmacSha256 {
        /// The header's name.
        header: String,
        /// What stands before the digits, such as `sha256=`.
        prefix: String,
        /// The secret's slot.
        slot: String,
    },
    /// Standard Webhooks 1.0.
    StandardWebhooks {
        /// The secret's slot.
        slot: String,
    },
    /// Anybody may deliver.
    Unsigned,
}

impl Trigger {
    /// A trigger of a webhook: `S` is what a flow sets, `E` an event's data.
    #[must_use]
    pub fn webhook<S: JsonSchema, E: JsonSchema>(title: &str, webhook: Webhook) -> Self {
        Self::of::<S, E>(title, Source::Webhook(webhook))
    }

    /// A trigger that is polled, not more often than every so many milliseconds.
    #[must_use]
    pub fn poll<S: JsonSchema, E: JsonSchema>(title: &str, min_interval_ms: u64) -> Self {
        Self::of::<S, E>(title, Source::Poll { min_interval_ms })
    }

    fn of<S: JsonSchema, E: JsonSchema>(title: &str, source: Source) -> Self {
        Self {
            title: title.into(),
            description: String::new(),
            source,
            settings: schema::of_input::<S>(),
            event: schema::of_output::<E>(),
            auth: Vec::new(),
            scopes: Vec::new(),
        }
    }

    /// One sentence.
    #[must_use]
    pub fn description(mut self, text: &str) -> Self {
        self.description = text.into();
        self
    }

    /// The auth methods that serve.
    #[must_use]
    pub fn auth(mut self, methods: &[&str]) -> Self {
        self.auth = texts(methods);
        self
    }

    /// The provider's scopes that it needs.
    #[must_use]
    pub fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = texts(scopes);
        self
    }
}

impl Webhook {
    /// Deliveries signed in this way.
    #[must_use]
    pub fn new(verification: Verification) -> Self {
        Self {
            verification,
            delivery_id_header: None,
            event_filter: None,
            self_registering: false,
            handshake: false,
            app_level: false,
        }
    }

    /// Signed with a hexadecimal HMAC-SHA-256 of the body in a header, after a prefix.
    #[must_use]
    pub fn hmac_sha256(header: &str, prefix: &str, slot: &str) -> Self {
        Self::new(Verification::HmacSha256 {
            header: header.into(),
            prefix: prefix.into(),
            slot: slot.into(),
        })
    }

    /// Signed by Standard Webhooks 1.0.
    #[must_use]
    pub fn standard(slot: &str) -> Self {
        let slot = slot.into();
        Self::new(Verification::StandardWebhooks { slot })
    }

    /// The header that names a delivery once and for all.
    #[must_use]
    pub fn delivery_id(mut self, header: &str) -> Self {
        self.delivery_id_header = Some(header.into());
        self
    }

    /// Only deliveries with one of these values in a header are meant.
    #[must_use]
    pub fn only(mut self, header: &str, values: &[&str]) -> Self {
        self.event_filter = Some(EventFilter { header: header.into(), values: texts(values) });
        self
    }

    /// The connector registers it (`subscriptions`).
    #[must_use]
    pub fn self_registering(mut self) -> Self {
        self.self_registering = true;
        self
    }

    /// The connector answers challenges (`handshakes`).
    #[must_use]
    pub fn handshake(mut self) -> Self {
        self.handshake = true;
        self
    }

    /// One address serves a whole app (`routing`).
    #[must_use]
    pub fn app_level(mut self) -> Self {
        self.app_level = true;
        self
    }
}
