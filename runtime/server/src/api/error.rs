//! The one way from an error to a response.
//!
//! What the client reads (code, message, fix, request id) and what the log reads (`cause`) are
//! different fields, and only [`finish`] looks at both: a handler cannot leak one into the other.

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Unread;

/// The header that names a request, in every response and in the log.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// An error on its way to the client. Boxed, because every handler returns one or none.
#[derive(Clone, Debug)]
pub(crate) struct ApiError(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    code: &'static str,
    message: String,
    fix: Option<String>,
    problems: Vec<Problem>,
    rendered: Option<String>,
    retry_after: Option<u64>,
    /// For the log only.
    cause: Option<String>,
}

/// Body of every response that is no success.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    error: ErrorDetail,
}

/// What went wrong.
#[derive(Debug, Serialize, ToSchema)]
struct ErrorDetail {
    /// Stable, in kebab-case.
    code: &'static str,
    /// For a person.
    message: String,
    /// What to do about it, if there is something.
    fix: Option<String>,
    /// Each thing that is wrong with a flow.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<Problem>,
    /// The problems as a person should see them: the lines of the file, with marks under the places.
    #[serde(skip_serializing_if = "Option::is_none")]
    rendered: Option<String>,
    /// As in the header `x-request-id` and in the server's log.
    request_id: String,
}

/// One thing that is wrong with a flow.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Problem {
    /// `error` or `warning`.
    pub(crate) severity: &'static str,
    /// Line in the file, from 1.
    pub(crate) line: u32,
    /// Column in the line, in characters, from 1.
    pub(crate) column: u32,
    /// How many characters are meant.
    pub(crate) len: u32,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: Option<String>,
    /// What there is instead.
    pub(crate) note: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            status,
            code,
            message: message.into(),
            fix: None,
            problems: Vec::new(),
            rendered: None,
            retry_after: None,
            cause: None,
        }))
    }

    /// 400: the request itself is wrong.
    pub(crate) fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 404, worded alike whatever was looked for and why it is not there.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "there is nothing here")
    }

    /// 404 for an authenticated client, who may know what was not found.
    pub(crate) fn no_such(kind: &str, name: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", format!("there is no {kind} `{name}`"))
    }

    /// 409: the state of things does not allow it.
    pub(crate) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 500: a bug or a broken machine; the client learns nothing but the request id.
    pub(crate) fn internal(cause: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "the server failed; its log says more under this request id",
        )
        .cause(cause)
    }

    /// 503: nothing was stored; try again.
    pub(crate) fn unavailable(code: &'static str, message: impl Into<String>, retry_after: u64) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message).retry_after(retry_after)
    }

    pub(crate) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.0.fix = Some(fix.into());
        self
    }

    /// What is wrong with a flow, one by one and as a person should see it.
    pub(crate) fn problems(mut self, problems: Vec<Problem>, rendered: String) -> Self {
        self.0.problems = problems;
        self.0.rendered = Some(rendered);
        self
    }

    /// Seconds after which trying again makes sense.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    pub(crate) fn cause(mut self, cause: impl std::fmt::Display) -> Self {
        self.0.cause = Some(cause.to_string());
        self
    }

    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::not_found(),
            StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(),
            status => Self::new(status, "refused", status.canonical_reason().unwrap_or("refused")),
        }
    }
}

impl From<Unread> for ApiError {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge(most) => Self::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "too-large",
                format!("the body is longer than {most} bytes"),
            ),
            Unread::Encoded => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "content-encoding",
                "a body with a content-encoding is not taken",
            )
            .fix("send it uncompressed"),
            Unread::Slow(within) => Self::new(
                StatusCode::REQUEST_TIMEOUT,
                "slow",
                format!("the body did not arrive within {} s", within.as_secs()),
            ),
            Unread::Broken => Self::bad_request("broken-off", "the body ended early"),
            Unread::NoRoom => Self::unavailable("overloaded", "too much is being received; try again", 1),
        }
    }
}

/// 405.
pub(crate) fn method_not_allowed() -> ApiError {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "this address does not take that method",
    )
}

impl IntoResponse for ApiError {
    /// An empty response that carries the error to [`finish`], which knows the request id.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.0.status;
        response.extensions_mut().insert(self);
        response
    }
}

/// Completes a response: an error gets its body and goes to the log, and every response gets its id
/// and the headers that keep a browser from making anything of it.
pub(crate) fn finish(mut response: Response, request_id: &str) -> Response {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let error =
            response.extensions_mut().remove::<ApiError>().unwrap_or_else(|| ApiError::of_status(status));
        response = render(error, request_id, &response);
    }
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

fn render(ApiError(error): ApiError, request_id: &str, original: &Response) -> Response {
    let status = error.status;
    if let Some(cause) = &error.cause {
        if status.is_server_error() {
            tracing::error!(code = error.code, cause, "a request failed");
        } else {
            tracing::info!(code = error.code, cause, "a request was refused");
        }
    }
    let body = ErrorBody {
        error: ErrorDetail {
            code: error.code,
            message: error.message,
            fix: error.fix,
            problems: error.problems,
            rendered: error.rendered,
            request_id: request_id.to_owned(),
        },
    };
    let mut response = (status, axum::Json(body)).into_response();
    // `Allow` of a 405 stays.
    if let Some(allow) = original.headers().get(header::ALLOW) {
        response.headers_mut().insert(header::ALLOW, allow.clone());
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = error.retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
