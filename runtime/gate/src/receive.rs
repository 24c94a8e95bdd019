//! A response, read under caps: fields and bytes of the head, bytes of the body, time between two
//! pieces of it, time altogether. What goes to the connector has been searched for secrets.

use std::{borrow::Cow, time::Duration};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use reqwest::Response;
use tokio::time::{Instant, timeout_at};
use wharf_model::http::{Field, HttpError, HttpResponse};

use crate::{authorise::WithCredential, redact::Redactor};

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

/// Reads a response to its end. Whatever fails here happens after the request was sent.
pub(crate) async fn receive(
    mut response: Response,
    caps: Caps,
    redactor: &Redactor,
    credential: WithCredential,
) -> Result<HttpResponse, HttpError> {
    check_head(response.headers(), caps)?;
    let body = read_body(&mut response, caps).await?;
    let encoded = encoding(response.headers()).filter(|_| !body.is_empty());
    if let (Some(encoding), WithCredential::Yes) = (encoded, credential) {
        // An echo of the credential could not be found in it.
        let problem = format!("the body came encoded as `{encoding}`, although that was not asked for");
        return Err(HttpError::BadResponse(problem));
    }
    let mut headers = fields(response.headers(), redactor);
    let body = match redactor.bytes(&body) {
        Cow::Borrowed(_) => body,
        Cow::Owned(redacted) => {
            headers.retain(|field| field.name != "content-length");
            Bytes::from(redacted)
        }
    };
    Ok(HttpResponse { status: response.status().as_u16(), headers, body: body.into() })
}

fn check_head(headers: &HeaderMap, caps: Caps) -> Result<(), HttpError> {
    let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if headers.len() > caps.headers || bytes > caps.header_bytes {
        let count = headers.len();
        return Err(HttpError::BadResponse(format!(
            "response-headers: {count} headers of {bytes} bytes; too many"
        )));
    }
    Ok(())
}

async fn read_body(response: &mut Response, caps: Caps) -> Result<Bytes, HttpError> {
    let too_large =
        || HttpError::BadResponse(format!("response-too-large: more than {} bytes", caps.body_bytes));
    if response.content_length().is_some_and(|length| length > caps.body_bytes) {
        return Err(too_large());
    }
    let mut body = BytesMut::new();
    loop {
        let next = Instant::now() + caps.between_bytes;
        let piece = match timeout_at(next.min(caps.deadline), response.chunk()).await {
            Ok(Ok(Some(piece))) => piece,
            Ok(Ok(None)) => return Ok(body.freeze()),
            Ok(Err(_)) => {
                return Err(HttpError::Interrupted("the connection broke inside the response".to_owned()));
            }
            Err(_) if next < caps.deadline => {
                return Err(HttpError::Timeout("nothing came for too long inside the response".to_owned()));
            }
            Err(_) => {
                return Err(HttpError::Timeout("the response was not complete in time".to_owned()));
            }
        };
        if (body.len() + piece.len()) as u64 > caps.body_bytes {
            return Err(too_large());
        }
        body.extend_from_slice(&piece);
    }
}

fn encoding(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_ENCODING)?;
    let text: String = value.to_str().unwrap_or("?").chars().take(32).collect();
    (!text.eq_ignore_ascii_case("identity")).then_some(text)
}

fn fields(headers: &HeaderMap, redactor: &Redactor) -> Vec<Field> {
    let kept = headers.iter().filter(|(name, _)| !HOP_BY_HOP.contains(&name.as_str()));
    kept.map(|(name, value)| Field::new(redactor.text(name.as_str()), redactor.bytes(value.as_bytes())))
        .collect()
}
