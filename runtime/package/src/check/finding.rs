//! What is wrong with a manifest, where, and what would be right.

use serde::Serialize;

use crate::json::{append_segment, inert, is_inert};

/// More would not be read.
const MAX_PROBLEMS: usize = 50;

/// A rule that a manifest breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
#[error("{pointer}: {problem}; {fix}")]
pub struct ManifestProblem {
    /// Where, as a JSON Pointer (RFC 6901).
    pub pointer: String,
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub fix: String,
}

/// A place in the manifest.
#[derive(Clone, Debug, Default)]
pub(super) struct Pointer(String);

impl Pointer {
    pub(super) fn root() -> Self {
        Self::default()
    }

    pub(super) fn at(&self, key: &str) -> Self {
        let mut text = self.0.clone();
        append_segment(&mut text, key);
        Self(text)
    }

    pub(super) fn index(&self, index: usize) -> Self {
        self.at(&index.to_string())
    }

    /// This place and a pointer below it.
    pub(super) fn join(&self, below: &str) -> Self {
        Self(format!("{}{below}", self.0))
    }
}

/// Problems as they are found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<ManifestProblem>);

impl Findings {
    pub(super) fn report(&mut self, at: &Pointer, problem: impl AsRef<str>, fix: impl AsRef<str>) {
        if self.0.len() < MAX_PROBLEMS {
            let (problem, fix) = (inert(problem.as_ref()), inert(fix.as_ref()));
            self.0.push(ManifestProblem { pointer: inert(&at.0), problem, fix });
        }
    }

    /// A name that flows, grants and the command line use.
    pub(super) fn name(&mut self, at: &Pointer, name: &str) {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|b| b.is_ascii_lowercase());
        if !first
            || name.len() > 63
            || !bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        {
            let fix = "use a lower-case letter, then up to 62 lower-case letters, digits and `-`";
            self.report(at, format!("`{name}` is not a name"), fix);
        }
    }

    /// Text that must be there.
    pub(super) fn title(&mut self, at: &Pointer, title: &str) {
        if title.trim().is_empty() {
            self.report(at, "no title", "write what a person would call it");
        }
        if title.chars().count() > 120 {
            self.report(
                at,
                "a title of more than 120 characters",
                "shorten it; the rest belongs into `description`",
            );
        }
        self.text(at, title);
    }

    /// Text that a terminal and a page will show. Line breaks are left to descriptions.
    pub(super) fn text(&mut self, at: &Pointer, text: &str) {
        if !text.chars().all(|c| is_inert(c) || matches!(c, '\n' | '\t')) {
            self.report(at, "control characters, or marks that turn the writing direction", "take them out");
        }
        if text.chars().count() > 4000 {
            self.report(at, "more than 4,000 characters", "shorten it");
        }
    }

    /// A header's name: a token (RFC 9110, section 5.1).
    pub(super) fn header(&mut self, at: &Pointer, name: &str) {
        let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(token) {
            self.report(
                at,
                format!("`{name}` is not a header name"),
                "use letters, digits and `-`, such as `X-Api-Key`",
            );
        }
    }

    pub(super) fn finish(self) -> Result<(), Vec<ManifestProblem>> {
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}
