//! From the HTTP client's errors to ours. What matters is whether the request may have been applied:
//! only failures of the resolver, the dial and the handshake are sure to come before its first byte.

use std::{error::Error, io};

use wharf_model::http::{Denial, DeniedBy, HttpError};

use crate::{refusal::Failed, resolve::AddressRefused};

/// Why a request got no response. Texts come from the innermost error, because the outer ones
/// repeat the URL, and a URL may hold a credential.
pub(crate) fn classify(connector: &str, tried: &str, error: &reqwest::Error) -> Failed {
    let causes = causes(error);
    if let Some(refused) = causes.iter().find_map(|cause| cause.downcast_ref::<AddressRefused>()) {
        return address(connector, tried, refused);
    }
    let innermost =
        causes.last().map(ToString::to_string).unwrap_or_else(|| "the request cannot be sent".to_owned());
    let tls = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>());
    if error.is_builder() {
        return HttpError::InvalidRequest(innermost).into();
    }
    if error.is_connect() {
        return match tls {
            Some(problem) => HttpError::Tls(problem.to_string()),
            None if error.is_timeout() => HttpError::Unreachable("no connection in time".to_owned()),
            None => HttpError::Unreachable(innermost),
        }
        .into();
    }
    let broken =
        causes.iter().filter_map(|cause| cause.downcast_ref::<hyper::Error>()).any(hyper::Error::is_parse);
    if broken {
        return HttpError::BadResponse(format!("the response breaks HTTP: {innermost}")).into();
    }
    if error.is_timeout() {
        return HttpError::Timeout(innermost).into();
    }
    HttpError::Interrupted(innermost).into()
}

/// Why a response's body breaks off. What the framing says is the server's word (RFC 9112, section 8):
/// a length that does not hold means that the connection ended, a chunk that is none that this is no
/// HTTP.
pub(crate) fn broken_body(error: &reqwest::Error) -> HttpError {
    let causes = causes(error);
    let kind =
        causes.iter().filter_map(|cause| cause.downcast_ref::<io::Error>()).map(io::Error::kind).last();
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
fn causes(error: &reqwest::Error) -> Vec<&(dyn Error + 'static)> {
    let mut causes: Vec<&(dyn Error + 'static)> = Vec::new();
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
