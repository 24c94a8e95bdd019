//! Finds secrets in text and bytes, in the spellings in which they come back, and takes them out.
//!
//! Spellings that can be written down are looked for as they are, by a search that tests sixteen or
//! more bytes at once. Percent and JSON escapes have too many spellings for that (any character may be
//! escaped or not), so the surroundings of escapes are decoded and searched once more. Either way the
//! cost is a constant for each byte, whatever is in it.
//!
//! Values shorter than 8 bytes are not looked for: they stand in innocent text too often. The patterns
//! are copies of the secrets and live as long as the connection's authority.

mod escape;
mod pieces;
mod search;
mod spelling;

use std::{
    borrow::Cow,
    fmt,
    ops::Range,
    sync::{Arc, PoisonError, RwLock},
};

use search::Search;
use serde_json::Value;

/// What stands in place of a secret.
const MARK: &str = "[redacted]";

/// Shorter values are not looked for.
const SHORTEST: usize = 8;

/// Tokens that the gate made, the newest last; a slow answer may echo the one before.
const MAX_LEARNT: usize = 4;

/// Finds the secrets of one connection. Cheap to clone; clones learn together.
#[derive(Clone, Default)]
pub struct Redactor {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    given: Option<Search>,
    learnt: RwLock<Vec<Arc<Search>>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor")
    }
}

impl Redactor {
    /// A redactor for these secrets: raw, reversed, base64 (both alphabets, at every alignment),
    /// hexadecimal, percent-encoded and JSON-escaped, wholly or in part.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let given = Search::new(secrets.into_iter().filter(|secret| secret.len() >= SHORTEST));
        Self { shared: Arc::new(Shared { given, learnt: RwLock::default() }) }
    }

    /// Looks for one more, such as a token that was just made.
    pub(crate) fn learn(&self, secret: &[u8]) {
        let mut learnt = self.shared.learnt.write().unwrap_or_else(PoisonError::into_inner);
        if secret.len() < SHORTEST || learnt.iter().any(|known| known.is_of(secret)) {
            return;
        }
        learnt.extend(Search::new([secret]).map(Arc::new));
        if learnt.len() > MAX_LEARNT {
            learnt.remove(0);
        }
    }

    /// Whether one of the secrets stands in the bytes.
    #[must_use]
    pub fn finds(&self, bytes: &[u8]) -> bool {
        self.any(|search| search.finds(bytes))
    }

    /// Where secrets stand, in order and apart from each other.
    #[must_use]
    pub fn places(&self, bytes: &[u8]) -> Vec<Range<usize>> {
        let mut places = Vec::new();
        self.any(|search| {
            search.places(bytes, &mut places);
            false
        });
        places.sort_by_key(|place| (place.start, place.end));
        let mut apart: Vec<Range<usize>> = Vec::with_capacity(places.len());
        for place in places {
            match apart.last_mut() {
                Some(last) if place.start < last.end => last.end = last.end.max(place.end),
                Some(_) | None => apart.push(place),
            }
        }
        apart
    }

    /// The longest that a secret can be in any spelling, in bytes; 0 when nothing is looked for. Who
    /// searches a stream keeps one byte less of what came before.
    #[must_use]
    pub fn longest(&self) -> usize {
        let mut longest = 0;
        self.any(|search| {
            longest = longest.max(search.longest());
            false
        });
        longest
    }

    /// The text without the secrets.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match self.bytes(text.as_bytes()) {
            Cow::Borrowed(_) => Cow::Borrowed(text),
            // Taking a spelling out of text leaves text; anything else is shown as far as it is text.
            Cow::Owned(bytes) => Cow::Owned(
                String::from_utf8(bytes)
                    .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()),
            ),
        }
    }

    /// The bytes without the secrets.
    #[must_use]
    pub fn bytes<'a>(&self, bytes: &'a [u8]) -> Cow<'a, [u8]> {
        let places = self.places(bytes);
        if places.is_empty() {
            return Cow::Borrowed(bytes);
        }
        let mut out = Vec::with_capacity(bytes.len());
        let mut done = 0;
        for place in places {
            out.extend_from_slice(bytes.get(done..place.start).unwrap_or_default());
            out.extend_from_slice(MARK.as_bytes());
            done = place.end;
        }
        out.extend_from_slice(bytes.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// A JSON value without the secrets: every text in it for itself, keys of objects too, since a text may
    /// hold a spelling that is another one once it is written as JSON. A number that is a secret becomes a
    /// text.
    #[must_use]
    pub fn json(&self, value: Value) -> Value {
        let text = |text: String| match self.text(&text) {
            Cow::Borrowed(_) => text,
            Cow::Owned(clean) => clean,
        };
        match value {
            Value::String(string) => Value::String(text(string)),
            Value::Array(items) => items.into_iter().map(|item| self.json(item)).collect(),
            Value::Object(members) => {
                members.into_iter().map(|(key, member)| (text(key), self.json(member))).collect()
            }
            Value::Number(number) => match self.text(&number.to_string()) {
                Cow::Borrowed(_) => Value::Number(number),
                Cow::Owned(clean) => Value::String(clean),
            },
            value @ (Value::Null | Value::Bool(_)) => value,
        }
    }

    fn any(&self, mut each: impl FnMut(&Search) -> bool) -> bool {
        if self.shared.given.as_ref().is_some_and(&mut each) {
            return true;
        }
        let learnt = self.shared.learnt.read().unwrap_or_else(PoisonError::into_inner);
        learnt.iter().any(|search| each(search))
    }
}

#[cfg(test)]
mod tests;
