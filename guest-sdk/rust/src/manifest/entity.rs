//! Entities as the manifest has them.
//!
//! What `operations` leaves out the host never asks for.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::texts;
use crate::schema;

/// An entity for sync.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entity {
    title: String,
    schema: Value,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    match_keys: Vec<Vec<String>>,
    operations: Vec<EntityOperation>,
}

impl Entity {
    /// Records of type `T`, with what can be done to them.
    #[must_use]
    pub fn new<T: JsonSchema>(title: &str, operations: &[EntityOperation]) -> Self {
        Self {
            title: title.into(),
            schema: schema::of_output::<T>(),
            match_keys: Vec::new(),
            operations: operations.to_vec(),
        }
    }

    /// A set of fields that identifies a record besides its id.
    #[must_use]
    pub fn match_key(mut self, fields: &[&str]) -> Self {
        self.match_keys.push(texts(fields));
        self
    }
}

/// An operation on an entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityOperation {
    /// All records, page by page.
    List,
    /// Records that changed since a time.
    ListSince,
    /// Deleted records.
    ListDeleted,
    /// One record by id.
    Get,
    /// Records by field values.
    Find,
    /// Create or replace.
    Put,
    /// Replace one version only.
    PutIfVersion,
    /// Delete.
    Delete,
}
