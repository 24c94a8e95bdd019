//! From the HTTP client's errors to ours. What matters is whether the request may have been applied:
//! only failures of the resolver, the dial and the handshake are sure to come before its first byte.

use std::{error::Error, io};

use hyper_util::client::legacy;
use rustls::AlertDescription;
use wharf_model::http::{Denial, DeniedBy, HttpError};

use crate::{client::SendError, dial::DialError, refusal::Failed, resolve::AddressRefused};

/// Why a request got no response. Texts come from the innermost error, because the outer ones
/// repeat the URL, and a URL may hold a credential.
pub(crate) fn classify(connector: &str, tried: &str, error: &SendError) -> Failed {
    match error {
        SendError::Unfit(problem) => HttpError::InvalidRequest(problem.clone()).into(),
        SendError::Interim | SendError::Switched => {
            HttpError::BadResponse(format!("protocol: {error}")).into()
        }
        SendError::Reason => HttpError::BadResponse(format!("response-headers: {error}")).into(),
        SendError::Client(error) => from_client(connector, tried, error),
    }
}

fn from_client(connector: &str, tried: &str, error: &legacy::Error) -> Failed {
    let causes = causes(error);
    let innermost =
        causes.last().map(ToString::to_string).unwrap_or_else(|| "the request cannot be sent".to_owned());
    if let Some(dial) = causes.iter().find_map(|cause| cause.downcast_ref::<DialError>()) {
        return match dial {
            DialError::Refused(refused) => address(connector, tried, refused),
            DialError::Tls(problem) => HttpError::Tls(problem.to_string()).into(),
            DialError::Lookup(_) | DialError::Connect(_) | DialError::Tunnel(_) | DialError::Timeout => {
                HttpError::Unreachable(dial.to_string()).into()
            }
        };
    }
    if error.is_connect() {
        return HttpError::Unreachable(innermost).into();
    }
    // In TLS 1.3 the server judges the client's certificate after the client's first bytes; one that
    // it refuses belongs to nobody, so it has read no request.
    if let Some(rustls::Error::AlertReceived(alert)) = causes.iter().find_map(|cause| cause.downcast_ref())
        && refuses_client(*alert)
    {
        return HttpError::Tls(format!("the server refuses the client certificate, or its lack: {alert:?}"))
            .into();
    }
    let mut from_http = causes.iter().filter_map(|cause| cause.downcast_ref::<hyper::Error>());
    if from_http.clone().any(hyper::Error::is_parse_too_large) {
        return HttpError::BadResponse("response-headers: the response's head is too large".to_owned())
            .into();
    }
    if from_http.any(hyper::Error::is_parse) {
        return HttpError::BadResponse(format!("protocol: the response breaks HTTP: {innermost}")).into();
    }
    HttpError::Interrupted(innermost).into()
}

/// Why a response's body breaks off. What the framing says is the server's word (RFC 9112, section 8):
/// a length that does not hold means that the connection ended, a chunk that is none that this is no
/// HTTP.
pub(crate) fn broken_body(error: &reqwest::Error) -> HttpError {
    let causes = causes(error);
    let kind =
        causes.iter().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).next_back();
    let parse =
        causes.iter().filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse);
    match kind {
        Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData) => broken_framing(),
        Some(io::ErrorKind::UnexpectedEof) => {
            HttpError::Interrupted("protocol: the connection ended before the response did".to_owned())
        }
        Some(_) | None if parse => broken_framing(),
        Some(_) | None => HttpError::Interrupted("the connection broke inside the response".to_owned()),
    }
}

fn broken_framing() -> HttpError {
    HttpError::BadResponse("protocol: the response's body breaks HTTP".to_owned())
}

fn refuses_client(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
    )
}

/// The guest learns that the address is not public, not which it is: names of an inside network
/// would tell a stranger its plan.
fn address(connector: &str, tried: &str, refused: &AddressRefused) -> Failed {
    let length = if refused.address.is_ipv4() { 32 } else { 128 };
    let message = format!("{connector} tried {tried}\n  {refused}");
    let detail = format!(
        "{connector} tried {tried}\n  `{}` resolves to {} ({})\n  if this is right, the operator adds   \"{}/{length}:{}\"   to the gate's carve-outs",
        refused.name,
        refused.address.ip(),
        refused.refusal,
        refused.address.ip(),
        refused.address.port(),
    );
    let denial = Denial { by: DeniedBy::Address, reason: "ip".to_owned(), message };
    Failed { error: HttpError::Denied(denial), detail: Some(detail) }
}

/// An error and its causes, also those inside an `io::Error`, which hides its own.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes: Vec<&'a (dyn Error + 'static)> = Vec::new();
    let mut next = error.source();
    // A chain is a handful long; the bound is for one that bites its tail.
    while let Some(cause) = next.filter(|_| causes.len() < 16) {
        causes.push(cause);
        let hidden = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match hidden {
            Some(inner) => Some(inner as &(dyn Error + 'static)),
            None => cause.source(),
        };
    }
    causes
}
