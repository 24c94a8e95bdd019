//! Grants: what is in force, what is tried out, and what connectors were denied.

#![expect(unused_qualifications, reason = "in what utoipa makes of `params(…)`")]

use axum::{Extension, Json, extract::State};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use wharf_engine::Permissions as EnginePermissions;
use wharf_model::grant::Grant;
use wharf_store::{Denial as Row, GrantVersion as GrantRow};

use super::{
    auth::Actor,
    connectors::{Connector, Held},
    error::{ApiError, ErrorBody},
    extract::{JsonBody, Name, Params},
};
use crate::app::App;

/// What a connector may do, may be going to do, and was denied.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Permissions {
    /// The connector.
    name: String,
    /// The version that new runs use.
    version: Option<String>,
    /// What that version asks for, in plain words.
    asks: Vec<String>,
    /// What is in force.
    grant: Option<GrantVersion>,
    /// What is tried out.
    proposed: Option<GrantVersion>,
    /// Versions that wait for approval.
    held: Vec<Held>,
    /// What was denied, and what would be under the grant that is tried out; the latest first.
    denials: Vec<Denial>,
    /// The newest versions of the grant, the newest first; at most 100.
    history: Vec<GrantVersion>,
}

/// A version of a grant.
#[derive(Debug, Serialize, ToSchema)]
struct GrantVersion {
    /// Counts from 1.
    version: u64,
    /// `enforce`, `report-only`, or `ended` for a trial that is over.
    mode: &'static str,
    /// The version in force that a trial was made from.
    base: Option<u64>,
    /// What is granted, as in `PUT …/grant`.
    #[schema(value_type = Object)]
    grant: Grant,
    /// Since when, in milliseconds since 1970.
    at: u64,
    /// By whom.
    by: String,
}

/// Refusals of one kind, reason and address.
#[derive(Debug, Serialize, ToSchema)]
struct Denial {
    /// `denied`, or `would-deny` for what passed and the grant that is tried out would have denied.
    kind: &'static str,
    /// Stable, in kebab-case.
    reason: String,
    /// Which gate: `manifest`, `grant`, `ceiling`, `address`.
    gate: String,
    /// The method; empty where further addresses are counted together.
    method: String,
    /// The address without its query; empty where further addresses are counted together.
    url: String,
    /// For a person, with the line that would allow it: the latest.
    message: String,
    /// How often.
    count: u64,
    /// The first time, in milliseconds since 1970.
    first_at: u64,
    /// The last time.
    last_at: u64,
    /// The latest run.
    run: Option<String>,
}

/// How a grant is meant.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields, default)]
#[into_params(parameter_in = Query)]
pub(super) struct GrantParams {
    /// The version in force that the change was made from, 0 for none: another one refuses the change.
    seen: Option<u64>,
    /// `enforce`, the default, or `report-only`: tried out, while the one in force stays.
    mode: GrantMode,
}

/// How a grant is meant.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum GrantMode {
    /// It is in force from now on.
    #[default]
    Enforce,
    /// What it would deny is counted.
    ReportOnly,
}

/// The trial that is put in force.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EnforceBody {
    /// Its version: what was watched is what is put in force.
    version: u64,
}

impl From<GrantRow> for GrantVersion {
    fn from(row: GrantRow) -> Self {
        Self {
            version: row.version,
            mode: row.mode.name(),
            base: row.base,
            grant: row.grant,
            at: row.at.0,
            by: row.actor,
        }
    }
}

impl From<Row> for Denial {
    fn from(row: Row) -> Self {
        Self {
            kind: row.kind.name(),
            reason: row.reason,
            gate: row.gate,
            method: row.method,
            url: row.place,
            message: row.message,
            count: row.count,
            first_at: row.first_at.0,
            last_at: row.last_at.0,
            run: row.run,
        }
    }
}

impl From<EnginePermissions> for Permissions {
    fn from(found: EnginePermissions) -> Self {
        Self {
            name: found.name,
            version: found.version,
            asks: found.asks,
            grant: found.grant.map(GrantVersion::from),
            proposed: found.proposed.map(GrantVersion::from),
            held: found.held.into_iter().map(Held::from).collect(),
            denials: found.denials.into_iter().map(Denial::from).collect(),
            history: found.history.into_iter().map(GrantVersion::from).collect(),
        }
    }
}

/// What a connector may do, may be going to do, and was denied.
#[utoipa::path(get, path = "/api/v1/connectors/{name}/permissions", tag = "connectors", params(("name" = String, Path)),
    responses((status = 200, body = Permissions), (status = 404, body = ErrorBody)))]
pub(super) async fn permissions(
    State(app): State<App>,
    Name(name): Name,
) -> Result<Json<Permissions>, ApiError> {
    Ok(Json(app.engine.permissions(&name).await?.into()))
}

/// Replaces what a connector is granted, or what is tried out. Calls that start from now on are judged by it.
#[utoipa::path(put, path = "/api/v1/connectors/{name}/grant", tag = "connectors", params(("name" = String, Path), GrantParams),
    request_body(content = Object, description = "`egress`: a list of `{url, methods}`; `store-max-bytes`; `scratch-max-bytes`; `roots`: certificate authorities in PEM; `reveal`: secrets as `METHOD/SLOT`; `limits`: what differs from the server's defaults."),
    responses((status = 200, body = Connector), (status = 400, body = ErrorBody), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn grant(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
    Params(params): Params<GrantParams>,
    JsonBody(grant): JsonBody<Grant>,
) -> Result<Json<Connector>, ApiError> {
    let info = match params.mode {
        GrantMode::Enforce => app.engine.grant(&name, grant, params.seen, &actor.0).await?,
        GrantMode::ReportOnly => app.engine.propose_grant(&name, grant, params.seen, &actor.0).await?,
    };
    Ok(Json(info.into()))
}

/// Puts the grant that is tried out in force.
#[utoipa::path(post, path = "/api/v1/connectors/{name}/grant/enforce", tag = "connectors", params(("name" = String, Path)),
    request_body = EnforceBody,
    responses((status = 200, body = Connector), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn enforce(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
    JsonBody(body): JsonBody<EnforceBody>,
) -> Result<Json<Connector>, ApiError> {
    Ok(Json(app.engine.enforce_grant(&name, body.version, &actor.0).await?.into()))
}

/// Ends the trial of a grant.
#[utoipa::path(delete, path = "/api/v1/connectors/{name}/grant/proposed", tag = "connectors", params(("name" = String, Path)),
    responses((status = 200, body = Connector), (status = 404, body = ErrorBody)))]
pub(super) async fn withdraw(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
) -> Result<Json<Connector>, ApiError> {
    Ok(Json(app.engine.withdraw_grant(&name, &actor.0).await?.into()))
}
