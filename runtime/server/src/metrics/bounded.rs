//! A label that takes a bounded number of values.

use std::{
    collections::HashSet,
    sync::{PoisonError, RwLock},
};

/// Everything beyond the bound.
const OTHER: &str = "other";
/// Bytes of a value that are kept.
const LONGEST: usize = 128;

/// Remembers the first values it sees; later ones are `other`.
#[derive(Debug)]
pub(super) struct Bounded {
    most: usize,
    seen: RwLock<HashSet<String>>,
}

impl Bounded {
    pub(super) fn new(most: usize) -> Self {
        Self { most, seen: RwLock::default() }
    }

    /// `value`, or `other`.
    pub(super) fn admit(&self, value: &str) -> String {
        if value.len() > LONGEST {
            return OTHER.to_owned();
        }
        if self.seen.read().unwrap_or_else(PoisonError::into_inner).contains(value) {
            return value.to_owned();
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= self.most && !seen.contains(value) {
            return OTHER.to_owned();
        }
        seen.insert(value.to_owned());
        value.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::Bounded;

    #[test]
    fn the_first_stay_and_the_rest_are_other() {
        let label = Bounded::new(2);
        let admitted = ["a", "b", "c", "a", &"x".repeat(129)].map(|value| label.admit(value));
        assert_eq!(admitted, ["a", "b", "other", "a", "other"]);
    }
}
