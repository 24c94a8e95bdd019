//! Texts of a program: as they stand, joined, repeated, encoded, or a secret that the host reveals.
//!
//! What is joined stands in the input in parts only: so a case can have the probe hold a secret that
//! is not in its own input, as a connector would that found one.

use wharf::{credentials, prelude::*};

/// The text that `value` stands for.
///
/// # Errors
/// `invalid-input` when it stands for none, or for bytes that are no text.
pub(crate) fn text(value: &Value) -> Result<String> {
    String::from_utf8(bytes(value)?).map_err(|_| wrong(value))
}

/// The bytes that `value` stands for.
///
/// # Errors
/// `invalid-input` when it stands for none.
pub(crate) fn bytes(value: &Value) -> Result<Vec<u8>> {
    if let Some(text) = value.as_str() {
        return Ok(text.as_bytes().to_vec());
    }
    if let Some(parts) = value.get("join").and_then(Value::as_array) {
        return Ok(parts.iter().map(bytes).collect::<Result<Vec<_>>>()?.concat());
    }
    if let Some(numbers) = value.get("bytes").and_then(Value::as_array) {
        return numbers
            .iter()
            .map(|number| {
                number.as_u64().and_then(|number| u8::try_from(number).ok()).ok_or_else(|| wrong(value))
            })
            .collect();
    }
    if let (Some(part), Some(times)) = (value.get("repeat"), value.get("times").and_then(Value::as_u64)) {
        return Ok(bytes(part)?.repeat(usize::try_from(times).unwrap_or(usize::MAX)));
    }
    if let Some(slot) = value.get("reveal") {
        return credentials::reveal(&text(slot)?);
    }
    if let (Some(how), Some(of)) = (value.get("encode").and_then(Value::as_str), value.get("of")) {
        return encoded(how, &bytes(of)?).ok_or_else(|| wrong(value));
    }
    Err(wrong(value))
}

/// The encodings in which a secret would be carried out.
fn encoded(how: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let each = |one: fn(&u8) -> String| bytes.iter().map(one).collect::<String>();
    let text = match how {
        "hex" => each(|byte| format!("{byte:02x}")),
        "percent" => each(|byte| format!("%{byte:02X}")),
        "json" => each(|byte| format!("\\u{byte:04x}")),
        "base64" => base64(bytes, b'+', b'/'),
        "base64url" => base64(bytes, b'-', b'_'),
        "reversed" => return Some(bytes.iter().rev().copied().collect()),
        _ => return None,
    };
    Some(text.into_bytes())
}

/// Base64 without padding (RFC 4648), with these as its last two letters.
fn base64(bytes: &[u8], plus: u8, slash: u8) -> String {
    let letter = |six: u32| match u8::try_from(six).unwrap_or_default() {
        six @ 0..26 => b'A' + six,
        six @ 26..52 => b'a' + six - 26,
        six @ 52..62 => b'0' + six - 52,
        62 => plus,
        _ => slash,
    };
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=chunk.len() {
            out.push(char::from(letter(bits >> (18 - 6 * at) & 63)));
        }
    }
    out
}

fn wrong(value: &Value) -> Failure {
    Failure::new(FailureClass::InvalidInput, format!("{value} is no text"))
}
