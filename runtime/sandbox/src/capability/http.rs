//! Calls over HTTP. A response's body stays where it is until the guest reads it; whether a request
//! may be made at all is the host's to judge.

use bytes::Bytes;
use futures_util::{FutureExt as _, StreamExt as _};
use wasmtime::component::{Linker, Resource, ResourceType};
use wharf_model::http::{Body as Content, Denial, DeniedBy, HttpError, HttpRequest, HttpResponse};

use super::{handles, host, interface, piece, waiting};
use crate::{
    bindings::http::{Error, Payload, Request, Response},
    convert,
    exchange::{self, Turn},
    host::BlobError,
    inert::{cut, inert},
    state::{Body, State},
};

const SEND: &str = "http.send";

const READ: &str = "http.[method]body.read";

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut http = interface(linker, "http")?;
    http.resource("body", ResourceType::host::<Body>(), |mut store, rep| {
        let state = store.data_mut();
        let body = state.table.delete(Resource::<Body>::new_own(rep))?;
        state.used.held_bytes = state.used.held_bytes.saturating_sub(body.left.len() as u64);
        Ok(())
    })?;
    waiting(&mut http, SEND, |state, (request,): (Request,)| {
        Box::pin(async move {
            Ok((match send(state, request).await? {
                Ok(response) => Ok(keep(state, response)?),
                Err(error) => Err(convert::http_error(error)),
            },))
        })
    })?;
    waiting(&mut http, READ, |state, params| Box::pin(read(state, params)))
}

/// Hands the response to the guest, its body as a handle.
fn keep(state: &mut State, response: HttpResponse) -> wasmtime::Result<Response> {
    let full = handles(state);
    let body = match response.body {
        Content::Whole(left) => Body { left, rest: None, failed: None },
        Content::Pieces(rest) => Body { left: Bytes::new(), rest: Some(rest), failed: None },
    };
    state.used.held_bytes += body.left.len() as u64;
    let body = state.table.push(body).map_err(|_| full)?;
    Ok(Response { status: response.status, headers: convert::fields_out(response.headers), body })
}

async fn send(state: &mut State, request: Request) -> wasmtime::Result<Result<HttpResponse, HttpError>> {
    let body = match body(state, request.payload).await? {
        Ok(body) => body,
        Err(error) => return Ok(Err(error)),
    };
    let request = HttpRequest {
        method: request.method,
        url: request.url,
        headers: convert::fields_in(request.headers),
        body,
        auth: request.auth,
        timeout_ms: request.timeout_ms,
        redirects: convert::redirects(request.redirects),
    };
    let host = host(&mut state.host, SEND)?;
    let answer = match exchange::begin(host, &state.exchanges, &state.limits, request, Turn::Now) {
        Ok(exchange) => exchange.await,
        Err(error) => Err(error),
    };
    Ok(answer.and_then(|response| fits(state, response)))
}

/// A complete body is held until it is read, and holding has a limit.
fn fits(state: &State, response: HttpResponse) -> Result<HttpResponse, HttpError> {
    match response.body.len() {
        Some(size) if size > state.bytes_left() => Err(over_the_rest(state.bytes_left())),
        Some(_) | None => Ok(response),
    }
}

fn over_the_rest(left: u64) -> HttpError {
    HttpError::BadResponse(format!(
        "response-too-large: more than the {left} bytes that this call may still read"
    ))
}

/// At most `max` bytes: what has come, and only if nothing has, what comes next.
async fn read(
    state: &mut State,
    (handle, max): (Resource<Body>, u32),
) -> wasmtime::Result<(Result<Vec<u8>, Error>,)> {
    let (max, left) = (piece(max, state), state.bytes_left());
    let body = state.table.get_mut(&handle)?;
    let held = body.left.len();
    let room = left.saturating_add(held as u64);
    let _waiting = (held == 0 && body.rest.is_some()).then(|| state.exchanges.waiting());
    let read = body.read(max.min(u32::try_from(room).unwrap_or(max)) as usize).await;
    let read = match read {
        Ok(bytes) if bytes.is_empty() && max > 0 && !body.has_ended() => Err(over_the_rest(left)),
        other => other,
    };
    let holds = body.left.len();
    state.used.held_bytes = state.used.held_bytes.saturating_sub(held as u64).saturating_add(holds as u64);
    Ok((read.map_err(convert::http_error),))
}

impl Body {
    fn has_ended(&self) -> bool {
        self.left.is_empty() && self.rest.is_none() && self.failed.is_none()
    }

    async fn read(&mut self, max: usize) -> Result<Vec<u8>, HttpError> {
        if max == 0 {
            return Ok(Vec::new());
        }
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.left.is_empty() {
            self.next().await?;
        }
        let taken = self.left.split_to(max.min(self.left.len()));
        if !self.left.is_empty() || self.rest.is_none() {
            return Ok(taken.into());
        }
        // More pieces that have come save the guest host calls, however small its peer cut them.
        let mut read: Vec<u8> = taken.into();
        while read.len() < max && self.left.is_empty() {
            match self.next().now_or_never() {
                Some(Ok(())) if self.left.is_empty() => break,
                Some(Ok(())) => {
                    let taken = self.left.split_to((max - read.len()).min(self.left.len()));
                    read.extend_from_slice(&taken);
                }
                Some(Err(error)) => self.failed = Some(error),
                None => break,
            }
            if self.failed.is_some() {
                break;
            }
        }
        Ok(read)
    }

    /// Waits for bytes; none are left at the end.
    async fn next(&mut self) -> Result<(), HttpError> {
        while let Some(rest) = &mut self.rest {
            match rest.next().await {
                Some(Ok(piece)) if piece.is_empty() => {}
                Some(Ok(piece)) => {
                    self.left = piece;
                    return Ok(());
                }
                Some(Err(error)) => {
                    self.rest = None;
                    return Err(error);
                }
                None => self.rest = None,
            }
        }
        Ok(())
    }
}

/// The request's body; a blob's content is read while it is sent.
async fn body(state: &mut State, payload: Payload) -> wasmtime::Result<Result<Content, HttpError>> {
    let limits = state.limits;
    let id = match payload {
        Payload::Empty => return Ok(Ok(Content::empty())),
        Payload::Bytes(bytes) => return Ok(Ok(bytes.into())),
        Payload::Blob(id) => id,
    };
    Ok(match host(&mut state.host, SEND)?.blob_open(&id).await {
        Ok(blob) if blob.info.size > limits.http_request_bytes => {
            Err(exchange::too_large(blob.info.size, &limits))
        }
        Ok(blob) => {
            let pieces = blob.pieces.map(move |piece| piece.map_err(|error| unreadable(&id, error)));
            Ok(Content::Pieces(Box::pin(pieces)))
        }
        Err(error) => Err(unreadable(&id, error)),
    })
}

fn unreadable(id: &str, error: BlobError) -> HttpError {
    let id = inert(cut(id, 80));
    match error {
        BlobError::Denied(why) => HttpError::Denied(Denial {
            by: DeniedBy::Grant,
            reason: "blob".into(),
            message: format!("blob `{id}`: {why}"),
        }),
        BlobError::NotFound | BlobError::QuotaExceeded(_) | BlobError::Unavailable(_) => {
            HttpError::InvalidRequest(format!("blob `{id}`: {error}"))
        }
    }
}
