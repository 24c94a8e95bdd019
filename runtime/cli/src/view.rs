//! What the admin API answers, as far as it is shown to people.
//!
//! Reading is lenient: a field that a newer server leaves out or adds must not keep anybody from
//! seeing the rest. `--json` prints the server's own document and passes by here.

use std::collections::BTreeMap;

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use crate::exit::{Exit, Fault};

/// Reads a document as a view.
///
/// # Errors
/// It has another shape than this version knows.
pub fn read<T: DeserializeOwned>(document: &Value) -> Result<T, Fault> {
    T::deserialize(document).map_err(|error| {
        Fault::new(
            Exit::Failed,
            "alien-answer",
            format!("the server answered in a shape this version does not know: {error}"),
        )
        .fix("use the `wharf` of the server's version, or --json for the answer as it is")
    })
}

/// Reads the `items` of a list.
///
/// # Errors
/// As [`read`].
pub fn items<T: DeserializeOwned>(document: &Value) -> Result<Vec<T>, Fault> {
    read(document.get("items").unwrap_or(&Value::Null))
}

/// A run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The flow's name.
    pub flow: String,
    /// The version it is pinned to.
    pub flow_version: u64,
    /// `running`, `waiting`, `done`, `ignored`, `failed`, `discarded`.
    pub status: String,
    /// Milliseconds since 1970.
    pub accepted_at: u64,
    /// Milliseconds since 1970.
    pub finished_at: Option<u64>,
    /// Where its event came from.
    pub source: Option<Source>,
    /// Its steps in the order of the flow, the trigger's own call first.
    pub steps: Vec<Step>,
    /// Time spent in connectors, in microseconds, without the waiting for providers.
    pub ours_micros: Option<u64>,
    /// Time spent waiting for providers, in microseconds.
    pub theirs_micros: Option<u64>,
    /// Connectors and the digests they are pinned to.
    pub pins: BTreeMap<String, String>,
}

/// Where a run's event came from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    /// What it was deduplicated by.
    pub delivery_id: String,
    /// `hmac-sha256`, `standard-webhooks`, `unsigned`, `api`, `replay`.
    pub verified: String,
}

/// A step of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Its path in the flow; `@trigger` for the trigger's own call.
    pub path: String,
    /// `trigger`, `action`, `switch`, `map`.
    pub kind: String,
    /// `slack/post-message`, or the kind again.
    pub title: String,
    /// `pending`, `waiting`, `unconfirmed`, `suspended`, `skipped`, `done`, `failed`.
    pub status: String,
    /// Its attempts in order.
    pub attempts: Vec<Attempt>,
    /// Its output, or the case that a switch took.
    pub output: Option<Value>,
}

/// One attempt of a step.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// From 1.
    pub n: u32,
    /// `run`, or `confirm` for a question what became of a write.
    pub kind: String,
    /// Milliseconds since 1970.
    pub started_at: u64,
    /// `done`, `suspended`, `failed`, `applied`, `not-applied`, `unknown`.
    pub outcome: String,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// When the next one is due, in milliseconds since 1970.
    pub retry_at: Option<u64>,
    /// Why there is none: `permanent`, `exhausted`, `ambiguous`.
    pub gave_up: Option<String>,
    /// What it cost.
    pub metering: Metering,
    /// What it did through the gate.
    pub effects: Vec<Effect>,
    /// What it logged.
    pub log: Vec<LogLine>,
    /// The sandbox's report, if it stopped the attempt.
    pub trap: Option<Trap>,
}

/// Why a call failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// `rate-limited`, …
    pub class: String,
    /// For a person.
    pub message: String,
    /// The provider's status.
    #[serde(alias = "http-status")]
    pub http_status: Option<u16>,
    /// The provider's own code.
    #[serde(alias = "provider-code")]
    pub provider_code: Option<String>,
    /// Wait at least this long.
    #[serde(alias = "retry-after-ms")]
    pub retry_after_ms: Option<u64>,
    /// The write may have been applied.
    #[serde(alias = "outcome-unknown")]
    pub outcome_unknown: bool,
    /// What is wrong with which field.
    pub fields: Vec<FieldFailure>,
}

/// What is wrong with one field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct FieldFailure {
    /// JSON Pointer.
    pub path: String,
    /// What is wrong.
    pub message: String,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Metering {
    /// Fuel used.
    pub fuel: u64,
    /// The largest memory in bytes.
    #[serde(alias = "peak-memory-bytes")]
    pub peak_memory_bytes: u64,
    /// Bytes across the border.
    #[serde(alias = "host-bytes")]
    pub host_bytes: u64,
    /// Calls of the host.
    #[serde(alias = "host-calls")]
    pub host_calls: u64,
    /// Effects, denied ones included.
    pub effects: u32,
    /// Wall time in microseconds.
    #[serde(alias = "wall-micros")]
    pub wall_micros: u64,
    /// The part of it spent waiting for the gate.
    #[serde(alias = "gate-micros")]
    pub gate_micros: u64,
}

/// One HTTP call through the gate.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Effect {
    /// The method.
    pub method: String,
    /// Without the query.
    pub url: String,
    /// What came of it.
    pub result: EffectResult,
    /// Wall time in microseconds.
    pub micros: u64,
    /// Bytes of the request body.
    #[serde(alias = "sent-bytes")]
    pub sent_bytes: u64,
    /// Bytes of the response body.
    #[serde(alias = "received-bytes")]
    pub received_bytes: u64,
}

/// What came of an effect.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectResult {
    /// The provider's status.
    Status(u16),
    /// Answered from the journal.
    Journaled(u16),
    /// Refused by the gate.
    Denied {
        /// Stable, kebab-case.
        reason: String,
        /// For a person.
        message: String,
    },
    /// No usable answer.
    Failed(String),
}

impl Default for EffectResult {
    fn default() -> Self {
        Self::Failed("not told".to_owned())
    }
}

/// A line of a connector's log.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct LogLine {
    /// `debug`, `info`, `warn`, `error`.
    pub level: String,
    /// The text.
    pub message: String,
    /// A JSON object as text.
    pub fields: String,
}

/// The sandbox's report.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Trap {
    /// `fuel`, `deadline`, …
    pub reason: String,
    /// `out of fuel (500,000,000) after 1.3 s`.
    pub message: String,
    /// Guest frames, innermost first.
    pub backtrace: Vec<String>,
    /// The last effect before the stop.
    #[serde(alias = "last-effect")]
    pub last_effect: Option<String>,
    /// Fuel used until then.
    pub fuel: u64,
    /// The most linear memory until then.
    #[serde(alias = "peak-memory-bytes")]
    pub peak_memory_bytes: u64,
}

/// What became of a connector file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Installed {
    /// The connector.
    pub name: String,
    /// Its version.
    pub version: String,
    /// `sha256:` and 64 digits.
    pub digest: String,
    /// `active` or `held`.
    pub status: String,
    /// What it asks for beyond what was granted or in use.
    pub widens: Vec<String>,
    /// The version that was or is in use.
    pub previous: Option<String>,
}

/// An installed connector.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Connector {
    /// Its name.
    pub name: String,
    /// For people.
    pub title: String,
    /// The version in use.
    pub version: Option<String>,
    /// Its digest.
    pub digest: Option<String>,
    /// Actions by name.
    pub actions: Vec<String>,
    /// Triggers by name.
    pub triggers: Vec<String>,
    /// What it asks for, in plain words.
    pub asks: Vec<String>,
    /// What it is granted.
    pub grant: wharf_model::grant::Grant,
    /// The digest of a version that waits for approval.
    pub held: Option<String>,
    /// Flows that use it.
    pub flows: Vec<String>,
}

/// A grant as the API takes it.
///
/// # Errors
/// Never for a grant that was read from the API.
pub fn grant_document(grant: &wharf_model::grant::Grant) -> Result<Value, Fault> {
    serde_json::to_value(grant).map_err(|error| Fault::new(Exit::Failed, "grant", error.to_string()))
}

macro_rules! from_model {
    ($($view:ident from $model:path),* $(,)?) => {$(
        impl From<&$model> for $view {
            fn from(value: &$model) -> Self {
                // Both sides are plain data with the same names; the model's own serialisation is the converter.
                serde_json::to_value(value).ok().and_then(|value| serde_json::from_value(value).ok()).unwrap_or_default()
            }
        }
    )*};
}

from_model! {
    Failure from wharf_model::failure::Failure,
    Metering from wharf_model::call::Metering,
    Effect from wharf_model::effect::Effect,
    LogLine from wharf_model::call::LogLine,
    Trap from wharf_model::call::TrapReport,
}
