//! HTTP: any request, for a provider that has no connector yet.
//!
//! What is surprising: it asks for every address, so that the operator's grant is the only fence. A
//! credential goes only to the address that its connection names.

use std::collections::BTreeMap;

use wharf::http::Error;
use wharf::prelude::*;

/// The settings of a connection.
#[input]
struct Settings {
    /// The address that the credential may be sent to, such as https://api.example.com.
    #[field(title = "Address")]
    origin: String,
}

/// What to read.
#[input]
struct Get {
    /// An absolute http or https URL.
    #[field(title = "URL")]
    url: String,
    /// Query parameters to add, encoded.
    #[serde(default)]
    #[field(title = "Query")]
    query: BTreeMap<String, String>,
    /// Headers. The host refuses those that are its own, such as Authorization.
    #[serde(default)]
    #[field(title = "Headers")]
    headers: BTreeMap<String, String>,
    /// The auth method of the connection to use: bearer, basic or api-key.
    #[field(title = "Auth method")]
    auth: Option<String>,
    /// Statuses that are a success; every 2xx when there are none.
    #[serde(default)]
    #[field(title = "Expected statuses")]
    expect: Vec<u16>,
    /// Milliseconds to wait for the complete response.
    #[field(title = "Timeout")]
    timeout_ms: Option<u32>,
}

/// What to send.
#[input]
struct Send {
    /// The method.
    #[field(title = "Method")]
    method: Method,
    /// An absolute http or https URL.
    #[field(title = "URL")]
    url: String,
    /// Query parameters to add, encoded.
    #[serde(default)]
    #[field(title = "Query")]
    query: BTreeMap<String, String>,
    /// Headers. The host refuses those that are its own, such as Authorization.
    #[serde(default)]
    #[field(title = "Headers")]
    headers: BTreeMap<String, String>,
    /// A JSON body.
    #[field(title = "JSON body")]
    json: Option<Value>,
    /// A text body, when there is none of JSON.
    #[field(multiline, title = "Text body")]
    text: Option<String>,
    /// The auth method of the connection to use: bearer, basic or api-key.
    #[field(title = "Auth method")]
    auth: Option<String>,
    /// Statuses that are a success; every 2xx when there are none.
    #[serde(default)]
    #[field(title = "Expected statuses")]
    expect: Vec<u16>,
    /// Milliseconds to wait for the complete response.
    #[field(title = "Timeout")]
    timeout_ms: Option<u32>,
}

/// A method that may change something.
#[input]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Post,
    Put,
    Patch,
    Delete,
}

/// A response.
#[output]
struct Answer {
    /// The status code.
    status: u16,
    /// The headers, names in lower case; values of one name are joined by a comma.
    headers: BTreeMap<String, String>,
    /// The body: JSON where the provider says that it is, else text.
    body: Value,
}

/// Read something by GET.
#[action(effect = "read", auth = [])]
fn get(call: &Call, input: Get) -> Result<Answer> {
    let request = call.get(input.url);
    answer(prepare(request, &input.query, input.headers, input.auth, input.timeout_ms), &input.expect)
}

/// Send a request by POST, PUT, PATCH or DELETE.
///
/// It is never repeated when its outcome is unknown: nothing is known about the provider.
#[action(effect = "unsafe-write", auth = [])]
fn send(call: &Call, input: Send) -> Result<Answer> {
    let method = match input.method {
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let request = call.request(method, input.url);
    let request = prepare(request, &input.query, input.headers, input.auth, input.timeout_ms);
    let request = match (input.json, input.text) {
        (Some(_), Some(_)) => {
            return Err(Failure::invalid_input("a request has one body: `json` or `text`")
                .with_field("/text", "stands beside `json`"));
        }
        (Some(json), None) => request.json(&json),
        (None, Some(text)) => request.body("text/plain; charset=utf-8", text),
        (None, None) => request,
    };
    answer(request, &input.expect)
}

fn prepare(
    request: wharf::Request,
    query: &BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    auth: Option<String>,
    timeout_ms: Option<u32>,
) -> wharf::Request {
    let request = query.iter().fold(request, |request, (name, value)| request.query(name, value));
    let request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
    let request = match auth {
        Some(method) => request.auth(method),
        None => request.anonymous(),
    };
    match timeout_ms {
        Some(timeout_ms) => request.timeout_ms(timeout_ms),
        None => request,
    }
}

fn answer(request: wharf::Request, expect: &[u16]) -> Result<Answer> {
    let intent = request.intent();
    let response = request.try_send()?.map_err(|error| match error {
        // Elsewhere a connector's bug, here what the flow wrote.
        Error::InvalidRequest(message) => Failure::invalid_input(message),
        error => wharf::http::failure(error, intent),
    })?;
    let mut response = match expect {
        [] => response.error_for_status()?,
        expect if expect.contains(&response.status()) => response,
        _ if (200..300).contains(&response.status()) => {
            return Err(unexpected(response.status(), intent));
        }
        _ => response.error_for_status()?,
    };
    let mut headers = BTreeMap::new();
    for field in response.headers() {
        let value = String::from_utf8_lossy(&field.value);
        headers
            .entry(field.name.to_ascii_lowercase())
            .and_modify(|all: &mut String| {
                all.push_str(", ");
                all.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    let body = if says_json(response.header("content-type").unwrap_or_default()) {
        response.json()?
    } else {
        Value::String(response.text()?.to_owned())
    };
    Ok(Answer { status: response.status(), headers, body })
}

/// A success that the flow did not expect: a write has been applied.
fn unexpected(status: u16, intent: wharf::http::Intent) -> Failure {
    let failure = Failure::schema_mismatch(format_args!(
        "the provider answered {status}, which the step does not expect"
    ))
    .with_status(status);
    match intent {
        wharf::http::Intent::Write => failure.with_outcome_unknown(),
        wharf::http::Intent::Read => failure,
    }
}

/// Whether a media type is JSON (RFC 6839, section 3.1).
fn says_json(content_type: &str) -> bool {
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || media.ends_with("+json")
}

struct Http;

impl Connector for Http {
    fn manifest() -> Manifest {
        let token = |title: &str| Auth::new(title).audience("{connection.origin}/");
        Manifest::new("http", env!("CARGO_PKG_VERSION"), "HTTP")
            .description("Any HTTP request, for a provider that has no connector yet.")
            .license("MIT OR Apache-2.0")
            .egress(&["GET", "POST", "PUT", "PATCH", "DELETE"], "*")
            .settings::<Settings>()
            .auth("bearer", token("Bearer token").slot("token", "Token").bearer("token"))
            .auth(
                "basic",
                token("User and password")
                    .slot("user", "User")
                    .slot("password", "Password")
                    .basic("user", "password"),
            )
            .auth("api-key", token("API key").slot("key", "Key").header("x-api-key", "", "key"))
    }

    fn actions() -> Actions {
        actions![get, send]
    }
}

wharf::connector!(Http: actions);

#[cfg(test)]
mod tests {
    use super::says_json;

    #[test]
    fn json_is_known_by_its_media_type() {
        for yes in ["application/json", "application/json; charset=utf-8", "application/problem+JSON"] {
            assert!(says_json(yes), "{yes}");
        }
        for no in ["", "text/plain", "text/json-ish", "application/jsonp"] {
            assert!(!says_json(no), "{no}");
        }
    }
}
