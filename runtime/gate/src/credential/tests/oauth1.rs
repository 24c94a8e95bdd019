//! OAuth 1.0a by the examples of RFC 5849.

use serde_json::json;

use super::{now, outgoing, placed, plan, refused};

const SLOTS: &[(&str, &str)] = &[
    ("ck", "dpf43f3p2l4k3l03"),
    ("cs", "kd94hf93k423kf44"),
    ("t", "nnch734d00sl2jdk"),
    ("ts", "pfkkdhi9sl3r4s00"),
];

fn signer(method: &str) -> super::Plan {
    plan(json!({
        "kind": "oauth1", "consumer-key": "ck", "consumer-secret": "cs", "token": "t", "token-secret": "ts",
        "signature-method": method, "realm": "Photos",
    }))
}

#[test]
fn rfc_5849_section_1_2() {
    let request =
        outgoing("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", &[], "");
    let value = placed(&signer("hmac-sha1"), SLOTS, &now(137_131_202, "chapoH"), request, "authorization");
    // The RFC's request has no `oauth_version`, which is part of what is signed here; the base string
    // without it is checked below.
    for part in [
        "OAuth realm=\"Photos\", ",
        "oauth_consumer_key=\"dpf43f3p2l4k3l03\"",
        "oauth_token=\"nnch734d00sl2jdk\"",
        "oauth_signature_method=\"HMAC-SHA1\"",
        "oauth_timestamp=\"137131202\"",
        "oauth_nonce=\"chapoH\"",
    ] {
        assert!(value.contains(part), "{part} in {value}");
    }
}

#[test]
fn rfc_5849_section_3_4_1() {
    use crate::credential::oauth1::base_string;
    let request = outgoing(
        "POST",
        "http://EXAMPLE.com:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
        &["content-type: application/x-www-form-urlencoded"],
        "c2&a3=2+q",
    );
    let own = |name: &str, value: &str| (format!("oauth_{name}"), value.to_owned());
    let protocol = [
        own("consumer_key", "9djdj82h48djs9d2"),
        own("token", "kkk9d7dh3k39sjv7"),
        own("signature_method", "HMAC-SHA1"),
        own("timestamp", "137131201"),
        own("nonce", "7d8f3e4a"),
    ];
    assert_eq!(
        base_string(&request, &protocol).unwrap(),
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
    );
    // Section 1.2: the signature over the base string of its request.
    let photos = outgoing("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", &[], "");
    let protocol = [
        own("consumer_key", "dpf43f3p2l4k3l03"),
        own("token", "nnch734d00sl2jdk"),
        own("signature_method", "HMAC-SHA1"),
        own("timestamp", "137131202"),
        own("nonce", "chapoH"),
    ];
    let base = base_string(&photos, &protocol).unwrap();
    let made = crate::credential::keyed(
        wharf_model::manifest::HashAlgorithm::Sha1,
        b"kd94hf93k423kf44&pfkkdhi9sl3r4s00",
        &[base.as_bytes()],
    );
    assert_eq!(
        super::super::text::encode(&made, wharf_model::manifest::TextEncoding::Base64),
        "MdpQcU8iPSUjWoN/UDMsK2sui9I="
    );
}

/// Only a form's fields are signed with the query (RFC 5849, section 3.4.1.3.1).
#[test]
fn a_body_that_is_no_form_is_not_signed() {
    use crate::credential::oauth1::base_string;
    for kind in ["application/json", "text/plain", "multipart/form-data"] {
        let content_type = format!("content-type: {kind}");
        let request = outgoing("POST", "https://a.test/x?q=1", &[&content_type], "oauth_token=mine&b=2");
        assert_eq!(base_string(&request, &[]).unwrap(), "POST&https%3A%2F%2Fa.test%2Fx&q%3D1", "{kind}");
    }
}

#[test]
fn a_connector_brings_no_protocol_parameters() {
    let form = ["content-type: application/x-www-form-urlencoded"];
    for request in [
        outgoing("GET", "https://a.test/?oauth_token=mine", &[], ""),
        outgoing("POST", "https://a.test/", &form, "a=1&oauth_signature=x"),
    ] {
        let error = refused(&signer("hmac-sha256"), SLOTS, request).to_string();
        assert!(error.contains("`oauth_"), "{error}");
    }
    let error = refused(&signer("hmac-sha256"), &SLOTS[..3], outgoing("GET", "https://a.test/", &[], ""));
    assert_eq!(error.to_string(), "the connection holds nothing in the slot `ts`");
}
