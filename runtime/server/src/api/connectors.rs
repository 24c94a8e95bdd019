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
use wharf_engine::{
    AnyHost, Approval, Approve, ConnectorInfo, Consent, Downgrade, HeldVersion, InstallStatus,
    Installed as EngineInstalled, PermissionChange,
};
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
    /// The version of the grant, 0 for none.
    grant_version: u64,
    /// The grant that is tried out.
    proposed: Option<Proposed>,
    /// Versions that wait for approval, the oldest first.
    held: Vec<Held>,
    /// Flows that use it.
    flows: Vec<String>,
}

/// A grant that is tried out.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Proposed {
    /// Its version.
    version: u64,
    /// The grant.
    #[schema(value_type = Object)]
    grant: Grant,
}

/// A version that waits for approval.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Held {
    /// Its version.
    version: String,
    /// Its digest.
    digest: String,
    /// Since when, in milliseconds since 1970.
    since: u64,
    /// What it asks for, in plain words.
    asks: Vec<String>,
    /// What is new against the version that was in use last.
    widens: Vec<String>,
    /// All that changes against that version.
    changes: Vec<Change>,
    /// It is older than the version in use: `downgrade` must be said.
    downgrade: bool,
    /// What is new reaches every public host: `any_host` must be said.
    any_host: bool,
    /// Names what is shown here. Sent along with the approval, it is refused when something else would happen.
    review: String,
}

/// One change of what a connector asks for.
#[derive(Debug, Serialize, ToSchema)]
struct Change {
    /// `widens`, `narrows` or `note`.
    direction: &'static str,
    /// In plain words.
    line: String,
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
    /// What is new against the version that was in use last.
    widens: Vec<String>,
    /// All that changes against that version.
    changes: Vec<Change>,
    /// What is new reaches every public host: an approval must say so.
    any_host: bool,
    /// Names what is shown here, for the approval.
    review: String,
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
    /// Take it although it is older than the version in use.
    downgrade: bool,
    /// Let `approve` speak of every public host, too, if it asks for that.
    any_host: bool,
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
    /// The `review` that was shown with it.
    #[serde(default)]
    review: Option<String>,
    /// Take it although it is older than the version in use.
    #[serde(default)]
    downgrade: bool,
    /// Let it reach every public host, if it asks for that.
    #[serde(default)]
    any_host: bool,
}

/// The version that is turned away.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectBody {
    /// Its digest.
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
            grant_version: info.grant_version,
            proposed: info.proposed.map(|(version, grant)| Proposed { version, grant }),
            held: info.held.into_iter().map(Held::from).collect(),
            flows: info.flows,
        }
    }
}

impl From<HeldVersion> for Held {
    fn from(held: HeldVersion) -> Self {
        Self {
            version: held.version,
            digest: held.digest.to_string(),
            since: held.since.0,
            asks: held.asks,
            widens: held.widens,
            changes: held.changes.into_iter().map(Change::from).collect(),
            downgrade: held.downgrade,
            any_host: held.any_host,
            review: held.review,
        }
    }
}

impl From<PermissionChange> for Change {
    fn from(change: PermissionChange) -> Self {
        Self { direction: change.direction.name(), line: change.line }
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
            changes: installed.changes.into_iter().map(Change::from).collect(),
            any_host: installed.any_host,
            review: installed.review,
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
    let consent = Consent {
        approval: if params.approve { Approval::Approved } else { Approval::Ask },
        downgrade: downgrade(params.downgrade),
        any_host: any_host(params.any_host),
    };
    let installed = app.engine.install(wasm, consent, &actor.0).await?;
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
    let approve = Approve {
        digest: digest(&body.digest)?,
        review: body.review,
        downgrade: downgrade(body.downgrade),
        any_host: any_host(body.any_host),
    };
    Ok(Json(app.engine.approve(&name, &approve, &actor.0).await?.into()))
}

/// Turns a version that is held away.
#[utoipa::path(post, path = "/api/v1/connectors/{name}/reject", tag = "connectors", params(("name" = String, Path)),
    request_body = RejectBody,
    responses((status = 200, body = Connector), (status = 404, body = ErrorBody)))]
pub(super) async fn reject(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
    JsonBody(body): JsonBody<RejectBody>,
) -> Result<Json<Connector>, ApiError> {
    Ok(Json(app.engine.reject(&name, digest(&body.digest)?, &actor.0).await?.into()))
}

fn digest(text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|error: wharf_model::digest::InvalidDigest| {
        ApiError::bad_request("bad-digest", error.to_string())
    })
}

fn downgrade(said: bool) -> Downgrade {
    if said { Downgrade::Allow } else { Downgrade::Refuse }
}

fn any_host(said: bool) -> AnyHost {
    if said { AnyHost::Allow } else { AnyHost::Refuse }
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
