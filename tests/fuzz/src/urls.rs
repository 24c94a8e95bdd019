//! URLs read a second time, by string operations alone: what the oracles compare the product with.

use std::net::IpAddr;

/// A canonical `http` or `https` URL, cut at its punctuation (RFC 3986, appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    pub scheme: &'a str,
    /// With brackets, if they are there.
    pub host: &'a str,
    /// The default where none is written.
    pub port: u16,
    /// From `/`.
    pub path: &'a str,
    pub query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    /// None for what is not of the form `scheme://host[:port]/path[?query]`.
    pub fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let default = match scheme {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        if rest.contains('#') {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/')?);
        if authority.contains(['@', '?', '\\']) {
            return None;
        }
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query)));
        let end = authority.rfind(']').map_or(0, |at| at + 1);
        let (host, port) = match authority[end..].rfind(':') {
            Some(at) => (&authority[..end + at], authority[end + at + 1..].parse().ok()?),
            None => (authority, default),
        };
        (!host.is_empty()).then_some(Self { scheme, host, port, path, query })
    }

    /// The address that a client dials without asking a resolver.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

/// Whether C's `inet_aton` reads a name as an IPv4 address: one to four parts, decimal, `0x` or octal.
pub fn is_aton(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    parts.len() <= 4 && parts.iter().all(|part| is_number(part))
}

fn is_number(part: &str) -> bool {
    let lower = part.to_ascii_lowercase();
    match lower.strip_prefix("0x") {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
        None => !lower.is_empty() && lower.bytes().all(|byte| byte.is_ascii_digit()),
    }
}

/// `%` and two digits made a byte again, once.
pub fn percent_decode(text: &[u8]) -> Vec<u8> {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        match (byte, digit(at + 1), digit(at + 2)) {
            (b'%', Some(high), Some(low)) => {
                out.push(u8::try_from(high * 16 + low).unwrap_or_default());
                at += 3;
            }
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}

/// The ways in which servers have been seen to read a path: decoded never, once and twice, each with
/// `\` as `/` or not, and with `;parameters` of a segment dropped or not; dot segments removed
/// (RFC 3986, section 5.2.4), a NUL taken for the end.
pub fn readings(path: &str) -> Vec<Vec<u8>> {
    let mut readings = Vec::new();
    let mut decoded = path.as_bytes().to_vec();
    for _ in 0..3 {
        for backslash in [false, true] {
            for parameters in [false, true] {
                readings.push(reading(&decoded, backslash, parameters));
            }
        }
        decoded = percent_decode(&decoded);
    }
    readings
}

fn reading(path: &[u8], backslash: bool, parameters: bool) -> Vec<u8> {
    let end = path.iter().position(|byte| *byte == 0).unwrap_or(path.len());
    let mut segments: Vec<&[u8]> = Vec::new();
    let split: Vec<&[u8]> =
        path[..end].split(|byte| *byte == b'/' || (backslash && *byte == b'\\')).skip(1).collect();
    for (at, segment) in split.iter().enumerate() {
        let mut name = *segment;
        if parameters && let Some(end) = name.iter().position(|byte| *byte == b';') {
            name = &name[..end];
        }
        let last = at + 1 == split.len();
        match name {
            b"." if last => segments.push(b""),
            b"." => {}
            b".." => {
                segments.pop();
                if last {
                    segments.push(b"");
                }
            }
            name => segments.push(name),
        }
    }
    let mut out = Vec::new();
    for segment in segments {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    out
}
