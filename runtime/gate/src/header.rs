//! Which headers a connector may set.
//!
//! Framing, hop-by-hop, `Host`, proxy, forwarding and method-override headers decide where a request
//! goes and what it means, so the gate alone sets them. Names are compared with `_` read as `-`:
//! CGI-like servers cannot tell the two apart.

use http::{HeaderMap, HeaderName, HeaderValue};
use wharf_model::http::{Denial, DeniedBy, Field, HttpError};

/// Fields of one request.
const MAX_FIELDS: usize = 64;

/// Bytes of names and values together.
const MAX_BYTES: usize = 32 * 1024;

/// Never set by a guest; what starts with one of [`FORBIDDEN_PREFIXES`] isn't either.
#[rustfmt::skip]
const FORBIDDEN: &[&str] = &[
    // Framing (RFC 9112) and hop-by-hop (RFC 9110, section 7.6.1).
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
    "http2-settings", "expect", "via", "max-forwards", "alt-used", "early-data",
    // The gate cannot look into an encoded body, neither to measure it nor to find a secret in it.
    "accept-encoding",
    // The credential is the gate's to place.
    "authorization",
    // Who is asking and for what, as proxies and frameworks believe it.
    "forwarded", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
    "x-cluster-client-ip", "x-original-url", "x-rewrite-url", "x-original-host", "x-original-forwarded-for", "x-host",
    "x-http-method", "x-http-method-override", "x-method", "x-method-override",
];

const FORBIDDEN_PREFIXES: &[&str] = &["proxy-", "x-forwarded-", "sec-websocket-"];

/// What survives a redirect to another origin.
const SAFE_ELSEWHERE: &[&str] = &["accept", "accept-language", "user-agent"];

/// Whether nobody but the gate sets this header.
pub(crate) fn is_forbidden(name: &str) -> bool {
    let name = spelling(name);
    FORBIDDEN.contains(&name.as_str())
        || FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name == "x-forwarded"
}

/// Lower case, `_` as `-`.
pub(crate) fn spelling(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

/// Checks a guest's headers. `reserved` are names, in [`spelling`], that the gate sets for this
/// connector: credentials and the idempotency key.
pub(crate) fn check<'a>(
    fields: &[Field],
    reserved: impl Fn(&str) -> Option<&'a str>,
) -> Result<HeaderMap, HttpError> {
    if fields.len() > MAX_FIELDS {
        return Err(syntax(&format!("{} headers; at most {MAX_FIELDS} are sent", fields.len())));
    }
    let bytes: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(syntax(&format!("{bytes} bytes of headers; at most {MAX_BYTES} are sent")));
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| syntax(&format!("the name of header {} is not a token", at + 1)))?;
        // Asking for the encoding that comes anyway is no harm.
        if name == http::header::ACCEPT_ENCODING && field.value.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        if let Some(why) = forbidden(name.as_str(), &reserved) {
            return Err(HttpError::Denied(Denial {
                by: DeniedBy::Ceiling,
                reason: "forbidden-header".to_owned(),
                message: format!("a connector may not set the header `{name}`: {why}"),
            }));
        }
        let value = HeaderValue::from_bytes(&field.value)
            .map_err(|_| syntax(&format!("the value of header `{name}` has a control character")))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn forbidden<'a>(name: &str, reserved: &impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let name = spelling(name);
    if let Some(why) = reserved(&name) {
        return Some(why);
    }
    match name.as_str() {
        "authorization" => Some(
            "name an auth method of the manifest in the request's `auth`, and the gate places the credential",
        ),
        "accept-encoding" => Some("bodies come unencoded, so that they can be measured"),
        name if is_forbidden(name) => Some("the gate sets it, or it is never sent"),
        _ => None,
    }
}

/// Drops what another origin must not see.
pub(crate) fn keep_safe(headers: &mut HeaderMap) {
    let mut kept = HeaderMap::new();
    for name in SAFE_ELSEWHERE {
        for value in headers.get_all(*name) {
            kept.append(HeaderName::from_static(name), value.clone());
        }
    }
    *headers = kept;
}

fn syntax(problem: &str) -> HttpError {
    HttpError::InvalidRequest(format!("header syntax: {problem}"))
}
