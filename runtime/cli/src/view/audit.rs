//! What the chains of hashes say.

use serde::Deserialize;
use serde_json::Value;

/// A page of journals that were checked.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct JournalsPage {
    /// Runs.
    pub runs: u64,
    /// Entries of the sound ones.
    pub entries: u64,
    /// Run and reason of each that is not sound.
    pub damaged: Vec<Value>,
    /// Where the next page begins.
    pub next: Option<String>,
}
