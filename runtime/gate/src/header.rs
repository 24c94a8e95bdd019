//! Which headers a connector may set.
//!
//! Which are the gate's alone is the model's rule; here a guest's fields are held to it, to the grammar
//! (RFC 9110, section 5) and to a size.

use http::{HeaderMap, HeaderName, HeaderValue};
use wharf_model::http::{Denial, DeniedBy, Field, HttpError, is_forbidden, spelling};

/// Fields of one request.
const MAX_FIELDS: usize = 64;

/// Bytes of names and values together.
const MAX_BYTES: usize = 32 * 1024;

/// What survives a redirect to another origin.
const SAFE_ELSEWHERE: &[&str] = &["accept", "accept-language", "user-agent"];

/// Checks a guest's headers. `reserved` are names, in [`spelling`], that the gate sets for this
/// connector: credentials and the idempotency key.
pub(crate) fn check<'a>(
    fields: &[Field],
    reserved: impl Fn(&str) -> Option<&'a str>,
) -> Result<HeaderMap, HttpError> {
    if fields.len() > MAX_FIELDS {
        return Err(syntax(&format!("{} headers; at most {MAX_FIELDS} are sent", fields.len())));
    }
    let bytes: usize = fields.iter().map(|field| field.name.len() + field.value.len()).sum();
    if bytes > MAX_BYTES {
        return Err(syntax(&format!("{bytes} bytes of headers; at most {MAX_BYTES} are sent")));
    }
    let mut headers = HeaderMap::with_capacity(fields.len());
    for (at, field) in fields.iter().enumerate() {
        let name = HeaderName::from_bytes(field.name.as_bytes())
            .map_err(|_| syntax(&format!("the name of header {} is not a token", at + 1)))?;
        // Asking for the encoding that comes anyway is no harm.
        if name == http::header::ACCEPT_ENCODING && field.value.eq_ignore_ascii_case(b"identity") {
            continue;
        }
        if let Some(why) = forbidden(name.as_str(), &reserved) {
            return Err(HttpError::Denied(Denial {
                by: DeniedBy::Ceiling,
                reason: "forbidden-header".to_owned(),
                message: format!("a connector may not set the header `{name}`: {why}"),
            }));
        }
        let value = HeaderValue::from_bytes(&field.value)
            .map_err(|_| syntax(&format!("the value of header `{name}` has a control character")))?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn forbidden<'a>(name: &str, reserved: &impl Fn(&str) -> Option<&'a str>) -> Option<&'a str> {
    let name = spelling(name);
    if let Some(why) = reserved(&name) {
        return Some(why);
    }
    match name.as_str() {
        "authorization" => Some(
            "name an auth method of the manifest in the request's `auth`, and the gate places the credential",
        ),
        "accept-encoding" => Some("the gate asks for the codings that it undoes"),
        name if is_forbidden(name) => Some("the gate sets it, or it is never sent"),
        _ => None,
    }
}

/// Drops what another origin must not see.
pub(crate) fn keep_safe(headers: &mut HeaderMap) {
    let mut kept = HeaderMap::new();
    for name in SAFE_ELSEWHERE {
        for value in headers.get_all(*name) {
            kept.append(HeaderName::from_static(name), value.clone());
        }
    }
    *headers = kept;
}

fn syntax(problem: &str) -> HttpError {
    HttpError::InvalidRequest(format!("header syntax: {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn verdict(fields: &[Field], expected: &str) {
        let verdict = check(fields, |_| None);
        assert_eq!(
            verdict.map_or_else(|error| error.to_string(), |headers| headers.len().to_string()),
            expected
        );
    }

    #[test]
    fn hc_27_so_many_fields_and_so_many_bytes() {
        let many = |count| vec![Field::new("x-a", "v"); count];
        verdict(&many(64), "64");
        verdict(&many(65), "invalid request: header syntax: 65 headers; at most 64 are sent");
        let long = |bytes: usize| [Field::new("x-long", vec![b'v'; bytes - 14]), Field::new("x-b", "12345")];
        verdict(&long(32 * 1024), "2");
        verdict(
            &long(32 * 1024 + 1),
            "invalid request: header syntax: 32769 bytes of headers; at most 32768 are sent",
        );
    }

    #[test]
    fn a_refusal_says_what_to_do_instead() {
        for (name, expected) in [
            ("Authorization", "and the gate places the credential"),
            ("Accept-Encoding", "the gate asks for the codings that it undoes"),
            ("Host", "the gate sets it, or it is never sent"),
        ] {
            let error = check(&[Field::new(name, "x")], |_| None).unwrap_err().to_string();
            assert!(error.ends_with(expected), "{error}");
        }
    }
}
