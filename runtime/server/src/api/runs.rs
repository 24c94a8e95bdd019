//! Runs: pages of them, one in full, and once more.

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
use wharf_engine::Answer;
use wharf_store::{RunFilter, RunRow, RunStatus};

use super::{
    auth::Actor,
    error::{ApiError, ErrorBody},
    extract::{JsonBody, Name, Params, is_name},
    list::{self, List},
    record::Run,
};
use crate::app::App;

/// A run in a list.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RunLine {
    /// Its id; ids sort by age.
    id: String,
    /// Its flow.
    flow: String,
    /// The version it is pinned to.
    flow_version: u32,
    /// `running`, `waiting`, `done`, `ignored`, `failed`, `discarded`.
    status: &'static str,
    /// When its event became durable, in milliseconds since 1970.
    accepted_at: u64,
    /// When it goes on, while it waits, in milliseconds since 1970.
    due_at: Option<u64>,
    /// When it ended, in milliseconds since 1970.
    finished_at: Option<u64>,
}

/// Which runs.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct RunParams {
    /// Only this flow's.
    flow: Option<String>,
    /// Only those in this status.
    status: Option<String>,
    /// Only older ones than this id: `next` of the page before.
    before: Option<String>,
    /// 1 to 200; 50 unless given.
    limit: Option<u32>,
}

/// An answer to an approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveBody {
    /// The path of the step that waits, as in the run's record.
    step: String,
    /// True approves, false rejects.
    approved: bool,
    /// What was filled in, as the form asks.
    #[serde(default)]
    data: Value,
}

/// A signal for a run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignalBody {
    /// The signal's name: `[a-z][a-z0-9_-]{0,62}`.
    name: String,
    /// What comes with it.
    #[serde(default)]
    data: Value,
}

/// A run that goes on, or one that was started.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Replayed {
    /// The run that is under way: the same one if it had failed, a new one if it had ended well.
    run: String,
}

impl Replayed {
    pub(super) fn of(run: String) -> Self {
        Self { run }
    }
}

impl From<RunRow> for RunLine {
    fn from(row: RunRow) -> Self {
        Self {
            id: row.id,
            flow: row.flow,
            flow_version: row.flow_version,
            status: row.status.name(),
            accepted_at: row.created_at.0,
            due_at: row.due_at.map(|at| at.0),
            finished_at: row.finished_at.map(|at| at.0),
        }
    }
}

/// One page of runs, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", params(RunParams),
    responses((status = 200, body = List<RunLine>), (status = 400, body = ErrorBody)))]
pub(super) async fn list(
    State(app): State<App>,
    Params(params): Params<RunParams>,
) -> Result<Json<List<RunLine>>, ApiError> {
    let limit = list::limit(params.limit)?;
    let status = params
        .status
        .map(|text| text.parse::<RunStatus>())
        .transpose()
        .map_err(|error| ApiError::bad_request("bad-status", error.to_string()))?;
    let filter = RunFilter {
        // A name that cannot exist selects nothing, like one that does not.
        flow: params.flow.map(|name| if is_name(&name) { name } else { String::new() }),
        status,
        before: list::cursor(params.before)?,
        limit: limit as usize,
    };
    let rows = app.engine.runs(filter).await?;
    Ok(List::page(rows, limit, |row| row.id.clone()))
}

/// One run, step by step.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs", params(("id" = String, Path)),
    responses((status = 200, body = Run), (status = 404, body = ErrorBody)))]
pub(super) async fn show(State(app): State<App>, Name(id): Name) -> Result<Json<Run>, ApiError> {
    Ok(Json(app.engine.run(&id).await?.into()))
}

/// Sends a run on its way again. One that failed goes on from the step where it died, with its
/// journal and its idempotency keys; one that ended well is done anew, as a run of its own.
#[utoipa::path(post, path = "/api/v1/runs/{id}/replay", tag = "runs", params(("id" = String, Path)),
    responses((status = 202, body = Replayed), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn replay(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(id): Name,
) -> Result<Response, ApiError> {
    let accepted = app.engine.replay_run(&id, &actor.0).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed::of(accepted.run))).into_response())
}

/// Answers an approval that the run waits for. The answer is durable when this answers.
#[utoipa::path(post, path = "/api/v1/runs/{id}/approve", tag = "runs", params(("id" = String, Path)),
    request_body = ApproveBody,
    responses((status = 202, body = Replayed), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn approve(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(id): Name,
    JsonBody(body): JsonBody<ApproveBody>,
) -> Result<Response, ApiError> {
    let ApproveBody { step, approved, data } = body;
    app.engine.answer(&id, Answer { step, approved, data }, &actor.0).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed::of(id))).into_response())
}

/// Sends the run a signal, which a step of it waits for now or later. It is durable when this answers.
#[utoipa::path(post, path = "/api/v1/runs/{id}/signal", tag = "runs", params(("id" = String, Path)),
    request_body = SignalBody,
    responses((status = 202, body = Replayed), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn signal(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(id): Name,
    JsonBody(body): JsonBody<SignalBody>,
) -> Result<Response, ApiError> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let starts = body.name.starts_with(|c: char| c.is_ascii_lowercase());
    if !starts || body.name.len() > 63 || !body.name.chars().all(fits) {
        return Err(ApiError::bad_request(
            "bad-signal",
            "`name` takes up to 63 of a-z 0-9 _ -, and starts with a letter",
        ));
    }
    app.engine.signal(&id, &body.name, body.data, &actor.0).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed::of(id))).into_response())
}
