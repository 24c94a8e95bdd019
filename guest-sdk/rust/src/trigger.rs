//! What triggers give to the host: events, batches of them, and webhook registrations.

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::action::to_json;
use crate::bindings::wharf::connector::events;
use crate::failure::{Failure, Result};

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Unique within the trigger; the host runs an id once.
    pub id: String,
    /// Milliseconds since 1970.
    pub occurred_at_ms: Option<u64>,
    /// Events of one key are handled in order.
    pub ordering_key: Option<String>,
    /// Position within the ordering key.
    pub sequence: Option<u64>,
    /// JSON text, under the trigger's schema.
    pub data: String,
}

impl Event {
    /// An event with data.
    ///
    /// # Errors
    /// `connector-defect` when the data does not serialize.
    pub fn new(id: impl Into<String>, data: &impl Serialize) -> Result<Self> {
        Ok(Self {
            id: id.into(),
            occurred_at_ms: None,
            ordering_key: None,
            sequence: None,
            data: to_json(data)?,
        })
    }

    /// With the time when it happened, in milliseconds since 1970.
    #[must_use]
    pub fn at_ms(mut self, time: Option<u64>) -> Self {
        self.occurred_at_ms = time;
        self
    }

    /// Handled in order with the others of this key.
    #[must_use]
    pub fn ordered_by(mut self, key: impl Into<String>) -> Self {
        self.ordering_key = Some(key.into());
        self
    }
}

impl From<Event> for events::Event {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            occurred_at: event.occurred_at_ms,
            ordering_key: event.ordering_key,
            sequence: event.sequence,
            data: event.data,
        }
    }
}

/// Where a poll begins.
#[derive(Clone, Debug, PartialEq)]
pub enum Origin {
    /// Where a poll before left off: a cursor that the connector gave.
    Cursor(Value),
    /// With what happened at this time or later, in milliseconds since 1970.
    Since(u64),
    /// With the oldest event that the provider still has.
    Beginning,
}

impl Origin {
    /// The cursor as a type; none on the first poll.
    ///
    /// # Errors
    /// `connector-defect` when it is not of this shape.
    pub fn cursor<T: DeserializeOwned>(&self) -> Result<Option<T>> {
        match self {
            Self::Cursor(cursor) => T::deserialize(cursor)
                .map(Some)
                .map_err(|error| Failure::defect(format_args!("the cursor: {error}"))),
            Self::Since(_) | Self::Beginning => Ok(None),
        }
    }
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Oldest first, as many as were asked for at most.
    pub events: Vec<Event>,
    /// Becomes durable together with the events; none keeps the one before.
    pub cursor: Option<Value>,
    /// Whether to be called again at once.
    pub more: bool,
}

/// A webhook as the provider knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// The provider's id.
    pub id: String,
    /// Renew before this time, in milliseconds since 1970.
    pub expires_at_ms: Option<u64>,
    /// The connector's own notes, an object.
    pub state: Value,
}
