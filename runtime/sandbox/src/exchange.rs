//! The HTTP exchanges of one call: how many it may begin, how many are open at once, how long it
//! waited for them. Every way to HTTP goes through [`begin`], whichever interface the guest uses.
//!
//! An exchange is open until the last byte of its response has been read or given up. What is over
//! the number that may be open waits for its turn, after the host has judged it: a guest that begins
//! thousands and polls none has dialled nobody.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};
use wharf_model::{
    grant::Limits,
    http::{Body, HttpError, HttpRequest, HttpResponse, Pieces},
};

use crate::{
    host::{Exchange, Host},
    inert::{cut, inert},
};

/// What a call's exchanges share. Clones are the same.
#[derive(Clone)]
pub(crate) struct Exchanges {
    turns: Arc<Semaphore>,
    progress: Arc<Mutex<Progress>>,
}

#[derive(Default)]
struct Progress {
    begun: u32,
    /// The exchange that was begun last, and what came of it so far.
    last: Option<(u32, String)>,
    /// Exchanges and reads that the guest waits for now, and since when there is one.
    waiting: u32,
    since: Option<Instant>,
    micros: u64,
}

/// What happens when as many are open as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Wait until another one ends.
    Wait,
    /// Fail: the guest is stopped until this one has its answer, so it cannot end another.
    Now,
}

impl Exchanges {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { turns: Arc::new(Semaphore::new(limits.http_in_flight as usize)), progress: Arc::default() }
    }

    /// The call is over: what still waits for its turn is not sent any more. Else each exchange that is
    /// dropped would let the next one out.
    pub(crate) fn close(&self) {
        self.turns.close();
    }

    /// Exchanges begun, refused ones included.
    pub(crate) fn begun(&self) -> u32 {
        self.lock().begun
    }

    /// The exchange that was begun last, for a trap report.
    pub(crate) fn last(&self) -> Option<String> {
        self.lock().last.as_ref().map(|(_, what)| what.clone())
    }

    /// Time in which the guest waited for at least one of them.
    pub(crate) fn waited_micros(&self) -> u64 {
        let progress = self.lock();
        progress.micros + progress.since.map_or(0, micros_since)
    }

    /// Counts the time until the result is dropped as waiting for the gate.
    pub(crate) fn waiting(&self) -> Waiting {
        let mut progress = self.lock();
        progress.waiting += 1;
        progress.since.get_or_insert_with(Instant::now);
        drop(progress);
        Waiting(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts an exchange; its number.
    fn count(&self, limits: &Limits, what: &str) -> Result<u32, HttpError> {
        let mut progress = self.lock();
        if progress.begun >= limits.http_requests {
            let spent = format!("http-budget: {} HTTP requests in one call", limits.http_requests);
            return Err(HttpError::BudgetExhausted(spent));
        }
        progress.begun += 1;
        let number = progress.begun;
        progress.last = Some((number, format!("#{number} {what} → no answer yet")));
        Ok(number)
    }

    fn came(&self, number: u32, text: impl FnOnce() -> String) {
        let mut progress = self.lock();
        if let Some((last, what)) = &mut progress.last
            && *last == number
        {
            *what = text();
        }
    }
}

/// Begins an exchange through the host, within the limits of the call.
pub(crate) fn begin(
    host: &mut dyn Host,
    exchanges: &Exchanges,
    limits: &Limits,
    request: HttpRequest,
    turn: Turn,
) -> Result<Exchange, HttpError> {
    let what = format!("{} {}", inert(cut(&request.method, 20)), shown_url(&request.url));
    if let Some(length) = request.body.len()
        && length > limits.http_request_bytes
    {
        return Err(too_large(length, limits));
    }
    let permit = match turn {
        Turn::Wait => None,
        Turn::Now => Some(Arc::clone(&exchanges.turns).try_acquire_owned().map_err(|_| {
            let open = limits.http_in_flight;
            HttpError::BudgetExhausted(format!(
                "http-in-flight: {open} responses are open; read or drop a body first"
            ))
        })?),
    };
    let number = exchanges.count(limits, &what)?;
    let exchange = host.http(request);
    let exchanges = exchanges.clone();
    let limit = limits.http_response_bytes;
    Ok(Box::pin(async move {
        let permit = match permit {
            Some(permit) => permit,
            None => Arc::clone(&exchanges.turns)
                .acquire_owned()
                .await
                .map_err(|_| HttpError::BudgetExhausted("http-in-flight: the call is over".to_owned()))?,
        };
        let started = Instant::now();
        let waiting = exchanges.waiting();
        let answer = exchange.await.and_then(|response| watch(response, limit, permit));
        drop(waiting);
        exchanges.came(number, || {
            let came = match &answer {
                Ok(response) => response.status.to_string(),
                Err(HttpError::Denied(denial)) => format!("denied ({})", denial.reason),
                Err(error) => inert(cut(&error.to_string(), 120)),
            };
            format!("#{number} {what} → {came} in {} ms", started.elapsed().as_millis())
        });
        answer
    }))
}

/// The gate stops at the same limit while it reads; a host that does not is caught here.
fn watch(
    response: HttpResponse,
    limit: u64,
    permit: OwnedSemaphorePermit,
) -> Result<HttpResponse, HttpError> {
    let body = match response.body {
        Body::Whole(bytes) if bytes.len() as u64 > limit => return Err(over(limit)),
        Body::Whole(bytes) => Body::Whole(bytes),
        Body::Pieces(pieces) => {
            Body::Pieces(Box::pin(Watched { open: Some((pieces, permit)), left: limit, limit }))
        }
    };
    Ok(HttpResponse { body, ..response })
}

fn over(limit: u64) -> HttpError {
    HttpError::BadResponse(format!("response-too-large: more than {limit} bytes"))
}

pub(crate) fn too_large(length: u64, limits: &Limits) -> HttpError {
    let limit = limits.http_request_bytes;
    HttpError::BudgetExhausted(format!("request-too-large: a body of {length} bytes; the limit is {limit}"))
}

/// A body that is read as it comes. At its end or at an error all that it holds is given back.
struct Watched {
    open: Option<(Pieces, OwnedSemaphorePermit)>,
    left: u64,
    limit: u64,
}

impl Stream for Watched {
    type Item = Result<Bytes, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((pieces, _)) = &mut self.open else {
            return Poll::Ready(None);
        };
        let Poll::Ready(next) = pieces.as_mut().poll_next(context) else {
            return Poll::Pending;
        };
        let next = match next {
            Some(Ok(piece)) => match self.left.checked_sub(piece.len() as u64) {
                Some(left) => {
                    self.left = left;
                    return Poll::Ready(Some(Ok(piece)));
                }
                None => Some(Err(over(self.limit))),
            },
            other => other,
        };
        self.open = None;
        Poll::Ready(next)
    }
}

/// The guest waits for the gate as long as this lives.
pub(crate) struct Waiting(Exchanges);

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut progress = self.0.lock();
        progress.waiting -= 1;
        if progress.waiting == 0
            && let Some(since) = progress.since.take()
        {
            progress.micros += micros_since(since);
        }
    }
}

fn micros_since(start: Instant) -> u64 {
    u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX)
}

/// Host and path only: a query or user information may hold a secret.
fn shown_url(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    inert(cut(&format!("{host}/{path}"), 160))
}
