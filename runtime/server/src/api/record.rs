//! A run's record as the API tells it: the engine's words, in snake_case and with a schema.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use wharf_engine::{AttemptRecord, RunRecord, StepRecord};
use wharf_model::{
    call::{LogLevel, LogLine, Metering, TrapReport},
    effect::{Effect, EffectResult},
    failure::Failure,
};

mod around;

use around::{AsksRecord, Link, Stopped};

/// A run, step by step.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Run {
    /// Its id; ids sort by age.
    id: String,
    /// Its flow.
    flow: String,
    /// The version it is pinned to.
    flow_version: u32,
    /// `running`, `waiting`, `done`, `ignored`, `failed`, `discarded`.
    status: String,
    /// When its event became durable, in milliseconds since 1970.
    accepted_at: u64,
    /// When it ended, in milliseconds since 1970.
    finished_at: Option<u64>,
    /// Where its event came from.
    source: Option<Source>,
    /// The event's data.
    event: Option<Value>,
    /// What happened, in the order of the flow, item after item.
    steps: Vec<Step>,
    /// Steps that are left out, because there are too many.
    steps_left_out: usize,
    /// The step that ended the run well before its last one.
    stopped: Option<Stopped>,
    /// The run that started it.
    started_by: Option<Link>,
    /// Runs that it started.
    started: Vec<Link>,
    /// Time spent in connectors, in microseconds, without the waiting for providers.
    ours_micros: u64,
    /// Time spent waiting for providers, in microseconds.
    theirs_micros: u64,
    /// The connector versions it is pinned to: name to digest.
    pins: BTreeMap<String, String>,
}

/// Where an event came from.
#[derive(Debug, Serialize, ToSchema)]
struct Source {
    /// `hmac-sha256`, `standard-webhooks`, `unsigned`, `api`, `poll`, `schedule`, `replay`, `run`.
    verified: String,
    /// What it was deduplicated by.
    delivery_id: String,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
struct Step {
    /// Its path, with the items of loops: `each[3]/tell`; `@trigger` for the trigger's own call.
    path: String,
    /// `trigger`, `action`, `switch`, `map`, `for-each`, `parallel`, `delay`, `until`, `stop`, `fail`.
    kind: &'static str,
    /// `slack/post-message`, or the kind again.
    title: String,
    /// `pending`, `waiting`, `unconfirmed`, `suspended`, `running`, `skipped`, `done`, `failed`.
    status: &'static str,
    /// Why it failed for good, or what inside of it did.
    failure: Option<FailureRecord>,
    /// What it waits for somebody to do.
    asks: Option<AsksRecord>,
    /// Not before this time, in milliseconds since 1970.
    due_at: Option<u64>,
    /// Its output, or the case that a switch took.
    output: Option<Value>,
    /// In order.
    attempts: Vec<Attempt>,
}

/// One attempt, or one question what became of a write.
#[derive(Debug, Serialize, ToSchema)]
struct Attempt {
    /// From 1.
    n: u32,
    /// `run` or `confirm`.
    kind: &'static str,
    /// In milliseconds since 1970.
    started_at: u64,
    /// `done`, `suspended`, `failed`, `applied`, `not-applied`, `unknown`.
    outcome: &'static str,
    /// Why it failed.
    failure: Option<FailureRecord>,
    /// What the sandbox knows, if it stopped the call.
    trap: Option<Trap>,
    /// When it is tried again, in milliseconds since 1970.
    retry_at: Option<u64>,
    /// Why it is not: `permanent`, `exhausted`, `ambiguous`.
    gave_up: Option<&'static str>,
    /// What it cost.
    metering: MeteringRecord,
    /// What it did through the gate.
    effects: Vec<EffectRecord>,
    /// What it logged.
    log: Vec<LogRecord>,
}

/// Why a call failed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FailureRecord {
    /// Decides about the retry: `rate-limited`, `not-found` and so on.
    class: &'static str,
    /// For a person; the connector's words.
    message: String,
    /// The provider's HTTP status.
    http_status: Option<u16>,
    /// The provider's own code.
    provider_code: Option<String>,
    /// Wait at least this long.
    retry_after_ms: Option<u64>,
    /// The provider may have applied the write.
    outcome_unknown: bool,
    /// What is wrong with which field of the input.
    fields: Vec<FieldRecord>,
    /// Which items of a batch failed.
    items: Vec<ItemRecord>,
}

/// What is wrong with one field.
#[derive(Debug, Serialize, ToSchema)]
struct FieldRecord {
    /// JSON Pointer (RFC 6901) into the input.
    path: String,
    /// What is wrong.
    message: String,
}

/// One failed item of a batch.
#[derive(Debug, Serialize, ToSchema)]
struct ItemRecord {
    /// Position in the inputs, from 0.
    index: u32,
    /// Why it failed.
    class: &'static str,
    /// What happened.
    message: String,
}

/// What is known after the sandbox stopped a call.
#[derive(Debug, Serialize, ToSchema)]
struct Trap {
    /// `fuel`, `deadline`, `memory` and so on; `guest` for a trap of the connector's own.
    reason: &'static str,
    /// One line for a person.
    message: String,
    /// Guest frames, innermost first.
    backtrace: Vec<String>,
    /// The last effect before the stop.
    last_effect: Option<String>,
    /// Units of work until then.
    fuel: u64,
    /// The most linear memory until then, in bytes.
    peak_memory_bytes: u64,
}

/// What a call cost.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MeteringRecord {
    /// Units of work, about one a WebAssembly instruction.
    fuel: u64,
    /// The largest linear memory, in bytes.
    peak_memory_bytes: u64,
    /// Bytes across the border by host calls.
    host_bytes: u64,
    /// Calls of the host.
    host_calls: u64,
    /// Effects, denied ones included.
    effects: u32,
    /// Wall time in microseconds.
    wall_micros: u64,
    /// The part of it spent waiting for the gate.
    gate_micros: u64,
}

/// One HTTP call through the gate.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EffectRecord {
    /// `POST`.
    method: String,
    /// Scheme, host, port and path; never the query.
    url: String,
    /// What came of it.
    result: EffectOutcome,
    /// Wall time in microseconds.
    micros: u64,
    /// Bytes of the request body.
    sent_bytes: u64,
    /// Bytes of the response body.
    received_bytes: u64,
    /// Why the grant that is being tried out would have denied it, with the line that would allow it.
    #[serde(skip_serializing_if = "Option::is_none")]
    would_deny: Option<String>,
}

/// What came of an effect.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum EffectOutcome {
    /// The provider answered with this status.
    Status(u16),
    /// Answered from the journal: an earlier attempt made this write.
    Journaled(u16),
    /// The gate refused; nothing was sent.
    Denied {
        /// Stable, in kebab-case.
        reason: String,
        /// Which gate: `manifest`, `grant`, `ceiling`, `address`.
        by: &'static str,
        /// For a person, with the line that would allow it.
        message: String,
    },
    /// No usable answer.
    Failed(String),
}

/// A line of a connector's log.
#[derive(Debug, Serialize, ToSchema)]
struct LogRecord {
    /// `debug`, `info`, `warn`, `error`.
    level: &'static str,
    /// The text, made inert.
    message: String,
    /// A JSON object as text; empty for none.
    fields: String,
}

impl From<RunRecord> for Run {
    fn from(run: RunRecord) -> Self {
        Self {
            id: run.id,
            flow: run.flow,
            flow_version: run.flow_version,
            status: run.status,
            accepted_at: run.accepted_at.0,
            finished_at: run.finished_at.map(|at| at.0),
            source: run.provenance.map(|provenance| Source {
                verified: provenance.verified,
                delivery_id: provenance.delivery_id,
            }),
            event: run.event.map(|event| event.data),
            steps: run.steps.into_iter().map(Step::from).collect(),
            steps_left_out: run.steps_left_out,
            stopped: run.stopped.map(Stopped::from),
            started_by: run.started_by.map(Link::from),
            started: run.started.into_iter().map(Link::from).collect(),
            ours_micros: run.ours_micros,
            theirs_micros: run.theirs_micros,
            pins: run.connectors,
        }
    }
}

impl From<StepRecord> for Step {
    fn from(step: StepRecord) -> Self {
        Self {
            path: step.path,
            kind: step.kind,
            title: step.title,
            status: step.status,
            failure: step.failure.map(FailureRecord::from),
            asks: step.asks.map(AsksRecord::from),
            due_at: step.due_at.map(|at| at.0),
            output: step.output,
            attempts: step.attempts.into_iter().map(Attempt::from).collect(),
        }
    }
}

impl From<AttemptRecord> for Attempt {
    fn from(attempt: AttemptRecord) -> Self {
        Self {
            n: attempt.attempt,
            kind: attempt.kind,
            started_at: attempt.started_at.0,
            outcome: attempt.outcome,
            failure: attempt.failure.map(FailureRecord::from),
            trap: attempt.trap.map(Trap::from),
            retry_at: attempt.retry_at.map(|at| at.0),
            gave_up: attempt.gave_up,
            metering: attempt.metering.into(),
            effects: attempt.effects.into_iter().map(EffectRecord::from).collect(),
            log: attempt.log.into_iter().map(LogRecord::from).collect(),
        }
    }
}

impl From<Failure> for FailureRecord {
    fn from(failure: Failure) -> Self {
        Self {
            class: failure.class.name(),
            message: failure.message,
            http_status: failure.http_status,
            provider_code: failure.provider_code,
            retry_after_ms: failure.retry_after_ms,
            outcome_unknown: failure.outcome_unknown,
            fields: failure
                .fields
                .into_iter()
                .map(|field| FieldRecord { path: field.path, message: field.message })
                .collect(),
            items: failure
                .items
                .into_iter()
                .map(|item| ItemRecord { index: item.index, class: item.class.name(), message: item.message })
                .collect(),
        }
    }
}

impl From<TrapReport> for Trap {
    fn from(trap: TrapReport) -> Self {
        Self {
            reason: trap.reason.name(),
            message: trap.message,
            backtrace: trap.backtrace,
            last_effect: trap.last_effect,
            fuel: trap.fuel,
            peak_memory_bytes: trap.peak_memory_bytes,
        }
    }
}

impl From<Metering> for MeteringRecord {
    fn from(metering: Metering) -> Self {
        let Metering { fuel, peak_memory_bytes, host_bytes, host_calls, effects, wall_micros, gate_micros } =
            metering;
        Self { fuel, peak_memory_bytes, host_bytes, host_calls, effects, wall_micros, gate_micros }
    }
}

impl From<Effect> for EffectRecord {
    fn from(effect: Effect) -> Self {
        Self {
            method: effect.method,
            url: effect.url,
            result: match effect.result {
                EffectResult::Status(status) => EffectOutcome::Status(status),
                EffectResult::Journaled(status) => EffectOutcome::Journaled(status),
                EffectResult::Denied { reason, by, message } => {
                    EffectOutcome::Denied { reason, by: by.name(), message }
                }
                EffectResult::Failed(why) => EffectOutcome::Failed(why),
            },
            micros: effect.micros,
            sent_bytes: effect.sent_bytes,
            received_bytes: effect.received_bytes,
            would_deny: effect.would_deny.map(|denial| denial.message),
        }
    }
}

impl From<LogLine> for LogRecord {
    fn from(line: LogLine) -> Self {
        let level = match line.level {
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warn",
            LogLevel::Error => "error",
        };
        Self { level, message: line.message, fields: line.fields }
    }
}
