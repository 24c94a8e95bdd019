//! Sends what was authorised, hop by hop, and reports each hop as an effect.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use tokio::time::{Instant, timeout_at};
use wharf_model::http::{Body, HttpError, HttpResponse, Redirects};

use crate::{
    authorise::{Authorised, WithCredential, ceiling, check_credential, judge},
    bill::Bill,
    binding::Credential,
    carve_out::AddressPolicy,
    classify::classify,
    config::GateConfig,
    credential::Outgoing,
    decode::accepted,
    effects::Place,
    pool::Pool,
    receive::{Caps, receive},
    redirect::{MAX_HOPS, next},
    refusal::{Failed, clean},
    trial::Trial,
    upload::Upload,
};

/// What sending needs.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) config: GateConfig,
    pub(crate) policy: Arc<AddressPolicy>,
    pub(crate) pool: Pool,
}

impl Sender {
    /// Sends, and follows redirects if the guest asked for that.
    pub(crate) async fn perform(
        &self,
        mut request: Authorised,
        place: Place,
    ) -> Result<HttpResponse, HttpError> {
        if request.needs_whole_body()
            && let Err(error) = request.gather().await
        {
            place.tell(request.refused(&error));
            return Err(error);
        }
        let own = request.timeout_ms.map_or(Duration::MAX, |ms| Duration::from_millis(ms.into()));
        let deadline = Instant::now() + self.config.total_timeout.min(own);
        let place = Arc::new(place);
        match request.redirects {
            Redirects::Manual => self.hop(&mut request, &place, deadline).await,
            Redirects::Follow => self.follow(request, &place, deadline).await,
        }
    }

    async fn follow(
        &self,
        mut request: Authorised,
        place: &Arc<Place>,
        deadline: Instant,
    ) -> Result<HttpResponse, HttpError> {
        let was_write = request.is_write();
        // Once the first request has been answered, a write may have been applied, whatever becomes
        // of the hops.
        let settle = |error: HttpError| if was_write { applied(error) } else { error };
        let mut response = self.hop(&mut request, place, deadline).await?;
        for hops in 0.. {
            let step = match next(&request, &response) {
                Ok(Some(step)) => self.rejudge(step, hops),
                Ok(None) => break,
                Err(error) => Err(Box::new((request.again(), error))),
            };
            // The rest of a redirect's own body is of no use.
            drop(response);
            request = match step {
                Ok(request) => request,
                Err(refusal) => {
                    let (refused, error) = *refusal;
                    let error = clean(error, request.authority.redactor());
                    place.tell(refused.refused(&error));
                    return Err(settle(error));
                }
            };
            response = self.hop(&mut request, place, deadline).await.map_err(settle)?;
        }
        Ok(response)
    }

    /// A hop is judged like a first request; its headers have been, and only fewer are left.
    fn rejudge(&self, mut hop: Authorised, hops: usize) -> Result<Authorised, Box<(Authorised, HttpError)>> {
        let judged = if hops < MAX_HOPS {
            judge(&self.policy, &hop.authority, &hop.scope, hop.method(), &hop.target)
        } else {
            Err(ceiling("too-many-redirects", format!("more than {MAX_HOPS} redirects")))
        };
        match judged {
            Ok(access) => hop.access = access,
            Err(error) => return Err(Box::new((hop, error))),
        }
        hop.trial = Trial::default();
        hop.trial.judge(&hop.authority, &hop.scope, hop.method(), &hop.target);
        let credential = hop.authority.inner.credential.as_ref();
        if let (WithCredential::Yes, Some(credential)) = (hop.credential, credential) {
            let name = &credential.secrets.method;
            match check_credential(&self.policy, &hop.authority, name, hop.method(), &hop.target) {
                Ok(credential) => hop.credential = credential,
                Err(error) => return Err(Box::new((hop, error))),
            }
        }
        Ok(hop)
    }

    /// One request and the head of its response, with an effect of its own.
    async fn hop(
        &self,
        request: &mut Authorised,
        place: &Arc<Place>,
        deadline: Instant,
    ) -> Result<HttpResponse, HttpError> {
        let bill = Bill::open(place, request);
        match self.exchange(request, &bill, deadline).await {
            Ok(response) => Ok(bill.answered(response)),
            Err(failed) => {
                let failed = failed.clean(request.authority.redactor());
                bill.failed(&failed);
                Err(failed.error)
            }
        }
    }

    async fn exchange(
        &self,
        request: &mut Authorised,
        bill: &Bill,
        deadline: Instant,
    ) -> Result<HttpResponse, Failed> {
        let inner = Arc::clone(&request.authority.inner);
        let client = self.pool.client(&request.authority.account, inner.tls(request.credential));
        let client = client.map_err(|error| HttpError::Tls(error.to_string()))?;
        let send = async |request: &mut Authorised| {
            let (wire, upload) = assemble(request, bill)?;
            match timeout_at(deadline, client.execute(wire)).await {
                Ok(Ok(response)) => Ok(response),
                Ok(Err(error)) => {
                    let own = upload.and_then(|upload| upload.failure());
                    Err(own.map_or_else(
                        || {
                            let tried = format!("{} {}", request.method(), request.target.display());
                            classify(&inner.connector, &tried, &error)
                        },
                        Failed::from,
                    ))
                }
                Err(_) => Err(Failed::from(HttpError::Timeout("no response in time".to_owned()))),
            }
        };
        let mut response = send(request).await?;
        if let Some(credential) = credential(request)
            && credential.learn(request.target.url(), response.status().as_u16(), response.headers())
        {
            // Refused before anything was done, for want of an answer that can now be given.
            response = send(request).await?;
        }
        let caps = Caps {
            deadline,
            between_bytes: self.config.between_bytes_timeout,
            body_bytes: request.scope.response_bytes,
            headers: self.config.max_response_headers,
            header_bytes: self.config.max_response_header_bytes,
        };
        Ok(receive(response, caps, request).await?)
    }
}

/// The credential that goes along, if one does.
fn credential(request: &Authorised) -> Option<&Credential> {
    match request.credential {
        WithCredential::Yes => request.authority.inner.credential.as_ref(),
        WithCredential::No => None,
    }
}

/// The request as it goes out; here, after all decisions, the credential comes in.
fn assemble(request: &mut Authorised, bill: &Bill) -> Result<(reqwest::Request, Option<Upload>), Failed> {
    let (body, pieces) = match std::mem::take(&mut request.body) {
        Body::Whole(bytes) => {
            // A redirect or a challenge may ask for it once more.
            request.body = Body::Whole(bytes.clone());
            (bytes, None)
        }
        Body::Pieces(pieces) => (Bytes::new(), Some(pieces)),
    };
    let mut headers = request.headers.clone();
    headers.insert(header::ACCEPT_ENCODING, accepted(&request.method, &headers));
    let mut outgoing =
        Outgoing { method: request.method.clone(), url: request.target.url().clone(), headers, body };
    if let Some(credential) = credential(request) {
        credential.place(&mut outgoing, request.authority.redactor()).map_err(HttpError::from)?;
    }
    let Outgoing { method, url, mut headers, body } = outgoing;
    let expects_body = matches!(method, Method::POST | Method::PUT | Method::PATCH);
    if body.is_empty() && pieces.is_none() && expects_body {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let mut wire = reqwest::Request::new(method, url);
    *wire.headers_mut() = headers;
    let mut upload = None;
    *wire.body_mut() = match pieces {
        None => (!body.is_empty()).then(|| body.into()),
        Some(pieces) => {
            let watched = upload.insert(Upload::default());
            let pieces = watched.watch(request.guard(pieces), bill.sent());
            Some(reqwest::Body::wrap_stream(pieces))
        }
    };
    Ok((wire, upload))
}

/// A failure after a write was answered is never "nothing was sent".
fn applied(error: HttpError) -> HttpError {
    if error.may_have_been_applied() {
        return error;
    }
    HttpError::BadResponse(format!("a write was redirected, and the redirect failed: {error}"))
}
