//! Fields and signatures by recipe.

use serde_json::{Value, json};

use super::{credentials, now, outgoing, plan, refused};
use crate::credential::{Outgoing, PlaceError};

/// HMAC-SHA-256 of `text` with the key `Jefe`, computed apart from the product's own code.
fn hmac(text: &str) -> Vec<u8> {
    ring::hmac::sign(&ring::hmac::Key::new(ring::hmac::HMAC_SHA256, b"Jefe"), text.as_bytes())
        .as_ref()
        .to_vec()
}

/// The request after placing at 2026-11-21T19:13:12Z.
#[track_caller]
fn place(placement: Value, slots: &[(&str, &str)], mut request: Outgoing) -> Outgoing {
    plan(placement).place(&credentials(slots), &now(1_795_288_392, "0123"), &mut request).unwrap();
    request
}

fn recipe(sign: &[&str], join: &str) -> Value {
    json!({
        "kind": "signature", "key": "k", "algorithm": "sha256", "encoding": "hex", "sign": sign, "join": join,
        "fields": [
            { "in": "header", "name": "X-Sign", "value": "HMAC {slot.id}:{signature}" },
            { "in": "header", "name": "X-Time", "value": "{time.unix}" },
            { "in": "query", "name": "n", "value": "{nonce}" },
        ],
    })
}

#[test]
fn what_is_signed() {
    let slots = [("k", "Jefe"), ("id", "me")];
    for (sign, text) in [
        ("{method} {path}?{query}", "POST /a%20b?z=1&a=x+y&n=0123"),
        ("{query.sorted}", "a=x%20y&n=0123&z=1"),
        ("{host}{header.x-time}{header.missing}", "a.test:84431795288392"),
        ("{time.unix-ms} {time.iso} {time.iso-basic}", "1795288392000 2026-11-21T19:13:12Z 20261121T191312Z"),
        ("{time.http}", "Sat, 21 Nov 2026 19:13:12 GMT"),
        ("{body}{nonce}{connection.region}{connection.port}", "abc0123eu-west-18"),
        ("{body.sha1.hex}", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("{body.sha256.base64}", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="),
        ("{{literal}}", "{literal}"),
    ] {
        let request = outgoing("POST", "https://a.test:8443/a%20b?z=1&a=x+y", &[], "abc");
        let made = place(recipe(&[sign], ""), &slots, request);
        let expected = format!("HMAC me:{}", hex::encode(hmac(text)));
        assert_eq!(made.headers["x-sign"], expected.as_str(), "{sign}");
        assert_eq!(made.url.query(), Some("z=1&a=x+y&n=0123"));
    }
    let request = outgoing("GET", "https://a.test/p", &[], "");
    let joined = place(recipe(&["{method}", "{path}", "{body}"], "\n"), &slots, request);
    assert_eq!(joined.headers["x-sign"], format!("HMAC me:{}", hex::encode(hmac("GET\n/p\n"))).as_str());
}

#[test]
fn r_11_data_is_never_expanded() {
    let slots = [("k", "Jefe"), ("id", "{slot.k}")];
    let request = outgoing("POST", "https://a.test/%7Bslot.k%7D?q={slot.k}", &["x-a: {slot.k}"], "{slot.k}");
    let made = place(recipe(&["{header.x-a}{body}"], ""), &slots, request);
    let expected = format!("HMAC {{slot.k}}:{}", hex::encode(hmac("{slot.k}{slot.k}")));
    assert_eq!(made.headers["x-sign"], expected.as_str());
    assert_eq!(made.body.as_ref(), b"{slot.k}");
}

#[test]
fn fields_in_bodies() {
    let field = json!({ "kind": "body-field", "name": "key", "slot": "t" });
    let place_in = |content_type: &str, body: &str| {
        let content_type = format!("content-type: {content_type}");
        let mut request = outgoing("POST", "https://a.test/", &[&content_type], body);
        let placed = plan(field.clone()).place(&credentials(&[("t", "a\"&b")]), &now(0, ""), &mut request);
        match placed {
            Ok(_) => String::from_utf8(request.body.to_vec()).unwrap(),
            Err(error) => error.to_string(),
        }
    };
    for (content_type, body, expected) in [
        ("application/json", "{}", "{\"key\":\"a\\\"&b\"}"),
        (
            "application/json; charset=utf-8",
            " { \"n\" : 1e999, \"a\":{\"key\":1} }",
            "{\"key\":\"a\\\"&b\", \"n\" : 1e999, \"a\":{\"key\":1} }",
        ),
        ("application/vnd.api+json", "{ }", "{\"key\":\"a\\\"&b\" }"),
        ("application/x-www-form-urlencoded", "", "key=a%22%26b"),
        ("application/x-www-form-urlencoded", "x=1", "x=1&key=a%22%26b"),
        ("application/json", "[]", "send a JSON object"),
        ("application/json", "{\"a\":1} x", "send a JSON object"),
        ("application/json", "", "send a JSON object"),
        ("application/json", "{\"k\\u0065y\":1}", "already"),
        ("application/x-www-form-urlencoded", "%6bey=1", "already"),
        ("text/plain", "{}", "content-type"),
    ] {
        let found = place_in(content_type, body);
        assert!(found.contains(expected), "{content_type} {body}: {found}");
    }
    let deep = "[".repeat(100_000);
    assert!(place_in("application/json", &format!("{{\"a\":{deep}")).contains("JSON object"));
}

#[test]
fn templates_in_several_places() {
    let fields = json!({ "kind": "fields", "fields": [
        { "in": "header", "name": "Authorization", "value": "Token token={slot.a}" },
        { "in": "header", "name": "X-Account", "value": "{connection.region}/{slot.b}" },
        { "in": "query", "name": "k", "value": "{slot.a}" },
    ] });
    let slots = [("a", "s3cret"), ("b", "two")];
    let made = place(fields.clone(), &slots, outgoing("GET", "https://a.test/", &[], ""));
    assert_eq!(made.headers["authorization"], "Token token=s3cret");
    assert_eq!(made.headers["x-account"], "eu-west-1/two");
    assert_eq!(made.url.as_str(), "https://a.test/?k=s3cret");
    assert!(made.headers.values().all(http::HeaderValue::is_sensitive));
    let get = || outgoing("GET", "https://a.test/", &[], "");
    let lines = [("a", "x\r\ny"), ("b", "z")];
    assert_eq!(refused(&plan(fields.clone()), &lines, get()), PlaceError::Unfit("a".to_owned()));
    assert_eq!(refused(&plan(fields), &slots[..1], get()), PlaceError::Empty("b".to_owned()));
    let binary = json!({ "kind": "signature", "key": "k", "key-encoding": "hex", "algorithm": "sha1", "encoding": "base64",
        "sign": ["{body}"], "fields": [{ "in": "query", "name": "s", "value": "{signature}" }] });
    let made = place(
        binary.clone(),
        &[("k", "4a656665")],
        outgoing("POST", "https://a.test/", &[], "what do ya want for nothing?"),
    );
    // RFC 2202, case 2.
    assert_eq!(made.url.query(), Some("s=7%2FzfauXrL6LSdBbV8YTfnCWafHk%3D"));
    let error = refused(&plan(binary), &[("k", "not hex")], get()).to_string();
    assert!(error.contains("`k`") && !error.contains("not hex"), "{error}");
}

/// A parameter that is placed stands there once; the others keep their spelling where nothing is replaced.
#[test]
fn a_query_parameter_is_placed_once() {
    for (url, expected) in [
        ("https://a.test/", "key=s"),
        ("https://a.test/?a=%7e&b", "a=%7e&b&key=s"),
        ("https://a.test/?key=mine", "key=s"),
        ("https://a.test/?a=1&key=mine&key=2", "a=1&key=s"),
    ] {
        let placement = json!({ "kind": "query", "name": "key", "slot": "t" });
        let made = place(placement, &[("t", "s")], outgoing("GET", url, &[], ""));
        assert_eq!(made.url.query(), Some(expected), "{url}");
    }
}
