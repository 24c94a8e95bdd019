//! What handlers take from a request, checked on the way in: names, queries, bodies.

use std::time::Duration;

use axum::{
    extract::{FromRequest, FromRequestParts, Path, Query, Request},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, header, request::Parts};
use serde::de::DeserializeOwned;

use super::error::ApiError;
use crate::{
    app::App,
    body::{self, Allowance, Whole},
    ingress::json,
};

/// Bytes of a JSON document or a flow file.
pub(super) const TEXT_BYTES: usize = 1 << 20;
/// Bytes of a connector file; the package reader has its own, smaller limit on what is in it.
pub(super) const WASM_BYTES: usize = 64 << 20;

/// Time for a body: the client has a key, so it may have a slow line as well.
const WITHIN: Duration = Duration::from_secs(60);

/// A name or id from the path: `[A-Za-z0-9][A-Za-z0-9._-]{0,127}`. Anything else names nothing that
/// could exist, so it is not found.
pub(super) struct Name(pub(super) String);

/// Two of them.
pub(super) struct Names(pub(super) String, pub(super) String);

/// The query; unknown parameters are refused by the type.
pub(super) struct Params<T>(pub(super) T);

/// A JSON document; unknown members are refused by the type.
pub(super) struct JsonBody<T>(pub(super) T);

/// A flow file.
pub(super) struct FlowText(pub(super) String);

/// A connector file.
pub(super) struct Wasm(pub(super) Vec<u8>);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path(name) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::not_found())?;
        checked(name).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Path((one, two)) = Path::<(String, String)>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found())?;
        Ok(Self(checked(one)?, checked(two)?))
    }
}

fn checked(name: String) -> Result<String, ApiError> {
    if is_name(&name) { Ok(name) } else { Err(ApiError::not_found()) }
}

/// Whether a text could name anything.
pub(super) fn is_name(text: &str) -> bool {
    text.len() <= 128
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        Query::try_from_uri(&parts.uri).map(|Query(params)| Self(params)).map_err(|error| {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            ApiError::bad_request("bad-query", cause.unwrap_or_else(|| "the query cannot be read".to_owned()))
        })
    }
}

impl<T: DeserializeOwned> FromRequest<App> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let read = async {
            let body = typed(request, app, &["application/json"], TEXT_BYTES).await?;
            json::check(&body.bytes).map_err(|error| ApiError::bad_request("not-json", error.to_string()))?;
            serde_json::from_slice(&body.bytes)
                .map_err(|error| ApiError::bad_request("bad-body", error.to_string()))
        };
        read.await.map(Self).map_err(ApiError::into_response)
    }
}

impl FromRequest<App> for FlowText {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let read = async {
            let types = ["text/yaml", "application/yaml", "text/plain", "application/json"];
            let body = typed(request, app, &types, TEXT_BYTES).await?;
            String::from_utf8(body.bytes)
                .map_err(|_| ApiError::bad_request("not-utf-8", "a flow file is UTF-8 text"))
        };
        read.await.map(Self).map_err(ApiError::into_response)
    }
}

impl FromRequest<App> for Wasm {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        let types = ["application/wasm", "application/octet-stream"];
        let read = typed(request, app, &types, WASM_BYTES).await;
        read.map(|body| Self(body.bytes)).map_err(ApiError::into_response)
    }
}

/// The body, if it says that it is one of `types`.
async fn typed(request: Request, app: &App, types: &[&str], most: usize) -> Result<Whole, ApiError> {
    let (parts, body) = request.into_parts();
    if !is_one_of(&parts.headers, types) {
        let message = format!("the content-type must be {}", types.join(" or "));
        return Err(ApiError::new(http::StatusCode::UNSUPPORTED_MEDIA_TYPE, "content-type", message));
    }
    body::precheck(&parts.headers, most)?;
    let allowance = Allowance { bytes: most, within: WITHIN };
    Ok(body::read(body, allowance, &app.api_room).await?)
}

fn is_one_of(headers: &HeaderMap, types: &[&str]) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| types.iter().any(|known| value.trim().eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn names() {
        for good in ["slack", "acme-github", "01J9Z6", "triage_bugs.v2", "0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "....//",
            "../../etc/passwd",
            "a\0",
            "a b",
            "' OR 1=1--",
            "%",
            "_",
            "é",
            &"a".repeat(129),
        ] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
