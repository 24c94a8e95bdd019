//! Every address of the server, and who may use it.
//!
//! What is public is the short list in [`router`]; everything under `/api/v1` needs a key, addresses
//! that do not exist included, so that a stranger cannot map it.

use axum::{
    Router, middleware,
    routing::{delete, get, post, put},
};
use utoipa::{
    Modify, OpenApi,
    openapi::{
        Content, Ref, ResponseBuilder,
        path::Operation,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

mod audit;
pub(crate) mod auth;
mod connections;
mod connectors;
mod dead_letters;
mod doctor;
pub(crate) mod error;
mod extract;
mod flows;
mod grants;
mod list;
mod map;
mod record;
mod runs;
mod status;
mod triggers;

use crate::{answer, app::App, ingress::webhook};
use error::{ApiError, method_not_allowed};

/// All routes.
pub(crate) fn router(app: App) -> Router {
    Router::new()
        .route("/webhooks/{flow}", post(webhook::receive))
        .route("/healthz", get(status::healthz))
        .route("/readyz", get(status::readyz))
        .route("/metrics", get(status::metrics))
        .nest("/api/v1", admin(&app))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), answer::answer))
        .with_state(app)
}

/// What needs a key.
fn admin(app: &App) -> Router<App> {
    Router::new()
        .route("/connectors", get(connectors::list).post(connectors::install))
        .route("/connectors/{name}", get(connectors::show).delete(connectors::remove))
        .route("/connectors/{name}/permissions", get(grants::permissions))
        .route("/connectors/{name}/grant", put(grants::grant))
        .route("/connectors/{name}/grant/enforce", post(grants::enforce))
        .route("/connectors/{name}/grant/proposed", delete(grants::withdraw))
        .route("/connectors/{name}/approve", post(connectors::approve))
        .route("/connectors/{name}/reject", post(connectors::reject))
        .route("/connections", get(connections::list).post(connections::add))
        .route("/connections/{name}", get(connections::show).delete(connections::remove))
        .route("/connections/{name}/test", post(connections::test))
        .route("/connections/{name}/options/{loader}", post(connections::options))
        .route("/flows", get(flows::list).post(flows::apply))
        .route("/flows/validate", post(flows::validate))
        .route("/flows/{name}", get(flows::show))
        .route("/flows/{name}/run", post(flows::run))
        .route("/triggers", get(triggers::list))
        .route("/triggers/{flow}", get(triggers::show))
        .route("/triggers/{flow}/poll", post(triggers::poll))
        .route("/triggers/{flow}/reset", post(triggers::reset))
        .route("/runs", get(runs::list))
        .route("/runs/{id}", get(runs::show))
        .route("/runs/{id}/replay", post(runs::replay))
        .route("/runs/{id}/approve", post(runs::approve))
        .route("/runs/{id}/signal", post(runs::signal))
        .route("/dead-letters", get(dead_letters::list))
        .route("/dead-letters/{id}", get(dead_letters::show))
        .route("/dead-letters/{id}/replay", post(dead_letters::replay))
        .route("/dead-letters/{id}/discard", post(dead_letters::discard))
        .route("/audit", get(audit::audit))
        .route("/audit/verify", get(audit::verify))
        .route("/audit/verify/journals", get(audit::verify_journals))
        .route("/doctor", get(doctor::doctor))
        .route("/status", get(status::status))
        .route("/openapi.json", get(document))
        .fallback(not_found)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(app.clone(), auth::authenticate))
}

async fn not_found() -> ApiError {
    ApiError::not_found()
}

async fn wrong_method() -> ApiError {
    method_not_allowed()
}

/// This document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "status", responses((status = 200, body = Object)))]
async fn document() -> axum::Json<utoipa::openapi::OpenApi> {
    axum::Json(Document::openapi())
}

/// The description of the API, from the code, as indented JSON with a newline at the end.
#[must_use]
pub fn openapi() -> String {
    let mut text = Document::openapi().to_pretty_json().unwrap_or_default();
    text.push('\n');
    text
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Wharf",
        description = "Connectors, connections, flows and runs of a Wharf server. Every error has the shape of `ErrorBody`; every response carries `x-request-id`. Times are milliseconds since 1970."
    ),
    paths(
        connectors::list, connectors::install, connectors::show, connectors::remove,
        connectors::approve, connectors::reject,
        grants::permissions, grants::grant, grants::enforce, grants::withdraw,
        connections::list, connections::add, connections::show, connections::remove,
        connections::test, connections::options,
        flows::list, flows::apply, flows::validate, flows::show, flows::run,
        triggers::list, triggers::show, triggers::poll, triggers::reset,
        runs::list, runs::show, runs::replay, runs::approve, runs::signal,
        dead_letters::list, dead_letters::show, dead_letters::replay, dead_letters::discard,
        audit::audit, audit::verify, audit::verify_journals, doctor::doctor,
        status::status, document, status::healthz, status::readyz, status::metrics,
        webhook::receive,
    ),
    modifiers(&Common),
    security(("key" = []))
)]
struct Document;

/// Adds the scheme that `security` names, and what holds for every operation alike.
struct Common;

impl Modify for Common {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .description(Some("An API key, `wharf_…`"))
            .build();
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("key", SecurityScheme::Http(scheme));
        for (path, item) in &mut openapi.paths.paths {
            let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete];
            for operation in operations.into_iter().flatten() {
                complete(path, operation);
            }
        }
    }
}

/// Ids must be unique in the document, and handlers are named alike: `connectors.list`. Whatever
/// needs a key can be refused for the want of one.
fn complete(path: &str, operation: &mut Operation) {
    let tag = operation.tags.iter().flatten().next().map(|tag| tag.replace(' ', "-"));
    if let (Some(tag), Some(id)) = (tag, &operation.operation_id) {
        operation.operation_id = Some(format!("{tag}.{id}"));
    }
    if path.starts_with("/api/") {
        let body = Content::new(Some(Ref::from_schema_name("ErrorBody")));
        let refused =
            ResponseBuilder::new().description("No valid API key.").content("application/json", body).build();
        operation.responses.responses.insert("401".to_owned(), refused.into());
    }
}

#[cfg(test)]
mod tests;
