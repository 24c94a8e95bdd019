//! Finds secrets in text and bytes, in the spellings in which they come back, and takes them out.
//!
//! Values shorter than 8 bytes are not looked for: they stand in innocent text too often. The
//! patterns are copies of the secrets and live as long as the connection's authority.

mod pieces;

use std::{borrow::Cow, collections::BTreeSet, fmt, fmt::Write as _, ops::Range};

use aho_corasick::{AhoCorasick, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// What stands in place of a secret.
const MARK: &str = "[redacted]";

/// Shorter values are not looked for.
const SHORTEST: usize = 8;

/// Finds the secrets of one connection. Cheap to clone.
#[derive(Clone, Default)]
pub struct Redactor {
    patterns: Option<AhoCorasick>,
    longest: usize,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor for these secrets: raw, reversed, base64 (both alphabets, at every alignment),
    /// hexadecimal, percent-encoded and JSON-escaped.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut patterns = BTreeSet::new();
        for secret in secrets {
            if secret.len() >= SHORTEST {
                spellings(secret, &mut patterns);
            }
        }
        if patterns.is_empty() {
            return Self::default();
        }
        // Building fails only past billions of states; then no text could be passed on safely, and
        // an automaton of the empty pattern redacts everything.
        let built = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&patterns);
        let longest = patterns.iter().map(Vec::len).max().unwrap_or(0);
        Self { patterns: built.or_else(|_| AhoCorasick::new([""])).ok(), longest }
    }

    /// Whether one of the secrets stands in the bytes.
    #[must_use]
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.patterns.as_ref().is_some_and(|patterns| patterns.is_match(bytes))
    }

    /// Where secrets stand, in order and apart from each other.
    #[must_use]
    pub fn places(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let found = self.patterns.iter().flat_map(|patterns| patterns.find_iter(bytes));
        found.map(|found| found.range()).collect()
    }

    /// The longest that a secret can be in any spelling, in bytes; 0 when nothing is looked for. Who
    /// searches a stream keeps one byte less of what came before.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// The text without the secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.patterns {
            Some(patterns) if patterns.is_match(text) => {
                let mut out = String::with_capacity(text.len());
                patterns.replace_all_with(text, &mut out, |_, _, out| {
                    out.push_str(MARK);
                    true
                });
                Cow::Owned(out)
            }
            Some(_) | None => Cow::Borrowed(text),
        }
    }

    /// The bytes without the secrets.
    #[must_use]
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        match &self.patterns {
            Some(patterns) if patterns.is_match(bytes) => {
                let mut out = Vec::with_capacity(bytes.len());
                patterns.replace_all_with_bytes(bytes, &mut out, |_, _, out| {
                    out.extend_from_slice(MARK.as_bytes());
                    true
                });
                Cow::Owned(out)
            }
            Some(_) | None => Cow::Borrowed(bytes),
        }
    }
}

fn spellings(secret: &[u8], out: &mut BTreeSet<Vec<u8>>) {
    out.insert(secret.to_vec());
    out.insert(secret.iter().rev().copied().collect());
    let hex = hex::encode(secret);
    out.insert(hex.to_ascii_uppercase().into_bytes());
    out.insert(hex.into_bytes());
    base64_spellings(secret, out);
    percent_spellings(secret, out);
    if let Ok(text) = std::str::from_utf8(secret) {
        json_spellings(text, out);
    }
}

/// A secret inside longer base64 starts at one of three alignments; the characters that also carry
/// bits of a neighbour are left out of the pattern.
fn base64_spellings(secret: &[u8], out: &mut BTreeSet<Vec<u8>>) {
    for (offset, touched) in [(0, 0), (1, 2), (2, 3)] {
        let mut padded = vec![0; offset];
        padded.extend_from_slice(secret);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            let end = text.len() - usize::from(padded.len() % 3 != 0);
            out.extend(text.as_bytes().get(touched..end).map(<[u8]>::to_vec));
        }
    }
}

fn percent_spellings(secret: &[u8], out: &mut BTreeSet<Vec<u8>>) {
    let (mut all, mut some) = (String::new(), String::new());
    for byte in secret {
        let _ = write!(all, "%{byte:02X}");
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            some.push(char::from(*byte));
        } else {
            let _ = write!(some, "%{byte:02X}");
        }
    }
    // Lower-case digits: only what follows a `%` changes.
    for text in [all, some] {
        let mut lower = String::with_capacity(text.len());
        for (at, part) in text.split('%').enumerate() {
            if at == 0 {
                lower.push_str(part);
            } else {
                let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
                let _ = write!(lower, "%{}{rest}", digits.to_ascii_lowercase());
            }
        }
        out.insert(lower.into_bytes());
        out.insert(text.into_bytes());
    }
}

fn json_spellings(secret: &str, out: &mut BTreeSet<Vec<u8>>) {
    if let Ok(quoted) = serde_json::to_string(secret) {
        let inner = quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(&quoted);
        out.insert(inner.replace('/', "\\/").into_bytes());
        out.insert(inner.as_bytes().to_vec());
    }
    let escape = |digits: fn(u16) -> String| secret.encode_utf16().map(digits).collect::<String>();
    out.insert(escape(|unit| format!("\\u{unit:04x}")).into_bytes());
    out.insert(escape(|unit| format!("\\u{unit:04X}")).into_bytes());
}
