//! What is decided before anything is sent.

use serde_json::{Value, json};
use wharf_model::{
    grant::Limits,
    http::{HttpError, HttpRequest, Redirects},
};

use super::bed::{A, ANY, SENTINEL, build, get, post, with_header, word, writes};
use crate::{Authorised, Authority, Gate, GateConfig, Scope, resolve::Lookup, script::Script};

const SEARCH: &str = "https://api.allowed.test/v1/search";

fn authorise(authority: &Authority, scope: &Scope, request: HttpRequest) -> Result<Authorised, HttpError> {
    let gate = Gate::with_lookup(GateConfig::default(), Lookup::Scripted(Script::default())).unwrap();
    gate.authorise(authority, scope, request)
}

fn bearer() -> Value {
    json!({ "kind": "bearer", "slot": "token" })
}

fn connected(placement: &Value) -> Authority {
    build(&[A, ANY], placement, &[("token", SENTINEL)])
}

fn with_credential(request: HttpRequest) -> HttpRequest {
    HttpRequest { auth: Some("key".to_owned()), ..request }
}

#[tokio::test]
async fn a_body_is_sent_as_it_comes_only_where_nobody_needs_it_whole() {
    let in_body = json!({ "kind": "body-field", "name": "token", "slot": "token" });
    let over_body = json!({
        "kind": "signature", "key": "token", "algorithm": "sha256", "encoding": "hex", "sign": ["{body}"],
        "fields": [{ "in": "header", "name": "x-sign", "value": "{signature}" }],
    });
    let plain = || post(SEARCH, "q");
    let following = || HttpRequest { redirects: Redirects::Follow, ..plain() };
    let reading = |authority: &Authority| authority.action("search", &Limits::default()).unwrap();
    for (placement, request, expected) in [
        (bearer(), plain(), false),
        (bearer(), with_credential(plain()), false),
        (bearer(), following(), true),
        (in_body, with_header(plain(), "content-type", "text/plain"), true),
        (over_body.clone(), plain(), false),
        (over_body, with_credential(plain()), true),
    ] {
        let authority = connected(&placement);
        let authorised = authorise(&authority, &reading(&authority), request).unwrap();
        assert!(!authorised.is_write());
        assert_eq!(authorised.needs_whole_body(), expected, "{placement} {:?}", authorised.redirects);
    }
    let write = authorise(&connected(&bearer()), &writes(), plain()).unwrap();
    assert!(write.is_write() && write.needs_whole_body());
}

#[tokio::test]
async fn what_was_authorised_can_be_read() {
    let request = with_header(with_credential(get(SEARCH)), "X-Custom", "1");
    let authorised = authorise(&connected(&bearer()), &writes(), request).unwrap();
    assert_eq!((authorised.method(), authorised.url(), authorised.is_write()), ("GET", SEARCH, false));
    let headers: Vec<_> = authorised.headers().iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(headers, [("x-custom", &http::HeaderValue::from_static("1"))], "no credential is in it yet");
}

#[tokio::test]
async fn hc_13_a_refused_address_comes_with_the_line_that_would_allow_it() {
    for (url, line) in [
        ("https://10.1.2.3/", "adds   \"10.1.2.3/32:443\"   to"),
        ("http://[fd00::1]:8080/", "adds   \"fd00::1/128:8080\"   to"),
    ] {
        let error = authorise(&connected(&bearer()), &writes(), get(url)).unwrap_err();
        assert!(word(&error) == "ip" && error.to_string().contains(line), "{error}");
    }
}

/// Before and after the URL is made canonical: a secret may stand in what that drops.
#[tokio::test]
async fn se_04_a_secret_in_any_part_of_the_url() {
    for rest in ["x?q=SECRET", "x#SECRET", "SECRET/../x", "SECRET", "%2E%2E/v1/x?SECRET=1"] {
        let url = format!("https://api.allowed.test/v1/{}", rest.replace("SECRET", SENTINEL));
        let error = authorise(&connected(&bearer()), &writes(), get(&url)).unwrap_err();
        assert_eq!(word(&error), "secret-position", "{rest}");
    }
}

/// A body that takes no fields is refused where one belongs into it, and nowhere else.
#[tokio::test]
async fn a_credential_in_a_body_needs_a_body_that_takes_it() {
    let authority = connected(&json!({ "kind": "body-field", "name": "token", "slot": "token" }));
    let text = || with_header(post(SEARCH, "text"), "content-type", "text/plain");
    assert!(authorise(&authority, &writes(), text()).is_ok());
    let error = authorise(&authority, &writes(), with_credential(text())).unwrap_err();
    assert_eq!(word(&error), "invalid", "{error}");
}
