//! Texts of a program: as they stand, joined, repeated, or as base64.
//!
//! What is joined stands in the input in parts only: so a case can have the probe hold a secret that
//! is not in its own input, as a connector would that found one.

use wharf::prelude::*;

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
            .map(|number| number.as_u64().and_then(|number| u8::try_from(number).ok()).ok_or_else(|| wrong(value)))
            .collect();
    }
    if let (Some(part), Some(times)) = (value.get("repeat"), value.get("times").and_then(Value::as_u64)) {
        return Ok(bytes(part)?.repeat(usize::try_from(times).unwrap_or(usize::MAX)));
    }
    Err(wrong(value))
}

fn wrong(value: &Value) -> Failure {
    Failure::new(FailureClass::InvalidInput, format!("{value} is no text"))
}
