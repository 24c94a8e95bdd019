//! A run as it is shown: its steps, their attempts, and what each attempt did.
//!
//! A failure, an effect and a report come from the API in one case of letters and from the model in
//! the other, so both are read: `wharf call` has no server and shows the model's own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

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
    /// Steps that the server left out.
    pub steps_left_out: u64,
    /// The step that ended the run well before its last one.
    pub stopped: Option<Stopped>,
    /// The run that started it.
    pub started_by: Option<Link>,
    /// Runs that it started.
    pub started: Vec<Link>,
    /// Time spent in connectors, in microseconds, without the waiting for providers.
    pub ours_micros: Option<u64>,
    /// Time spent waiting for providers, in microseconds.
    pub theirs_micros: Option<u64>,
    /// Connectors and the digests they are pinned to.
    pub pins: BTreeMap<String, String>,
}

/// A run that was ended by one of its steps.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stopped {
    /// The step's path.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// Another run, and the step between the two.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Link {
    /// The other run.
    pub run: String,
    /// The step of the run that started the other.
    pub step: String,
}

/// Where a run's event came from.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    /// What it was deduplicated by.
    pub delivery_id: String,
    /// `hmac-sha256`, `standard-webhooks`, `unsigned`, `api`, `replay`, `run`.
    pub verified: String,
}

/// A step of a run.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// Its path in the flow, with the items of loops; `@trigger` for the trigger's own call.
    pub path: String,
    /// `trigger`, or the step's key in the flow: `action`, `for-each` and so on.
    pub kind: String,
    /// `slack/post-message`, or the kind again.
    pub title: String,
    /// `pending`, `waiting`, `unconfirmed`, `suspended`, `running`, `skipped`, `done`, `failed`.
    pub status: String,
    /// Why it failed for good.
    pub failure: Option<Failure>,
    /// What it waits for somebody to do.
    pub asks: Option<Asks>,
    /// When it goes on, in milliseconds since 1970.
    pub due_at: Option<u64>,
    /// Its attempts in order.
    pub attempts: Vec<Attempt>,
    /// Its output, or the case that a switch took.
    pub output: Option<Value>,
}

/// What a step waits for somebody to do.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Asks {
    /// `approval` or `signal`.
    pub kind: String,
    /// What is asked, or the signal's name.
    pub text: String,
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
    /// It passed; why the grant on trial would have denied it.
    pub would_deny: Option<String>,
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
