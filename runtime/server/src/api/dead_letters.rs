//! Dead letters: runs that failed for good, and what somebody decides about them.

#![expect(unused_qualifications, reason = "in what utoipa makes of `params(…)`")]

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use wharf_store::{DeadLetter as Row, DeadLetterFilter, DeadLetterState};

use super::{
    auth::Actor,
    error::{ApiError, ErrorBody},
    extract::{JsonBody, Name, Params},
    list::{self, List},
    runs::Replayed,
};
use crate::app::App;

/// A run that failed for good.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetter {
    /// Its id, which is its run's.
    id: String,
    /// Its run.
    run: String,
    /// The run's flow.
    flow: String,
    /// When it failed, the last time, in milliseconds since 1970.
    at: u64,
    /// The path of the step that failed.
    step: String,
    /// The failure class, or another stable kebab-case name.
    class: String,
    /// For a person.
    message: String,
    /// The whole failure.
    detail: Value,
    /// `open`, `replayed` or `discarded`.
    status: &'static str,
    /// When somebody decided, in milliseconds since 1970.
    resolved_at: Option<u64>,
    /// Who.
    resolved_by: Option<String>,
    /// Why.
    reason: Option<String>,
}

/// Which dead letters.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLetterParams {
    /// `open`, `replayed` or `discarded`; all unless given.
    status: Option<String>,
    /// Only older ones than this id: `next` of the page before.
    before: Option<String>,
    /// 1 to 200; 50 unless given.
    limit: Option<u32>,
}

/// Why a dead letter is left at that.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DiscardBody {
    /// For whoever asks later.
    reason: String,
}

impl From<Row> for DeadLetter {
    fn from(row: Row) -> Self {
        let detail = serde_json::from_str(&row.detail).unwrap_or(Value::String(row.detail));
        Self {
            id: row.run.clone(),
            run: row.run,
            flow: row.flow,
            at: row.at.0,
            step: row.step,
            class: row.class,
            message: row.message,
            detail,
            status: row.state.name(),
            resolved_at: row.resolved_at.map(|at| at.0),
            resolved_by: row.resolved_by,
            reason: row.reason,
        }
    }
}

/// One page of dead letters, newest first.
#[utoipa::path(get, path = "/api/v1/dead-letters", tag = "dead letters", params(DeadLetterParams),
    responses((status = 200, body = List<DeadLetter>), (status = 400, body = ErrorBody)))]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<DeadLetterParams>,
) -> Result<Json<List<DeadLetter>>, ApiError> {
    let limit = list::limit(params.limit)?;
    let state = params
        .status
        .map(|text| text.parse::<DeadLetterState>())
        .transpose()
        .map_err(|error| ApiError::bad_request("bad-status", error.to_string()))?;
    let filter = DeadLetterFilter { state, before: list::cursor(params.before)?, limit: limit as usize };
    let rows = app.engine.dead_letters(filter).await?;
    Ok(List::page(rows, limit, |row| row.run.clone()))
}

/// One dead letter.
#[utoipa::path(get, path = "/api/v1/dead-letters/{id}", tag = "dead letters", params(("id" = String, Path)),
    responses((status = 200, body = DeadLetter), (status = 404, body = ErrorBody)))]
pub(super) async fn show(State(app): State<App>, Name(id): Name) -> Result<Json<DeadLetter>, ApiError> {
    Ok(Json(app.engine.dead_letter(&id).await?.into()))
}

/// Sends the run on its way again, from the step where it died. What was done stays done.
#[utoipa::path(post, path = "/api/v1/dead-letters/{id}/replay", tag = "dead letters", params(("id" = String, Path)),
    responses((status = 202, body = Replayed), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn replay(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(id): Name,
) -> Result<Response, ApiError> {
    app.engine.dead_letter(&id).await?;
    let accepted = app.engine.replay_dead_letter(&id, &actor.0).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed::of(accepted.run))).into_response())
}

/// Leaves the run at that.
#[utoipa::path(post, path = "/api/v1/dead-letters/{id}/discard", tag = "dead letters", params(("id" = String, Path)),
    request_body = DiscardBody,
    responses((status = 200, body = DeadLetter), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn discard(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(id): Name,
    JsonBody(body): JsonBody<DiscardBody>,
) -> Result<Json<DeadLetter>, ApiError> {
    app.engine.dead_letter(&id).await?;
    app.engine.discard_dead_letter(&id, &body.reason, &actor.0).await?;
    Ok(Json(app.engine.dead_letter(&id).await?.into()))
}
