//! Records of the provider, for sync.

use serde_json::Value;

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The provider's id.
    pub id: String,
    /// Changes with every write, such as an ETag.
    pub version: Option<String>,
    /// Milliseconds since 1970.
    pub updated_at_ms: Option<u64>,
    /// Whether it is deleted; `data` is then what is left.
    pub deleted: bool,
    /// Under the entity's schema.
    pub data: Value,
}

/// Which records to list.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// [`Slice::cursor`] of the page before.
    pub cursor: Option<Value>,
    /// Only what changed at or after this time, in milliseconds since 1970.
    pub since_ms: Option<u64>,
    /// Only what was deleted.
    pub deleted_only: bool,
    /// Entries at most.
    pub limit: u32,
}

/// One page of records.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// The records.
    pub entries: Vec<Entry>,
    /// For the next page; none at the end.
    pub cursor: Option<Value>,
}
