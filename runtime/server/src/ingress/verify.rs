//! Whether a delivery is genuine: pure, over the raw bytes, before anything is parsed.
//!
//! A scheme without a timestamp (GitHub's) cannot tell a fresh delivery from a recorded one; there
//! the dedupe by delivery id, kept for at least seven days, is the protection against replay, as far
//! as the id goes: providers of that kind do not sign it. A connector of such a provider should
//! make repeated deliveries harmless, and a flow's writes carry idempotency keys.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use hmac::{Hmac, Mac as _};
use http::{HeaderMap, HeaderName};
use sha2::Sha256;
use wharf_model::{digest::Digest, manifest::Verification, time::Timestamp};

/// How far a signed timestamp may lie from now, either way, in milliseconds (Standard Webhooks 1.0 leaves the figure open; 5 minutes is what its libraries use).
const WINDOW_MS: u64 = 300_000;

/// Signatures of one delivery that are looked at: a rotation needs two.
const MAX_SIGNATURES: usize = 16;

/// Padding or none: people copy secrets and providers sign with both.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a delivery offers as evidence.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    /// The headers as received.
    pub headers: &'a HeaderMap,
    /// The body's exact bytes.
    pub body: &'a [u8],
    /// The time of day.
    pub now: Timestamp,
}

/// A delivery that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// `hmac-sha256`, `standard-webhooks`, `unsigned`.
    pub scheme: &'static str,
    /// The id that the scheme itself signs, if it has one.
    pub signed_id: Option<String>,
}

/// Why a delivery is not believed. The sender learns none of it; the log and the metrics do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Forgery {
    /// The connection has no secret, an empty one, or one that is no base64 where it must be.
    #[error("the connection's webhook secret is missing or unusable; set it with `wharf connection add`")]
    NoSecret,
    /// A header of the scheme is not there.
    #[error("a signature header is missing")]
    Missing,
    /// A header of the scheme is there more than once.
    #[error("a signature header is there twice")]
    Repeated,
    /// A header of the scheme does not have its grammar.
    #[error("a signature header is malformed")]
    Malformed,
    /// Signed too long ago, or ahead of time.
    #[error("the signed time is more than 300 s away")]
    Stale,
    /// No signature matches.
    #[error("no signature matches")]
    Mismatch,
}

impl Forgery {
    /// The stable kebab-case name, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NoSecret => "no-secret",
            Self::Missing => "signature-missing",
            Self::Repeated => "signature-repeated",
            Self::Malformed => "signature-malformed",
            Self::Stale => "stale",
            Self::Mismatch => "signature-mismatch",
        }
    }
}

/// Judges a delivery by `scheme`, with the connection's `secret`.
///
/// Whether an unsigned endpoint is allowed at all was decided before; here it always holds.
///
/// # Errors
/// The first reason not to believe it.
pub fn verify(
    scheme: &Verification,
    secret: Option<&[u8]>,
    evidence: Evidence<'_>,
) -> Result<Verified, Forgery> {
    match scheme {
        Verification::HmacSha256 { header, prefix, slot: _ } => {
            hmac_sha256(usable(secret)?, header, prefix, evidence)
        }
        Verification::StandardWebhooks { slot: _ } => standard_webhooks(usable(secret)?, evidence),
        Verification::Unsigned => Ok(Verified { scheme: "unsigned", signed_id: None }),
    }
}

/// Whether a text is an id of a delivery: `[A-Za-z0-9_-]{1,128}`.
#[must_use]
pub fn is_delivery_id(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// What stands in for an id where a provider gives none: the digest of the body.
#[must_use]
pub fn body_id(body: &[u8]) -> String {
    Digest::of(body).to_hex()
}

/// The value of a header that must be there exactly once.
///
/// # Errors
/// [`Forgery::Missing`], [`Forgery::Repeated`], or [`Forgery::Malformed`] if it is not visible ASCII.
pub fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Forgery> {
    let name: HeaderName = name.parse().map_err(|_| Forgery::Missing)?;
    let mut values = headers.get_all(name).iter();
    let value = values.next().ok_or(Forgery::Missing)?;
    if values.next().is_some() {
        return Err(Forgery::Repeated);
    }
    value.to_str().map_err(|_| Forgery::Malformed)
}

fn usable(secret: Option<&[u8]>) -> Result<&[u8], Forgery> {
    secret.filter(|bytes| !bytes.is_empty()).ok_or(Forgery::NoSecret)
}

fn hmac_sha256(
    secret: &[u8],
    header: &str,
    prefix: &str,
    evidence: Evidence<'_>,
) -> Result<Verified, Forgery> {
    let value = single(evidence.headers, header)?;
    let digits = value.strip_prefix(prefix).ok_or(Forgery::Malformed)?;
    let mut claimed = [0; 32];
    hex::decode_to_slice(digits, &mut claimed).map_err(|_| Forgery::Malformed)?;
    let mut mac = mac(secret)?;
    mac.update(evidence.body);
    // `verify_slice` compares in constant time.
    mac.verify_slice(&claimed).map_err(|_| Forgery::Mismatch)?;
    Ok(Verified { scheme: "hmac-sha256", signed_id: None })
}

fn standard_webhooks(secret: &[u8], evidence: Evidence<'_>) -> Result<Verified, Forgery> {
    let id = single(evidence.headers, "webhook-id")?;
    let timestamp = single(evidence.headers, "webhook-timestamp")?;
    let signatures = single(evidence.headers, "webhook-signature")?;
    if !is_delivery_id(id) {
        return Err(Forgery::Malformed);
    }
    if !fresh(timestamp, evidence.now)? {
        return Err(Forgery::Stale);
    }
    let encoded = secret.strip_prefix(b"whsec_").unwrap_or(secret);
    let key = BASE64.decode(encoded.trim_ascii()).map_err(|_| Forgery::NoSecret)?;
    let mut mac = mac(usable(Some(&key))?)?;
    for part in [id.as_bytes(), b".", timestamp.as_bytes(), b".", evidence.body] {
        mac.update(part);
    }
    let offered: Vec<&str> = signatures.split_ascii_whitespace().take(MAX_SIGNATURES + 1).collect();
    if offered.is_empty() || offered.len() > MAX_SIGNATURES {
        return Err(Forgery::Malformed);
    }
    let matches = offered
        .iter()
        .filter_map(|signature| signature.strip_prefix("v1,"))
        .filter_map(|text| BASE64.decode(text).ok())
        .any(|claimed| mac.clone().verify_slice(&claimed).is_ok());
    if !matches {
        return Err(Forgery::Mismatch);
    }
    Ok(Verified { scheme: "standard-webhooks", signed_id: Some(id.to_owned()) })
}

/// Whether `timestamp`, in whole seconds since 1970, lies in the window.
fn fresh(timestamp: &str, now: Timestamp) -> Result<bool, Forgery> {
    // `parse` would take a sign, which the signed text must not carry.
    if timestamp.is_empty() || !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(Forgery::Malformed);
    }
    let seconds: u64 = timestamp.parse().map_err(|_| Forgery::Malformed)?;
    Ok(seconds.saturating_mul(1000).abs_diff(now.0) <= WINDOW_MS)
}

fn mac(key: &[u8]) -> Result<Hmac<Sha256>, Forgery> {
    Hmac::new_from_slice(key).map_err(|_| Forgery::NoSecret)
}

#[cfg(test)]
mod tests;
