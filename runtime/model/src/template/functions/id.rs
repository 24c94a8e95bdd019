//! Identifiers and digests: the same from the same, on every server and in every replay. Nothing here is random.
//!
//! What is surprising: `stableId` digests a value as canonical JSON, so the order of an object's keys and the
//! difference between `1` and `1.0` do not count, and `["a", "b"]` is never `["ab"]`.

use serde_json::Value;
use sha2::Digest as _;

use super::{arguments::Arguments, entries, shown};
use crate::template::{number::Num, purse::Fault};

type Result<T = Value> = std::result::Result<T, Fault>;

entries! {
    /// Functions of identifiers.
    IDS:
    "uuid.v5" Global (namespace: Namespace, name: Text) [] Plain v5, "The UUID of a name in a namespace (RFC 9562): `dns`, `url`, `oid`, `x500` or a UUID.";
    "stableId" Global (x: Any) [] Plain stable_id, "32 hexadecimal digits that stand for a value, most often a list of parts: a key that is the same whenever the parts are.";
    "hash.sha256" Global (s: Text) [] Plain sha256, "SHA-256 of the UTF-8, in hexadecimal digits.";
    "hash.sha1" Global (s: Text) [] Plain sha1, "SHA-1, for what asks for it; it protects nothing.";
}

/// The namespaces of RFC 9562 that have a name; they differ in one digit.
fn named(name: &str) -> Option<u8> {
    match name {
        "dns" => Some(0x10),
        "url" => Some(0x11),
        "oid" => Some(0x12),
        "x500" => Some(0x14),
        _ => None,
    }
}

/// A namespace by its name or its UUID.
pub(super) fn namespace(name: &str) -> std::result::Result<[u8; 16], String> {
    if let Some(digit) = named(name) {
        return Ok([
            0x6b, 0xa7, 0xb8, digit, 0x9d, 0xad, 0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8,
        ]);
    }
    let groups: Vec<usize> = name.split('-').map(str::len).collect();
    let mut bytes = [0; 16];
    if groups == [8, 4, 4, 4, 12] && hex::decode_to_slice(name.replace('-', ""), &mut bytes).is_ok() {
        return Ok(bytes);
    }
    Err(format!("{} is no namespace; it is dns, url, oid, x500 or a UUID", shown(&name.into())))
}

fn v5(a: &Arguments<'_>) -> Result {
    let (space, name) = (namespace(a.text(0)?).map_err(|why| a.wrong(why))?, a.text(1)?);
    a.toil(name.len() + 64, 8)?;
    let digest = sha1::Sha1::new().chain_update(space).chain_update(name).finalize();
    let digits: String = digest
        .iter()
        .take(16)
        .enumerate()
        .map(|(at, byte)| match at {
            6 => (byte & 0x0f) | 0x50,
            8 => (byte & 0x3f) | 0x80,
            _ => *byte,
        })
        .enumerate()
        .map(|(at, byte)| format!("{}{byte:02x}", if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" }))
        .collect();
    Ok(digits.into())
}

fn sha256(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len() + 64, 8)?;
    Ok(hex::encode(sha2::Sha256::digest(text)).into())
}

fn sha1(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len() + 64, 8)?;
    Ok(hex::encode(sha1::Sha1::digest(text)).into())
}

fn stable_id(a: &Arguments<'_>) -> Result {
    let mut digest = sha2::Sha256::new();
    canonical(a, a.any(0), &mut digest)?;
    let mut digits = hex::encode(digest.finalize());
    digits.truncate(32);
    Ok(digits.into())
}

/// Digests a value: keys sorted, whole doubles as integers, text as JSON escapes it.
fn canonical(a: &Arguments<'_>, value: &Value, digest: &mut sha2::Sha256) -> Result<()> {
    a.purse.step(2)?;
    match value {
        Value::Array(items) => {
            digest.update(b"[");
            for item in items {
                canonical(a, item, digest)?;
                digest.update(b",");
            }
            digest.update(b"]");
        }
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            digest.update(b"{");
            for (key, value) in sorted {
                text(a, key, digest)?;
                digest.update(b":");
                canonical(a, value, digest)?;
                digest.update(b",");
            }
            digest.update(b"}");
        }
        Value::Number(number) => {
            let number = Num::of(number);
            let whole = number.to_int().ok().filter(|whole| match whole {
                Value::Number(whole) => Num::of(whole).compare(number).is_eq(),
                _ => false,
            });
            let value = whole.map_or_else(|| number.into_value(), Ok).map_err(|why| a.wrong(why))?;
            digest.update(value.to_string());
        }
        Value::String(value) => text(a, value, digest)?,
        Value::Null | Value::Bool(_) => digest.update(value.to_string()),
    }
    Ok(())
}

/// A text by its size and its bytes: unlike any other.
fn text(a: &Arguments<'_>, text: &str, digest: &mut sha2::Sha256) -> Result<()> {
    a.toil(text.len(), 8)?;
    digest.update(format!("\"{}:", text.len()));
    digest.update(text);
    Ok(())
}
