//! What surrounds every request: its id, its span, its line in the log, and the final word on errors.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::{
    extract::{MatchedPath, Request, State},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    api::error::{ApiError, finish},
    app::App,
};

/// Gives out request ids: a random word of this process, and a count.
#[derive(Debug)]
pub(crate) struct RequestIds {
    process: u32,
    count: AtomicU64,
}

impl RequestIds {
    /// Starts at zero under `process`, which should be random.
    pub(crate) fn new(process: u32) -> Self {
        Self { process, count: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{count:08x}", self.process)
    }
}

/// Cancelled when the client of a request has gone. A handler that does nothing but wait for a connector
/// passes it on, so that nobody's call doesn't run on to its deadline.
#[derive(Clone, Debug)]
pub(crate) struct Gone(pub(crate) CancellationToken);

/// The outermost layer. The path of a request is logged as its route, never with its query: people
/// put secrets there.
pub(crate) async fn answer(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let id = app.request_ids.next();
    let started = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, %method, route);
    // On a task of its own: a client that hangs up ends the connection, but not what was begun for
    // it, which may stand between two writes; a call that it waits for is dropped ([`Gone`]). A handler
    // that panics ends as any other error.
    let gone = CancellationToken::new();
    request.extensions_mut().insert(Gone(gone.clone()));
    let _gone = gone.drop_guard();
    let handled = tokio::spawn(next.run(request).instrument(span.clone())).await;
    let response = handled.unwrap_or_else(|error| ApiError::internal(error).into_response());
    let response = span.in_scope(|| finish(response, &id));
    let took = started.elapsed();
    app.metrics.request(&route, response.status(), took);
    let (status, micros) = (response.status().as_u16(), took.as_micros());
    // The log of a busy server is about what people did; the rest is a matter for metrics.
    if route.starts_with("/api/") {
        span.in_scope(|| tracing::info!(target: "wharf::access", status, micros, "answered"));
    } else {
        span.in_scope(|| tracing::debug!(target: "wharf::access", status, micros, "answered"));
    }
    response
}
