//! `POST /webhooks/{flow}`: from a stranger's bytes to a durable run, or a refusal that costs little.
//!
//! The order is the defence: bounds, then the address, then the signature over the raw bytes, and only
//! then anything that reads the body. A 2xx leaves here for a delivery that is on the disk (or was
//! before, or was never meant to be), and for no other.

use std::time::Duration;

use axum::{
    Json,
    extract::{Path, Request, State, rejection::PathRejection},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode, request::Parts};
use wharf_engine::{AcceptError, Endpoint, EngineError};
use wharf_model::{
    event::{Delivery, Provenance},
    http::Field,
    manifest::{EventFilter, Verification},
    time::Timestamp,
};

use super::{
    json::{self, NotJson},
    verify::{self, Evidence, Forgery, Verified},
};
use crate::{
    api::error::{ApiError, ErrorBody},
    app::App,
    body::{self, Allowance, Unread},
    clock,
    config::Unsigned,
};

/// The whole body must arrive in this time. With the time for the headers it makes half a minute.
const BODY_WITHIN: Duration = Duration::from_secs(15);

/// How a delivery was answered, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// 202: durable, a run begins.
    Accepted,
    /// 200: it was durable before.
    Duplicate,
    /// 202: of a kind that the trigger does not mean; nothing is stored.
    Ignored,
    /// 404: no such address.
    Unknown,
    /// 401: not believed.
    Forged(Forgery),
    /// 401: the flow takes unsigned deliveries, the configuration does not.
    UnsignedRefused,
    /// 400: no JSON, or nested too deep.
    NotJson,
    /// 400: the header that names the delivery is missing, doubled or malformed.
    BadId,
    /// 413, 415, 408, 400: the body was not read.
    Unread(Unread),
    /// 503: too much under way.
    Overloaded,
    /// 503: it could not be made durable, or not be judged.
    Unavailable,
}

impl Answer {
    /// The stable kebab-case name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Duplicate => "duplicate",
            Self::Ignored => "ignored",
            Self::Unknown => "unknown-address",
            Self::Forged(forgery) => forgery.name(),
            Self::UnsignedRefused => "unsigned-refused",
            Self::NotJson => "not-json",
            Self::BadId => "bad-delivery-id",
            Self::Unread(unread) => match unread {
                Unread::TooLarge(_) => "too-large",
                Unread::Encoded => "content-encoding",
                Unread::Slow(_) => "slow",
                Unread::Broken => "broken-off",
                Unread::NoRoom => "no-room",
            },
            Self::Overloaded => "overloaded",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A refusal: what the metrics count and what the sender reads.
struct Refusal(Answer, ApiError);

/// A delivery that was made durable, or was before.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
struct Received {
    /// Its run.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<String>,
    /// It had been received before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
    /// It is of a kind that the flow's trigger does not mean; nothing was stored.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    ignored: bool,
}

/// Takes a provider's delivery, signed as the flow's trigger says. A 2xx means that it is on the disk.
#[utoipa::path(post, path = "/webhooks/{flow}", tag = "webhooks", security(()), params(("flow" = String, Path)),
    request_body(content = Object, description = "The delivery, exactly as the provider signed it."),
    responses(
        (status = 200, body = Received, description = "It had been received before."),
        (status = 202, body = Received),
        (status = 401, body = ErrorBody),
        (status = 404, body = ErrorBody),
        (status = 413, body = ErrorBody),
        (status = 503, body = ErrorBody, description = "Nothing was stored; deliver it again after `retry-after`."),
    ))]
pub(crate) async fn receive(
    State(app): State<App>,
    flow: Result<Path<String>, PathRejection>,
    request: Request,
) -> Response {
    let Ok(Path(flow)) = flow else {
        app.metrics.delivery(None, Answer::Unknown);
        return ApiError::not_found().into_response();
    };
    let (answer, response) = match take(&app, &flow, request).await {
        Ok((answer, response)) => (answer, response),
        Err(Refusal(answer, error)) => {
            tracing::info!(flow = %flow.escape_debug(), reason = answer.name(), "a delivery was refused");
            (answer, error.into_response())
        }
    };
    // What a stranger writes into the path never becomes a label.
    let unchecked = matches!(answer, Answer::Unknown | Answer::Unread(Unread::Encoded | Unread::TooLarge(_)));
    app.metrics.delivery((!unchecked).then_some(flow.as_str()), answer);
    response
}

/// The stages, in the order of their cost.
async fn take(app: &App, flow: &str, request: Request) -> Result<(Answer, Response), Refusal> {
    let most = usize::try_from(app.webhooks.max_body_bytes).unwrap_or(usize::MAX);
    let (parts, body) = request.into_parts();
    body::precheck(&parts.headers, most).map_err(unread)?;
    let endpoint = endpoint(app, flow).await?;
    allowed(&endpoint, app.webhooks.unsigned)?;
    let allowance = Allowance { bytes: most, within: BODY_WITHIN };
    let mut body = body::read(body, allowance, &app.webhook_room).await.map_err(unread)?;
    let received_at = clock::now();
    let evidence = Evidence { headers: &parts.headers, body: &body.bytes, now: received_at };
    let secret = endpoint.secret.as_ref().map(wharf_store::Secret::expose);
    let verified = verify::verify(&endpoint.verification, secret, evidence).map_err(forged)?;
    json::check(&body.bytes).map_err(|error| not_json(&error))?;
    if !meant(endpoint.event_filter.as_ref(), &parts.headers) {
        let received = Received { run: None, duplicate: false, ignored: true };
        return Ok((Answer::Ignored, (StatusCode::ACCEPTED, Json(received)).into_response()));
    }
    let delivery_id = delivery_id(&endpoint, &verified, &parts.headers, &body.bytes)?;
    let provenance = Provenance { verified: verified.scheme.to_owned(), delivery_id };
    let delivery = delivery(&parts, std::mem::take(&mut body.bytes), received_at);
    let accepted = app.engine.accept(flow, delivery, provenance).await.map_err(refused)?;
    let (answer, status) = if accepted.duplicate {
        (Answer::Duplicate, StatusCode::OK)
    } else {
        (Answer::Accepted, StatusCode::ACCEPTED)
    };
    let received = Received { run: Some(accepted.run), duplicate: accepted.duplicate, ignored: false };
    Ok((answer, (status, Json(received)).into_response()))
}

fn delivery(parts: &Parts, body: Vec<u8>, received_at: Timestamp) -> Delivery {
    Delivery {
        method: parts.method.as_str().to_owned(),
        target: target(parts),
        headers: fields(&parts.headers),
        body,
        received_at,
    }
}

async fn endpoint(app: &App, flow: &str) -> Result<Endpoint, Refusal> {
    match app.engine.endpoint(flow).await {
        Ok(Some(endpoint)) => Ok(endpoint),
        Ok(None) => Err(Refusal(Answer::Unknown, ApiError::not_found())),
        // A connection that is gone or a secret that cannot be read: the operator's to mend, and the
        // sender's to try again.
        Err(error) => Err(unavailable(&error)),
    }
}

/// Both the flow and the configuration must say that nobody needs to sign.
fn allowed(endpoint: &Endpoint, unsigned: Unsigned) -> Result<(), Refusal> {
    let is_unsigned = matches!(endpoint.verification, Verification::Unsigned);
    match unsigned {
        Unsigned::Refused if is_unsigned => {
            let cause = "the flow takes unsigned deliveries, but `webhooks.allow-unsigned` is false";
            Err(Refusal(Answer::UnsignedRefused, unauthorized().cause(cause)))
        }
        Unsigned::Refused | Unsigned::Allowed => Ok(()),
    }
}

/// Whether the trigger means this kind of event. A doubled header is not a kind.
fn meant(filter: Option<&EventFilter>, headers: &HeaderMap) -> bool {
    filter.is_none_or(|filter| {
        verify::single(headers, &filter.header)
            .is_ok_and(|kind| filter.values.iter().any(|value| value == kind))
    })
}

/// What the delivery is deduplicated by: the id that was signed, else the one in the provider's
/// header, else the digest of the body.
fn delivery_id(
    endpoint: &Endpoint,
    verified: &Verified,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<String, Refusal> {
    if let Some(id) = &verified.signed_id {
        return Ok(id.clone());
    }
    let Some(name) = &endpoint.delivery_id_header else {
        return Ok(verify::body_id(body));
    };
    match verify::single(headers, name) {
        Ok(id) if verify::is_delivery_id(id) => Ok(id.to_owned()),
        Ok(_) | Err(_) => {
            let message = format!("`{name}` must be there once, with 1 to 128 of A-Z a-z 0-9 _ -");
            Err(Refusal(Answer::BadId, ApiError::bad_request("bad-delivery-id", message)))
        }
    }
}

fn target(parts: &Parts) -> String {
    parts
        .uri
        .path_and_query()
        .map_or_else(|| parts.uri.path().to_owned(), |target| target.as_str().to_owned())
}

fn fields(headers: &HeaderMap) -> Vec<Field> {
    headers.iter().map(|(name, value)| Field::new(name.as_str(), value.as_bytes())).collect()
}

fn unauthorized() -> ApiError {
    // The sender learns nothing about which check failed.
    ApiError::new(
        StatusCode::UNAUTHORIZED,
        "unauthorized",
        "the delivery's signature is missing or does not hold",
    )
}

fn forged(forgery: Forgery) -> Refusal {
    Refusal(Answer::Forged(forgery), unauthorized().cause(forgery))
}

fn not_json(error: &NotJson) -> Refusal {
    Refusal(Answer::NotJson, ApiError::bad_request("not-json", error.to_string()))
}

fn unread(unread: Unread) -> Refusal {
    let answer = match unread {
        Unread::NoRoom => Answer::Overloaded,
        Unread::TooLarge(_) | Unread::Encoded | Unread::Slow(_) | Unread::Broken => Answer::Unread(unread),
    };
    Refusal(answer, unread.into())
}

fn refused(error: AcceptError) -> Refusal {
    match error {
        AcceptError::UnknownFlow(_) => Refusal(Answer::Unknown, ApiError::not_found()),
        AcceptError::Overloaded { retry_after_s } => Refusal(
            Answer::Overloaded,
            ApiError::unavailable(
                "overloaded",
                "the server takes no more at the moment; try again",
                retry_after_s.into(),
            ),
        ),
        AcceptError::Stopping => Refusal(
            Answer::Unavailable,
            ApiError::unavailable("stopping", "the server is shutting down; try again", 5),
        ),
        AcceptError::Engine(EngineError::Invalid(message)) => {
            Refusal(Answer::NotJson, ApiError::bad_request("not-json", message))
        }
        AcceptError::Engine(error) => unavailable(&error),
    }
}

fn unavailable(error: &EngineError) -> Refusal {
    let answer = ApiError::unavailable("unavailable", "the delivery could not be stored; try again", 5);
    Refusal(Answer::Unavailable, answer.cause(error))
}
