//! Flows: check, apply, list, start.

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
use wharf_engine::{Accepted, AppliedFlow, FlowInfo};

use super::{
    auth::Actor,
    error::{ApiError, ErrorBody},
    extract::{FlowText, JsonBody, Name, Params},
    list::List,
    triggers::Fire,
};
use crate::{app::App, ingress::verify::is_delivery_id};

/// A flow.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Flow {
    /// Its name.
    name: String,
    /// The version that new runs are on, from 1.
    version: u32,
    /// Whose it is.
    owner: Option<String>,
    /// `github/issue-opened`, `webhook`, `every 5m`, `cron 0 9 * * * UTC`, `flow orders` or `manual`.
    trigger: String,
    /// Steps, those in branches included.
    steps: usize,
    /// Where its deliveries go, if it takes any.
    webhook_path: Option<String>,
    /// Digest of the version's source.
    digest: String,
}

/// A flow with its file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct FlowWithSource {
    #[serde(flatten)]
    flow: Flow,
    /// The next fires of its schedule; empty without one.
    next_fires: Vec<Fire>,
    /// The file of the version that new runs are on, as it was applied.
    source: String,
}

/// What became of a file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Applied {
    /// The flow's name.
    name: String,
    /// Its version, from 1.
    version: u32,
    /// The same content was active already.
    unchanged: bool,
    /// Where its deliveries go, if it takes any.
    webhook_path: Option<String>,
}

/// Which file a flow is from.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct FileParams {
    /// As problems should name it.
    file: Option<String>,
}

/// A run to be started.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunBody {
    /// The event, as the flow's expressions see it; under the schema of `on: { manual: … }`, if the flow has one.
    #[serde(default)]
    data: Value,
    /// The same key again starts nothing: `[A-Za-z0-9_-]{1,128}`.
    #[serde(default)]
    dedupe_key: Option<String>,
}

/// A run that was started, or had been.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Started {
    /// Its id.
    run: String,
    /// It had been started before under the same key.
    duplicate: bool,
}

/// A flow file is in order.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Valid {
    /// Always true: a file that is not in order is a 422 with its problems.
    valid: bool,
}

impl From<FlowInfo> for Flow {
    fn from(info: FlowInfo) -> Self {
        Self {
            name: info.name,
            version: info.version,
            owner: info.owner,
            trigger: info.trigger,
            steps: info.steps,
            webhook_path: info.webhook_path,
            digest: info.digest,
        }
    }
}

impl From<AppliedFlow> for Applied {
    fn from(applied: AppliedFlow) -> Self {
        Self {
            name: applied.name,
            version: applied.version,
            unchanged: applied.unchanged,
            webhook_path: applied.webhook_path,
        }
    }
}

impl FileParams {
    /// The name for problems: a person's own, but not a screenful of it.
    fn name(&self) -> Result<&str, ApiError> {
        let name = self.file.as_deref().unwrap_or("flow.yaml");
        if name.is_empty() || name.len() > 255 || name.contains(char::is_control) {
            return Err(ApiError::bad_request("bad-query", "`file` is no file name"));
        }
        Ok(name)
    }
}

/// Every flow.
#[utoipa::path(get, path = "/api/v1/flows", tag = "flows", responses((status = 200, body = List<Flow>)))]
pub(super) async fn list(State(app): State<App>) -> Json<List<Flow>> {
    List::all(app.engine.flows())
}

/// One flow and its file.
#[utoipa::path(get, path = "/api/v1/flows/{name}", tag = "flows", params(("name" = String, Path)),
    responses((status = 200, body = FlowWithSource), (status = 404, body = ErrorBody)))]
pub(super) async fn show(State(app): State<App>, Name(name): Name) -> Result<Json<FlowWithSource>, ApiError> {
    let (info, source) = app.engine.flow_source(&name).await?;
    let next_fires = app.engine.next_fires(&name).into_iter().map(Fire::from).collect();
    Ok(Json(FlowWithSource { flow: info.into(), next_fires, source }))
}

/// Checks a flow file against what is installed and makes it the version for new runs.
#[utoipa::path(post, path = "/api/v1/flows", tag = "flows", params(FileParams),
    request_body(content = String, content_type = "text/yaml"),
    responses(
        (status = 200, body = Applied),
        (status = 422, body = ErrorBody, description = "`problems` has each, `rendered` shows them at their places."),
    ))]
pub(super) async fn apply(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Params(file): Params<FileParams>,
    FlowText(source): FlowText,
) -> Result<Json<Applied>, ApiError> {
    Ok(Json(app.engine.apply_flow(file.name()?, &source, &actor.0).await?.into()))
}

/// Checks a flow file and changes nothing.
#[utoipa::path(post, path = "/api/v1/flows/validate", tag = "flows", params(FileParams),
    request_body(content = String, content_type = "text/yaml"),
    responses((status = 200, body = Valid), (status = 422, body = ErrorBody)))]
pub(super) async fn validate(
    State(app): State<App>,
    Params(file): Params<FileParams>,
    FlowText(source): FlowText,
) -> Result<Json<Valid>, ApiError> {
    app.engine.validate_flow(file.name()?, &source).await?;
    Ok(Json(Valid { valid: true }))
}

/// Starts a run with the given event. It is durable when this answers.
#[utoipa::path(post, path = "/api/v1/flows/{name}/run", tag = "flows", params(("name" = String, Path)),
    request_body = RunBody,
    responses(
        (status = 200, body = Started, description = "It had been started before."),
        (status = 202, body = Started),
        (status = 404, body = ErrorBody),
        (status = 422, body = ErrorBody, description = "The event does not fit the flow's schema."),
        (status = 503, body = ErrorBody),
    ))]
pub(super) async fn run(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
    JsonBody(body): JsonBody<RunBody>,
) -> Result<Response, ApiError> {
    if body.dedupe_key.as_deref().is_some_and(|key| !is_delivery_id(key)) {
        return Err(ApiError::bad_request(
            "bad-dedupe-key",
            "`dedupe_key` takes 1 to 128 of A-Z a-z 0-9 _ -",
        ));
    }
    tracing::info!(flow = name, actor = actor.0, "a run is started by hand");
    let Accepted { run, duplicate } = app.engine.run_flow(&name, body.data, body.dedupe_key).await?;
    let status = if duplicate { StatusCode::OK } else { StatusCode::ACCEPTED };
    Ok((status, Json(Started { run, duplicate })).into_response())
}
