//! The audit log: who changed what, and what connectors were denied.

#![expect(unused_qualifications, reason = "in what utoipa makes of `params(…)`")]

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wharf_store::AuditRow;

use super::{
    error::{ApiError, ErrorBody},
    extract::Params,
    list::{self, List},
};
use crate::app::App;

/// One row of the audit log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditEntry {
    /// Position, from 1 without gaps.
    n: u64,
    /// When, in milliseconds since 1970.
    at: u64,
    /// Who: `api-key/…`, `connector/…`, `watched-folder` and so on.
    actor: String,
    /// What was done: `connector.install`, `grant.set`, `egress.denied` and so on.
    act: String,
    /// To what.
    subject: String,
    /// What else there is to say; never a secret.
    detail: Value,
    /// The chain's hash up to here, `sha256:` and 64 hexadecimal digits.
    hash: String,
}

/// Which rows.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct AuditParams {
    /// Only older ones than this position: `next` of the page before.
    before: Option<u64>,
    /// 1 to 200; 50 unless given.
    limit: Option<u32>,
}

impl From<AuditRow> for AuditEntry {
    fn from(row: AuditRow) -> Self {
        Self {
            n: row.n,
            at: row.at.0,
            actor: row.actor,
            act: row.act,
            subject: row.subject,
            detail: serde_json::from_str(&row.detail).unwrap_or(Value::String(row.detail)),
            hash: row.hash.to_string(),
        }
    }
}

/// The audit log, the newest row first.
#[utoipa::path(get, path = "/api/v1/audit", tag = "status", params(AuditParams), responses(
    (status = 200, body = List<AuditEntry>),
    (status = 400, body = ErrorBody),
))]
pub(super) async fn audit(
    State(app): State<App>,
    Params(params): Params<AuditParams>,
) -> Result<Json<List<AuditEntry>>, ApiError> {
    let limit = list::limit(params.limit)?;
    let rows = app.engine.audit(params.before, limit as usize).await?;
    Ok(List::page(rows, limit, |row| row.n.to_string()))
}
