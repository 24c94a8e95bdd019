//! What starts a run, besides a webhook of the flow's own.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{FlowName, InputValidator, Places, Span};
use crate::{
    schedule::{Missed, Schedule},
    time::Timestamp,
};

/// A trigger and how it is set up.
#[derive(Clone, Debug)]
pub struct TriggerBinding {
    /// The connector's name.
    pub connector: String,
    /// The trigger's name.
    pub trigger: String,
    /// The connection's name.
    pub connection: Option<String>,
    /// The trigger's settings, an object.
    pub with: Value,
    /// How it is polled, if it is one that is and the flow says how.
    pub poll: Option<PollBinding>,
    /// Where its parts stand.
    pub places: Places,
}

/// How a trigger is polled.
#[derive(Clone, Copy, Debug, Default)]
pub struct PollBinding {
    /// The interval while events come.
    pub every: Option<Duration>,
    /// The longest interval while none come.
    pub slowest: Option<Duration>,
    /// How far behind the last poll the next begins.
    pub look_back: Duration,
    /// What the first poll is to find.
    pub first: First,
    /// Where it stands.
    pub span: Span,
}

/// What the first poll is to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum First {
    /// What happens from the time on at which the flow was applied.
    #[default]
    Now,
    /// Whatever the provider still has.
    All,
    /// What happened at this time or later.
    Since(Timestamp),
}

/// A schedule and what becomes of fires that were missed.
#[derive(Clone, Debug)]
pub struct ScheduleBinding {
    /// When it fires.
    pub schedule: Schedule,
    /// What becomes of fires that could not be made.
    pub missed: Missed,
    /// A run begins up to this long after its fire, always the same for one fire.
    pub jitter: Duration,
}

/// The end of a run of another flow.
#[derive(Clone, Debug)]
pub struct FlowBinding {
    /// The other flow.
    pub flow: FlowName,
    /// Which end.
    pub status: Ended,
}

/// How a run of another flow ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ended {
    /// Well.
    #[default]
    Done,
    /// Badly.
    Failed,
    /// Either.
    Any,
}

/// A person or an API client, and what they have to send.
#[derive(Clone, Debug, Default)]
pub struct ManualBinding {
    /// The event's JSON Schema and its check; none takes any event.
    pub input: Option<(Value, Arc<InputValidator>)>,
}

impl Ended {
    /// Whether a run that ended well, or badly, is meant.
    #[must_use]
    pub fn means(self, end: Self) -> bool {
        self == Self::Any || end == Self::Any || self == end
    }

    /// The name in a flow file.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Any => "any",
        }
    }
}

impl ScheduleBinding {
    /// The event of a fire, under [`ScheduleBinding::event_schema`].
    #[must_use]
    pub fn event(&self, at: Timestamp, missed: u64) -> Value {
        json!({
            "scheduled_at": at.to_string(),
            "local_time": self.schedule.local(at),
            "zone": self.schedule.zone(),
            "missed": missed,
        })
    }

    /// The JSON Schema of a fire's event.
    #[must_use]
    pub fn event_schema() -> Value {
        json!({
            "type": "object",
            "properties": {
                "scheduled_at": { "type": "string" },
                "local_time": { "type": "string" },
                "zone": { "type": "string" },
                "missed": { "type": "integer" },
            },
            "additionalProperties": false,
        })
    }
}
