//! What the admin API answers, as far as it is shown to people.
//!
//! Reading is lenient: a field that a newer server leaves out or adds must not keep anybody from
//! seeing the rest. `--json` prints the server's own document and passes by here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize, de::DeserializeOwned};
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
    /// What it asks for beyond the version that was in use last.
    pub widens: Vec<String>,
    /// All that changes against that version.
    pub changes: Vec<Change>,
    /// What is new reaches every public host.
    pub any_host: bool,
    /// Names what was shown.
    pub review: String,
    /// The version that was or is in use.
    pub previous: Option<String>,
}

/// One change of what a connector asks for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Change {
    /// `widens`, `narrows` or `note`.
    pub direction: String,
    /// In plain words.
    pub line: String,
}

/// A version that waits for approval.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Held {
    /// Its version.
    pub version: String,
    /// Its digest.
    pub digest: String,
    /// All that changes.
    pub changes: Vec<Change>,
    /// It is older than the version in use.
    pub downgrade: bool,
    /// What is new reaches every public host.
    pub any_host: bool,
    /// Names what is shown.
    pub review: String,
}

/// A grant that is tried out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Proposed {
    /// Its version.
    pub version: u64,
    /// The grant.
    pub grant: wharf_model::grant::Grant,
}

/// What the server knows of its protections.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Doctor {
    /// One a protection.
    pub findings: Vec<Finding>,
}

/// One protection.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub struct Finding {
    /// Stable, kebab-case.
    pub check: String,
    /// `ok`, `warn` or `fail`.
    pub level: String,
    /// What was found.
    pub found: String,
    /// What it protects.
    pub protects: String,
    /// The rule of the security contract.
    pub rule: String,
    /// What to do.
    pub fix: Option<String>,
}

/// A version of a grant.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct GrantVersion {
    /// Counts from 1.
    pub version: u64,
    /// `enforce`, `report-only` or `ended`.
    pub mode: String,
    /// What is granted.
    pub grant: wharf_model::grant::Grant,
    /// Since when, in milliseconds since 1970.
    pub at: u64,
    /// By whom.
    pub by: String,
}

/// Refusals of one kind, reason and address.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Denial {
    /// `denied` or `would-deny`.
    pub kind: String,
    /// Stable, kebab-case.
    pub reason: String,
    /// Which gate.
    pub gate: String,
    /// The method.
    pub method: String,
    /// The address.
    pub url: String,
    /// With the line that would allow it.
    pub message: String,
    /// How often.
    pub count: u64,
    /// The first time, in milliseconds since 1970.
    pub first_at: u64,
    /// The last time.
    pub last_at: u64,
}

/// What a connector may do and was denied.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// Its name.
    pub name: String,
    /// The version in use.
    pub version: Option<String>,
    /// What it asks for, in plain words.
    pub asks: Vec<String>,
    /// What is in force.
    pub grant: Option<GrantVersion>,
    /// What is tried out.
    pub proposed: Option<GrantVersion>,
    /// Versions that wait for approval.
    pub held: Vec<Held>,
    /// What was denied.
    pub denials: Vec<Denial>,
    /// Versions of the grant, the newest first.
    pub history: Vec<GrantVersion>,
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
    /// The version of the grant, 0 for none.
    pub grant_version: u64,
    /// The grant that is tried out.
    pub proposed: Option<Proposed>,
    /// Versions that wait for approval, the oldest first.
    pub held: Vec<Held>,
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
