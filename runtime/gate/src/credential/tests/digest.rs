//! Digest by the examples of RFC 7616, section 3.9.1, and challenges of every kind.

use http::{HeaderMap, HeaderValue, header};
use serde_json::json;

use super::{Plan, credentials, now, outgoing, plan};

const SLOTS: &[(&str, &str)] = &[("u", "Mufasa"), ("p", "Circle of Life")];
const ORIGIN: &str = "http://www.example.org";
const MD5: &str = "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"";

fn sha256() -> String {
    MD5.replace("algorithm=MD5", "algorithm=SHA-256")
}

fn signer(allow_md5: bool) -> Plan {
    plan(json!({ "kind": "digest", "user": "u", "password": "p", "allow-md5": allow_md5 }))
}

fn headers(lines: &[&str]) -> HeaderMap {
    lines.iter().map(|line| (header::WWW_AUTHENTICATE, HeaderValue::from_str(line).unwrap())).collect()
}

fn answer(plan: &Plan) -> Option<String> {
    let mut request = outgoing("GET", &format!("{ORIGIN}/dir/index.html"), &[], "");
    let now = now(0, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ");
    plan.place(&credentials(SLOTS), &now, &mut request).unwrap();
    Some(request.headers.get("authorization")?.to_str().unwrap().to_owned())
}

/// What is answered to a challenge; nothing when it is not.
#[track_caller]
fn check(allow_md5: bool, lines: &[&str], expected: Option<&str>) {
    let plan = signer(allow_md5);
    assert_eq!(answer(&plan), None, "no challenge, no credential");
    assert_eq!(plan.learn(|| ORIGIN.to_owned(), 401, &headers(lines)), expected.is_some());
    let answer = answer(&plan);
    match expected {
        Some(expected) => assert!(answer.as_ref().unwrap().contains(expected), "{expected} in {answer:?}"),
        None => assert_eq!(answer, None),
    }
}

#[test]
fn rfc_7616() {
    let strong = "response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\"";
    let weak = "response=\"8ca523f5e9506fed4657c9700eebdbec\"";
    let sha256 = sha256();
    check(false, &[&sha256], Some(strong));
    check(true, &[MD5], Some(weak));
    check(false, &[MD5], None);
    check(true, &[MD5, &sha256], Some(strong));
    check(false, &[&format!("Basic realm=\"a, Digest b\", {sha256}, Bearer")], Some(strong));
    check(false, &[&sha256.replace("SHA-256", "SHA-512-256")], None);
    check(false, &[&sha256.replace("auth, auth-int", "auth-int")], None);
    check(false, &["Digest", "Digest realm", "Digest realm=\"a", "Negotiate abc=="], None);
    check(false, &[&format!("Digest x=\"{}\"", "y".repeat(20_000)), &sha256], None);
}

#[test]
fn a_nonce_is_counted_and_a_wrong_password_is_not_tried_twice() {
    let plan = signer(false);
    let sha256 = sha256();
    assert!(plan.learn(|| ORIGIN.to_owned(), 401, &headers(&[&sha256])));
    assert!(answer(&plan).unwrap().contains("nc=00000001"));
    assert!(answer(&plan).unwrap().contains("nc=00000002"));
    assert!(!plan.learn(|| ORIGIN.to_owned(), 401, &headers(&[&sha256])), "an answer was refused");
    assert!(
        plan.learn(|| ORIGIN.to_owned(), 401, &headers(&[&format!("{sha256}, stale=TRUE")])),
        "only its age was wrong"
    );
    assert!(!plan.learn(|| "http://other.example".to_owned(), 403, &headers(&[&sha256])));
    // Another origin's nonce is not this one's.
    let other = signer(false);
    other.learn(|| "https://other.example".to_owned(), 401, &headers(&[&sha256]));
    assert_eq!(answer(&other), None);
}

#[test]
fn where_a_challenge_ends() {
    let digest =
        |realm: &str, rest: &str| format!("Digest realm=\"{realm}\", qop=\"auth\", nonce=\"n\"{rest}");
    for (line, realm) in [
        (digest("a", ""), "realm=\"a\""),
        // A scheme without parameters ends the one before: what follows is not its own.
        (digest("a", ", Negotiate, realm=\"b\""), "realm=\"a\""),
        (digest("a\\\", b", ""), "realm=\"a\\\", b\""),
        (digest("a\\\\", ", realm=\"b\""), "realm=\"b\""),
    ] {
        check(true, &[&line], Some(realm));
    }
    let long = |bytes: usize| {
        let line = digest("a", ", x=\"");
        format!("{line}{}\"", "y".repeat(bytes - line.len() - 1))
    };
    check(true, &[&long(8192)], Some("realm=\"a\""));
    check(true, &[&long(8193)], None);
}

#[test]
fn sixteen_origins_are_known_at_once() {
    let plan = signer(false);
    let learn = |n: usize| plan.learn(|| format!("https://{n}.example"), 401, &headers(&[&sha256()]));
    assert!((0..16).all(learn), "each is new");
    assert!(!(0..16).any(learn), "an answer to each was refused");
    assert!(learn(16), "one more forgets the others");
    assert!(learn(0) && !learn(16));
}
