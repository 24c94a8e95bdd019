//! What arrives: a delivery as received, and the events that a trigger makes of it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{http::Field, time::Timestamp};

/// An event, the input of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Event {
    /// Unique within the trigger.
    pub id: String,
    /// When it happened at the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occurred_at: Option<Timestamp>,
    /// Events of one key are handled in order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordering_key: Option<String>,
    /// Position within the ordering key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Under the trigger's schema; what flows see as `event`.
    pub data: Value,
}

/// An HTTP request that reached a webhook address and was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The method.
    pub method: String,
    /// Path and query as received.
    pub target: String,
    /// The headers in order.
    pub headers: Vec<Field>,
    /// The body's exact bytes.
    pub body: Vec<u8>,
    /// When the last byte was read.
    pub received_at: Timestamp,
}

/// How the host satisfied itself that a delivery is genuine, for the run's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provenance {
    /// `hmac-sha256`, `standard-webhooks`, `unsigned`, `api`, `poll`, `schedule`, `run`, `replay`.
    pub verified: String,
    /// What it was deduplicated by.
    pub delivery_id: String,
}
