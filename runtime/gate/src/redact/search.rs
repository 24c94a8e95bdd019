//! One search for many patterns.
//!
//! The vector search looks at the first few bytes of each pattern, and secrets begin alike
//! (`sk_live_`, `-----BEGIN`): so each pattern is looked for from its least ordinary bytes on, and what
//! stands before them is compared when they are found.

use std::{collections::BTreeSet, ops::Range};

use aho_corasick::{AhoCorasick, MatchKind, packed};

use super::{escape, spelling::spellings};

/// Patterns of one pass; the vector search is quick up to this many.
const AT_ONCE: usize = 32;

/// Bytes that the vector search tests first.
const WINDOW: usize = 4;

/// All spellings of some secrets.
pub(super) struct Search {
    passes: Vec<Pass>,
    /// The longest secret, in bytes.
    longest: usize,
    /// The secrets themselves.
    secrets: Vec<Vec<u8>>,
}

struct Pass {
    engine: Engine,
    /// Each with where its part begins that is searched for, its tail.
    patterns: Vec<(Vec<u8>, usize)>,
}

enum Engine {
    Packed(packed::Searcher),
    /// Where the machine has no such instructions.
    Automaton(AhoCorasick),
    /// No search could be built. Then no text could be passed on safely, and everything counts as found.
    Everything,
}

impl Search {
    /// None when there is nothing to look for.
    pub(super) fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Option<Self> {
        let secrets: Vec<Vec<u8>> = secrets.into_iter().map(<[u8]>::to_vec).collect();
        let mut patterns = BTreeSet::new();
        for secret in &secrets {
            spellings(secret, &mut patterns);
        }
        let patterns: Vec<Vec<u8>> = patterns.into_iter().collect();
        let passes = patterns.chunks(AT_ONCE).map(Pass::new).collect();
        let longest = secrets.iter().map(Vec::len).max()?;
        Some(Self { passes, longest, secrets })
    }

    /// Whether it looks for this one.
    pub(super) fn is_of(&self, secret: &[u8]) -> bool {
        self.secrets.iter().any(|own| own == secret)
    }

    /// See [`super::Redactor::longest`]: a byte is at most two base64 characters, and an escape of a
    /// character at most six.
    pub(super) fn longest(&self) -> usize {
        self.longest * 2 * escape::LONGEST + escape::LONGEST
    }

    pub(super) fn finds(&self, bytes: &[u8]) -> bool {
        let plain = |bytes: &[u8]| self.passes.iter().any(|pass| pass.each(bytes, &mut |_| true));
        plain(bytes) || escape::regions(bytes, self.reach(), |region| plain(&region.text))
    }

    pub(super) fn places(&self, bytes: &[u8], out: &mut Vec<Range<usize>>) {
        self.plain_places(bytes, &mut |place| out.push(place));
        escape::regions(bytes, self.reach(), |region| {
            self.plain_places(&region.text, &mut |place| out.extend(region.source(&place)));
            false
        });
    }

    fn plain_places(&self, bytes: &[u8], take: &mut dyn FnMut(Range<usize>)) {
        for pass in &self.passes {
            pass.each(bytes, &mut |place| {
                take(place);
                false
            });
        }
    }

    /// How far from an escape a spelling can begin or end.
    fn reach(&self) -> usize {
        self.longest * 2
    }
}

impl Pass {
    fn new(patterns: &[Vec<u8>]) -> Self {
        let patterns: Vec<(Vec<u8>, usize)> =
            patterns.iter().map(|pattern| (pattern.clone(), cut(pattern))).collect();
        let tails = patterns.iter().filter_map(|(pattern, cut)| pattern.get(*cut..));
        let packed = packed::Config::new().builder().extend(tails.clone()).build();
        let automaton = || AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(tails).ok();
        let engine = match packed {
            Some(packed) => Engine::Packed(packed),
            None => automaton().map_or(Engine::Everything, Engine::Automaton),
        };
        Self { engine, patterns }
    }

    /// Hands out the places of patterns; stops when `enough` says so, and says that it did.
    fn each(&self, bytes: &[u8], enough: &mut dyn FnMut(Range<usize>) -> bool) -> bool {
        let mut at = 0;
        while at < bytes.len() {
            let span = aho_corasick::Span::from(at..bytes.len());
            let found = match &self.engine {
                Engine::Packed(packed) => packed.find_in(bytes, span),
                Engine::Automaton(automaton) => automaton.find(aho_corasick::Input::new(bytes).span(span)),
                Engine::Everything => return enough(0..bytes.len()),
            };
            let Some(found) = found else { break };
            if let Some(place) = self.around(bytes, found.start())
                && enough(place)
            {
                return true;
            }
            at = found.start() + 1;
        }
        false
    }

    /// What stands around a tail that was found: of patterns with the same tail each may be there.
    fn around(&self, bytes: &[u8], tail: usize) -> Option<Range<usize>> {
        let mut place: Option<Range<usize>> = None;
        for (pattern, cut) in &self.patterns {
            let Some(start) = tail.checked_sub(*cut) else { continue };
            if bytes.get(start..).is_some_and(|rest| rest.starts_with(pattern)) {
                let end = start + pattern.len();
                place = Some(place.map_or(start..end, |place| place.start.min(start)..place.end.max(end)));
            }
        }
        place
    }
}

/// Where the least ordinary bytes of a pattern begin.
fn cut(pattern: &[u8]) -> usize {
    let last = pattern.len().saturating_sub(WINDOW);
    let rarity = |window: &[u8]| -> u32 {
        let distinct: BTreeSet<u8> = window.iter().copied().collect();
        window.iter().map(|byte| rare(*byte)).sum::<u32>() + u32::try_from(distinct.len()).unwrap_or(0)
    };
    let windows = pattern.windows(WINDOW).take(last + 1).enumerate();
    windows.max_by_key(|(at, window)| (rarity(window), std::cmp::Reverse(*at))).map_or(0, |(at, _)| at)
}

/// How seldom a byte stands in JSON, HTML and prose, roughly.
fn rare(byte: u8) -> u32 {
    match byte {
        b' ' | b'e' | b't' | b'a' | b'i' | b'n' | b'o' | b's' | b'r' | b'"' => 0,
        b'a'..=b'z' | b'-' | b'_' | b':' | b',' | b'.' | b'/' | b'=' | b'\n' => 2,
        b'0'..=b'9' => 3,
        b'A'..=b'Z' => 4,
        _ => 5,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Secrets begin alike; what sets them apart is looked for, and of equals the first.
    #[test]
    fn a_search_begins_at_the_least_ordinary_bytes() {
        for (pattern, expected) in [
            ("sk_live_QZ7X0a1b", 8),
            ("eeeeeeeeKQZX", 8),
            ("KKKKeeeeKQZX", 8),
            ("%%%%eeeeKQZX", 0),
            ("KQZXeeeeKQZX", 0),
            ("eKQZX", 1),
            ("KQZX", 0),
            ("KQ", 0),
        ] {
            assert_eq!(cut(pattern.as_bytes()), expected, "{pattern}");
        }
        let classes: [&[u8]; 5] = [b" etaoinsr\"", b"bqz-_:,./=\n", b"059", b"AKZ", b"%@\0\x80"];
        for (at, class) in classes.iter().enumerate() {
            assert!(class.iter().all(|byte| rare(*byte) == rare(class[0])), "{class:?}");
            assert!(classes[..at].iter().all(|lower| rare(lower[0]) < rare(class[0])), "{class:?}");
        }
    }
}
