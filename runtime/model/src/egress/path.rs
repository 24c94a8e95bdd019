//! Whether a path lies under a prefix.
//!
//! Servers decode a path once more, or split it at `;`, or read `\` as `/`: under a prefix, a path
//! that could mean something else to one of them lies nowhere.

/// Whether `path` lies under `prefix`, segment by segment: `/v1` holds `/v1` and `/v1/x`, never
/// `/v1x`; `/v1/` does not hold `/v1`. Under any prefix but `/`, paths that a server may read in a
/// second way are under nothing.
pub(super) fn under(prefix: &str, path: &str) -> bool {
    if prefix == "/" {
        return true;
    }
    let inside = match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || prefix.ends_with('/') || rest.starts_with('/'),
        None => false,
    };
    inside && !ambiguous(path)
}

/// Encoded `/`, `\`, `.` or NUL, double or broken encoding, and `..;x` segments (path parameters of
/// some servers), the `;` encoded or not.
pub(super) fn ambiguous(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let hex = |pair: Option<&[u8]>| pair.is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit));
    let bytes = path.as_bytes();
    let encoded = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%').any(|(at, _)| {
        match bytes.get(at + 1..at + 3) {
            Some(b"2f" | b"5c" | b"2e" | b"00") => true,
            Some(b"25") => hex(bytes.get(at + 3..at + 5)),
            pair => !hex(pair),
        }
    });
    let path = path.replace("%3b", ";");
    encoded || path.split('/').any(|segment| matches!(segment.split(';').next(), Some("." | "..")))
}
