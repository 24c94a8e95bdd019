//! The audit log: who changed what, and what connectors were denied.

#![expect(unused_qualifications, reason = "in what utoipa makes of `params(…)`")]

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wharf_store::{AuditRow, Damaged, Journals, Verified};

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

/// What was known of the log before.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct KnownParams {
    /// `head` of an earlier answer, `ROW:sha256:HASH`: that row must still be there, with that hash, or have
    /// been forgotten by age.
    known: Option<String>,
}

/// Where to go on.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterParams {
    /// `next` of the page before.
    after: Option<String>,
}

/// What the audit log's chain of hashes says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AuditVerified {
    /// Whether every row is what was written.
    sound: bool,
    /// The last row and its hash, `ROW:sha256:HASH`; keep it elsewhere and give it as `known` later. Null when the
    /// log is not sound.
    head: Option<String>,
    /// The first thing that is wrong.
    why: Option<String>,
}

/// What the chains of a page of journals say.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct JournalsVerified {
    /// Runs of this page.
    runs: u64,
    /// Entries of the sound ones.
    entries: u64,
    /// Those that are not what was written.
    damaged: Vec<DamagedJournal>,
    /// Goes into `after` for the next page; null on the last.
    next: Option<String>,
}

/// A journal that is not what was written.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DamagedJournal {
    /// Its run.
    run: String,
    /// The first thing that is wrong.
    why: String,
}

impl From<Result<Verified, String>> for AuditVerified {
    fn from(found: Result<Verified, String>) -> Self {
        match found {
            Ok(verified) => Self { sound: true, head: Some(verified.to_string()), why: None },
            Err(why) => Self { sound: false, head: None, why: Some(why) },
        }
    }
}

impl From<Journals> for JournalsVerified {
    fn from(found: Journals) -> Self {
        let damaged = |Damaged { run, why }| DamagedJournal { run, why };
        Self {
            runs: found.runs,
            entries: found.entries,
            damaged: found.damaged.into_iter().map(damaged).collect(),
            next: found.next,
        }
    }
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

/// Checks the audit log's chain of hashes from end to end.
#[utoipa::path(get, path = "/api/v1/audit/verify", tag = "status", params(KnownParams), responses(
    (status = 200, body = AuditVerified),
    (status = 400, body = ErrorBody),
))]
pub(super) async fn verify(
    State(app): State<App>,
    Params(params): Params<KnownParams>,
) -> Result<Json<AuditVerified>, ApiError> {
    let known = params.known.map(|text| text.parse::<Verified>()).transpose().map_err(|error| {
        ApiError::bad_request("bad-head", error.to_string()).fix("take `head` of an earlier answer")
    })?;
    Ok(Json(app.engine.verify_audit(known).await?.into()))
}

/// Checks the journals' chains of hashes, a thousand runs at a time, oldest first.
#[utoipa::path(get, path = "/api/v1/audit/verify/journals", tag = "status", params(AfterParams), responses(
    (status = 200, body = JournalsVerified),
    (status = 400, body = ErrorBody),
))]
pub(super) async fn verify_journals(
    State(app): State<App>,
    Params(params): Params<AfterParams>,
) -> Result<Json<JournalsVerified>, ApiError> {
    let after = list::cursor(params.after)?;
    Ok(Json(app.engine.verify_journals(after).await?.into()))
}
