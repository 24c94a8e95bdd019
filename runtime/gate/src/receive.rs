//! A response under caps: fields and bytes of the head, bytes of the body as it comes and as it is
//! decoded, time between two pieces of it, time altogether. What goes to the connector has been
//! searched for secrets.
//!
//! A body is read as its reader asks for it. A cap that is crossed inside of it is an error at that
//! place, and the connection is closed at once: nobody knows where its next response would start.

use std::{borrow::Cow, time::Duration};

use bytes::Bytes;
use futures_util::stream::try_unfold;
use http::{
    HeaderMap, Method,
    header::{CONTENT_LENGTH, TRANSFER_ENCODING},
};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use wharf_model::http::{Body, Field, HttpError, HttpResponse, Pieces};

use crate::{
    authorise::{Authorised, WithCredential},
    classify::broken_body,
    decode::{Codings, decoded},
    redact::Redactor,
};

/// A body of this declared length, not encoded, is read before it is handed on: one piece, searched
/// where it lies.
const SMALL: u64 = 64 * 1024;

/// The caps of one response.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) deadline: Instant,
    pub(crate) between_bytes: Duration,
    pub(crate) body_bytes: u64,
    pub(crate) headers: usize,
    pub(crate) header_bytes: usize,
}

/// Of the connection, not of the response.
const HOP_BY_HOP: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"];

/// Takes the head of a response and prepares its body. Whatever fails here or in the body happens
/// after the request was sent.
pub(crate) async fn receive(
    response: Response,
    caps: Caps,
    request: &mut Authorised,
) -> Result<HttpResponse, HttpError> {
    let redactor = request.authority.redactor().clone();
    check_head(response.headers(), caps)?;
    let length = response.content_length();
    if length.is_some_and(|length| length > caps.body_bytes) && request.method != Method::HEAD {
        return Err(too_large(caps));
    }
    let bodiless = request.method == Method::HEAD
        || matches!(response.status().as_u16(), 204 | 304)
        || length == Some(0);
    let codings = if bodiless { Codings::None } else { Codings::of(response.status(), response.headers())? };
    if let (Codings::Unknown(name), WithCredential::Yes) = (&codings, request.credential) {
        // An echo of the credential could not be found in it.
        let problem = format!("encoding: the body came encoded as `{name}`, which was not asked for");
        return Err(HttpError::BadResponse(problem));
    }
    let status = response.status().as_u16();
    let mut headers = fields(response.headers(), &redactor);
    let wire = wire(response, caps);
    let body = match codings {
        Codings::None if length.is_some_and(|length| length <= SMALL) => {
            let whole = Body::Pieces(wire).whole().await?;
            Body::Whole(redacted_whole(whole, &redactor, &mut headers))
        }
        Codings::None | Codings::Unknown(_) => redacted(wire, &redactor, &mut headers),
        Codings::Known(codings) => {
            headers.retain(|field| field.name != "content-encoding" && field.name != "content-length");
            let mut pieces = wire;
            for coding in codings.into_iter().rev() {
                // Between two codings too: what stands there may be larger than either end.
                pieces = capped(decoded(pieces, coding), caps);
            }
            redacted(pieces, &redactor, &mut headers)
        }
    };
    Ok(HttpResponse { status, headers, body })
}

fn too_large(caps: Caps) -> HttpError {
    HttpError::BadResponse(format!("response-too-large: more than {} bytes", caps.body_bytes))
}

fn check_head(headers: &HeaderMap, caps: Caps) -> Result<(), HttpError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > caps.headers || bytes > caps.header_bytes {
        let count = headers.len();
        return Err(HttpError::BadResponse(format!(
            "response-headers: {count} headers of {bytes} bytes; too many"
        )));
    }
    // RFC 9112, section 6.3: whoever reads one of the two reads another message than who reads the other.
    if headers.contains_key(TRANSFER_ENCODING) && headers.contains_key(CONTENT_LENGTH) {
        return Err(HttpError::BadResponse(
            "protocol: the response has two lengths, content-length and transfer-encoding".to_owned(),
        ));
    }
    Ok(())
}

/// The body as it comes over the wire.
fn wire(response: Response, caps: Caps) -> Pieces {
    let pieces = try_unfold(response, move |mut response| async move {
        let piece = next(&mut response, caps).await?;
        Ok(piece.map(|piece| (piece, response)))
    });
    capped(Box::pin(pieces), caps)
}

async fn next(response: &mut Response, caps: Caps) -> Result<Option<Bytes>, HttpError> {
    let next = Instant::now() + caps.between_bytes;
    match timeout_at(next.min(caps.deadline), response.chunk()).await {
        Ok(Ok(piece)) => Ok(piece),
        Ok(Err(error)) => Err(broken_body(&error)),
        Err(_) if next < caps.deadline => {
            Err(HttpError::Timeout("nothing came for too long inside the response".to_owned()))
        }
        Err(_) => Err(HttpError::Timeout("the response was not complete in time".to_owned())),
    }
}

/// No more bytes than the cap.
fn capped(pieces: Pieces, caps: Caps) -> Pieces {
    Box::pin(try_unfold((pieces, caps.body_bytes), move |(mut pieces, left)| async move {
        let Some(piece) = futures_util::TryStreamExt::try_next(&mut pieces).await? else {
            return Ok(None);
        };
        match left.checked_sub(piece.len() as u64) {
            Some(left) => Ok(Some((piece, (pieces, left)))),
            None => Err(too_large(caps)),
        }
    }))
}

fn redacted_whole(body: Bytes, redactor: &Redactor, headers: &mut Vec<Field>) -> Bytes {
    match redactor.bytes(&body) {
        Cow::Borrowed(_) => body,
        Cow::Owned(redacted) => {
            headers.retain(|field| field.name != "content-length");
            Bytes::from(redacted)
        }
    }
}

fn redacted(pieces: Pieces, redactor: &Redactor, headers: &mut Vec<Field>) -> Body {
    if redactor.longest() > 0 {
        // Nobody knows yet what will be taken out.
        headers.retain(|field| field.name != "content-length");
    }
    Body::Pieces(redactor.pieces(pieces))
}

fn fields(headers: &HeaderMap, redactor: &Redactor) -> Vec<Field> {
    let kept = headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    kept.map(|(name, value)| Field::new(redactor.text(name.as_str()), redactor.bytes(value.as_bytes())))
        .collect()
}
