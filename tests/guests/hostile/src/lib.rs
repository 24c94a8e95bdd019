//! A connector that tries to get out. Each action is one attempt and returns what it saw.
//!
//! What is surprising: an attempt that the host stops in time gives a normal answer here, so that a test
//! can read the reason; those that can only be trapped never answer.

mod exhaust;
mod reach;
mod smuggle;

use wharf::prelude::*;

use exhaust::{allocate, call_forever, flood_log, recurse, return_much, spin, store_much};
use reach::{
    declared, follow_redirect, loopback_spelling, metadata, other_host, other_method, other_path, other_port,
    other_scheme, userinfo,
};
use smuggle::{
    echo_credential, other_slot, set_authorization, set_host, set_override, split_header, unknown_auth,
};

/// What became of an attempt.
#[output]
struct Seen {
    /// What was tried, as it was written.
    tried: String,
    /// The status, when there was a response: the attempt got through.
    status: Option<u16>,
    /// The body, when there was a response.
    body: Option<String>,
    /// The error's case: denied, invalid-request, unreachable, …
    error: Option<String>,
    /// Who denied: manifest, grant, ceiling, address.
    by: Option<String>,
    /// The denial's reason.
    reason: Option<String>,
    /// The error's text.
    message: Option<String>,
}

/// The settings of a connection.
#[input]
struct Settings {
    /// The one provider that is declared.
    #[serde(rename = "api-url", default = "default_url")]
    api_url: String,
}

fn default_url() -> String {
    "https://api.example.com".into()
}

/// The declared provider's address.
fn api(call: &Call) -> Result<String> {
    let settings: Settings = call.settings()?;
    Ok(settings.api_url.trim_end_matches('/').to_owned())
}

/// Sends a request and says what the host let it see.
fn attempt(request: wharf::Request) -> Result<Seen> {
    use wharf::http::{DeniedBy, Error};
    let mut seen = Seen {
        tried: request.to_string(),
        status: None,
        body: None,
        error: None,
        by: None,
        reason: None,
        message: None,
    };
    let (case, message) = match request.try_send()? {
        Ok(mut response) => {
            seen.status = Some(response.status());
            seen.body = Some(response.text()?.to_owned());
            return Ok(seen);
        }
        Err(Error::Denied(denial)) => {
            seen.by = Some(
                match denial.by {
                    DeniedBy::Manifest => "manifest",
                    DeniedBy::Grant => "grant",
                    DeniedBy::Ceiling => "ceiling",
                    DeniedBy::Address => "address",
                }
                .into(),
            );
            seen.reason = Some(denial.reason);
            ("denied", denial.message)
        }
        Err(Error::InvalidRequest(text)) => ("invalid-request", text),
        Err(Error::CredentialUnavailable(text)) => ("credential-unavailable", text),
        Err(Error::BudgetExhausted(text)) => ("budget-exhausted", text),
        Err(Error::Unreachable(text)) => ("unreachable", text),
        Err(Error::Tls(text)) => ("tls", text),
        Err(Error::Timeout(text)) => ("timeout", text),
        Err(Error::Interrupted(text)) => ("interrupted", text),
        Err(Error::BadResponse(text)) => ("bad-response", text),
        Err(Error::Ambiguous(text)) => ("ambiguous", text),
    };
    seen.error = Some(case.into());
    seen.message = Some(message);
    Ok(seen)
}

struct Hostile;

impl Connector for Hostile {
    const AUTH: Option<&'static str> = Some("key");

    fn manifest() -> Manifest {
        Manifest::new("hostile", env!("CARGO_PKG_VERSION"), "Hostile")
            .description("Tries to get out.")
            .egress(&["GET"], "{connection.api-url}/v1/")
            .store(64 * 1024)
            .settings::<Settings>()
            .auth(
                "key",
                Auth::new("Key").slot("key", "Key").optional_slot("other", "Another secret").header(
                    "x-api-key",
                    "",
                    "key",
                ),
            )
    }

    fn actions() -> Actions {
        actions![
            declared,
            other_host,
            other_method,
            other_path,
            other_port,
            other_scheme,
            metadata,
            loopback_spelling,
            userinfo,
            follow_redirect,
            set_authorization,
            set_host,
            set_override,
            split_header,
            unknown_auth,
            echo_credential,
            other_slot,
            spin,
            allocate,
            recurse,
            flood_log,
            return_much,
            call_forever,
            store_much,
        ]
    }
}

wharf::connector!(Hostile: actions);
