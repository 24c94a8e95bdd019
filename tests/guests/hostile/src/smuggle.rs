//! Attempts at credentials and at headers that are the host's.

use wharf::credentials::{self, HmacAlgorithm};
use wharf::prelude::*;

use crate::{Seen, api, attempt};

fn with_headers(call: &Call, headers: &[(&str, &str)]) -> Result<Vec<Seen>> {
    let api = api(call)?;
    headers
        .iter()
        .map(|(name, value)| attempt(call.get(format!("{api}/v1/echo")).header(*name, *value)))
        .collect()
}

/// Bring a credential of its own.
#[action(effect = "read")]
pub(crate) fn set_authorization(call: &Call) -> Result<Vec<Seen>> {
    with_headers(
        call,
        &[
            ("Authorization", "Bearer stolen"),
            ("aUtHoRiZaTiOn", "Bearer stolen"),
            ("Proxy-Authorization", "Basic eDp5"),
            ("x-api-key", "stolen"),
            ("Cookie", "session=stolen"),
        ],
    )
}

/// Speak to another virtual host, or frame the message itself.
#[action(effect = "read")]
pub(crate) fn set_host(call: &Call) -> Result<Vec<Seen>> {
    with_headers(
        call,
        &[
            ("Host", "evil.example"),
            (":authority", "evil.example"),
            ("Content-Length", "1000"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "x-api-key"),
            ("Upgrade", "websocket"),
            ("Forwarded", "for=127.0.0.1"),
            ("X-Forwarded-For", "127.0.0.1"),
            ("X-Forwarded-Host", "evil.example"),
        ],
    )
}

/// Turn a declared GET into something else.
#[action(effect = "read")]
pub(crate) fn set_override(call: &Call) -> Result<Vec<Seen>> {
    with_headers(
        call,
        &[("X-HTTP-Method-Override", "DELETE"), ("X-HTTP-Method", "DELETE"), ("X-Method-Override", "DELETE")],
    )
}

/// Put a second request into a header or a method.
#[action(effect = "read")]
pub(crate) fn split_header(call: &Call) -> Result<Vec<Seen>> {
    let api = api(call)?;
    let url = || format!("{api}/v1/echo");
    [
        call.get(url()).header("x-a", "1\r\nAuthorization: Bearer stolen"),
        call.get(url()).header("x-a: 1\r\nAuthorization", "Bearer stolen"),
        call.get(url()).header("x-a", vec![0x00, 0x0a]),
        call.request("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\nGET", url()),
        call.request("get", url()),
        call.request("CONNECT", url()),
        call.request("TRACE", url()),
        call.get(format!("{api}/v1/ok HTTP/1.1\r\nX: y")),
    ]
    .into_iter()
    .map(attempt)
    .collect()
}

/// Name auth methods that are not the connection's.
#[action(effect = "read")]
pub(crate) fn unknown_auth(call: &Call) -> Result<Vec<Seen>> {
    let api = api(call)?;
    ["nothing", "", "other", "../key"]
        .into_iter()
        .map(|method| attempt(call.get(format!("{api}/v1/ok")).auth(method)))
        .collect()
}

/// Have the provider say the credential aloud, as a service that echoes requests would.
#[action(effect = "read")]
pub(crate) fn echo_credential(call: &Call) -> Result<Seen> {
    attempt(call.get(format!("{}/v1/echo", api(call)?)))
}

/// What came of asking for slots.
#[output]
pub(crate) struct Slots {
    /// What `has` said, by slot.
    has: Vec<bool>,
    /// The keyed hashes or the failures, by slot.
    hashes: Vec<String>,
}

/// Use secrets by slots that are not granted or do not exist.
#[action(effect = "read")]
pub(crate) fn other_slot(_call: &Call) -> Result<Slots> {
    const SLOTS: [&str; 4] = ["key", "other", "nothing", "acme/token"];
    let hash = |slot: &str| match credentials::hmac(slot, HmacAlgorithm::Sha256, b"x") {
        Ok(hash) => format!("{} bytes", hash.len()),
        Err(failure) => failure.message,
    };
    Ok(Slots {
        has: SLOTS.iter().map(|slot| credentials::has(slot)).collect(),
        hashes: SLOTS.iter().map(|slot| hash(slot)).collect(),
    })
}
