//! Webhook signatures: a delivery is believed exactly when another implementation of the two schemes
//! believes it.
//!
//! Input: a line with the secret, a line with scheme and clock (`hmac 0`, `standard 1614265330`), a
//! line of what is signed truly (`sign`) or not, header lines up to an empty one, then the body.

use http::{HeaderMap, HeaderName, HeaderValue};
use ring::hmac;
use wharf_model::{manifest::Verification, time::Timestamp};

use crate::first_line;
use verify::{Evidence, Forgery, Verified, is_delivery_id, verify};

/// The product's own file: the crate that it belongs to links the engine.
#[expect(dead_code, unreachable_pub, reason = "more of the file is used where it belongs")]
#[rustfmt::skip]
#[path = "../../../runtime/server/src/ingress/verify.rs"]
mod verify;

const HEADER: &str = "x-hub-signature-256";

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Some((secret, rest)) = first_line(data) else { return };
    let Some((scheme, rest)) = first_line(rest) else { return };
    let Some((signing, mut rest)) = first_line(rest) else { return };
    let mut headers = HeaderMap::new();
    while let Some((line, after)) = first_line(rest) {
        rest = after;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(": ") else { return };
        let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_bytes(value.as_bytes()))
        else {
            return;
        };
        headers.append(name, value);
    }
    let (scheme, clock) = scheme.split_once(' ').unwrap_or((scheme, "0"));
    let now = clock.parse::<u64>().unwrap_or_default();
    let slot = "secret".to_owned();
    let standard = scheme == "standard";
    let verification = if standard {
        Verification::StandardWebhooks { slot }
    } else {
        Verification::HmacSha256 { header: HEADER.to_owned(), prefix: "sha256=".to_owned(), slot }
    };
    let body = rest;
    if signing == "sign" {
        sign(&mut headers, standard, secret, body);
    }
    let evidence = Evidence { headers: &headers, body, now: Timestamp(now.saturating_mul(1000)) };
    let verdict = verify(&verification, Some(secret.as_bytes()), evidence);
    let expected = if standard {
        standard_holds(&headers, secret, body, now)
    } else {
        github_holds(&headers, secret, body)
    };
    assert_eq!(verdict.is_ok(), expected, "{verdict:?}: {headers:?}");
    match verdict {
        Ok(Verified { signed_id, .. }) => {
            assert_eq!(signed_id.is_some(), standard);
            assert!(signed_id.is_none_or(|id| is_delivery_id(&id)));
            assert!(verify(&verification, None, evidence) == Err(Forgery::NoSecret));
        }
        Err(_) => assert!(signing != "sign" || standard || secret.is_empty(), "a true signature is refused"),
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

fn sign(headers: &mut HeaderMap, standard: bool, secret: &str, body: &[u8]) {
    let text = if standard {
        let (Some(id), Some(time), Some(key)) =
            (only(headers, "webhook-id"), only(headers, "webhook-timestamp"), key(secret))
        else {
            return;
        };
        let signed = mac(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
        format!("v1,{}", to_base64(&signed))
    } else {
        format!("sha256={}", hex::encode(mac(secret.as_bytes(), &[body])))
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(if standard { "webhook-signature" } else { HEADER }, value);
    }
}

fn only(headers: &HeaderMap, name: &str) -> Option<String> {
    let all: Vec<&HeaderValue> = headers.get_all(name).iter().collect();
    match all.as_slice() {
        [one] if one.as_bytes().iter().all(|byte| (0x20..0x7f).contains(byte) || *byte == b'\t') => {
            String::from_utf8(one.as_bytes().to_vec()).ok()
        }
        _ => None,
    }
}

fn github_holds(headers: &HeaderMap, secret: &str, body: &[u8]) -> bool {
    let claimed =
        only(headers, HEADER).and_then(|value| value.strip_prefix("sha256=").map(str::to_ascii_lowercase));
    !secret.is_empty()
        && claimed.is_some_and(|claimed| claimed == hex::encode(mac(secret.as_bytes(), &[body])))
}

fn standard_holds(headers: &HeaderMap, secret: &str, body: &[u8], now: u64) -> bool {
    let all = ["webhook-id", "webhook-timestamp", "webhook-signature"].map(|name| only(headers, name));
    let ([Some(id), Some(time), Some(signatures)], Some(key)) = (all, key(secret)) else { return false };
    let sound = !id.is_empty()
        && id.len() <= 128
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
    let digits = !time.is_empty() && time.bytes().all(|byte| byte.is_ascii_digit());
    let fresh = digits && time.parse::<u64>().is_ok_and(|time| time.abs_diff(now) <= 300);
    let offered: Vec<&str> = signatures.split([' ', '\t']).filter(|offered| !offered.is_empty()).collect();
    let expected = mac(&key, &[id.as_bytes(), b".", time.as_bytes(), b".", body]);
    let matches = offered.iter().any(|offered| {
        offered.strip_prefix("v1,").and_then(from_base64).is_some_and(|claimed| claimed == expected)
    });
    sound && fresh && offered.len() <= 16 && matches
}

/// The key behind `whsec_`; none if there is none.
fn key(secret: &str) -> Option<Vec<u8>> {
    let text = secret.strip_prefix("whsec_").unwrap_or(secret);
    from_base64(text.trim_matches([' ', '\t', '\n', '\r', '\x0c'])).filter(|key| !key.is_empty())
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            out.push(char::from(ALPHABET[(word >> (18 - 6 * at) & 63) as usize]));
        }
    }
    while out.len() % 4 != 0 {
        out.push('=');
    }
    out
}

/// Padding or none; the bits that no byte uses are zero (RFC 4648, section 3.5).
fn from_base64(text: &str) -> Option<Vec<u8>> {
    let bare = text.trim_end_matches('=');
    let padding = text.len() - bare.len();
    let right = if padding == 0 { bare.len() % 4 != 1 } else { text.len() % 4 == 0 && padding <= 2 };
    if !right {
        return None;
    }
    let mut out = Vec::new();
    for chunk in bare.as_bytes().chunks(4) {
        let mut word = 0_u32;
        for byte in chunk {
            let at = ALPHABET.iter().position(|own| own == byte)?;
            word = word << 6 | u32::try_from(at).ok()?;
        }
        word <<= 6 * (4 - chunk.len());
        let kept = chunk.len() - 1;
        let bytes = word.to_be_bytes();
        if bytes[1 + kept..].iter().any(|byte| *byte != 0) {
            return None;
        }
        out.extend_from_slice(&bytes[1..=kept]);
    }
    Some(out)
}
