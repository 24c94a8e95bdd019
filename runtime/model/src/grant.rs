//! What an operator allows a connector, and the limits of each of its calls.
//!
//! What holds in a call is manifest ∩ grant ∩ ceiling; `Limits` is the third of them and the
//! defaults of the second.

use serde::{Deserialize, Serialize};

use crate::manifest::{EgressRequest, Manifest};

/// What an operator grants to a connector, by name; it survives upgrades and never widens by one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Grant {
    /// Addresses that may be called.
    #[serde(default)]
    pub egress: Vec<EgressRequest>,
    /// Bytes of own state; none refuses the store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_max_bytes: Option<u64>,
    /// Bytes of scratch files a call; none gives no directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scratch_max_bytes: Option<u64>,
    /// Certificate authorities in PEM that this connector's calls trust besides the server's; kept one
    /// certificate an entry, without anything else that stood in the file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roots: Vec<String>,
    /// Secrets that the connector may read, as `METHOD/SLOT`; its manifest must ask for each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reveal: Vec<String>,
    /// Limits that differ from the server's defaults.
    #[serde(default, skip_serializing_if = "LimitOverrides::is_default")]
    pub limits: LimitOverrides,
}

/// The most that any call may have of scratch files, whatever is asked for and granted: 1 GiB.
pub const SCRATCH_CEILING: u64 = 1 << 30;

impl Grant {
    /// Bytes of scratch files that a call of a connector with this manifest gets; 0 is no directory.
    #[must_use]
    pub fn scratch(&self, manifest: &Manifest) -> u64 {
        let asked = manifest.scratch.as_ref().map_or(0, |scratch| scratch.max_bytes);
        asked.min(self.scratch_max_bytes.unwrap_or(0)).min(SCRATCH_CEILING)
    }

    /// Whether the connector may read what is in `slot` of the auth method `method`.
    #[must_use]
    pub fn reveals(&self, method: &str, slot: &str) -> bool {
        self.reveal.iter().any(|granted| granted.split_once('/') == Some((method, slot)))
    }
}

/// Limits of one call. Each is independent; crossing one ends that call only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Limits {
    /// Units of guest work; about one a WebAssembly instruction.
    pub fuel: u64,
    /// Wall time of the call in milliseconds, host calls included.
    pub deadline_ms: u64,
    /// Linear memory in bytes, all memories together.
    pub memory_bytes: u64,
    /// Elements of all tables together.
    pub table_elements: u32,
    /// Core instances in the component.
    pub instances: u32,
    /// Bytes lifted or lowered in one host call.
    pub host_bytes_per_call: u64,
    /// Bytes lifted or lowered in the whole call.
    pub host_bytes: u64,
    /// Resource handles alive at once.
    pub handles: u32,
    /// HTTP requests.
    pub http_requests: u32,
    /// HTTP exchanges open at once; more wait. An exchange is open until its response has been read.
    pub http_in_flight: u32,
    /// Bytes of one HTTP request body.
    pub http_request_bytes: u64,
    /// Bytes of one HTTP response body, after decoding.
    pub http_response_bytes: u64,
    /// Bytes of log kept.
    pub log_bytes: u64,
    /// Bytes of the returned JSON.
    pub output_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 1_000_000_000,
            deadline_ms: 30_000,
            memory_bytes: 64 << 20,
            table_elements: 10_000,
            instances: 32,
            host_bytes_per_call: 8 << 20,
            host_bytes: 64 << 20,
            handles: 1024,
            http_requests: 100,
            http_in_flight: 8,
            http_request_bytes: 10 << 20,
            http_response_bytes: 10 << 20,
            log_bytes: 256 << 10,
            output_bytes: 1 << 20,
        }
    }
}

/// Limits that an operator sets apart from the defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LimitOverrides {
    /// See [`Limits::fuel`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fuel: Option<u64>,
    /// See [`Limits::deadline_ms`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// See [`Limits::memory_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// See [`Limits::table_elements`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table_elements: Option<u32>,
    /// See [`Limits::instances`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// See [`Limits::host_bytes_per_call`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_bytes_per_call: Option<u64>,
    /// See [`Limits::host_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_bytes: Option<u64>,
    /// See [`Limits::handles`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handles: Option<u32>,
    /// See [`Limits::http_requests`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_requests: Option<u32>,
    /// See [`Limits::http_in_flight`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_in_flight: Option<u32>,
    /// See [`Limits::http_request_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_request_bytes: Option<u64>,
    /// See [`Limits::http_response_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http_response_bytes: Option<u64>,
    /// See [`Limits::log_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_bytes: Option<u64>,
    /// See [`Limits::output_bytes`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_bytes: Option<u64>,
}

impl LimitOverrides {
    /// Whether nothing is overridden.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Limits {
    /// These defaults with an operator's overrides, none above `ceiling`.
    #[must_use]
    pub fn with(self, overrides: &LimitOverrides, ceiling: &Self) -> Self {
        Self {
            fuel: overrides.fuel.unwrap_or(self.fuel).min(ceiling.fuel),
            deadline_ms: overrides.deadline_ms.unwrap_or(self.deadline_ms).min(ceiling.deadline_ms),
            memory_bytes: overrides.memory_bytes.unwrap_or(self.memory_bytes).min(ceiling.memory_bytes),
            table_elements: overrides
                .table_elements
                .unwrap_or(self.table_elements)
                .min(ceiling.table_elements),
            instances: overrides.instances.unwrap_or(self.instances).min(ceiling.instances),
            host_bytes_per_call: overrides
                .host_bytes_per_call
                .unwrap_or(self.host_bytes_per_call)
                .min(ceiling.host_bytes_per_call),
            host_bytes: overrides.host_bytes.unwrap_or(self.host_bytes).min(ceiling.host_bytes),
            handles: overrides.handles.unwrap_or(self.handles).min(ceiling.handles),
            http_requests: overrides.http_requests.unwrap_or(self.http_requests).min(ceiling.http_requests),
            http_in_flight: overrides
                .http_in_flight
                .unwrap_or(self.http_in_flight)
                .min(ceiling.http_in_flight),
            http_request_bytes: overrides
                .http_request_bytes
                .unwrap_or(self.http_request_bytes)
                .min(ceiling.http_request_bytes),
            http_response_bytes: overrides
                .http_response_bytes
                .unwrap_or(self.http_response_bytes)
                .min(ceiling.http_response_bytes),
            log_bytes: overrides.log_bytes.unwrap_or(self.log_bytes).min(ceiling.log_bytes),
            output_bytes: overrides.output_bytes.unwrap_or(self.output_bytes).min(ceiling.output_bytes),
        }
    }

    /// The most that any grant may ask for, unless the server's configuration says otherwise.
    #[must_use]
    pub fn ceiling() -> Self {
        Self {
            fuel: 100_000_000_000,
            deadline_ms: 900_000,
            memory_bytes: 512 << 20,
            table_elements: 100_000,
            instances: 64,
            host_bytes_per_call: 256 << 20,
            host_bytes: 1 << 30,
            handles: 65_536,
            http_requests: 10_000,
            http_in_flight: 64,
            http_request_bytes: 256 << 20,
            http_response_bytes: 256 << 20,
            log_bytes: 16 << 20,
            output_bytes: 16 << 20,
        }
    }
}

#[cfg(test)]
mod tests;
