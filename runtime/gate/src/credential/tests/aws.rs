//! Signature Version 4: the vectors of AWS's test suite, and the documented example of S3.

use serde_json::json;

use super::{Plan, now, outgoing, placed, plan, refused};
use crate::credential::{Outgoing, PlaceError};

const PAIR: &[(&str, &str)] = &[("id", "AKIDEXAMPLE"), ("key", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")];

fn signer(service: &str, region: &str) -> Plan {
    plan(json!({
        "kind": "aws-sig-v4", "access-key-id": "id", "secret-access-key": "key", "session-token": "token",
        "service": service, "region": region,
    }))
}

/// 2015-08-30T12:36:00Z, `us-east-1`, `service`.
#[track_caller]
fn check(request: Outgoing, headers: &str, signature: &str) {
    let value =
        placed(&signer("service", "us-east-1"), PAIR, &now(1_440_938_160, ""), request, "authorization");
    let expected = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders={headers}, Signature={signature}"
    );
    assert_eq!(value, expected);
}

#[test]
fn the_test_suite() {
    let get = |path: &str| outgoing("GET", &format!("https://example.amazonaws.com{path}"), &[], "");
    let post =
        |headers: &[&str], body: &str| outgoing("POST", "https://example.amazonaws.com/", headers, body);
    let plain = "host;x-amz-date";
    // get-vanilla
    check(get("/"), plain, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    // get-vanilla-query-order-key-case
    check(
        get("/?Param2=value2&Param1=value1"),
        plain,
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    // get-vanilla-query-unreserved
    let all = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    check(
        get(&format!("/?{all}={all}")),
        plain,
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    );
    // normalize-path/get-relative, get-slashes: they end at the same canonical path.
    check(get("/example/.."), plain, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    check(get("//"), plain, "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
    // post-vanilla
    check(post(&[], ""), plain, "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");
    // get-header-value-trim
    let trimmed = outgoing(
        "GET",
        "https://example.amazonaws.com/",
        &["My-Header1: value1", "My-Header2: \"a   b   c\" "],
        "",
    );
    check(
        trimmed,
        "host;my-header1;my-header2;x-amz-date",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    // post-x-www-form-urlencoded
    check(
        post(&["Content-Type: application/x-www-form-urlencoded"], "Param1=value1"),
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
}

#[test]
fn the_documented_object_store_request() {
    // "Signature Calculations for the Authorization Header", example GET object.
    let pair = [("id", "AKIAIOSFODNN7EXAMPLE"), ("key", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")];
    let request =
        outgoing("GET", "https://examplebucket.s3.amazonaws.com/test.txt", &["Range: bytes=0-9"], "");
    let value = placed(&signer("s3", "us-east-1"), &pair, &now(1_369_353_600, ""), request, "authorization");
    assert_eq!(
        value,
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, \
         Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    );
}

#[test]
fn paths_queries_and_tokens() {
    let Plan::Aws(plain) = signer("service", "us-east-1") else { unreachable!() };
    let Plan::Aws(store) = signer("s3", "{connection.region}") else { unreachable!() };
    for (path, encoded_again, as_is) in [
        ("/a%20b", "/a%2520b", "/a%20b"),
        ("/a//b/", "/a/b/", "/a//b/"),
        ("/a:b(c)", "/a%3Ab%28c%29", "/a%3Ab%28c%29"),
        ("/%e1%88%b4", "/%25e1%2588%25b4", "/%E1%88%B4"),
        ("/", "/", "/"),
    ] {
        assert_eq!(
            (plain.canonical_path(path).as_str(), store.canonical_path(path).as_str()),
            (encoded_again, as_is)
        );
    }
    // What is signed is what is sent.
    let mut request = outgoing("GET", "https://a.test/?b=x+y&a&c=%2b*", &[], "");
    let slots = [("id", "AK"), ("key", "k"), ("token", "session-1")];
    signer("service", "r").place(&super::credentials(&slots), &now(0, ""), &mut request).unwrap();
    assert_eq!(request.url.query(), Some("a=&b=x%20y&c=%2B%2A"));
    assert_eq!(request.headers["x-amz-security-token"], "session-1");
    let value = request.headers["authorization"].to_str().unwrap();
    assert!(value.contains("SignedHeaders=host;x-amz-date;x-amz-security-token"), "{value}");
    assert!(request.headers["authorization"].is_sensitive());
    let empty = refused(&signer("s3", "r"), &[("id", "AK")], outgoing("GET", "https://a.test/", &[], ""));
    assert_eq!(empty, PlaceError::Empty("key".to_owned()));
}
