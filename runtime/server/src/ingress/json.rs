//! Whether bytes are JSON of a bearable depth, without building it.
//!
//! The depth is counted before the parser sees a byte: `serde_json` skips values without a limit
//! when nobody wants them, and a parser that builds them stops at 128 by itself.

use serde::de::IgnoredAny;

/// Nesting that is accepted, as for the outputs of connectors.
pub(crate) const MAX_DEPTH: usize = 128;

/// Why bytes are not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotJson {
    /// Arrays and objects nested too deep.
    #[error("the JSON is nested deeper than {MAX_DEPTH} levels")]
    Depth,
    /// Not well-formed.
    #[error("the body is no JSON: {0}")]
    Malformed(String),
}

/// Checks that `bytes` are one well-formed JSON text (RFC 8259) in UTF-8.
pub(crate) fn check(bytes: &[u8]) -> Result<(), NotJson> {
    if depth(bytes) > MAX_DEPTH {
        return Err(NotJson::Depth);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| NotJson::Malformed(error.to_string()))?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| NotJson::Malformed(error.to_string()))
}

/// The deepest nesting, counting brackets outside strings. Exact for well-formed JSON; for anything
/// else it does not matter, as long as it ends.
fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut quoted, mut escaped) = (false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::{NotJson, check};

    #[test]
    fn takes_json_and_nothing_else() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        for good in ["null", " {\"a\":[1,\"]\\\"[\"]} ", "\"é\"", "1e5", &deep(128)] {
            assert_eq!(check(good.as_bytes()), Ok(()), "{good}");
        }
        for bad in ["", " ", "{", "{}x", "{'a':1}", "[1,]", "01", "\"\u{1}\"", "NaN", "{\"a\"}"] {
            assert!(matches!(check(bad.as_bytes()), Err(NotJson::Malformed(_))), "{bad}");
        }
        assert!(matches!(check(b"\"\xff\""), Err(NotJson::Malformed(_))));
        for bad in [deep(129), "[".repeat(100_000), "{\"a\":".repeat(100_000)] {
            assert_eq!(check(bad.as_bytes()), Err(NotJson::Depth));
        }
    }
}
