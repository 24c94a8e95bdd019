//! One call of a connector: what goes in, what comes out, what it cost, and why it was stopped.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{failure::Failure, time::Timestamp};

/// Why the host calls; the same cases as `mode` in `wit/types.wit`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The real thing.
    #[default]
    Live,
    /// A test; effects are real.
    Test,
    /// Reads are real, writes are not made.
    DryRun,
    /// A recording answers.
    Replay,
}

/// What a call is part of; `context` in `wit/types.wit`.
#[derive(Clone, Debug, PartialEq)]
pub struct Context {
    /// The run.
    pub run: String,
    /// The step's path.
    pub step: String,
    /// From 1.
    pub attempt: u32,
    /// Why the host calls.
    pub mode: Mode,
    /// Stable across attempts, crashes and replays.
    pub idempotency_key: String,
    /// The call is stopped at this time.
    pub deadline: Timestamp,
    /// W3C `traceparent`.
    pub trace_parent: String,
    /// The connection's settings, an object.
    pub connection: Value,
}

/// What ends a suspension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wake {
    /// This time.
    At(Timestamp),
    /// A request to the step's callback, at the latest at this time.
    Callback(Timestamp),
}

/// What an action that did not fail returned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The output.
    Done(Value),
    /// One page of a list.
    Page {
        /// The items.
        items: Vec<Value>,
        /// The next page, if there is one.
        next: Option<String>,
    },
    /// Not finished.
    Suspended {
        /// What wakes it.
        wake: Wake,
        /// For `resume`.
        state: Value,
    },
}

/// What `confirm` found out about a write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was applied, with this output.
    Applied(Value),
    /// It was not applied.
    NotApplied,
    /// The provider cannot tell.
    Unknown,
}

/// What a call cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metering {
    /// Fuel used.
    pub fuel: u64,
    /// The largest linear memory, in bytes.
    pub peak_memory_bytes: u64,
    /// Bytes lifted and lowered across the border by host calls.
    pub host_bytes: u64,
    /// Calls of the host.
    pub host_calls: u64,
    /// Effects that went through the gate, denied ones included.
    pub effects: u32,
    /// Wall time in microseconds.
    pub wall_micros: u64,
    /// The part of the wall time spent waiting for the gate, in microseconds.
    pub gate_micros: u64,
}

/// A line of a connector's log, made inert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LogLine {
    /// `debug`, `info`, `warn`, `error`.
    pub level: LogLevel,
    /// The text.
    pub message: String,
    /// A JSON object as text; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub fields: String,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For the connector's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Odd, and dealt with.
    Warn,
    /// Something failed.
    Error,
}

/// Why the sandbox stopped a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// Out of fuel.
    Fuel,
    /// Past the deadline.
    Deadline,
    /// A memory larger than the limit was needed to start.
    Memory,
    /// A table larger than the limit was needed to start.
    Table,
    /// Too many instances.
    Instances,
    /// The stack overflowed.
    Stack,
    /// Too many bytes across the border.
    HostBytes,
    /// Too many live handles.
    Handles,
    /// A returned value is too large or too deep.
    Output,
    /// The guest trapped: `unreachable`, a division by zero, memory out of bounds, a panic.
    Guest,
}

impl StopReason {
    /// Every reason.
    pub const ALL: [Self; 10] = [
        Self::Fuel,
        Self::Deadline,
        Self::Memory,
        Self::Table,
        Self::Instances,
        Self::Stack,
        Self::HostBytes,
        Self::Handles,
        Self::Output,
        Self::Guest,
    ];

    /// The stable kebab-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fuel => "fuel",
            Self::Deadline => "deadline",
            Self::Memory => "memory",
            Self::Table => "table",
            Self::Instances => "instances",
            Self::Stack => "stack",
            Self::HostBytes => "host-bytes",
            Self::Handles => "handles",
            Self::Output => "output",
            Self::Guest => "guest",
        }
    }
}

/// What is known after the sandbox stopped a call: enough to fix the connector or raise the limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrapReport {
    /// Which limit, or a trap of the guest's own.
    pub reason: StopReason,
    /// One line for a person: `out of fuel (500,000,000) after 1.3 s`.
    pub message: String,
    /// Guest frames, innermost first, with names where the module has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backtrace: Vec<String>,
    /// The last effect before the stop: `#1 POST slack.com/api/chat.postMessage → 200 in 212 ms`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_effect: Option<String>,
    /// Fuel used until then.
    #[serde(default)]
    pub fuel: u64,
    /// The most linear memory until then, in bytes.
    #[serde(default)]
    pub peak_memory_bytes: u64,
}

/// Why a call gave no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CallError {
    /// The connector said so.
    #[error("{}: {}", .0.class.name(), .0.message)]
    Failed(Failure),
    /// The sandbox stopped it.
    #[error("stopped ({}): {}", .0.reason.name(), .0.message)]
    Stopped(TrapReport),
    /// The connector does not export what was called.
    #[error("the connector does not export `{0}`")]
    NotExported(&'static str),
    /// The host itself failed; the call says nothing about the connector.
    #[error("host: {0}")]
    Host(String),
}
