//! Addresses, refusals and their exit codes.

use super::*;
use serde_json::json;

fn client() -> Client {
    Client::at("http://127.0.0.1:9/base/", "wharf_k").unwrap()
}

#[test]
fn urls_are_built_from_segments() {
    let url = |path: &[&str], query: &[(&str, &str)]| {
        client().url(path, query).map(String::from).map_err(|fault| fault.message)
    };
    assert_eq!(
        url(&["flows", "a/b?c"], &[("x", "1&2")]).unwrap(),
        "http://127.0.0.1:9/base/api/v1/flows/a%2Fb%3Fc?x=1%262"
    );
    assert_eq!(url(&["flows", ".."], &[]).unwrap_err(), "`..` is no name");
    assert_eq!(url(&["flows", ""], &[]).unwrap_err(), "`` is no name");
}

#[test]
fn addresses_are_checked() {
    for (server, complaint) in [
        ("127.0.0.1:8484", "relative URL without a base"),
        ("file:///etc/passwd", "not an http or https address"),
        ("http://key@127.0.0.1", "the key goes into --api-key, not into the address"),
    ] {
        let fault = base(server).unwrap_err();
        assert_eq!((fault.exit, fault.message), (Exit::Usage, format!("--server `{server}`: {complaint}")));
    }
}

#[test]
fn refusals_keep_the_servers_words() {
    let body =
        |code: &str| json!({ "error": { "code": code, "message": "m", "fix": "f", "request_id": "r1" } });
    for (status, exit) in [
        (401, Exit::Unauthorized),
        (403, Exit::Refused),
        (404, Exit::NotFound),
        (409, Exit::Refused),
        (422, Exit::Invalid),
        (503, Exit::Failed),
    ] {
        let fault = client().refused(StatusCode::from_u16(status).unwrap(), body("c"));
        assert_eq!((fault.exit, fault.code.as_str()), (exit, "c"), "{status}");
    }
    let fault = client().refused(StatusCode::INTERNAL_SERVER_ERROR, Value::Null);
    assert_eq!(fault.message, "http://127.0.0.1:9/base answered 500 Internal Server Error");
}
