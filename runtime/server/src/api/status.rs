//! How the server is: for people, for load balancers and for Prometheus.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse as _, Response},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::error::{ApiError, ErrorBody};
use crate::app::App;

/// The server at a glance.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Status {
    /// The server's version.
    version: &'static str,
    /// Whether it takes events.
    ready: bool,
    /// Runs by flow and status.
    runs: Vec<RunCount>,
    /// Dead letters that wait for somebody.
    dead_letters_open: u64,
    /// Active flows.
    flows: usize,
    /// Connectors, held ones included.
    connectors: usize,
}

/// Runs of one flow in one status.
#[derive(Debug, Serialize, ToSchema)]
struct RunCount {
    /// The flow.
    flow: String,
    /// The status.
    status: &'static str,
    /// How many.
    count: u64,
}

/// The server lives.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Healthy {
    /// Always `ok`.
    status: &'static str,
}

/// The server at a glance.
#[utoipa::path(get, path = "/api/v1/status", tag = "status", responses((status = 200, body = Status)))]
pub(super) async fn status(State(app): State<App>) -> Result<Json<Status>, ApiError> {
    let counts = app.engine.counts().await?;
    Ok(Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        ready: app.engine.is_ready(),
        runs: counts
            .runs
            .into_iter()
            .map(|run| RunCount { flow: run.flow, status: run.status, count: run.count })
            .collect(),
        dead_letters_open: counts.dead_letters,
        flows: app.engine.flows().len(),
        connectors: app.engine.connectors().await?.len(),
    }))
}

/// The process answers. Says nothing about whether it can work.
#[utoipa::path(get, path = "/healthz", tag = "status", security(()), responses((status = 200, body = Healthy)))]
pub(super) async fn healthz() -> Json<Healthy> {
    Json(Healthy { status: "ok" })
}

/// Whether to send it work: the engine runs and the store answers.
#[utoipa::path(get, path = "/readyz", tag = "status", security(()),
    responses((status = 200, body = Healthy), (status = 503, body = ErrorBody)))]
pub(super) async fn readyz(State(app): State<App>) -> Result<Json<Healthy>, ApiError> {
    if !app.engine.is_ready() {
        return Err(ApiError::unavailable("stopping", "the server is shutting down", 5));
    }
    app.engine.counts().await.map_err(|error| {
        ApiError::unavailable("store-unavailable", "the store does not answer", 5).cause(error)
    })?;
    Ok(Json(Healthy { status: "ok" }))
}

/// Counters and histograms in the OpenMetrics text format.
#[utoipa::path(get, path = "/metrics", tag = "status", security(()),
    responses((status = 200, body = String, content_type = "application/openmetrics-text")))]
pub(super) async fn metrics(State(app): State<App>) -> Result<Response, ApiError> {
    // Without the store's counts the page is still worth having, above all then.
    let counts = app.engine.counts().await.ok();
    let page = app.metrics.page(counts.as_ref()).map_err(ApiError::internal)?;
    let kind = HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], page).into_response())
}
