//! An HTTP client over checked connections: HTTP/1.1, or HTTP/2 where the server chooses it.
//!
//! The library beneath frames messages and keeps connections; it follows nothing, decodes nothing,
//! knows no proxy and no cookie. What it retries is a request of which no byte was written, because
//! the kept connection had been closed; the new connection is checked like the first.

use std::{
    error::Error,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::{
    body::{Body, Frame, Incoming, SizeHint},
    ext::ReasonPhrase,
};
use hyper_util::{
    client::legacy::{
        self,
        connect::{CaptureConnection, capture_connection},
    },
    rt::{TokioExecutor, TokioTimer},
};

use crate::{
    config::GateConfig,
    dial::Dialer,
    interim::{Flooded, MAX, Watch},
};

/// Servers close idle connections, some after 5 seconds; a request that crosses such a close has an
/// unknown outcome, so the gate closes first.
const IDLE: Duration = Duration::from_secs(4);

/// Idle connections kept for a host.
const MAX_IDLE: usize = 8;

/// The library takes no smaller one.
const MIN_BUFFER: usize = 8192;

/// Bytes of the text after a status. It is not among the fields, whose caps do not see it.
const MAX_REASON: usize = 1024;

/// What a server may send on one HTTP/2 stream, and on a connection, before anybody has read it.
const STREAM_WINDOW: u32 = 512 * 1024;
const CONNECTION_WINDOW: u32 = 2 * 1024 * 1024;

/// An HTTP/2 connection on which a ping is not answered is given up: otherwise every request of the
/// account would wait on it.
const PING: Duration = Duration::from_secs(5);

const USER_AGENT: &str = concat!("wharf/", env!("CARGO_PKG_VERSION"));

/// The client of one account. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Client {
    inner: legacy::Client<Dialer, reqwest::Body>,
}

/// Why a request has no response.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SendError {
    #[error("{0}")]
    Unfit(String),
    #[error("more than {MAX} interim responses")]
    Interim,
    #[error("the server switched protocols, although nobody asked for it")]
    Switched,
    #[error("a reason phrase of more than {MAX_REASON} bytes")]
    Reason,
    #[error(transparent)]
    Client(legacy::Error),
}

impl Client {
    pub(crate) fn new(config: &GateConfig, dialer: Dialer) -> Self {
        let head = config.max_response_header_bytes;
        let inner = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(MAX_IDLE)
            .retry_canceled_requests(true)
            .http1_max_headers(config.max_response_headers)
            .http1_max_buf_size(head.max(MIN_BUFFER))
            .http2_max_header_list_size(u32::try_from(head).unwrap_or(u32::MAX))
            .http2_initial_stream_window_size(STREAM_WINDOW)
            .http2_initial_connection_window_size(CONNECTION_WINDOW)
            .http2_keep_alive_interval(PING)
            .http2_keep_alive_timeout(PING)
            .build(dialer);
        Self { inner }
    }

    /// Sends a request and comes back with the head of its response.
    pub(crate) async fn execute(&self, request: reqwest::Request) -> Result<reqwest::Response, SendError> {
        let unfit = |error: reqwest::Error| SendError::Unfit(innermost(&error));
        let mut request = http::Request::<reqwest::Body>::try_from(request).map_err(unfit)?;
        defaults(request.headers_mut());
        let watch: Arc<Watch> = Watch::over(&mut request);
        let connection = capture_connection(&mut request);
        // A flood and the response may have come at once; the flood counts.
        let response = tokio::select! {
            biased;
            () = watch.flooded() => return Err(SendError::Interim),
            response = self.inner.request(request) => response.map_err(failed)?,
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            return Err(SendError::Switched);
        }
        let reason = response.extensions().get::<ReasonPhrase>();
        if reason.is_some_and(|reason| reason.as_bytes().len() > MAX_REASON) {
            return Err(SendError::Reason);
        }
        let body = |inner: Incoming| {
            reqwest::Body::wrap(Remainder { ended: inner.is_end_stream(), inner, connection })
        };
        Ok(response.map(body).into())
    }
}

/// A response's body. Given up before its end, it takes its connection along: what is left on that would
/// be read as the next response.
struct Remainder {
    inner: Incoming,
    connection: CaptureConnection,
    ended: bool,
}

impl Body for Remainder {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        self.ended = frame.is_none();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Remainder {
    fn drop(&mut self) {
        if !self.ended
            && let Some(connection) = &*self.connection.connection_metadata()
        {
            connection.poison();
        }
    }
}

/// Sent with every request, where the connector says nothing else.
fn defaults(headers: &mut HeaderMap) {
    headers.entry(header::ACCEPT).or_insert(HeaderValue::from_static("*/*"));
    headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(USER_AGENT));
}

fn failed(error: legacy::Error) -> SendError {
    let mut extras = http::Extensions::new();
    if let Some(connection) = error.connect_info() {
        connection.get_extras(&mut extras);
    }
    if extras.get::<Flooded>().is_some_and(Flooded::is_set) {
        return SendError::Interim;
    }
    SendError::Client(error)
}

fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    last.to_string()
}
