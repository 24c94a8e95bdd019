//! What the server's own process knows of its protections.

use axum::{Json, extract::State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    doctor::{Finding as Found, process},
};

/// What `wharf doctor` asks the server.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Doctor {
    /// The server's version.
    version: &'static str,
    /// One a protection.
    findings: Vec<Finding>,
}

/// One protection.
#[derive(Debug, Serialize, ToSchema)]
struct Finding {
    /// Stable, in kebab-case.
    check: &'static str,
    /// `ok`, `warn` or `fail`.
    level: &'static str,
    /// What was found.
    found: String,
    /// What it protects.
    protects: &'static str,
    /// The rule of the security contract.
    rule: &'static str,
    /// What to do.
    fix: Option<String>,
}

impl From<Found> for Finding {
    fn from(found: Found) -> Self {
        Self {
            check: found.check,
            level: found.level.name(),
            found: found.found,
            protects: found.protects,
            rule: found.rule,
            fix: found.fix,
        }
    }
}

/// Which protections are active in the server's process.
#[utoipa::path(get, path = "/api/v1/doctor", tag = "status", responses((status = 200, body = Doctor)))]
pub(super) async fn doctor(State(app): State<App>) -> Json<Doctor> {
    let findings = process(&app.config, app.inside).into_iter().map(Finding::from).collect();
    Json(Doctor { version: env!("CARGO_PKG_VERSION"), findings })
}
