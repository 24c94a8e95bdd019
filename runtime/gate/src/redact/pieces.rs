//! Secrets in a body that comes in pieces, found wherever it was cut.
//!
//! What may still become a secret is held back: the last bytes, one fewer than the longest spelling
//! has. Bytes are searched once at least as many have come as were held back, so that each is searched
//! twice at most, however small the pieces are.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use futures_util::{TryStreamExt as _, stream::try_unfold};
use wharf_model::http::{HttpError, Pieces};

use super::{MARK, Redactor};

impl Redactor {
    /// The body without the secrets.
    #[must_use]
    pub fn pieces(&self, pieces: Pieces) -> Pieces {
        if self.longest() == 0 {
            return pieces;
        }
        let cleaner = Cleaner { window: Window::new(self.clone()), covered: 0 };
        Box::pin(try_unfold((pieces, Some(cleaner)), |(mut pieces, cleaner)| async move {
            let Some(mut cleaner) = cleaner else {
                return Ok(None);
            };
            loop {
                let Some(piece) = pieces.try_next().await? else {
                    let rest = cleaner.clean(Decided::All);
                    return Ok((!rest.is_empty()).then_some((rest, (pieces, None))));
                };
                if !cleaner.window.add(&piece) {
                    continue;
                }
                let clean = cleaner.clean(Decided::SoFar);
                if !clean.is_empty() {
                    return Ok(Some((clean, (pieces, Some(cleaner)))));
                }
            }
        }))
    }

    /// The same body, broken off with `found` before a secret in it leaves.
    pub(crate) fn guarded(&self, pieces: Pieces, found: fn() -> HttpError) -> Pieces {
        if self.longest() == 0 {
            return pieces;
        }
        let window = Window::new(self.clone());
        Box::pin(try_unfold((pieces, Some(window)), move |(mut pieces, window)| async move {
            let Some(mut window) = window else {
                return Ok(None);
            };
            loop {
                let piece = pieces.try_next().await?;
                let decided = match &piece {
                    Some(piece) if !window.add(piece) => continue,
                    Some(_) => Decided::SoFar,
                    None => Decided::All,
                };
                if window.redactor.finds(&window.bytes) {
                    return Err(found());
                }
                let clear = window.take(decided);
                let rest = (decided == Decided::SoFar).then_some(window);
                return Ok((!clear.is_empty()).then_some((clear, (pieces, rest))));
            }
        }))
    }
}

/// How much of the window can be told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Decided {
    /// All but what may still become a secret.
    SoFar,
    /// All: nothing more comes.
    All,
}

/// The bytes that have come and not gone on.
struct Window {
    redactor: Redactor,
    /// One fewer than the longest spelling has.
    held: usize,
    bytes: BytesMut,
}

impl Window {
    fn new(redactor: Redactor) -> Self {
        let held = redactor.longest().saturating_sub(1);
        Self { redactor, held, bytes: BytesMut::new() }
    }

    /// Whether it is worth a search.
    fn add(&mut self, piece: &[u8]) -> bool {
        // A longer secret may have been learnt meanwhile.
        self.held = self.held.max(self.redactor.longest().saturating_sub(1));
        self.bytes.extend_from_slice(piece);
        self.bytes.len() > self.held.saturating_mul(2)
    }

    fn decided(&self, decided: Decided) -> usize {
        match decided {
            Decided::SoFar => {
                let end = self.bytes.len().saturating_sub(self.held);
                let before = self.bytes.get(..end).unwrap_or_default();
                // Never between the two of `\\`: what follows would be read as other escapes.
                let run = before.iter().rev().take_while(|byte| **byte == b'\\').count();
                end - run % 2
            }
            Decided::All => self.bytes.len(),
        }
    }

    fn take(&mut self, decided: Decided) -> Bytes {
        let end = self.decided(decided);
        self.bytes.split_to(end).freeze()
    }
}

struct Cleaner {
    window: Window,
    /// Bytes at the window's beginning that belong to a secret of which the mark has gone on.
    covered: usize,
}

impl Cleaner {
    /// What can be told, without the secrets that begin in it.
    fn clean(&mut self, decided: Decided) -> Bytes {
        let end = self.window.decided(decided);
        let places = self.window.redactor.places(&self.window.bytes);
        if places.is_empty() && self.covered == 0 {
            return self.window.take(decided);
        }
        let mut out = BytesMut::with_capacity(end);
        let mut done = self.covered;
        for Range { start, end: stop } in places.into_iter().filter(|place| place.start < end) {
            // One that begins inside of the one before goes on without a mark of its own.
            if start >= done {
                out.extend_from_slice(self.window.bytes.get(done..start).unwrap_or_default());
                out.extend_from_slice(MARK.as_bytes());
            }
            done = done.max(stop);
        }
        out.extend_from_slice(self.window.bytes.get(done..end).unwrap_or_default());
        self.covered = done.saturating_sub(end);
        let _ = self.window.take(decided);
        out.freeze()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _, stream};

    use super::*;

    const SECRET: &str = "sk_live_S3NT1NEL";

    /// In pieces of every size, the same as at once.
    #[track_caller]
    fn check(text: &str) {
        let redactor = Redactor::new([SECRET.as_bytes()]);
        let expected = redactor.bytes(text.as_bytes());
        for size in 1..=text.len().max(1) {
            let parts: Vec<_> =
                text.as_bytes().chunks(size).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
            let clean = redactor.pieces(Box::pin(stream::iter(parts)));
            let pieces = clean.map(Result::unwrap).collect::<Vec<_>>().now_or_never().unwrap();
            assert_eq!(pieces.concat(), expected.as_ref(), "{text} in pieces of {size}");
        }
    }

    #[test]
    fn pieces_are_searched_like_the_whole() {
        check("");
        check(&"nothing in it ".repeat(40));
        check(SECRET);
        check(&format!("{SECRET}{SECRET}"));
        check(&format!("{}{SECRET}{}", "a".repeat(300), "b".repeat(300)));
        check(&format!("{SECRET}{}{SECRET}", "sk_live_S3".repeat(30)));
        check(&format!("{}{}", "x".repeat(150), &SECRET[..SECRET.len() - 1]));
        check(&format!("<{}>", hex::encode(SECRET)));
        check(&format!("{}{}", "y".repeat(200), SECRET.replace('_', "%5F")));
    }

    #[test]
    fn a_searched_body_is_broken_off_before_the_secret() {
        let redactor = Redactor::new([SECRET.as_bytes()]);
        for size in 1..SECRET.len() {
            let text = format!("{}{SECRET}{}", "a".repeat(500), "b".repeat(500));
            let parts: Vec<_> =
                text.as_bytes().chunks(size).map(|part| Ok(Bytes::copy_from_slice(part))).collect();
            let found = || HttpError::InvalidRequest("found".to_owned());
            let seen = redactor.guarded(Box::pin(stream::iter(parts)), found);
            let seen = seen.collect::<Vec<_>>().now_or_never().unwrap();
            assert!(seen.last().unwrap().is_err());
            let before: Vec<u8> = seen.iter().flatten().flat_map(|piece| piece.to_vec()).collect();
            assert!(before.iter().all(|byte| *byte == b'a'), "{}", String::from_utf8_lossy(&before));
        }
    }
}
