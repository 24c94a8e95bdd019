//! Connections: accounts at providers. Secrets go in and never come out.

use std::collections::BTreeMap;

use axum::{Extension, Json, extract::State, http::StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use wharf_engine::{ConnectionInfo, ConnectionTest, NewConnection};
use wharf_sandbox::{Choice as SandboxChoice, OptionsQuery};

use super::{
    auth::Actor,
    error::{ApiError, ErrorBody},
    extract::{JsonBody, Name, Names},
    list::List,
    record::{FailureRecord, MeteringRecord},
};
use crate::{answer::Gone, app::App};

/// A connection, without its secrets.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Connection {
    /// How flows name it.
    name: String,
    /// The connector.
    connector: String,
    /// The auth method.
    method: String,
    /// Settings that are not secret.
    settings: Value,
    /// The slots that hold a secret.
    slots: Vec<String>,
    /// Those of them that the connector may read, and not only use: each was granted by name.
    reveals: Vec<String>,
    /// Whom it stood for when it was last tested: `label`, `account`, `scopes`, `metadata`.
    identity: Option<Value>,
}

/// An account to be connected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConnectionBody {
    /// How flows will name it: `[a-z][a-z0-9-]{0,62}`. One of that name is replaced.
    name: String,
    /// The connector.
    connector: String,
    /// The auth method; may be left out where the connector has only one.
    #[serde(default)]
    method: Option<String>,
    /// Settings under the manifest's schema.
    #[serde(default = "empty_object")]
    settings: Value,
    /// Secrets by slot.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

fn empty_object() -> Value {
    Value::Object(serde_json::Map::new())
}

/// What the provider said of a connection.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Tested {
    /// Whether the credential works.
    ok: bool,
    /// Whom it stands for: `label`, `account`, `scopes`, `metadata`.
    identity: Option<Value>,
    /// Why it does not work.
    failure: Option<FailureRecord>,
    /// What the question cost.
    metering: MeteringRecord,
}

/// What is asked of an option loader.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OptionsBody {
    /// The other inputs so far, an object.
    values: serde_json::Map<String, Value>,
    /// What the person typed.
    search: Option<String>,
    /// `next` of the page before.
    page: Option<String>,
}

/// What a person may choose.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Choice {
    /// For a person.
    label: String,
    /// What the input becomes.
    value: Value,
    /// For a person.
    description: Option<String>,
}

impl From<ConnectionInfo> for Connection {
    fn from(info: ConnectionInfo) -> Self {
        Self {
            name: info.name,
            connector: info.connector,
            method: info.method,
            settings: info.settings,
            slots: info.slots,
            reveals: info.reveals,
            identity: info.identity,
        }
    }
}

impl From<ConnectionTest> for Tested {
    fn from(test: ConnectionTest) -> Self {
        Self {
            ok: test.ok,
            identity: test.identity,
            failure: test.failure.map(FailureRecord::from),
            metering: test.metering.into(),
        }
    }
}

impl From<SandboxChoice> for Choice {
    fn from(choice: SandboxChoice) -> Self {
        Self { label: choice.label, value: choice.value, description: choice.description }
    }
}

/// Every connection.
#[utoipa::path(get, path = "/api/v1/connections", tag = "connections", responses((status = 200, body = List<Connection>)))]
pub(super) async fn list(State(app): State<App>) -> Result<Json<List<Connection>>, ApiError> {
    Ok(List::all(app.engine.connections().await?))
}

/// One connection.
#[utoipa::path(get, path = "/api/v1/connections/{name}", tag = "connections", params(("name" = String, Path)),
    responses((status = 200, body = Connection), (status = 404, body = ErrorBody)))]
pub(super) async fn show(State(app): State<App>, Name(name): Name) -> Result<Json<Connection>, ApiError> {
    Ok(Json(app.engine.connection(&name).await?.into()))
}

/// Connects an account, or replaces what the connection of that name holds.
#[utoipa::path(post, path = "/api/v1/connections", tag = "connections", request_body = ConnectionBody,
    responses((status = 200, body = Connection), (status = 422, body = ErrorBody)))]
pub(super) async fn add(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    JsonBody(body): JsonBody<ConnectionBody>,
) -> Result<Json<Connection>, ApiError> {
    let new = NewConnection {
        name: body.name,
        connector: body.connector,
        method: body.method,
        settings: body.settings,
        secrets: body.secrets,
    };
    Ok(Json(app.engine.add_connection(new, &actor.0).await?.into()))
}

/// Asks the provider whether the credential works. A credential that does not is a 200 with `ok: false`.
#[utoipa::path(post, path = "/api/v1/connections/{name}/test", tag = "connections", params(("name" = String, Path)),
    responses((status = 200, body = Tested), (status = 404, body = ErrorBody)))]
pub(super) async fn test(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Extension(Gone(gone)): Extension<Gone>,
    Name(name): Name,
) -> Result<Json<Tested>, ApiError> {
    Ok(Json(app.engine.test_connection(&name, &actor.0, &gone).await?.into()))
}

/// What a person may choose for an input, as the provider has it now.
#[utoipa::path(post, path = "/api/v1/connections/{name}/options/{loader}", tag = "connections",
    params(("name" = String, Path), ("loader" = String, Path)), request_body = OptionsBody,
    responses((status = 200, body = List<Choice>), (status = 404, body = ErrorBody), (status = 502, body = ErrorBody)))]
pub(super) async fn options(
    State(app): State<App>,
    Extension(Gone(gone)): Extension<Gone>,
    Names(name, loader): Names,
    JsonBody(body): JsonBody<OptionsBody>,
) -> Result<Json<List<Choice>>, ApiError> {
    let query =
        OptionsQuery { values: Value::Object(body.values).to_string(), search: body.search, page: body.page };
    match app.engine.options(&name, &loader, &query, &gone).await? {
        Ok(choices) => Ok(List::with_next(choices.items, choices.next)),
        Err(failure) => {
            let message = format!("{}: {}", failure.class.name(), failure.message);
            Err(ApiError::new(StatusCode::BAD_GATEWAY, "provider-failed", message))
        }
    }
}

/// Forgets a connection and its secrets; refused while a flow uses it.
#[utoipa::path(delete, path = "/api/v1/connections/{name}", tag = "connections", params(("name" = String, Path)),
    responses((status = 204), (status = 404, body = ErrorBody), (status = 409, body = ErrorBody)))]
pub(super) async fn remove(
    State(app): State<App>,
    Extension(actor): Extension<Actor>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    app.engine.remove_connection(&name, &actor.0).await?;
    Ok(StatusCode::NO_CONTENT)
}
