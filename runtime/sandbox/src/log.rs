//! A call's log: what the guest writes through `log`, stdout and stderr, inert and capped.
//!
//! It is shared between the store and the WASI streams, which outlive a borrow of the store;
//! hence the lock, which is never contended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wharf_model::call::{LogLevel, LogLine};

use crate::inert::{cut, inert, inert_json};

/// What a line costs beside its text: a flood of empty lines is a flood too.
const LINE_BYTES: u64 = 16;

/// Bytes of the longest character: what is cut so much later is still over the limit.
const MAX_CHAR: usize = 4;

/// The lines of one call; clones share them.
#[derive(Clone)]
pub(crate) struct Log(Arc<Mutex<Lines>>);

struct Lines {
    kept: Vec<LogLine>,
    bytes: u64,
    max: u64,
    full: bool,
}

impl Log {
    pub(crate) fn new(max: u64) -> Self {
        Self(Arc::new(Mutex::new(Lines { kept: Vec::new(), bytes: 0, max, full: false })))
    }

    /// Adds a line. Past the limit it is cut and marked, and later lines are dropped.
    pub(crate) fn push(&self, level: LogLevel, message: &str, fields: &str) {
        self.lines().push(level, message, fields);
    }

    /// Bytes that still fit; zero once lines are dropped.
    pub(crate) fn room(&self) -> u64 {
        let lines = self.lines();
        if lines.full { 0 } else { lines.max.saturating_sub(lines.bytes) }
    }

    /// Takes the lines out.
    pub(crate) fn take(&self) -> Vec<LogLine> {
        std::mem::take(&mut self.lines().kept)
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    fn push(&mut self, level: LogLevel, message: &str, fields: &str) {
        if self.full {
            return;
        }
        let room = self.max.saturating_sub(self.bytes.saturating_add(LINE_BYTES));
        // Cut first: escaping makes text up to ten times longer, and none of that is kept.
        let message =
            inert(cut(message, usize::try_from(room).unwrap_or(usize::MAX).saturating_add(MAX_CHAR)));
        let fields = inert_json(fields);
        let bytes = (message.len() + fields.len()) as u64;
        if bytes <= room {
            self.bytes += bytes + LINE_BYTES;
            self.kept.push(LogLine { level, message, fields });
            return;
        }
        self.full = true;
        let kept = cut(&message, usize::try_from(room).unwrap_or(usize::MAX));
        if !kept.is_empty() {
            self.kept.push(LogLine { level, message: kept.to_owned(), fields: String::new() });
        }
        self.kept.push(LogLine {
            level: LogLevel::Warn,
            message: format!("log truncated at {} bytes", self.max),
            fields: String::new(),
        });
    }
}
