//! Judges what a guest returned: bytes in all, depth, and whether it is JSON.
//!
//! Depth is bounded because a later reader may recurse over it; the parser's own limit of 127
//! levels is the one that counts.

use serde_json::Value;
use wharf_model::{call::StopReason, failure::Failure};

use crate::state::Stop;

/// Levels of arrays and objects.
const MAX_DEPTH: u32 = 127;

/// What is left of a call's output bytes.
pub(crate) struct Output {
    left: u64,
    limit: u64,
}

/// Why a returned value is not taken.
#[derive(Debug)]
pub(crate) enum Rejected {
    /// Over a limit.
    Stopped(Stop),
    /// The connector says that it failed.
    Failed(Failure),
    /// Not what the contract says; a bug of the connector.
    Defect(String),
}

impl Output {
    pub(crate) fn new(limit: u64) -> Self {
        Self { left: limit, limit }
    }

    /// Parses `json`, which is `what`.
    pub(crate) fn json(&mut self, what: &str, json: String) -> Result<Value, Rejected> {
        let json = self.text(json)?;
        if depth(&json) > MAX_DEPTH {
            return Err(stopped(format!("{what} is nested deeper than {MAX_DEPTH} levels")));
        }
        serde_json::from_str(&json)
            .map_err(|error| Rejected::Defect(format!("returned {what} that is not JSON: {error}")))
    }

    pub(crate) fn all(&mut self, what: &str, items: Vec<String>) -> Result<Vec<Value>, Rejected> {
        items.into_iter().map(|item| self.json(what, item)).collect()
    }

    pub(crate) fn optional(&mut self, text: Option<String>) -> Result<Option<String>, Rejected> {
        text.map(|text| self.text(text)).transpose()
    }

    /// Counts text, and the few bytes that any value costs: a million empty ones are output too.
    pub(crate) fn text(&mut self, text: String) -> Result<String, Rejected> {
        self.count(text.len() as u64 + 8)?;
        Ok(text)
    }

    /// Counts bytes.
    pub(crate) fn count(&mut self, bytes: u64) -> Result<(), Rejected> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(stopped(format!("the output is over the limit of {} bytes", self.limit))),
        }
    }
}

fn stopped(message: String) -> Rejected {
    Rejected::Stopped(Stop { reason: StopReason::Output, message })
}

/// The deepest nesting, by brackets outside of strings; right for JSON, and for anything else the
/// parser has the last word.
fn depth(json: &str) -> u32 {
    let (mut now, mut deepest, mut quoted, mut escaped) = (0_u32, 0, false, false);
    for byte in json.bytes() {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => {
                now += 1;
                deepest = deepest.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}
