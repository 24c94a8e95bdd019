//! The decision about a request, without IO: rules, address literals, headers, credential.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Host;
use wharf_model::{
    effect::{Effect, WriteKey},
    egress::{Access, Operation, RuleSets, Scheme, Target, TargetError, decide, secret_binding},
    http::{Body, Denial, DeniedBy, HttpError, HttpRequest, Pieces, Redirects},
    manifest::KeyCarrier,
};

use crate::{
    authority::{Authority, Scope},
    binding::Credential,
    carve_out::AddressPolicy,
    credential::field,
    header,
    refusal::{clean, refused},
    trial::Trial,
    upload,
};

/// A request that may be sent. The credential is not in it yet.
#[derive(Debug)]
pub struct Authorised {
    pub(crate) authority: Authority,
    pub(crate) scope: Scope,
    pub(crate) method: Method,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
    pub(crate) access: Access,
    pub(crate) credential: WithCredential,
    pub(crate) redirects: Redirects,
    pub(crate) timeout_ms: Option<u32>,
    pub(crate) trial: Trial,
}

/// Whether the credential goes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WithCredential {
    Yes,
    No,
}

impl Authorised {
    /// Whether it may change the provider's state: an unsafe method that the action does not list
    /// among its reads.
    #[must_use]
    pub fn is_write(&self) -> bool {
        self.access == Access::Write
    }

    /// The method.
    #[must_use]
    pub fn method(&self) -> &str {
        self.method.as_str()
    }

    /// The canonical URL with the guest's query and without the credential.
    #[must_use]
    pub fn url(&self) -> &str {
        self.target.url().as_str()
    }

    /// The headers that go out besides the credential's and those that frame the message.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The effect of a refusal that came after the decision, such as a body that is too large.
    #[must_use]
    pub fn refused(&self, error: &HttpError) -> Effect {
        refused(&self.authority, self.method(), self.url(), error)
    }

    /// What identifies this write as the `ordinal`th of its attempt. Its body is read for that.
    ///
    /// # Errors
    /// The body breaks off, is too large, or holds a secret. Nothing was sent.
    pub async fn write_key(&mut self, ordinal: u32) -> Result<WriteKey, HttpError> {
        let body = self.gather().await?;
        Ok(WriteKey::of(ordinal, self.method(), self.url(), &body))
    }

    /// Reads the body to its end, so that it can be sent more than once, digested, or signed.
    pub(crate) async fn gather(&mut self) -> Result<Bytes, HttpError> {
        let body = match std::mem::take(&mut self.body) {
            Body::Whole(bytes) => {
                self.body = Body::Whole(bytes.clone());
                return Ok(bytes);
            }
            Body::Pieces(pieces) => {
                let whole = Body::Pieces(self.guard(pieces)).whole().await;
                whole.map_err(|error| clean(error, self.authority.redactor()))?
            }
        };
        self.body = Body::Whole(body);
        self.complete()
    }

    /// Whether the body cannot be sent as it comes: a write is told from another by it, a redirect may
    /// ask for it once more, a field of it may be the gate's own, a credential may go into it or sign it.
    pub(crate) fn needs_whole_body(&self) -> bool {
        let inner = &self.authority.inner;
        let credential = match self.credential {
            WithCredential::Yes => inner.credential.as_ref(),
            WithCredential::No => None,
        };
        self.is_write()
            || self.redirects == Redirects::Follow
            || !inner.reserved_fields().is_empty()
            || credential.is_some_and(Credential::reads_body)
    }

    /// Judges the fields of a whole body, and puts the idempotency key there if that is its place.
    fn complete(&mut self) -> Result<Bytes, HttpError> {
        let Body::Whole(body) = &mut self.body else {
            return Ok(Bytes::new());
        };
        check_fields(&self.authority, self.credential, &self.headers, body)?;
        if self.access == Access::Write {
            place_key(&self.scope, &mut self.headers, body)?;
        }
        Ok(body.clone())
    }

    /// The body as far as it may be sent: within the cap, and without a secret.
    pub(crate) fn guard(&self, pieces: Pieces) -> Pieces {
        let pieces = upload::capped(pieces, self.scope.request_bytes);
        self.authority.redactor().guarded(pieces, || secret_in("body"))
    }

    /// The same request once more. A body that is still on its way cannot be sent twice; what is
    /// sent twice is [gathered](Self::gather) before.
    pub(crate) fn again(&self) -> Self {
        let body = match &self.body {
            Body::Whole(bytes) => Body::Whole(bytes.clone()),
            Body::Pieces(_) => Body::empty(),
        };
        Self {
            authority: self.authority.clone(),
            scope: self.scope.clone(),
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body,
            access: self.access,
            credential: self.credential,
            redirects: self.redirects,
            timeout_ms: self.timeout_ms,
            trial: self.trial.clone(),
        }
    }
}

/// Decides about a request as a guest asks for it.
pub(crate) fn authorise(
    policy: &AddressPolicy,
    authority: &Authority,
    scope: &Scope,
    request: HttpRequest,
) -> Result<Authorised, HttpError> {
    let inner = &authority.inner;
    let target = Target::parse(&request.url).map_err(|error| refuse_target(&error))?;
    let access = judge(policy, authority, scope, &request.method, &target)?;
    if let Some(size) = request.body.len()
        && size > scope.request_bytes
    {
        return Err(too_large(size, scope.request_bytes));
    }
    let headers = header::check(&request.headers, |name| inner.reserves_header(scope, name))?;
    if let Some(name) = inner.reserved_parameter(&target) {
        let message = format!(
            "a connector may not set the query parameter `{name}`: the gate places a credential there"
        );
        return Err(ceiling("secret-position", message));
    }
    let credential = match &request.auth {
        Some(method) => check_credential(policy, authority, method, &request.method, &target)?,
        None => WithCredential::No,
    };
    scan(authority, &request, &target)?;
    let trial = Trial::default();
    trial.judge(authority, scope, &request.method, &target);
    let method = Method::from_bytes(request.method.as_bytes())
        .map_err(|_| HttpError::InvalidRequest("the method is not a token".to_owned()))?;
    let mut authorised = Authorised {
        authority: authority.clone(),
        scope: scope.clone(),
        method,
        target,
        headers,
        body: request.body,
        access,
        credential,
        redirects: request.redirects,
        timeout_ms: request.timeout_ms,
        trial,
    };
    // A body that is still on its way is judged when it has come.
    authorised.complete()?;
    Ok(authorised)
}

/// Rules and address literals: what a redirect's next hop is judged by, too.
pub(crate) fn judge(
    policy: &AddressPolicy,
    authority: &Authority,
    scope: &Scope,
    method: &str,
    target: &Target,
) -> Result<Access, HttpError> {
    let inner = &authority.inner;
    let rules = RuleSets { connector: &inner.connector, manifest: &inner.manifest, grant: &inner.grant };
    let operation = Operation { effect: scope.effect, reads: &scope.reads };
    let access = decide(rules, operation, method, target).map_err(HttpError::Denied)?;
    if let Some(address) = literal(target)
        && let Err(refusal) = policy.check(address)
    {
        let message = format!(
            "{} tried {method} {}\n  {} is not a public address ({refusal})\n  if this is right, the operator adds   \"{}\"   to the gate's carve-outs",
            inner.connector,
            target.display(),
            address.ip(),
            carve_out_line(address),
        );
        return Err(HttpError::Denied(Denial { by: DeniedBy::Address, reason: "ip".to_owned(), message }));
    }
    Ok(access)
}

/// Whether the request may carry the connection's credential there. Every name that does not serve
/// gets the same answer: a guest learns nothing about what else exists.
pub(crate) fn check_credential(
    policy: &AddressPolicy,
    authority: &Authority,
    name: &str,
    method: &str,
    target: &Target,
) -> Result<WithCredential, HttpError> {
    let inner = &authority.inner;
    let Some(credential) = inner.credential.as_ref().filter(|credential| credential.secrets.method == name)
    else {
        let message = "this connection has no credential for the auth method that the request names";
        return Err(HttpError::CredentialUnavailable(message.to_owned()));
    };
    if !credential.is_placed() && credential.client_certificate.is_none() {
        let message = "the auth method has no place in a request; it only verifies webhooks";
        return Err(HttpError::CredentialUnavailable(message.to_owned()));
    }
    if !credential.audience.holds(target) {
        let denial = secret_binding(&inner.connector, credential.audience.rules(), method, target);
        return Err(HttpError::Denied(denial));
    }
    // There is no certificate without TLS.
    let plain_serves = credential.client_certificate.is_none() && is_private_enough(policy, target);
    if target.origin().scheme == Scheme::Http && !plain_serves {
        let message =
            format!("the credential would cross the network in plain text to {}; use https", target.base());
        return Err(ceiling("insecure-credential", message));
    }
    credential.ready(authority.redactor())?;
    Ok(WithCredential::Yes)
}

/// Plain http carries a credential only inside this machine, where the operator carved it out.
fn is_private_enough(policy: &AddressPolicy, target: &Target) -> bool {
    literal(target).is_some_and(|address| address.ip().is_loopback() && policy.is_carved_out(address))
}

/// Secrets reach a request by placement only; a guest that sends one found it somewhere.
fn scan(authority: &Authority, request: &HttpRequest, target: &Target) -> Result<(), HttpError> {
    let inner = &authority.inner;
    let audience = || inner.credential.as_ref().is_some_and(|credential| credential.audience.holds(target));
    let guard = inner.guard.as_ref().filter(|_| audience());
    let redactor = guard.unwrap_or_else(|| authority.redactor());
    let url = redactor.finds(target.url().as_str().as_bytes()) || redactor.finds(request.url.as_bytes());
    let headers = request
        .headers
        .iter()
        .any(|field| redactor.finds(&field.value) || redactor.finds(field.name.as_bytes()));
    let body = || match &request.body {
        Body::Whole(bytes) => redactor.finds(bytes),
        // Searched when it is read.
        Body::Pieces(_) => false,
    };
    match (url, headers) {
        (true, _) => Err(secret_in("URL")),
        (false, true) => Err(secret_in("headers")),
        (false, false) if body() => Err(secret_in("body")),
        (false, false) => Ok(()),
    }
}

pub(crate) fn secret_in(place: &str) -> HttpError {
    let message =
        format!("a secret of the connection stands in the request's {place}; only the gate places secrets");
    ceiling("secret-position", message)
}

pub(crate) fn too_large(size: u64, limit: u64) -> HttpError {
    HttpError::BudgetExhausted(format!("request-too-large: a body of {size} bytes; the limit is {limit}"))
}

/// The fields of a body that only the gate sets; and that a credential that goes there can.
fn check_fields(
    authority: &Authority,
    credential: WithCredential,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(), HttpError> {
    let inner = &authority.inner;
    let content_type = headers.get(http::header::CONTENT_TYPE);
    let needed = match credential {
        WithCredential::Yes => inner.credential.as_ref().is_some_and(Credential::is_in_body),
        WithCredential::No => false,
    };
    for name in inner.reserved_fields() {
        match field::find(content_type, body, name) {
            Ok(None) => {}
            Ok(Some(_)) => {
                let message = format!(
                    "a connector may not set the body's field `{name}`: the gate places a credential there"
                );
                return Err(ceiling("secret-position", message));
            }
            Err(problem) if needed => return Err(HttpError::InvalidRequest(problem)),
            Err(_) => {}
        }
    }
    Ok(())
}

/// Puts the idempotency key where the manifest says. A connector sees the key in its context; one that
/// has put it into the body itself has done the same.
fn place_key(scope: &Scope, headers: &mut HeaderMap, body: &mut Bytes) -> Result<(), HttpError> {
    let Some(carrier) = &scope.key_carrier else {
        return Ok(());
    };
    let invalid = |problem: &str| HttpError::InvalidRequest(format!("idempotency key: {problem}"));
    let key = scope.key.as_ref().ok_or_else(|| invalid("this write needs one and the host gave none"))?;
    match carrier.as_ref() {
        KeyCarrier::Header { name } => {
            let name = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| invalid("the manifest's header is not a token"))?;
            let value = HeaderValue::from_str(key).map_err(|_| invalid("it is not visible ASCII"))?;
            headers.insert(name, value);
        }
        KeyCarrier::BodyField { name } => {
            let content_type = headers.get(http::header::CONTENT_TYPE);
            match field::find(content_type, body, name).map_err(|problem| invalid(&problem))? {
                Some(own) if own == *key => {}
                Some(_) => {
                    return Err(invalid(&format!("the body has another value in `{name}`; leave it out")));
                }
                None => {
                    *body =
                        field::insert(content_type, body, name, key).map_err(|problem| invalid(&problem))?;
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn refuse_target(error: &TargetError) -> HttpError {
    match error {
        TargetError::Syntax(_) => HttpError::InvalidRequest(error.to_string()),
        TargetError::Userinfo | TargetError::Scheme(_) | TargetError::Host(_) | TargetError::Port => {
            ceiling(error.reason(), error.to_string())
        }
    }
}

pub(crate) fn ceiling(reason: &str, message: String) -> HttpError {
    HttpError::Denied(Denial { by: DeniedBy::Ceiling, reason: reason.to_owned(), message })
}

/// The address of a target whose host is one; such a host never reaches the resolver.
fn literal(target: &Target) -> Option<SocketAddr> {
    let address = match target.url().host()? {
        Host::Ipv4(address) => IpAddr::V4(address),
        Host::Ipv6(address) => IpAddr::V6(address),
        Host::Domain(_) => return None,
    };
    Some(SocketAddr::new(address, target.origin().port))
}

fn carve_out_line(address: SocketAddr) -> String {
    let length = if address.is_ipv4() { 32 } else { 128 };
    format!("{}/{length}:{}", address.ip(), address.port())
}
