//! What a server says of its protections. A finding is written, too: the doctor's own have the same shape.

use serde::{Deserialize, Serialize};

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
