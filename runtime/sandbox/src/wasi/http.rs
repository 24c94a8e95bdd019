//! `wasi:http` through the gate: `outgoing-handler` of WASI 0.2 and `client` of WASI 0.3 begin the
//! same exchanges as our own `http.send`, under the same judgement and limits.
//!
//! `wasmtime-wasi-http` keeps the resources (fields, bodies, requests) and turns them into one
//! request, which its hook hands over here: the hook sees neither host nor limits, so it leaves
//! the request where the function of ours that called it finds it.
//!
//! A credential is named by `Authorization: Wharf NAME`, NAME being an auth method of the manifest
//! (or `Bearer wharf:NAME`, for a library that is given a token and adds the rest); that header goes
//! no further, the gate places the credential. Any other `Authorization` is the
//! gate's to refuse, as are all headers that are its own. `Content-Length` is checked against the
//! body and dropped: the gate frames.

use std::{future::poll_fn, pin::Pin};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::{BodyExt as _, BodyStream, Full, StreamBody};
use tokio::sync::oneshot;
use wasmtime::{
    StoreContextMut,
    component::{Accessor, Linker, Resource},
};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttp, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView, p2,
    p3,
};
use wharf_model::{
    call::LogLevel,
    http::{Body, Field, HttpError, HttpRequest, HttpResponse, Redirects},
};

use super::replacing;
use crate::{
    exchange::{self, Turn},
    host::Exchange,
    price,
    state::{Debt, State},
};

/// How an `Authorization` header names an auth method instead of holding a credential.
const SCHEME: &str = "wharf ";
/// The same where a library insists on a scheme of its own: `Bearer wharf:NAME`.
const TOKEN: &str = " wharf:";

/// Bytes of all headers of one request or response, as they are held in memory.
const FIELDS: usize = 64 << 10;

/// What `wasi:http` keeps during a call.
pub(crate) struct Http {
    ctx: WasiHttpCtx,
    desk: Desk,
}

/// Where the hook leaves a request.
#[derive(Default)]
struct Desk(Option<Asked>);

/// A request that is to begin, and where its exchange goes.
struct Asked {
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
    begun: oneshot::Sender<Result<Exchange, HttpError>>,
}

impl Default for Http {
    fn default() -> Self {
        let mut ctx = WasiHttpCtx::new();
        ctx.set_field_size_limit(FIELDS);
        Self { ctx, desk: Desk::default() }
    }
}

type Sent = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Desk {
    /// The gate knows which headers are forbidden, and says so in its report; nothing is forbidden
    /// on the way there, or taken out of a response.
    fn is_forbidden_header(&mut self, _: &HeaderName) -> bool {
        false
    }

    fn forbidden_header_filter(&mut self) -> wasmtime_wasi_http::ForbiddenHeaderFilter {
        std::sync::Arc::new(|_| false)
    }

    /// So does the gate about schemes.
    fn is_supported_scheme(&mut self, _: &http::uri::Scheme) -> bool {
        true
    }

    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let (begun, exchange) = oneshot::channel();
        self.0 = Some(Asked { request, options, begun });
        Box::new(async move {
            let exchange = exchange.await.map_err(|_| Error::InternalError(None))?;
            let response = exchange.map_err(code)?.await.map_err(code)?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> = Box::new(async { Ok(()) });
            Ok((response_out(response)?, done))
        })
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        let http = self.wasi_http.get_or_insert_default();
        WasiHttpCtxView { hooks: &mut http.desk, table: &mut self.table, ctx: &mut http.ctx }
    }
}

fn view(state: &mut State) -> WasiHttpCtxView<'_> {
    state.owe(price::WASI);
    state.http()
}

pub(super) fn link_02(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p2::bindings::http::{outgoing_handler, types};
    types::add_to_linker::<_, WasiHttp>(linker, &types::LinkOptions::default(), view)?;
    outgoing_handler::add_to_linker::<_, WasiHttp>(linker, view)?;
    replacing(linker, |linker| {
        let mut handler = linker.instance("wasi:http/outgoing-handler@0.2.12")?;
        handler.func_wrap("handle", handle)
    })
}

type Handled = Result<Resource<p2::types::HostFutureIncomingResponse>, p2::bindings::http::types::ErrorCode>;

fn handle(
    mut store: StoreContextMut<'_, State>,
    (request, options): (Resource<p2::types::HostOutgoingRequest>, Option<Resource<RequestOptions>>),
) -> wasmtime::Result<(Handled,)> {
    use p2::bindings::http::outgoing_handler::Host as _;
    let state = store.data_mut();
    state.owe(price::REQUEST);
    let handled = match state.http().handle(request, options) {
        Ok(future) => Ok(future),
        Err(error) => Err(error.downcast()?),
    };
    state.begin_asked();
    Ok((handled,))
}

pub(super) fn link_03(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    use p3::bindings::http::{client, types};
    types::add_to_linker::<_, WasiHttp>(linker, view)?;
    client::add_to_linker::<_, WasiHttp>(linker, view)?;
    replacing(linker, |linker| {
        let mut client = linker.instance("wasi:http/client@0.3.0")?;
        client.func_wrap_concurrent("send", |accessor, params| Box::pin(send(accessor, params)))
    })
}

type Answered = Result<Resource<p3::Response>, p3::bindings::http::types::ErrorCode>;

async fn send(
    accessor: &Accessor<State>,
    (request,): (Resource<p3::Request>,),
) -> wasmtime::Result<(Answered,)> {
    use p3::bindings::http::client::HostWithStore;
    accessor.with(|mut store| store.data_mut().owe(price::REQUEST));
    let http = accessor.with_getter::<WasiHttp>(|state| state.http());
    let mut sending: Pin<Box<dyn Future<Output = _> + Send>> =
        Box::pin(<WasiHttp as HostWithStore<State>>::send(&http, request));
    let sent = poll_fn(|context| {
        let polled = sending.as_mut().poll(context);
        if polled.is_pending() {
            accessor.with(|mut store| store.data_mut().begin_asked());
        }
        polled
    })
    .await;
    Ok((match sent {
        Ok(response) => Ok(response),
        Err(error) => Err(error.downcast()?),
    },))
}

impl State {
    /// Begins what the hook left, if it left anything.
    fn begin_asked(&mut self) {
        let Some(asked) = self.wasi_http.as_mut().and_then(|http| http.desk.0.take()) else {
            return;
        };
        let begun = request_in(asked.request, asked.options, self.debt.clone()).and_then(|request| {
            let host = self.host.as_deref_mut().ok_or_else(no_capability)?;
            exchange::begin(host, &self.exchanges, &self.limits, request, Turn::Wait)
        });
        // The guest hears a code without words, so the author finds the words in the log.
        let (log, debt) = (self.log.clone(), self.debt.clone());
        let say = move |error: &HttpError| log.push(LogLevel::Warn, &format!("wasi:http: {error}"), "");
        let begun = match begun {
            Ok(exchange) => {
                let exchange: Exchange = Box::pin(async move {
                    match exchange.await {
                        Ok(response) => Ok(metered(response, debt)),
                        Err(error) => {
                            say(&error);
                            Err(error)
                        }
                    }
                });
                Ok(exchange)
            }
            Err(error) => {
                say(&error);
                Err(error)
            }
        };
        // The guest may have given the request up meanwhile.
        let _ = asked.begun.send(begun);
    }
}

fn no_capability() -> HttpError {
    HttpError::InvalidRequest("this call has no capability".to_owned())
}

/// Counts the pieces of a response as they cross.
fn metered(response: HttpResponse, debt: Debt) -> HttpResponse {
    let body = match response.body {
        Body::Whole(bytes) => {
            debt.moved(bytes.len() as u64);
            Body::Whole(bytes)
        }
        Body::Pieces(pieces) => {
            Body::Pieces(Box::pin(pieces.inspect_ok(move |piece| debt.moved(piece.len() as u64))))
        }
    };
    HttpResponse { body, ..response }
}

/// The request as the gate judges it.
fn request_in(
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
    debt: Debt,
) -> Result<HttpRequest, HttpError> {
    let (mut parts, body) = request.into_parts();
    let auth = auth(&mut parts.headers)?;
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = if http_body::Body::is_end_stream(&body) {
        Body::empty()
    } else {
        let pieces = BodyStream::new(body)
            // Trailers are not sent: no provider reads them, and the gate would have to judge them.
            .try_filter_map(|frame| std::future::ready(Ok(frame.into_data().ok())))
            .inspect_ok(move |piece: &Bytes| {
                debt.moved(piece.len() as u64);
            })
            .map_err(|error| HttpError::InvalidRequest(format!("the request's body broke off: {error}")));
        Body::Pieces(Box::pin(pieces))
    };
    let timeout = options.and_then(|options| options.first_byte_timeout);
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| Field::new(name.as_str(), value.as_bytes())).collect();
    Ok(HttpRequest {
        method: parts.method.as_str().to_owned(),
        url: parts.uri.to_string(),
        headers,
        body,
        auth,
        timeout_ms: timeout.map(|timeout| u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX)),
        redirects: Redirects::Manual,
    })
}

/// Takes the name of an auth method out of the headers.
fn auth(headers: &mut HeaderMap) -> Result<Option<String>, HttpError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = values.next().and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    let named = match (first.split_at_checked(SCHEME.len()), first.split_once(TOKEN)) {
        (Some((scheme, name)), _) if scheme.eq_ignore_ascii_case(SCHEME) => name.trim().to_owned(),
        (_, Some((scheme, name))) if scheme.trim().chars().all(|c| c.is_ascii_alphabetic()) => {
            name.trim().to_owned()
        }
        _ => return Ok(None),
    };
    if values.next().is_some() {
        let text = "more than one `Authorization` header: name one auth method";
        return Err(HttpError::InvalidRequest(text.to_owned()));
    }
    headers.remove(header::AUTHORIZATION);
    Ok(Some(named))
}

fn response_out(response: HttpResponse) -> Result<http::Response<WasiBody>, Error> {
    let body = match response.body {
        Body::Whole(bytes) => Full::new(bytes).map_err(|never| match never {}).boxed_unsync(),
        Body::Pieces(pieces) => {
            StreamBody::new(pieces.map_ok(http_body::Frame::data).map_err(code)).boxed_unsync()
        }
    };
    let mut out = http::Response::new(body);
    *out.status_mut() = http::StatusCode::from_u16(response.status).map_err(|_| Error::HttpProtocolError)?;
    for Field { name, value } in response.headers {
        // The gate has parsed them; what this library does not take is not worth the response.
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            out.headers_mut().append(name, value);
        }
    }
    Ok(out)
}

/// The code that fits best; the log has the words.
fn code(error: HttpError) -> Error {
    match error {
        HttpError::Denied(denial) => match denial.reason.as_str() {
            "ip" | "address" => Error::DestinationIpProhibited,
            _ => Error::HttpRequestDenied,
        },
        HttpError::InvalidRequest(_) => Error::HttpRequestUriInvalid,
        HttpError::CredentialUnavailable(_) => Error::HttpRequestDenied,
        HttpError::BudgetExhausted(text) if text.starts_with("request-too-large") => {
            Error::HttpRequestBodySize(None)
        }
        HttpError::BudgetExhausted(_) => Error::ConnectionLimitReached,
        HttpError::Unreachable(_) => Error::DestinationUnavailable,
        HttpError::Tls(_) => Error::TlsProtocolError,
        HttpError::Timeout(_) => Error::HttpResponseTimeout,
        HttpError::Interrupted(_) => Error::ConnectionTerminated,
        HttpError::BadResponse(text) if text.starts_with("response-too-large") => {
            Error::HttpResponseBodySize(None)
        }
        HttpError::BadResponse(_) => Error::HttpProtocolError,
        HttpError::Ambiguous(_) => Error::InternalError(Some("ambiguous: the step must stop".to_owned())),
    }
}
