//! Calls over HTTP. The sandbox counts requests and bytes and keeps the response until the guest
//! has read it; whether a request may be made at all is the host's to judge.

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;
use wasmtime::component::{Linker, Resource, ResourceType};
use wharf_model::http::{Denial, DeniedBy, HttpError, HttpRequest, HttpResponse};

use super::{direct, handles, host, interface, piece, waiting};
use crate::{
    bindings::http::{Error, Payload, Request, Response},
    convert,
    host::BlobError,
    inert::{cut, inert},
    state::{Body, State},
};

const SEND: &str = "http.send";

/// What a blob is read in, to become a request body.
const PIECE: u32 = 256 << 10;

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
    direct(&mut http, "http.[method]body.read", |state, (body, max): (Resource<Body>, u32)| {
        let max = piece(max, state) as usize;
        let left = &mut state.table.get_mut(&body)?.left;
        let taken = left.split_to(max.min(left.len()));
        state.used.held_bytes = state.used.held_bytes.saturating_sub(taken.len() as u64);
        Ok((Ok::<_, Error>(Vec::from(taken)),))
    })
}

/// Hands the response to the guest, its body as a handle.
fn keep(state: &mut State, response: HttpResponse) -> wasmtime::Result<Response> {
    let full = handles(state);
    state.used.held_bytes += response.body.len() as u64;
    let body = state.table.push(Body { left: response.body }).map_err(|_| full)?;
    Ok(Response { status: response.status, headers: convert::fields_out(response.headers), body })
}

async fn send(state: &mut State, request: Request) -> wasmtime::Result<Result<HttpResponse, HttpError>> {
    let limits = state.limits;
    if state.used.effects >= limits.http_requests {
        return Ok(Err(HttpError::BudgetExhausted(format!(
            "{} HTTP requests in one call",
            limits.http_requests
        ))));
    }
    let (method, url) = (request.method.clone(), shown_url(&request.url));
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
    state.used.effects += 1;
    let what = format!("#{} {} {url}", state.used.effects, inert(cut(&method, 20)));
    state.last_effect = Some(format!("{what} → no answer yet"));
    let started = Instant::now();
    let answer = host(&mut state.host, SEND)?.http(request).await;
    let waited = started.elapsed();
    state.used.gate_micros += u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
    let answer = answer.and_then(|response| fits(state, response));
    let came = match &answer {
        Ok(response) => response.status.to_string(),
        Err(HttpError::Denied(denial)) => format!("denied ({})", denial.reason),
        Err(error) => inert(cut(&error.to_string(), 120)),
    };
    state.last_effect = Some(format!("{what} → {came} in {} ms", waited.as_millis()));
    Ok(answer)
}

/// The gate stops at the same limit while it reads; a host that does not is caught here.
fn fits(state: &State, response: HttpResponse) -> Result<HttpResponse, HttpError> {
    let size = response.body.len() as u64;
    let (limit, of) = if size > state.limits.http_response_bytes {
        (state.limits.http_response_bytes, "one response")
    } else if size > state.bytes_left() {
        (state.bytes_left(), "the rest of this call")
    } else {
        return Ok(response);
    };
    Err(HttpError::BadResponse(format!("a body of {size} bytes is over the limit of {limit} bytes for {of}")))
}

/// The complete body, a blob's content included.
async fn body(state: &mut State, payload: Payload) -> wasmtime::Result<Result<Bytes, HttpError>> {
    let limit = state.limits.http_request_bytes;
    let over = |size: u64| {
        HttpError::BudgetExhausted(format!(
            "a request body of {size} bytes is over the limit of {limit} bytes"
        ))
    };
    let id = match payload {
        Payload::Empty => return Ok(Ok(Bytes::new())),
        Payload::Bytes(bytes) if bytes.len() as u64 > limit => {
            return Ok(Err(over(bytes.len() as u64)));
        }
        Payload::Bytes(bytes) => return Ok(Ok(bytes.into())),
        Payload::Blob(id) => id,
    };
    let host = host(&mut state.host, SEND)?;
    let size = match host.blob_info(&id).await {
        Ok(info) if info.size > limit => return Ok(Err(over(info.size))),
        Ok(info) => info.size,
        Err(error) => return Ok(Err(unreadable(&id, error))),
    };
    let mut content = BytesMut::new();
    loop {
        match host.blob_read(&id, content.len() as u64, PIECE).await {
            Ok(piece) if piece.is_empty() => return Ok(Ok(content.freeze())),
            Ok(piece) => content.extend_from_slice(&piece),
            Err(error) => return Ok(Err(unreadable(&id, error))),
        }
        if content.len() as u64 > limit {
            return Ok(Err(over(size.max(content.len() as u64))));
        }
    }
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

/// Host and path only: a query or user information may hold a secret.
fn shown_url(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    inert(cut(&format!("{host}/{path}"), 160))
}
