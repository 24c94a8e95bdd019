//! Secrets: placed by the gate, at their audience, and not handed to anybody else.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use wharf_model::{
    grant::Grant,
    http::{HttpRequest, Redirects},
    manifest::{EgressRequest, Manifest},
};

use super::bed::{
    A, A2, ANY, Bed, GOOD, SENTINEL, authority, build, carve_out, get, post, redirect, reply, signed,
    with_header,
};
use crate::{Authority, AuthorityError, Credentials, Secret};

const URL: &str = "https://api.allowed.test/v1/x";

#[tokio::test]
async fn se_01_secrets_stand_where_they_are_declared_only() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A]);
    for request in [
        get(&format!("{URL}?k={SENTINEL}")),
        get(&format!("{URL}/{SENTINEL}")),
        with_header(get(URL), "x-key", SENTINEL),
        with_header(get(URL), "x-key", STANDARD.encode(format!("u:{SENTINEL}"))),
        post(URL, &format!("{{\"k\":\"{SENTINEL}\"}}")),
    ] {
        assert_eq!(bed.send(&authority, request).await.verdict, "secret-position");
    }
    let host = get(&format!("https://{SENTINEL}.allowed.test/"));
    assert_eq!(bed.send(&authority, host).await.verdict, "host");
    // A denial repeats the path, and not the secret in it: the bed looks.
    assert_eq!(
        bed.send(&authority, get(&format!("https://sink.denied.test/{SENTINEL}"))).await.verdict,
        "host"
    );
    assert_eq!(bed.hits(), [0; 4]);
    // Text that looks like a place for a secret is text.
    for text in ["{{token}}", "{connection.token}", "${token}"] {
        assert_eq!(bed.send(&authority, post(URL, text)).await.verdict, "200");
        assert!(bed.a.requests().pop().unwrap().ends_with(text));
    }
}

#[tokio::test]
async fn se_02_secrets_go_to_their_audience_only() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A, A2, ANY]);
    for url in [
        "https://api2.allowed.test/x",
        "https://api.allowed.test/v2/",
        "https://api.allowed.test:8443/v1/",
        "http://api.allowed.test/v1/",
    ] {
        assert_eq!(bed.send(&authority, signed(url)).await.verdict, "secret-binding", "{url}");
    }
    assert_eq!(bed.hits(), [0; 4]);
    assert_eq!(bed.send(&authority, get("https://api2.allowed.test/x")).await.verdict, "200");
}

#[tokio::test]
async fn se_03_every_unknown_name_gets_the_same_answer() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A]);
    let long = "k".repeat(10_000);
    let mut answers = Vec::new();
    for name in ["other", "missing", "Q/key", "../Q/key", "q/KEY", "KEY", "", long.as_str()] {
        let sent = bed.send(&authority, HttpRequest { auth: Some(name.to_owned()), ..get(URL) }).await;
        assert_eq!(sent.verdict, "credential", "{name}");
        answers.push(sent.error());
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    assert_eq!(bed.hits(), [0; 4]);
}

/// The credential goes to A and arrives as `expected`; the effect shows none of it.
#[track_caller]
fn check_placement(placement: &Value, slots: &[(&str, &str)], expected: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        let sent = bed.send(&build(&[A], placement, slots), signed(&format!("{URL}?q=1"))).await;
        assert_eq!((sent.verdict.as_str(), sent.effect.url.as_str()), ("200", URL));
        let request = bed.a.requests().pop().unwrap();
        assert!(request.contains(expected), "{expected} in {request}");
    });
}

#[test]
fn credentials_arrive_where_the_manifest_places_them() {
    let token = [("t", "tok-12345678")];
    check_placement(
        &json!({ "kind": "bearer", "slot": "t" }),
        &token,
        "\r\nauthorization: Bearer tok-12345678\r\n",
    );
    let header = json!({ "kind": "header", "name": "X-Key", "slot": "t" });
    check_placement(&header, &token, "\r\nx-key: tok-12345678\r\n");
    let prefixed = json!({ "kind": "header", "name": "Authorization", "prefix": "Token ", "slot": "t" });
    check_placement(&prefixed, &token, "\r\nauthorization: Token tok-12345678\r\n");
    let query = json!({ "kind": "query", "name": "key", "slot": "t" });
    check_placement(&query, &[("t", "a&b=c d/12")], "GET /v1/x?q=1&key=a%26b%3Dc+d%2F12 HTTP/1.1\r\n");
    let basic = json!({ "kind": "basic", "user": "u", "password": "p" });
    let both = STANDARD.encode("user:pass word-long");
    check_placement(
        &basic,
        &[("u", "user"), ("p", "pass word-long")],
        &format!("\r\nauthorization: Basic {both}\r\n"),
    );
    let alone = STANDARD.encode("sk_123456789:");
    check_placement(&basic, &[("u", "sk_123456789")], &format!("\r\nauthorization: Basic {alone}\r\n"));
}

#[tokio::test]
async fn a_guest_does_not_take_the_place_of_a_credential() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let query = build(&[A], &json!({ "kind": "query", "name": "key", "slot": "t" }), &[("t", "12345678")]);
    assert_eq!(bed.send(&query, get(&format!("{URL}?key=mine"))).await.verdict, "secret-position");
    let header =
        build(&[A], &json!({ "kind": "header", "name": "X-Key", "slot": "t" }), &[("t", "12345678")]);
    assert_eq!(bed.send(&header, with_header(get(URL), "x_key", "mine")).await.verdict, "forbidden-header");
    assert_eq!(bed.hits(), [0; 4]);
}

#[tokio::test]
async fn a_redirect_that_echoes_the_parameter_gets_it_once() {
    let bed = Bed::new(|number, _| {
        if number == 0 { redirect(302, &format!("y?a=%20b&key={SENTINEL}")) } else { reply(200, "a") }
    })
    .await;
    let query = build(&[A], &json!({ "kind": "query", "name": "key", "slot": "t" }), &[("t", SENTINEL)]);
    let request = HttpRequest { redirects: Redirects::Follow, ..signed(URL) };
    assert_eq!(bed.send(&query, request).await.verdict, "200");
    let second = bed.a.requests().pop().unwrap();
    assert!(second.starts_with(&format!("GET /v1/y?a=+b&key={SENTINEL} HTTP/1.1\r\n")), "{second}");
}

#[tokio::test]
async fn a_credential_that_cannot_be_placed_sends_nothing() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let bearer = json!({ "kind": "bearer", "slot": "t" });
    for slots in [vec![], vec![("t", "")], vec![("t", "two\r\nlines: x")], vec![("u", "x")]] {
        let sent = bed.send(&build(&[A], &bearer, &slots), signed(URL)).await;
        assert_eq!(sent.verdict, "credential", "{slots:?}");
    }
    let basic = json!({ "kind": "basic", "user": "u", "password": "p" });
    for slots in [vec![], vec![("u", "a:b"), ("p", "c")]] {
        assert_eq!(
            bed.send(&build(&[A], &basic, &slots), signed(URL)).await.verdict,
            "credential",
            "{slots:?}"
        );
    }
    assert_eq!(bed.hits(), [0; 4]);
}

#[tokio::test]
async fn plain_http_carries_a_credential_inside_a_carve_out_only() {
    let bed = Bed::with(carve_out("127.0.0.1/32:8080"), GOOD, |_, _| reply(200, "a")).await;
    let connector = |base: &str| {
        let egress =
            vec![EgressRequest { url: "{connection.base}/".to_owned(), methods: vec!["GET".to_owned()] }];
        let manifest: Manifest = serde_json::from_value(json!({
            "name": "p", "version": "1.0.0", "title": "P", "egress": egress,
            "auth": { "key": { "title": "K", "slots": {}, "placement": { "kind": "bearer", "slot": "token" } } },
        }))
        .unwrap();
        let grant = Grant { egress, ..Grant::default() };
        let slots = [("token".to_owned(), Secret::new(SENTINEL))].into();
        let credentials = Credentials { method: "key".to_owned(), slots };
        Authority::new("p", &manifest, &grant, Some(&json!({ "base": base })), Some(credentials)).unwrap()
    };
    let inside = "http://127.0.0.1:8080";
    assert_eq!(bed.send(&connector(inside), signed(&format!("{inside}/x"))).await.verdict, "200");
    assert!(bed.m.requests()[0].contains(SENTINEL));
    let outside = "http://api.allowed.test";
    assert_eq!(
        bed.send(&connector(outside), signed(&format!("{outside}/x"))).await.verdict,
        "insecure-credential"
    );
    assert_eq!(bed.hits(), [0, 0, 0, 1]);
    // Another machine is across a network, carved out or not.
    let bed = Bed::with(carve_out("10.0.0.1/32:8080"), GOOD, |_, _| reply(200, "a")).await;
    let near = "http://10.0.0.1:8080";
    assert_eq!(bed.send(&connector(near), get(&format!("{near}/x"))).await.verdict, "200");
    assert_eq!(bed.send(&connector(near), signed(&format!("{near}/x"))).await.verdict, "insecure-credential");
    assert_eq!(bed.hits(), [0, 0, 0, 1]);
}

#[test]
fn broken_authorities_name_the_fault() {
    let connect = |auth: Value, method: &str, settings: Value| {
        let manifest: Manifest = serde_json::from_value(json!({
            "name": "p", "version": "1.0.0", "title": "P", "auth": { "key": auth },
            "egress": [{ "url": "https://{connection.host}/", "methods": ["GET"] }],
        }))
        .unwrap();
        let credentials = Credentials { method: method.to_owned(), slots: [].into() };
        Authority::new("p", &manifest, &Grant::default(), Some(&settings), Some(credentials)).map(|_| ())
    };
    let bearer = json!({ "title": "K", "slots": {}, "placement": { "kind": "bearer", "slot": "t" } });
    let host = |header: &str| json!({ "title": "K", "slots": {}, "placement": { "kind": "header", "name": header, "slot": "t" } });
    let ok = json!({ "host": "a.test" });
    assert_eq!(connect(bearer.clone(), "key", ok.clone()), Ok(()));
    assert_eq!(
        connect(bearer.clone(), "gone", ok.clone()),
        Err(AuthorityError::UnknownMethod("gone".to_owned()))
    );
    assert!(matches!(connect(bearer.clone(), "key", json!({ "host": "a/b" })), Err(AuthorityError::Rule(_))));
    assert!(matches!(connect(host("Host"), "key", ok.clone()), Err(AuthorityError::Placement { .. })));
    assert!(matches!(
        connect(host("X_Forwarded_For"), "key", ok.clone()),
        Err(AuthorityError::Placement { .. })
    ));
    assert!(matches!(connect(host("no token"), "key", ok.clone()), Err(AuthorityError::Placement { .. })));
    let mut wide = bearer;
    wide["audience"] = json!(["*"]);
    assert_eq!(connect(wide, "key", ok), Err(AuthorityError::Audience("key".to_owned())));
}
