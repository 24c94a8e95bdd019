//! Auth methods through the whole gate: what goes out, to whom, and what comes back.

use serde_json::{Value, json};
use wharf_model::{
    grant::{Grant, Limits},
    http::{HttpRequest, Redirects},
    manifest::{HashAlgorithm, Manifest},
};

use super::bed::{A, A2, Bed, SENTINEL, build, get, post, redirect, reply, signed, with_header};
use crate::{Authority, Credentials, Secret, SlotRefusal};

const URL: &str = "https://api.allowed.test/v1/x";

fn signature() -> Value {
    json!({
        "kind": "signature", "key": "k", "algorithm": "sha256", "encoding": "hex",
        "sign": ["{method}", "{path}", "{time.unix}"], "join": "\n",
        "fields": [
            { "in": "header", "name": "X-Sign", "value": "{signature}" },
            { "in": "header", "name": "X-Time", "value": "{time.unix}" },
        ],
    })
}

fn field(request: &str, name: &str) -> Option<String> {
    let mark = format!("\r\n{name}: ");
    let (_, rest) = request.split_once(&mark)?;
    Some(rest.split("\r\n").next().unwrap().to_owned())
}

#[tokio::test]
async fn r_07_a_hop_to_the_same_origin_is_signed_anew_and_one_elsewhere_is_not() {
    let bed = Bed::new(|number, _| match number {
        0 => redirect(307, "/v1/y"),
        1 => redirect(302, "https://api2.allowed.test/z"),
        _ => reply(200, "a"),
    })
    .await;
    let authority = build(&[A, A2], &signature(), &[("k", SENTINEL)]);
    let request = HttpRequest { redirects: Redirects::Follow, ..signed(URL) };
    assert_eq!(bed.send(&authority, request).await.verdict, "200");
    let requests = bed.a.requests();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, SENTINEL.as_bytes());
    for (request, path) in [(&requests[0], "/v1/x"), (&requests[1], "/v1/y")] {
        let time = field(request, "x-time").unwrap();
        let expected = ring::hmac::sign(&key, format!("GET\n{path}\n{time}").as_bytes());
        assert_eq!(field(request, "x-sign").unwrap(), hex::encode(expected.as_ref()));
    }
    let elsewhere = &bed.a2.requests()[0];
    assert_eq!((field(elsewhere, "x-sign"), field(elsewhere, "x-time")), (None, None));
}

#[tokio::test]
async fn se_02_no_method_signs_for_another_audience() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    for placement in [
        signature(),
        json!({ "kind": "aws-sig-v4", "access-key-id": "id", "secret-access-key": "k", "service": "s3", "region": "r" }),
        json!({ "kind": "oauth1", "consumer-key": "id", "consumer-secret": "k", "signature-method": "hmac-sha256" }),
        json!({ "kind": "jwt", "algorithm": "HS256", "key": "k", "claims": {}, "lifetime-s": 60 }),
        json!({ "kind": "digest", "user": "id", "password": "k" }),
        json!({ "kind": "fields", "fields": [{ "in": "query", "name": "q", "value": "{slot.k}" }] }),
    ] {
        let authority = build(&[A, A2], &placement, &[("k", SENTINEL), ("id", "an-account")]);
        let sent = bed.send(&authority, signed("https://api2.allowed.test/x")).await;
        assert_eq!(sent.verdict, "secret-binding", "{placement}");
        assert_eq!(bed.send(&authority, signed(URL)).await.verdict, "200", "{placement}");
    }
    assert_eq!(bed.a2.hits(), 0);
}

#[tokio::test]
async fn se_01_a_guest_does_not_set_what_a_recipe_places() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let slots = [("k", SENTINEL), ("id", "an-account")];
    let recipe = build(&[A], &signature(), &slots);
    for name in ["x-sign", "X_Time", "authorization"] {
        assert_eq!(
            bed.send(&recipe, with_header(signed(URL), name, "mine")).await.verdict,
            "forbidden-header"
        );
    }
    let aws = json!({ "kind": "aws-sig-v4", "access-key-id": "id", "secret-access-key": "k", "service": "s3", "region": "r" });
    let aws = build(&[A], &aws, &slots);
    for name in ["x-amz-date", "X-Amz-Security-Token", "x-amz-content-sha256"] {
        assert_eq!(bed.send(&aws, with_header(get(URL), name, "mine")).await.verdict, "forbidden-header");
    }
    let body = build(&[A], &json!({ "kind": "body-field", "name": "api_key", "slot": "k" }), &slots);
    let json = |body: &str| HttpRequest {
        auth: Some("key".to_owned()),
        ..with_header(post(URL, body), "content-type", "application/json")
    };
    assert_eq!(bed.send(&body, json("{\"api\\u005fkey\":\"mine\"}")).await.verdict, "secret-position");
    assert_eq!(bed.send(&body, json("[]")).await.verdict, "invalid");
    assert_eq!(bed.hits(), [0; 4]);
    assert_eq!(bed.send(&body, json("{\"a\":1}")).await.verdict, "200");
    let sent = bed.a.requests().pop().unwrap();
    assert!(sent.ends_with(&format!("{{\"api_key\":\"{SENTINEL}\",\"a\":1}}")), "{sent}");
    // Without the credential the same connector may send what it likes.
    assert_eq!(bed.send(&body, post(URL, "plain")).await.verdict, "200");
}

#[tokio::test]
async fn a_digest_challenge_is_answered_inside_one_exchange() {
    let challenge = "HTTP/1.1 401 X\r\nwww-authenticate: Digest realm=\"r\", nonce=\"n1\", qop=\"auth\", algorithm=SHA-256\r\ncontent-length: 0\r\n\r\n";
    let bed = Bed::new(move |_, request| {
        if request.contains("\r\nauthorization: Digest ") {
            reply(200, "in")
        } else {
            (challenge.as_bytes().to_vec(), super::bed::After::Keep)
        }
    })
    .await;
    let digest = json!({ "kind": "digest", "user": "u", "password": "p" });
    let authority = build(&[A], &digest, &[("u", "user"), ("p", SENTINEL)]);
    let write = || HttpRequest { auth: Some("key".to_owned()), ..post(URL, "the body") };
    let sent = bed.send(&authority, write()).await;
    assert_eq!((sent.verdict.as_str(), sent.body().as_str()), ("200", "in"));
    let requests = bed.a.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests.iter().all(|request| request.ends_with("the body")));
    assert!(requests[1].contains("nc=00000001") && requests[1].contains("uri=\"/v1/x\""), "{}", requests[1]);
    // The nonce is known now.
    assert_eq!(bed.send(&authority, write()).await.verdict, "200");
    assert_eq!(bed.a.requests().len(), 3);
}

#[tokio::test]
async fn a_wrong_digest_password_is_tried_once_a_request() {
    let bed = Bed::new(|number, _| {
        let head = format!(
            "HTTP/1.1 401 X\r\nwww-authenticate: Digest realm=\"r\", nonce=\"n{number}\", qop=\"auth\", algorithm=SHA-256\r\ncontent-length: 0\r\n\r\n"
        );
        (head.into_bytes(), super::bed::After::Keep)
    })
    .await;
    let digest = json!({ "kind": "digest", "user": "u", "password": "p" });
    let authority = build(&[A], &digest, &[("u", "user"), ("p", SENTINEL)]);
    assert_eq!(bed.send(&authority, signed(URL)).await.verdict, "401");
    assert_eq!(bed.a.requests().len(), 2);
    assert_eq!(bed.send(&authority, signed(URL)).await.verdict, "401");
    assert_eq!(bed.a.requests().len(), 3);
}

#[tokio::test]
async fn se_04_an_echoed_token_is_redacted() {
    let bed = Bed::new(|_, request| reply(200, request)).await;
    let jwt = json!({ "kind": "jwt", "algorithm": "HS256", "key": "k", "claims": { "iss": "me" }, "lifetime-s": 600 });
    let authority = build(&[A], &jwt, &[("k", SENTINEL)]);
    for _ in 0..2 {
        let sent = bed.send(&authority, signed(URL)).await;
        let token = field(&bed.a.requests().pop().unwrap(), "authorization").unwrap();
        let signature = token.rsplit('.').next().unwrap();
        assert!(!sent.body().contains(signature) && sent.body().contains("[redacted]"), "{}", sent.body());
        // Nor does a connector that has learnt it elsewhere send it on.
        let smuggled = bed.send(&authority, post(URL, &format!("x{signature}"))).await;
        assert_eq!(smuggled.verdict, "secret-position");
    }
}

#[tokio::test]
async fn what_cannot_be_signed_names_the_slot_and_sends_nothing() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let jwt = json!({ "kind": "jwt", "algorithm": "RS256", "key": "k", "claims": {}, "lifetime-s": 600 });
    let region = json!({ "kind": "aws-sig-v4", "access-key-id": "id", "secret-access-key": "k", "service": "s3", "region": "{connection.region}" });
    for (placement, name) in [(jwt, "`k`"), (signature(), "`k`"), (region, "`region`")] {
        let key = if name == "`k`" && placement["kind"] == "signature" { "" } else { SENTINEL };
        let authority = build(&[A], &placement, &[("k", key), ("id", "an-account")]);
        assert!(authority.try_credential().unwrap_err().contains(name));
        let sent = bed.send(&authority, signed(URL)).await;
        assert_eq!(sent.verdict, "credential");
        assert!(sent.error().contains(name), "{}", sent.error());
    }
    assert_eq!(bed.hits(), [0; 4]);
}

/// A connector with a password, a key for hashes, and a secret that it asks to read.
fn slots(granted: &[&str]) -> Authority {
    let manifest: Manifest = serde_json::from_value(json!({
        "name": "p", "version": "1.0.0", "title": "P",
        "egress": [{ "url": "https://api.allowed.test/v1/", "methods": ["GET", "POST"] }, { "url": "https://api2.allowed.test/", "methods": ["GET", "POST"] }],
        "auth": { "key": { "title": "K", "audience": ["https://api.allowed.test/"], "slots": {
            "password": { "title": "P" }, "hook": { "title": "H", "hmac": true },
            "raw": { "title": "R", "reveal": "it speaks a protocol of its own" }, "empty": { "title": "E", "hmac": true, "optional": true },
        }, "placement": { "kind": "bearer", "slot": "password" } } },
    }))
    .unwrap();
    let reveal = granted.iter().map(|slot| (*slot).to_owned()).collect();
    let grant = Grant { egress: manifest.egress.clone(), reveal, ..Grant::default() };
    let values = [("password", "correct horse"), ("hook", "Jefe"), ("raw", SENTINEL)];
    let slots = values.map(|(slot, value)| (slot.to_owned(), Secret::new(value))).into();
    let credentials = Credentials { method: "key".to_owned(), slots };
    Authority::new("p", &manifest, &grant, None, Some(credentials)).unwrap()
}

#[test]
fn keyed_hashes_are_for_declared_slots_and_bounded() {
    let authority = slots(&[]);
    let data = b"what do ya want for nothing?";
    let expected = hex::decode("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843").unwrap();
    assert_eq!(authority.hmac("hook", HashAlgorithm::Sha256, data).unwrap(), expected);
    assert_eq!(authority.verify("hook", HashAlgorithm::Sha256, data, &expected), Ok(true));
    assert_eq!(authority.verify("hook", HashAlgorithm::Sha256, data, &expected[..31]), Ok(false));
    assert_eq!(authority.verify("hook", HashAlgorithm::Sha512, data, &expected), Ok(false));
    for slot in ["missing", "empty", "key/hook", ""] {
        assert!(matches!(authority.hmac(slot, HashAlgorithm::Sha256, data), Err(SlotRefusal::Unknown(_))));
    }
    let denied = authority.hmac("password", HashAlgorithm::Sha256, data).unwrap_err().to_string();
    assert!(denied.contains("`password`") && denied.contains("`hmac`"), "{denied}");
    assert!(authority.hmac("hook", HashAlgorithm::Sha1, &vec![0; 1 << 20]).is_ok());
    let long = authority.verify("hook", HashAlgorithm::Sha1, &vec![0; (1 << 20) + 1], b"");
    assert!(matches!(long, Err(SlotRefusal::Denied(_))));
}

#[tokio::test]
async fn se_06_a_secret_is_read_by_grant_only_and_goes_to_its_audience_only() {
    for granted in [&[][..], &["raw"], &["other/raw"], &["key/password"], &["KEY/raw"]] {
        let authority = slots(granted);
        let denied = authority.reveal("raw").unwrap_err().to_string();
        assert!(denied.contains("--reveal key/raw"), "{denied}");
        assert!(authority.reveal("password").is_err() && authority.reveal("missing").is_err());
    }
    let bed = Bed::new(|_, request| reply(200, request)).await;
    let authority = slots(&["key/raw", "key/password"]);
    assert_eq!(authority.reveal("raw").unwrap(), SENTINEL.as_bytes());
    assert!(authority.reveal("password").is_err(), "granted, and never asked for");
    // To the audience it may go, and what comes back is clean; nowhere else, and no other secret.
    let sent = bed.send(&authority, post(URL, SENTINEL)).await;
    assert!(sent.verdict == "200" && bed.a.requests()[0].contains(SENTINEL));
    assert!(!sent.body().contains(SENTINEL));
    let elsewhere = bed.send(&authority, post("https://api2.allowed.test/", SENTINEL)).await;
    assert_eq!(elsewhere.verdict, "secret-position");
    assert_eq!(bed.send(&authority, post(URL, "correct horse")).await.verdict, "secret-position");
    assert_eq!(bed.a2.hits(), 0);
}

#[tokio::test]
async fn the_idempotency_key_goes_into_the_body() {
    let manifest = json!({
        "name": "p", "version": "1.0.0", "title": "P",
        "egress": [{ "url": "https://api.allowed.test/v1/", "methods": ["POST"] }],
        "actions": { "pay": { "title": "Pay", "effect": "keyed-write", "idempotency": { "kind": "body-field", "name": "key" }, "input": {}, "output": {} } },
    });
    let manifest: Manifest = serde_json::from_value(manifest).unwrap();
    let grant = Grant { egress: manifest.egress.clone(), ..Grant::default() };
    let authority = Authority::new("p", &manifest, &grant, None, None).unwrap();
    let scope = authority.action("pay", &Limits::default()).unwrap().with_key("k-1");
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    for (body, verdict, sent) in [
        ("{\"a\":1}", "200", "{\"key\":\"k-1\",\"a\":1}"),
        ("{\"key\":\"k-1\"}", "200", "{\"key\":\"k-1\"}"),
        ("{\"key\":\"mine\"}", "invalid", ""),
        ("[1]", "invalid", ""),
    ] {
        let request = with_header(post(URL, body), "content-type", "application/json");
        assert_eq!(bed.send_in(&authority, &scope, request).await.verdict, verdict, "{body}");
        if verdict == "200" {
            assert!(bed.a.requests().pop().unwrap().ends_with(&format!("\r\n\r\n{sent}")), "{body}");
        }
    }
    assert_eq!(bed.a.hits(), 2);
}
