//! Effects: what a connector did to the world through the gate, as the journal and a run's record show it.

use serde::{Deserialize, Serialize};

use crate::{
    digest::Digest,
    http::{Denial, DeniedBy},
};

/// One HTTP call through the gate, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Effect {
    /// `POST`.
    pub method: String,
    /// Scheme, host, port and path; never the query.
    pub url: String,
    /// What came of it.
    pub result: EffectResult,
    /// Wall time in microseconds, from the first byte of the request to the last of the response that
    /// was read.
    pub micros: u64,
    /// Bytes of the request body.
    pub sent_bytes: u64,
    /// Bytes of the response body, decoded, as far as it was read.
    pub received_bytes: u64,
    /// It passed, and the grant that is being tried out would have denied it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub would_deny: Option<Denial>,
}

/// What came of an effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectResult {
    /// The provider answered with this status.
    Status(u16),
    /// Answered from the journal: an earlier attempt made this write.
    Journaled(u16),
    /// The gate refused; nothing was sent.
    Denied {
        /// As in `Denial::reason`.
        reason: String,
        /// Which gate.
        by: DeniedBy,
        /// For a person.
        message: String,
    },
    /// No usable answer.
    Failed(String),
}

/// What identifies a write of a step across its attempts: its position and its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WriteKey {
    /// Counts the writes of one attempt from 0.
    pub ordinal: u32,
    /// Over method, URL and body.
    pub digest: Digest,
}

impl WriteKey {
    /// The key of the write at `ordinal`.
    #[must_use]
    pub fn of(ordinal: u32, method: &str, url: &str, body: &[u8]) -> Self {
        // Lengths go first, so that no two requests share a preimage.
        let mut text = Vec::with_capacity(method.len() + url.len() + body.len() + 16);
        for part in [method.as_bytes(), url.as_bytes(), body] {
            text.extend_from_slice(&(part.len() as u64).to_le_bytes());
            text.extend_from_slice(part);
        }
        Self { ordinal, digest: Digest::of(&text) }
    }
}

/// What a provider's status says about a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// It took place.
    Applied,
    /// It did not: the provider refused it before doing anything.
    Refused,
    /// Nobody can say.
    Unknown,
}

impl WriteOutcome {
    /// Judges by the status alone (RFC 9110, section 15). A gateway's error (500, 502, 504) may hide a
    /// write that took place behind it; 503 and every 4xx is a refusal.
    #[must_use]
    pub fn of(status: u16) -> Self {
        match status {
            ..400 => Self::Applied,
            400..500 | 501 | 503 | 505 => Self::Refused,
            500.. => Self::Unknown,
        }
    }
}
