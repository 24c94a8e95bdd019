//! The next hop of a redirect that the connector asked the gate to follow. Pure.

use http::{Method, header};
use wharf_model::{
    egress::Scheme,
    http::{Body, HttpError, HttpResponse, header as field},
};

use crate::{
    authorise::{Authorised, WithCredential, ceiling, refuse_target},
    header::keep_safe,
};

/// Hops after the first request.
pub(crate) const MAX_HOPS: usize = 5;

/// What to ask next; none when the response is the answer.
pub(crate) fn next(sent: &Authorised, response: &HttpResponse) -> Result<Option<Authorised>, HttpError> {
    let keeps_method = match response.status {
        301..=303 => false,
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = field(&response.headers, "location") else {
        return Ok(None);
    };
    let location = std::str::from_utf8(location)
        .map_err(|_| HttpError::BadResponse("the redirect's location is not text".to_owned()))?;
    let target = sent.target.join(location).map_err(|error| refuse_target(&error))?;
    let (from, to) = (sent.target.origin(), target.origin());
    if from.scheme == Scheme::Https && to.scheme == Scheme::Http {
        return Err(ceiling(
            "downgrade",
            format!("{} redirects from https to {}", from.host, target.display()),
        ));
    }
    let mut hop = sent.again();
    if !keeps_method && !matches!(hop.method, Method::GET | Method::HEAD) {
        hop.method = Method::GET;
    }
    if !keeps_method {
        hop.body = Body::empty();
        hop.headers.remove(header::CONTENT_TYPE);
    }
    if from != to {
        if !hop.body.is_empty() {
            let message = format!(
                "{} redirects a request with a body to {}; a body is not sent elsewhere",
                from.host,
                target.display()
            );
            return Err(ceiling("redirect-body", message));
        }
        keep_safe(&mut hop.headers);
        hop.credential = WithCredential::No;
    }
    hop.target = target;
    Ok(Some(hop))
}
