//! Sends what was authorised, and reports it as an effect.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use tokio::time::{Instant, timeout_at};
use wharf_model::{
    effect::{Effect, EffectResult},
    http::{Body, HttpError, HttpResponse, Redirects},
};

use crate::{
    authorise::{Authorised, WithCredential, ceiling, check_credential, judge},
    carve_out::AddressPolicy,
    classify::classify,
    config::GateConfig,
    credential::Placed,
    effects::Place,
    pool::Pool,
    receive::{Caps, receive},
    redirect::{MAX_HOPS, next},
    refusal::Failed,
};

/// What sending needs.
#[derive(Debug)]
pub(crate) struct Sender {
    pub(crate) config: GateConfig,
    pub(crate) policy: Arc<AddressPolicy>,
    pub(crate) pool: Pool,
}

impl Sender {
    /// Sends, follows redirects if the guest asked for that, and says what came of it.
    pub(crate) async fn perform(&self, request: Authorised, place: Place) -> Result<HttpResponse, HttpError> {
        let start = Instant::now();
        let authority = request.authority.clone();
        let redactor = authority.redactor();
        let mut effect = Effect {
            method: request.method().to_owned(),
            url: redactor.text(&request.target.display()).into_owned(),
            result: EffectResult::Failed(String::new()),
            micros: 0,
            sent_bytes: request.body.len().unwrap_or(0),
            received_bytes: 0,
        };
        place.open(&effect);
        let outcome = self.follow(request, start).await.map_err(|failed| failed.clean(redactor));
        effect.micros = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let result = match outcome {
            Ok(response) => {
                effect.result = EffectResult::Status(response.status);
                effect.received_bytes = response.body.len().unwrap_or(0);
                Ok(response)
            }
            Err(failed) => {
                effect.result = failed.result();
                if !failed.error.may_have_been_applied() {
                    effect.sent_bytes = 0;
                }
                Err(failed.error)
            }
        };
        let connector = authority.inner.connector.as_str();
        tracing::debug!(connector, method = effect.method, url = effect.url, micros = effect.micros, result = ?effect.result, "effect");
        place.tell(effect);
        result
    }

    async fn follow(&self, first: Authorised, start: Instant) -> Result<HttpResponse, Failed> {
        let own = first.timeout_ms.map_or(Duration::MAX, |ms| Duration::from_millis(ms.into()));
        let deadline = start + self.config.total_timeout.min(own);
        let was_write = first.is_write();
        let mut request = first;
        request.gather().await?;
        let mut response = self.exchange(&mut request, deadline).await?;
        if request.redirects == Redirects::Manual {
            return Ok(response);
        }
        for hop in 0.. {
            // From here on the first request has been answered: a write may have been applied,
            // whatever becomes of the hops.
            let settle = |failed: Failed| if was_write { applied(failed) } else { failed };
            let Some(step) = next(&request, &response).map_err(|error| settle(error.into()))? else {
                break;
            };
            if hop >= MAX_HOPS {
                let error = ceiling("too-many-redirects", format!("more than {MAX_HOPS} redirects"));
                return Err(settle(error.into()));
            }
            request = self.rejudge(step).map_err(|error| settle(error.into()))?;
            response = self.exchange(&mut request, deadline).await.map_err(settle)?;
        }
        Ok(response)
    }

    /// A hop is judged like a first request; its headers have been, and only fewer are left.
    fn rejudge(&self, mut hop: Authorised) -> Result<Authorised, HttpError> {
        hop.access = judge(&self.policy, &hop.authority, &hop.scope, hop.method(), &hop.target)?;
        let credential = hop.authority.inner.credential.as_ref();
        if let (WithCredential::Yes, Some(credential)) = (hop.credential, credential) {
            let name = &credential.secrets.method;
            hop.credential = check_credential(&self.policy, &hop.authority, name, hop.method(), &hop.target)?;
        }
        Ok(hop)
    }

    async fn exchange(&self, request: &mut Authorised, deadline: Instant) -> Result<HttpResponse, Failed> {
        let inner = &request.authority.inner;
        let tried = format!("{} {}", request.method(), request.target.display());
        let client = self.pool.client(inner.id, request.target.origin().port);
        let client = client.map_err(|error| classify(&inner.connector, &tried, &error))?;
        let wire = assemble(request)?;
        let response = match timeout_at(deadline, client.execute(wire)).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(classify(&inner.connector, &tried, &error));
            }
            Err(_) => return Err(HttpError::Timeout("no response in time".to_owned()).into()),
        };
        let caps = Caps {
            deadline,
            between_bytes: self.config.between_bytes_timeout,
            body_bytes: request.scope.response_bytes,
            headers: self.config.max_response_headers,
            header_bytes: self.config.max_response_header_bytes,
        };
        let received = receive(response, caps, request.authority.redactor(), request.credential).await;
        received.map_err(Failed::from)
    }
}

/// The request as it goes out; here, after all decisions, the credential comes in.
fn assemble(request: &Authorised) -> Result<reqwest::Request, Failed> {
    let mut url = request.target.url().clone();
    let mut headers = request.headers.clone();
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    let body = match &request.body {
        Body::Whole(bytes) => bytes,
        Body::Pieces(_) => &Bytes::new(),
    };
    let expects_body = matches!(request.method, Method::POST | Method::PUT | Method::PATCH);
    if body.is_empty() && expects_body {
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    }
    let credential = request.authority.inner.credential.as_ref();
    if let (WithCredential::Yes, Some(credential)) = (request.credential, credential)
        && let Some(placement) = &credential.placement
    {
        let placed = Placed::make(placement, &credential.secrets)
            .map_err(|error| HttpError::CredentialUnavailable(error.to_string()))?;
        placed.put(&mut url, &mut headers);
    }
    let mut wire = reqwest::Request::new(request.method.clone(), url);
    *wire.headers_mut() = headers;
    if !body.is_empty() {
        *wire.body_mut() = Some(body.clone().into());
    }
    Ok(wire)
}

/// A failure after a write was answered is never "nothing was sent".
fn applied(failed: Failed) -> Failed {
    if failed.error.may_have_been_applied() {
        return failed;
    }
    let error =
        HttpError::BadResponse(format!("a write was redirected, and the redirect failed: {}", failed.error));
    Failed { error, detail: failed.detail }
}
