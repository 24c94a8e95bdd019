//! Percent-encoding of what goes into a URL (RFC 3986, section 2; WHATWG URL, section 5).
//!
//! Encoding cannot save a path segment `.` or `..`: URL parsers undo it first. Such a segment is refused.

use crate::failure::{Failure, Result};

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => {
                out.push('%');
                for digit in [byte >> 4, byte & 15] {
                    out.extend(HEX.get(usize::from(digit)).map(|hex| char::from(*hex)));
                }
            }
        }
    }
}

/// One path segment, encoded so that it stays one.
///
/// # Errors
/// `invalid-input` for an empty segment, `.` and `..`, which would name another path.
pub fn segment(text: &str) -> Result<String> {
    if matches!(text, "" | "." | "..") {
        return Err(Failure::invalid_input(format_args!("`{text}` cannot be a part of a URL's path")));
    }
    let mut out = String::with_capacity(text.len());
    push(&mut out, text);
    Ok(out)
}

/// Names and values as `name=value&…`, for a query or an `application/x-www-form-urlencoded` body.
#[must_use]
pub fn form<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut out = String::new();
    for (name, value) in pairs {
        if !out.is_empty() {
            out.push('&');
        }
        push(&mut out, name);
        out.push('=');
        push(&mut out, value);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{form, segment};

    #[test]
    fn segments_stay_segments() {
        assert_eq!(segment("acme").unwrap(), "acme");
        assert_eq!(segment("a/b?c#d%2e").unwrap(), "a%2Fb%3Fc%23d%252e");
        assert_eq!(segment("…").unwrap(), "%E2%80%A6");
        for text in ["", ".", ".."] {
            assert!(segment(text).is_err(), "{text}");
        }
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(form([("q", "a b&c"), ("é", "1+1")]), "q=a%20b%26c&%C3%A9=1%2B1");
        assert_eq!(form([]), "");
    }
}
