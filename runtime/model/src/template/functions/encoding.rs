//! Text in other spellings: base64, hexadecimal, parts of addresses, HTML.
//!
//! What is surprising: values are text, so decoding bytes that are no UTF-8 is an error and never a guess.

use base64::{
    Engine as _,
    alphabet::{Alphabet, STANDARD, URL_SAFE},
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{STANDARD as PADDED, URL_SAFE_NO_PAD},
    },
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::Value;

use super::{arguments::Arguments, entries, kind};
use crate::template::purse::Fault;

type Result<T = Value> = std::result::Result<T, Fault>;

/// All but the unreserved characters of RFC 3986.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

entries! {
    /// Functions that encode and decode.
    ENCODINGS:
    "base64.encode" Global (s: Text) [] Plain base64_encode, "The UTF-8 of `s` in base64, padded (RFC 4648).";
    "base64.encodeUrl" Global (s: Text) [] Plain base64_encode_url, "The same in the alphabet for addresses, without padding.";
    "base64.decode" Global (s: Text) [] Plain base64_decode, "The text that `s` is the base64 of, in either alphabet, padded or not.";
    "hex.encode" Global (s: Text) [] Plain hex_encode, "The UTF-8 of `s` in lower-case hexadecimal digits.";
    "hex.decode" Global (s: Text) [] Plain hex_decode, "The text that `s` is the hexadecimal of.";
    "url.encode" Global (s: Text) [] Plain url_encode, "Percent-encoded for a segment of a path or a query: all but letters, digits and `-._~` (RFC 3986).";
    "url.decode" Global (s: Text) [] Plain url_decode, "Percent-decoded; a `+` stays.";
    "url.query" Global (x: Object) [] Plain url_query, "The fields of an object as a query string; a list repeats its key, null is left out.";
    "html.escape" Global (s: Text) [] Plain html_escape, "With `&`, `<`, `>`, `\"` and `'` as references, to stand in HTML or XML.";
}

fn base64_encode(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.room(1, text.len().saturating_mul(2))?;
    Ok(PADDED.encode(text).into())
}

fn base64_encode_url(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.room(1, text.len().saturating_mul(2))?;
    Ok(URL_SAFE_NO_PAD.encode(text).into())
}

fn base64_decode(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?.trim_end();
    let lenient = |alphabet: &Alphabet| {
        let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        GeneralPurpose::new(alphabet, config)
    };
    let engine = lenient(if text.contains(['-', '_']) { &URL_SAFE } else { &STANDARD });
    let bytes = engine.decode(text).map_err(|why| a.wrong(format_args!("not base64: {}", lowered(&why))))?;
    utf8(a, bytes)
}

/// A library's message as ours start: in lower case.
fn lowered(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let mut chars = text.chars();
    chars.next().into_iter().flat_map(char::to_lowercase).chain(chars).collect()
}

fn utf8(a: &Arguments<'_>, bytes: Vec<u8>) -> Result {
    let text = String::from_utf8(bytes);
    text.map(Value::from).map_err(|_| a.wrong("it holds bytes that are no UTF-8 text; pass it on as it is"))
}

fn hex_encode(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 64)?;
    a.room(1, text.len().saturating_mul(2))?;
    Ok(hex::encode(text).into())
}

fn hex_decode(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 64)?;
    let bytes =
        hex::decode(text).map_err(|why| a.wrong(format_args!("not hexadecimal: {}", lowered(&why))))?;
    utf8(a, bytes)
}

fn url_encode(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 32)?;
    a.room(1, text.len().saturating_mul(3))?;
    Ok(utf8_percent_encode(text, COMPONENT).to_string().into())
}

fn url_decode(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 32)?;
    utf8(a, percent_decode_str(text).collect())
}

fn url_query(a: &Arguments<'_>) -> Result {
    let mut query = String::new();
    for (key, value) in a.object(0)? {
        let single = std::slice::from_ref(value);
        let (values, one) = match value {
            Value::Array(items) => (items.as_slice(), false),
            _ => (single, true),
        };
        for value in values {
            let text = match value {
                Value::Null if one => continue,
                Value::String(text) => std::borrow::Cow::Borrowed(text.as_str()),
                Value::Bool(_) | Value::Number(_) => value.to_string().into(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    return Err(a.wrong(format_args!(
                        "`{}` holds {}",
                        super::shown(&key.as_str().into()),
                        kind(value)
                    )));
                }
            };
            a.toil(key.len() + text.len(), 32)?;
            a.room(1, query.len().saturating_add((key.len() + text.len() + 2).saturating_mul(3)))?;
            let joint = if query.is_empty() { "" } else { "&" };
            query.push_str(joint);
            query.extend(utf8_percent_encode(key, COMPONENT));
            query.push('=');
            query.extend(utf8_percent_encode(&text, COMPONENT));
        }
    }
    Ok(query.into())
}

fn html_escape(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 16)?;
    let marks = text.bytes().filter(|byte| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\'')).count();
    a.room(1, text.len().saturating_add(marks.saturating_mul(6)))?;
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    Ok(escaped.into())
}
