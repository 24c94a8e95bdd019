//! What one rendering may spend, and what becomes of one that would spend more.
//!
//! What is surprising: what is built counts even if it is thrown away, so that doubling a value again and
//! again is stopped long before the memory is gone.

use std::{borrow::Cow, cell::Cell};

use serde_json::Value;

use crate::flow::suggest;

/// What one rendering may spend: steps, each some tens of nanoseconds.
pub(super) const MAX_STEPS: u64 = 500_000;

/// What one rendering may build, counting what it throws away.
pub(super) const MAX_BYTES: u64 = 8 << 20;

/// What a fault costs that `||`, `&&` or a loop does without.
const FAULT_STEPS: u64 = 250;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data does not fit the expression; `||` and `&&` may do without it.
    Data(String),
    /// The purse is empty; nothing goes on.
    Limit(String),
}

impl Fault {
    /// What is said of it.
    pub(super) fn message(&self) -> &str {
        match self {
            Self::Data(message) | Self::Limit(message) => message,
        }
    }
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Data(message)
    }
}

/// The purse of one rendering.
#[derive(Debug)]
pub(super) struct Purse {
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

impl Purse {
    pub(super) fn full() -> Self {
        Self { steps: Cell::new(MAX_STEPS), bytes: Cell::new(MAX_BYTES) }
    }

    pub(super) fn step(&self, count: u64) -> Result<(), Fault> {
        let left = self.steps.get().checked_sub(count);
        self.steps.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(too_many_steps)
    }

    /// Whether so much could be paid for, before it is built. It is not paid yet.
    pub(super) fn affords(&self, nodes: u64, bytes: u64) -> Result<(), Fault> {
        match (nodes <= self.steps.get(), bytes <= self.bytes.get()) {
            (true, true) => Ok(()),
            (false, _) => Err(too_many_steps()),
            (true, false) => Err(too_many_bytes()),
        }
    }

    /// Pays for a fault that does not end the rendering: its message was made for nobody.
    pub(super) fn absorb(&self) -> Result<(), Fault> {
        self.step(FAULT_STEPS)
    }

    /// The name that `given` was probably meant to be, if what it takes to look for it can be paid for.
    pub(super) fn suggest<'n>(
        &self,
        given: &str,
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Option<&'n str> {
        let cells: usize =
            known.clone().take(500).map(|name| name.len().min(256) * given.len().min(64)).sum();
        let steps = cells as u64 / 32;
        self.affords(steps, 0).ok()?;
        self.step(steps).ok()?;
        suggest(given, known)
    }

    /// Pays for building, copying or comparing this value.
    pub(super) fn weigh(&self, value: &Value) -> Result<(), Fault> {
        let (nodes, bytes) = weight(value);
        self.step(nodes)?;
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(too_many_bytes)
    }

    pub(super) fn own(&self, value: Cow<'_, Value>) -> Result<Value, Fault> {
        match value {
            Cow::Owned(value) => Ok(value),
            Cow::Borrowed(value) => {
                self.weigh(value)?;
                Ok(value.clone())
            }
        }
    }
}

fn too_many_steps() -> Fault {
    Fault::Limit(format!("it takes more than {MAX_STEPS} steps; loop over less"))
}

fn too_many_bytes() -> Fault {
    Fault::Limit(format!("it builds more than {} MiB", MAX_BYTES >> 20))
}

/// Nodes, and bytes that it takes.
pub(super) fn weight(value: &Value) -> (u64, u64) {
    let per_node = 32;
    let sum = |(nodes, bytes): (u64, u64), (more_nodes, more_bytes): (u64, u64)| {
        (nodes + more_nodes, bytes + more_bytes)
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => (1, per_node),
        Value::String(text) => {
            let bytes = text.len() as u64;
            (1 + bytes / 256, per_node + bytes)
        }
        Value::Array(items) => items.iter().map(weight).fold((1, per_node), sum),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| sum(weight(value), (1, per_node + key.len() as u64)))
            .fold((1, per_node), sum),
    }
}
