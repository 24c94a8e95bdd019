//! The surroundings of percent and JSON escapes, decoded.
//!
//! Text without escapes costs one quick look for `%` and `\`. Around those, as far as a secret can
//! reach, the text is decoded into a region that knows where each of its bytes came from. A region goes
//! on while escapes follow, so that each byte is decoded at most twice for each kind of escape.

use std::ops::Range;

/// Bytes of the longest escape: `\u005f`.
pub(super) const LONGEST: usize = 6;

/// Decoded bytes that are searched at once, besides those that are kept from before.
const CHUNK: usize = 16 * 1024;

/// A stretch of text with its escapes undone.
#[derive(Default)]
pub(super) struct Region {
    pub(super) text: Vec<u8>,
    /// Where each byte of `text` begins in the source, and where the last one ends.
    from: Vec<usize>,
}

impl Region {
    /// A place in the text as one in the source. Bytes of one escape share its beginning, so the place
    /// ends where the next character begins.
    pub(super) fn source(&self, place: &Range<usize>) -> Option<Range<usize>> {
        let start = *self.from.get(place.start)?;
        let last = *self.from.get(place.end.checked_sub(1)?)?;
        let end = self.from.get(place.end..)?.iter().find(|at| **at > last)?;
        Some(start..*end)
    }

    fn decode(&mut self, escape: &Decoded, at: usize) {
        self.text.extend(escape.bytes.iter().take(escape.len));
        self.from.extend(std::iter::repeat_n(at, escape.len));
    }

    fn copy(&mut self, bytes: &[u8], at: usize) {
        self.text.extend_from_slice(bytes);
        self.from.extend(at..at + bytes.len());
    }

    /// Hands out what there is, and keeps the last `reach` bytes of it.
    fn give(&mut self, end: usize, reach: usize, each: &mut impl FnMut(&Self) -> bool) -> bool {
        self.from.push(end);
        let enough = each(self);
        self.from.pop();
        let kept = self.text.len().saturating_sub(reach);
        self.text.drain(..kept);
        self.from.drain(..kept);
        enough
    }
}

/// Hands out the regions of both kinds; stops when `each` says that it has seen enough, and says so.
pub(super) fn regions(bytes: &[u8], reach: usize, mut each: impl FnMut(&Region) -> bool) -> bool {
    let kinds: [(u8, Decode); 2] = [(b'%', percent), (b'\\', json)];
    kinds.into_iter().any(|(mark, decode)| of_kind(bytes, reach, (mark, decode), &mut each))
}

/// What an escape stands for, and its length; none when it is no escape.
type Decode = fn(&[u8]) -> Option<(Decoded, usize)>;

/// Up to four bytes of a character.
struct Decoded {
    bytes: [u8; 4],
    len: usize,
}

fn of_kind(
    bytes: &[u8],
    reach: usize,
    (mark, decode): (u8, Decode),
    each: &mut impl FnMut(&Region) -> bool,
) -> bool {
    let mut region = Region::default();
    let mut at = 0;
    while let Some(first) = next(bytes, at, mark) {
        region.text.clear();
        region.from.clear();
        // No escape stands in what is looked back on: the region before would have gone on.
        at = first.saturating_sub(reach);
        let mut end = first.saturating_add(reach).min(bytes.len());
        while let Some(run) = memchr::memchr(mark, bytes.get(at..end).unwrap_or_default()) {
            region.copy(bytes.get(at..at + run).unwrap_or_default(), at);
            at += run;
            let width = match decode(bytes.get(at..).unwrap_or_default()) {
                Some((escape, width)) => {
                    region.decode(&escape, at);
                    end = (at + width).saturating_add(reach).min(bytes.len());
                    width
                }
                None => {
                    region.copy(&[mark], at);
                    1
                }
            };
            at += width;
            if region.text.len() >= CHUNK + reach && region.give(at, reach, each) {
                return true;
            }
        }
        region.copy(bytes.get(at..end).unwrap_or_default(), at);
        at = end;
        if region.give(at, reach, each) {
            return true;
        }
    }
    false
}

/// The next `mark` at or after `from`.
fn next(bytes: &[u8], from: usize, mark: u8) -> Option<usize> {
    memchr::memchr(mark, bytes.get(from..)?).map(|at| from + at)
}

/// `%5F` (RFC 3986, section 2.1).
fn percent(rest: &[u8]) -> Option<(Decoded, usize)> {
    let high = hex(*rest.get(1)?)?;
    let low = hex(*rest.get(2)?)?;
    let value = u8::try_from(high * 16 + low).ok()?;
    Some((Decoded { bytes: [value, 0, 0, 0], len: 1 }, 3))
}

/// `\n`, `\/`, `\u005f` and pairs of surrogates (RFC 8259, section 7).
fn json(rest: &[u8]) -> Option<(Decoded, usize)> {
    let plain = |byte| Some((Decoded { bytes: [byte, 0, 0, 0], len: 1 }, 2));
    match rest.get(1)? {
        b'n' => plain(b'\n'),
        b't' => plain(b'\t'),
        b'r' => plain(b'\r'),
        b'b' => plain(8),
        b'f' => plain(12),
        byte @ (b'"' | b'\\' | b'/') => plain(*byte),
        b'u' => {
            let unit = unit(rest)?;
            let (character, width) = match unit {
                0xd800..0xdc00 => {
                    let low = rest.get(6..).filter(|rest| rest.starts_with(b"\\u")).and_then(self::unit)?;
                    let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                    (char::from_u32(0x10000 + ((unit - 0xd800) << 10) + low)?, 12)
                }
                _ => (char::from_u32(unit)?, 6),
            };
            let mut decoded = Decoded { bytes: [0; 4], len: character.len_utf8() };
            character.encode_utf8(&mut decoded.bytes);
            Some((decoded, width))
        }
        _ => None,
    }
}

/// The four digits after `\u`.
fn unit(rest: &[u8]) -> Option<u32> {
    rest.get(2..6)?.iter().try_fold(0, |value, digit| Some(value * 16 + hex(*digit)?))
}

fn hex(digit: u8) -> Option<u32> {
    char::from(digit).to_digit(16)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an escape stands for and how long it is; none when it is no escape.
    #[track_caller]
    fn check(decode: Decode, text: &[u8], expected: Option<(&[u8], usize)>) {
        let found = decode(text).map(|(decoded, width)| (decoded.bytes[..decoded.len].to_vec(), width));
        let shown = String::from_utf8_lossy(text);
        assert_eq!(found, expected.map(|(bytes, width)| (bytes.to_vec(), width)), "{shown}");
    }

    #[test]
    fn escapes() {
        for (text, expected) in [
            ("%5F", Some((b"_".as_slice(), 3))),
            ("%5fx", Some((b"_", 3))),
            ("%ff", Some((b"\xff", 3))),
            ("%00", Some((b"\0", 3))),
            ("%", None),
            ("%5", None),
            ("%5g", None),
            ("%g5", None),
        ] {
            check(percent, text.as_bytes(), expected);
        }
        for (text, expected) in [
            ("\\n", Some((b"\n".as_slice(), 2))),
            ("\\t", Some((b"\t", 2))),
            ("\\r", Some((b"\r", 2))),
            ("\\b", Some((b"\x08", 2))),
            ("\\f", Some((b"\x0c", 2))),
            ("\\\"", Some((b"\"", 2))),
            ("\\\\", Some((b"\\", 2))),
            ("\\/", Some((b"/", 2))),
            ("\\u005F", Some((b"_", 6))),
            ("\\u00e9", Some((b"\xc3\xa9", 6))),
            ("\\ud7ff", Some((b"\xed\x9f\xbf", 6))),
            ("\\ue000", Some((b"\xee\x80\x80", 6))),
            ("\\ud800\\udc00", Some((b"\xf0\x90\x80\x80", 12))),
            ("\\ud83d\\udd11", Some((b"\xf0\x9f\x94\x91", 12))),
            ("\\udbff\\udfff", Some((b"\xf4\x8f\xbf\xbf", 12))),
            ("\\ud83d\\ue000", None),
            ("\\ud83d\\udbff", None),
            ("\\ud83dxudd11", None),
            ("\\ud83d", None),
            ("\\udc00", None),
            ("\\u005", None),
            ("\\u005g", None),
            ("\\q", None),
            ("\\", None),
        ] {
            check(json, text.as_bytes(), expected);
        }
    }

    /// However dense the escapes: the regions stay small, and few bytes are handed out twice.
    #[test]
    fn a_region_is_handed_out_in_chunks() {
        let reach = 4096;
        for text in ["%41".repeat(100_000), format!("%41{}", "a".repeat(1000)).repeat(300)] {
            let (mut most, mut all) = (0, 0);
            let enough = regions(text.as_bytes(), reach, |region| {
                most = most.max(region.text.len());
                all += region.text.len();
                false
            });
            let decoded = text.len() - 2 * text.matches('%').count();
            assert!(!enough && most <= CHUNK + 2 * reach, "{most}");
            assert!(all >= decoded && all * 10 <= decoded * 13, "{all} of {decoded}");
        }
    }
}
