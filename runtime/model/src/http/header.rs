//! Which headers nobody but the gate sets.
//!
//! Framing, hop-by-hop, `Host`, proxy, forwarding and method-override headers decide where a request goes
//! and what it means. Names are compared with `_` read as `-`: CGI-like servers cannot tell the two apart.

/// Never set by a guest; what starts with one of [`FORBIDDEN_PREFIXES`] isn't either.
#[rustfmt::skip]
const FORBIDDEN: &[&str] = &[
    // Framing (RFC 9112) and hop-by-hop (RFC 9110, section 7.6.1).
    "host", "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade",
    "http2-settings", "expect", "via", "max-forwards", "alt-used", "early-data",
    // The gate asks for the codings that it undoes; a body in another it could neither measure nor search.
    "accept-encoding",
    // The credential is the gate's to place.
    "authorization",
    // Who is asking and for what, as proxies and frameworks believe it.
    "forwarded", "x-real-ip", "x-client-ip", "client-ip", "true-client-ip", "cf-connecting-ip", "fastly-client-ip",
    "x-cluster-client-ip", "x-original-url", "x-rewrite-url", "x-original-host", "x-original-forwarded-for", "x-host",
    "x-http-method", "x-http-method-override", "x-method", "x-method-override",
];

const FORBIDDEN_PREFIXES: &[&str] = &["proxy-", "x-forwarded-", "sec-websocket-"];

/// Whether nobody but the gate sets this header.
#[must_use]
pub fn is_forbidden(name: &str) -> bool {
    let name = spelling(name);
    FORBIDDEN.contains(&name.as_str())
        || FORBIDDEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || name == "x-forwarded"
}

/// Lower case, `_` as `-`.
#[must_use]
pub fn spelling(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}
