//! Tokens: signatures by RFC 7515, appendix A, and what is in a token and for how long.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature;
use serde_json::{Value, json};

use super::{Plan, credentials, now, outgoing, plan, refused};
use crate::credential::{PlaceError, jwt::Token};

const RSA: &str = include_str!("../../tests/fixtures/rfc7515-a2.pem");
const RSA_PKCS1: &str = include_str!("../../tests/fixtures/rfc7515-a2-pkcs1.pem");
const EC: &str = include_str!("../../tests/fixtures/rfc7515-a3.pem");
const EC_SEC1: &str = include_str!("../../tests/fixtures/rfc7515-a3-sec1.pem");
const HMAC: &str = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";

/// What RFC 7515 signs: its header and payload have spaces and line ends that no program would write.
const PAYLOAD: &str =
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";

fn token(algorithm: &str) -> Token {
    let Plan::Jwt(token) = plan(json!({
        "kind": "jwt", "algorithm": algorithm, "key": "k", "key-encoding": "base64", "claims": {}, "lifetime-s": 60,
    })) else {
        unreachable!()
    };
    token
}

#[track_caller]
fn sign(algorithm: &str, key: &str, header: &str) -> Vec<u8> {
    token(algorithm).sign(key.as_bytes(), format!("{header}.{PAYLOAD}").as_bytes()).unwrap()
}

#[test]
fn rfc_7515_appendix_a() {
    // A.1
    let made = sign("HS256", HMAC, "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9");
    assert_eq!(URL_SAFE_NO_PAD.encode(made), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    // A.2
    for key in [RSA, RSA_PKCS1, &RSA.replace('\n', "\\n")] {
        let made = sign("RS256", key, "eyJhbGciOiJSUzI1NiJ9");
        assert_eq!(
            URL_SAFE_NO_PAD.encode(made),
            "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
        );
    }
    // A.3: the signature is another each time, and fits the RFC's public key.
    let header = "eyJhbGciOiJFUzI1NiJ9";
    let point = [
        "BA==".trim_end_matches('='),
        "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    ];
    let point: Vec<u8> = point.iter().flat_map(|part| URL_SAFE_NO_PAD.decode(part).unwrap()).collect();
    let public = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point);
    let signed = format!("{header}.{PAYLOAD}");
    let theirs = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    for made in [sign("ES256", EC, header), URL_SAFE_NO_PAD.decode(theirs).unwrap()] {
        public.verify(signed.as_bytes(), &made).unwrap();
    }
}

#[test]
fn keys_that_are_none_are_refused_by_slot() {
    for (algorithm, key, problem) in [
        ("HS256", "%%%", "not written in the encoding"),
        ("RS256", "hunter2hunter2", "not a private key in PEM"),
        ("RS256", EC, "not an RSA key"),
        ("PS256", EC, "not an RSA key"),
        ("ES256", RSA, "not a key on the curve P-256"),
        ("ES256", EC_SEC1, "PKCS #8"),
    ] {
        let error =
            refused(&Plan::Jwt(token(algorithm)), &[("k", key)], outgoing("GET", "https://a.test/", &[], ""));
        let text = error.to_string();
        assert!(
            matches!(error, PlaceError::Key { .. }) && text.contains("`k`") && text.contains(problem),
            "{text}"
        );
        assert!(!text.contains(key.get(..20).unwrap_or(key)), "{text}");
    }
    let empty = refused(&Plan::Jwt(token("HS512")), &[], outgoing("GET", "https://a.test/", &[], ""));
    assert_eq!(empty, PlaceError::Empty("k".to_owned()));
}

fn parts(value: &str) -> (Value, Value) {
    let token = value.strip_prefix("JWT ").unwrap();
    let mut parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut part = || serde_json::from_slice(&parts.next().unwrap()).unwrap();
    (part(), part())
}

#[test]
fn what_is_in_a_token_and_how_long_it_is_kept() {
    let plan = plan(json!({
        "kind": "jwt", "algorithm": "HS384", "key": "k", "key-id": "{slot.kid}", "lifetime-s": 600, "backdate-s": 60,
        "header": "X-Token", "prefix": "JWT ",
        "claims": {
            "iss": "{slot.app}", "aud": ["https://{connection.region}.a.test", 7], "nbf": "{time.unix}",
            "jti": "{nonce}", "at": "on {time.unix}", "app": "12345", "more": { "admin": true, "braces": "{{slot.k}}" },
        },
    }));
    let slots = [("k", "key-key-key"), ("kid", "k1"), ("app", "{slot.k}")];
    let place = |at: u64| {
        let mut request = outgoing("GET", "https://a.test/", &[], "");
        let minted = plan.place(&credentials(&slots), &now(at, "abc"), &mut request).unwrap();
        (request.headers["x-token"].to_str().unwrap().to_owned(), minted.is_some())
    };
    let (value, minted) = place(1000);
    assert!(minted);
    let (head, claims) = parts(&value);
    assert_eq!(head, json!({ "alg": "HS384", "typ": "JWT", "kid": "k1" }));
    assert_eq!(
        claims,
        json!({
            "iss": "{slot.k}", "aud": ["https://eu-west-1.a.test", 7], "nbf": 1000, "jti": "abc", "at": "on 1000", "app": "12345",
            "more": { "admin": true, "braces": "{slot.k}" }, "iat": 940, "exp": 1540,
        })
    );
    // 540 s are left of it; it is kept for nine tenths of them.
    assert_eq!(place(1485), (value.clone(), false));
    let (later, minted) = place(1486);
    assert!(minted && later != value);
    assert_eq!(parts(&later).1["exp"], 2026);
}
