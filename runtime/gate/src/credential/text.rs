//! Bytes as text: encodings of signatures, keys, digests, URLs and times.

use std::fmt::Write as _;

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose},
};
use sha2::Digest as _;
use wharf_model::{
    manifest::{HashAlgorithm, KeyEncoding, Moment, TextEncoding},
    time::Timestamp,
};
use zeroize::Zeroizing;

/// Keys come with and without padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

pub(super) fn encode(bytes: &[u8], encoding: TextEncoding) -> String {
    match encoding {
        TextEncoding::Hex => hex::encode(bytes),
        TextEncoding::Base64 => general_purpose::STANDARD.encode(bytes),
        TextEncoding::Base64url => base64url(bytes),
    }
}

/// Without padding, as tokens have it (RFC 7515, section 2).
pub(super) fn base64url(bytes: &[u8]) -> String {
    general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

/// The key that a slot's text holds; none when it is not so written, or empty.
pub(super) fn key(text: &[u8], encoding: KeyEncoding) -> Option<Zeroizing<Vec<u8>>> {
    let key = match encoding {
        KeyEncoding::Text => Some(text.to_vec()),
        KeyEncoding::Hex => hex::decode(text.trim_ascii()).ok(),
        KeyEncoding::Base64 => {
            let text = text.trim_ascii();
            STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
        }
    };
    key.filter(|key| !key.is_empty()).map(Zeroizing::new)
}

pub(super) fn hash(algorithm: HashAlgorithm, bytes: &[u8]) -> Vec<u8> {
    match algorithm {
        HashAlgorithm::Sha1 => sha1::Sha1::digest(bytes).to_vec(),
        HashAlgorithm::Sha256 => sha2::Sha256::digest(bytes).to_vec(),
        HashAlgorithm::Sha512 => sha2::Sha512::digest(bytes).to_vec(),
    }
}

/// Everything but the unreserved characters of RFC 3986, section 2.3, as `%XX`; `kept` stays too.
pub(super) fn percent(bytes: &[u8], kept: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || kept.contains(byte) {
            out.push(char::from(*byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// `%XX` undone; what is none stays.
pub(super) fn unpercent(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let byte = after.get(..2).filter(|_| first == b'%').and_then(|digits| {
            let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'))?;
            u8::from_str_radix(digits, 16).ok()
        });
        match byte {
            Some(byte) => {
                out.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                out.push(first);
                rest = after;
            }
        }
    }
    out
}

/// A time as a recipe wants it.
pub(super) fn time(at: Timestamp, moment: Moment) -> String {
    // `2026-11-21T19:13:12.345Z`
    let long = at.to_string();
    let part = |range: std::ops::Range<usize>| long.get(range).unwrap_or_default();
    match moment {
        Moment::Unix => (at.0 / 1000).to_string(),
        Moment::UnixMs => at.0.to_string(),
        Moment::Iso => format!("{}Z", part(0..19)),
        Moment::IsoBasic => format!("{}Z", part(0..19).replace(['-', ':'], "")),
        Moment::Http => {
            const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
            const MONTHS: &[&str] =
                &["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
            let day = usize::try_from(at.0 / 86_400_000 % 7).unwrap_or_default();
            let month = part(5..7).parse().ok().and_then(|month: usize| MONTHS.get(month.checked_sub(1)?));
            format!(
                "{}, {} {} {} {} GMT",
                DAYS.get(day).copied().unwrap_or_default(),
                part(8..10),
                month.copied().unwrap_or_default(),
                part(0..4),
                part(11..19)
            )
        }
    }
}
