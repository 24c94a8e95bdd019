//! Flows that the server starts by itself: when, from where, and what went wrong.

use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wharf_engine::{PollReport, TriggerInfo};

use super::{
    auth::Actor,
    error::{ApiError, ErrorBody},
    extract::{JsonBody, Name},
    list::List,
    record::FailureRecord,
};
use crate::app::App;

/// A fire that is to come.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Fire {
    /// When, in milliseconds since 1970.
    at: u64,
    /// The same by the clocks of the schedule's zone, RFC 3339.
    local_time: String,
}

/// A flow that the server starts by itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Trigger {
    /// The flow.
    flow: String,
    /// `schedule` or `poll`.
    kind: &'static str,
    /// `every 5m`, `cron 0 9 * * * UTC` or `github/issue-changed`.
    on: String,
    /// The connection that is polled with.
    connection: Option<String>,
    /// Since when it stands for this schedule, or this trigger with these settings, in milliseconds since 1970.
    since: u64,
    /// The next fire or poll.
    due_at: Option<u64>,
    /// The fires to come.
    next_fires: Vec<Fire>,
    /// The last fire or poll that went well.
    done_at: Option<u64>,
    /// Where a poll begins, in the connector's own terms.
    cursor: Option<Value>,
    /// When that last moved.
    cursor_at: Option<u64>,
    /// There is more to read at once.
    behind: bool,
    /// Milliseconds between the last poll and the next.
    interval_ms: Option<u64>,
    /// Events that started runs.
    events: u64,
    /// Fires that were passed over.
    missed: u64,
    /// Polls in a row that failed.
    failures: u32,
    /// When the last one did.
    failed_at: Option<u64>,
    /// Why.
    failure: Option<Value>,
}

/// What a poll came to.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Polled {
    /// Calls of the connector.
    pages: u32,
    /// Events that it gave.
    events: u64,
    /// Those of them that were new and started runs.
    new: u64,
    /// There is more, to be read soon.
    more: bool,
    /// Why the last call failed; what the ones before found is durable.
    failure: Option<FailureRecord>,
}

/// Where the next poll is to begin.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ResetBody {
    /// In the connector's own terms; null: as the first poll did.
    #[serde(default)]
    cursor: Option<Value>,
}

impl From<wharf_engine::Fire> for Fire {
    fn from(fire: wharf_engine::Fire) -> Self {
        Self { at: fire.at.0, local_time: fire.local_time }
    }
}

impl From<TriggerInfo> for Trigger {
    fn from(info: TriggerInfo) -> Self {
        Self {
            flow: info.flow,
            kind: info.kind,
            on: info.on,
            connection: info.connection,
            since: info.since.0,
            due_at: info.due_at.map(|at| at.0),
            next_fires: info.next_fires.into_iter().map(Fire::from).collect(),
            done_at: info.done_at.map(|at| at.0),
            cursor: info.cursor,
            cursor_at: info.cursor_at.map(|at| at.0),
            behind: info.behind,
            interval_ms: info.interval_ms,
            events: info.events,
            missed: info.missed,
            failures: info.failures,
            failed_at: info.failed_at.map(|at| at.0),
            failure: info.failure,
        }
    }
}

impl From<PollReport> for Polled {
    fn from(report: PollReport) -> Self {
        Self {
            pages: report.pages,
            events: report.events,
            new: report.new,
            more: report.more,
            failure: report.failure.map(FailureRecord::from),
        }
    }
}

/// Every flow with a schedule or a trigger that is polled.
#[utoipa::path(get, path = "/api/v1/triggers", tag = "triggers", responses((status = 200, body = List<Trigger>)))]
pub(super) async fn list(State(app): State<App>) -> Result<Json<List<Trigger>>, ApiError> {
    Ok(List::all(app.engine.triggers().await?))
}

/// One of them.
#[utoipa::path(get, path = "/api/v1/triggers/{flow}", tag = "triggers", params(("flow" = String, Path)),
    responses((status = 200, body = Trigger), (status = 404, body = ErrorBody)))]
pub(super) async fn show(State(app): State<App>, Name(flow): Name) -> Result<Json<Trigger>, ApiError> {
    Ok(Json(app.engine.trigger(&flow).await?.into()))
}

/// Polls now. What was found is durable when this answers.
#[utoipa::path(post, path = "/api/v1/triggers/{flow}/poll", tag = "triggers", params(("flow" = String, Path)),
    responses((status = 200, body = Polled), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn poll(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(flow): Name,
) -> Result<Json<Polled>, ApiError> {
    Ok(Json(app.engine.poll_now(&flow, &actor.0).await?.into()))
}

/// Has the next poll, which is at once, begin elsewhere. Events that were taken in before start nothing again.
#[utoipa::path(post, path = "/api/v1/triggers/{flow}/reset", tag = "triggers", params(("flow" = String, Path)),
    request_body = ResetBody,
    responses((status = 200, body = Trigger), (status = 404, body = ErrorBody)))]
pub(super) async fn reset(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(flow): Name,
    JsonBody(body): JsonBody<ResetBody>,
) -> Result<Json<Trigger>, ApiError> {
    Ok(Json(app.engine.reset_cursor(&flow, body.cursor, &actor.0).await?.into()))
}
