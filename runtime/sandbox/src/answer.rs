//! What the less common exports return and take, as the engine sees it: JSON is parsed, bounded
//! and no deeper than 127 levels.

use serde_json::Value;
use wharf_model::{event::Event, time::Timestamp};

/// Whom a credential stands for.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// For a person.
    pub label: String,
    /// The provider's id of the account.
    pub account: Option<String>,
    /// The scopes that the provider granted.
    pub scopes: Vec<String>,
    /// More that is not secret.
    pub metadata: Value,
}

/// What is filled in so far when choices are loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OptionsQuery {
    /// A JSON object as text.
    pub values: String,
    /// What the person typed.
    pub search: Option<String>,
    /// [`Choices::next`] of the page before.
    pub page: Option<String>,
}

/// A page of choices.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// In the provider's order.
    pub items: Vec<Choice>,
    /// For more.
    pub next: Option<String>,
}

/// What a person may choose.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// For a person.
    pub label: String,
    /// What the input becomes.
    pub value: Value,
    /// For a person.
    pub description: Option<String>,
}

/// Where a poll begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PollOrigin {
    /// Where a poll before left off, JSON.
    Cursor(String),
    /// With what happened at this time or later.
    Since(Timestamp),
    /// With the oldest event that there is.
    Beginning,
}

/// What a poll found.
#[derive(Clone, Debug, PartialEq)]
pub struct PollBatch {
    /// Oldest first.
    pub events: Vec<Event>,
    /// Durable together with the events; none keeps the one before.
    pub cursor: Option<Value>,
    /// To be polled again at once.
    pub more: bool,
}

/// A webhook that is registered with the provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Subscription {
    /// The provider's id.
    pub id: String,
    /// Renew before.
    pub expires_at: Option<Timestamp>,
    /// The connector's own notes.
    pub state: Value,
}

/// Which records to list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// [`Slice::cursor`] of the page before.
    pub cursor: Option<Value>,
    /// Only what changed at or after this time.
    pub since: Option<Timestamp>,
    /// Only what was deleted.
    pub deleted_only: bool,
    /// At most so many.
    pub limit: u32,
}

/// A page of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The records.
    pub entries: Vec<Entry>,
    /// For more.
    pub cursor: Option<Value>,
}

/// A record of the provider.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The provider's id.
    pub id: String,
    /// Changes with each write.
    pub version: Option<String>,
    /// When it changed.
    pub updated_at: Option<Timestamp>,
    /// Whether it is gone.
    pub deleted: bool,
    /// Under the entity's schema.
    pub data: Value,
}
