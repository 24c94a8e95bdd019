//! Connectors: install, judge, grant, approve, remove, while the server runs.

#![expect(unused_qualifications, reason = "in what utoipa makes of `params(…)`")]

use axum::{
    Extension, Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_engine::{Approval, ConnectorInfo, InstallStatus, Installed as EngineInstalled};
use wharf_model::{digest::Digest, grant::Grant};

use super::{
    auth::Actor,
    error::{ApiError, ErrorBody},
    extract::{JsonBody, Name, Params, Wasm},
    list::List,
};
use crate::app::App;

/// A connector.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connector {
    /// How flows name it.
    name: String,
    /// For people.
    title: String,
    /// The version that new runs use; none while its first is held.
    version: Option<String>,
    /// That version's digest, `sha256:` and 64 hexadecimal digits.
    digest: Option<String>,
    /// Actions by name.
    actions: Vec<String>,
    /// Triggers by name.
    triggers: Vec<String>,
    /// What it asks for, in plain words.
    asks: Vec<String>,
    /// What is granted, as in `PUT …/grant`.
    #[schema(value_type = Object)]
    grant: Grant,
    /// The digest of a version that waits for approval.
    held: Option<String>,
    /// Flows that use it.
    flows: Vec<String>,
}

/// What became of an installed file.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Installed {
    /// The connector's name.
    name: String,
    /// Its version.
    version: String,
    /// The file's digest.
    digest: String,
    /// The file's size in bytes.
    size: u64,
    /// `active`, or `held` until a person approves.
    status: &'static str,
    /// What it asks for, in plain words.
    asks: Vec<String>,
    /// What is new against what is granted or in use.
    widens: Vec<String>,
    /// The version that was in use.
    previous: Option<String>,
}

/// How an install is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct InstallParams {
    /// Grant what it asks for. Without it, a version that asks for more than is granted is held.
    approve: bool,
}

/// A connector file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "the type of a body, in the document only")]
pub(super) struct WasmFile(Vec<u8>);

/// The version that is approved.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ApproveBody {
    /// Its digest: what was judged is what is let in.
    digest: String,
}

impl From<ConnectorInfo> for Connector {
    fn from(info: ConnectorInfo) -> Self {
        Self {
            name: info.name,
            title: info.title,
            version: info.version,
            digest: info.digest.map(|digest| digest.to_string()),
            actions: info.actions,
            triggers: info.triggers,
            asks: info.asks,
            grant: info.grant,
            held: info.held.map(|digest| digest.to_string()),
            flows: info.flows,
        }
    }
}

impl From<EngineInstalled> for Installed {
    fn from(installed: EngineInstalled) -> Self {
        Self {
            name: installed.name,
            version: installed.version,
            digest: installed.digest.to_string(),
            size: installed.size,
            status: match installed.status {
                InstallStatus::Active => "active",
                InstallStatus::Held => "held",
            },
            asks: installed.asks,
            widens: installed.widens,
            previous: installed.previous,
        }
    }
}

/// Every connector.
#[utoipa::path(get, path = "/api/v1/connectors", tag = "connectors", responses(
    (status = 200, body = List<Connector>),
))]
pub(super) async fn list(State(app): State<App>) -> Result<Json<List<Connector>>, ApiError> {
    Ok(List::all(app.engine.connectors().await?))
}

/// One connector.
#[utoipa::path(get, path = "/api/v1/connectors/{name}", tag = "connectors", params(("name" = String, Path)), responses(
    (status = 200, body = Connector),
    (status = 404, body = ErrorBody),
))]
pub(super) async fn show(State(app): State<App>, Name(name): Name) -> Result<Json<Connector>, ApiError> {
    Ok(Json(app.engine.connector(&name).await?.into()))
}

/// Installs a connector file, or upgrades to it.
#[utoipa::path(post, path = "/api/v1/connectors", tag = "connectors", params(InstallParams),
    request_body(content = WasmFile, content_type = "application/wasm", description = "The file that `wharf build` wrote."),
    responses(
        (status = 200, body = Installed, description = "New runs use it."),
        (status = 202, body = Installed, description = "Stored, and held until it is approved."),
        (status = 409, body = ErrorBody),
        (status = 422, body = ErrorBody, description = "The file is no connector, or one that this server refuses."),
    ))]
pub(super) async fn install(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Params(params): Params<InstallParams>,
    Wasm(wasm): Wasm,
) -> Result<Response, ApiError> {
    let approval = if params.approve { Approval::Approved } else { Approval::Ask };
    let installed = app.engine.install(wasm, approval, &actor.0).await?;
    let status = match installed.status {
        InstallStatus::Active => StatusCode::OK,
        InstallStatus::Held => StatusCode::ACCEPTED,
    };
    Ok((status, Json(Installed::from(installed))).into_response())
}

/// Approves a version that is held: grants what it asks for and makes it the one for new runs.
#[utoipa::path(post, path = "/api/v1/connectors/{name}/approve", tag = "connectors", params(("name" = String, Path)),
    request_body = ApproveBody,
    responses((status = 200, body = Connector), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn approve(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
    JsonBody(body): JsonBody<ApproveBody>,
) -> Result<Json<Connector>, ApiError> {
    let digest: Digest = body.digest.parse().map_err(|error: wharf_model::digest::InvalidDigest| {
        ApiError::bad_request("bad-digest", error.to_string())
    })?;
    Ok(Json(app.engine.approve(&name, digest, &actor.0).await?.into()))
}

/// Replaces what a connector is granted. Calls that start from now on are judged by it.
#[utoipa::path(put, path = "/api/v1/connectors/{name}/grant", tag = "connectors", params(("name" = String, Path)),
    request_body(content = Object, description = "`egress`: a list of `{url, methods}`; `store-max-bytes`; `limits`: what differs from the server's defaults."),
    responses((status = 200, body = Connector), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody)))]
pub(super) async fn grant(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
    JsonBody(grant): JsonBody<Grant>,
) -> Result<Json<Connector>, ApiError> {
    Ok(Json(app.engine.grant(&name, grant, &actor.0).await?.into()))
}

/// Takes a connector out of use; refused while a flow needs it.
#[utoipa::path(delete, path = "/api/v1/connectors/{name}", tag = "connectors", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn remove(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    app.engine.remove_connector(&name, &actor.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
