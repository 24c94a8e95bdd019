//! A connector as it is shown: versions, what they ask for, and what is granted and denied.
//!
//! A grant is the model's own: what was read is changed and sent back whole.

use serde::Deserialize;
use serde_json::Value;
use wharf_model::grant::Grant;

use crate::exit::{Exit, Fault};

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
    pub grant: Grant,
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
    pub grant: Grant,
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
    pub grant: Grant,
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
pub fn grant_document(grant: &Grant) -> Result<Value, Fault> {
    serde_json::to_value(grant).map_err(|error| Fault::new(Exit::Failed, "grant", error.to_string()))
}
