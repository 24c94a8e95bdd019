//! What is derived from a run and a step: the same for every attempt, crash and replay.

use sha2::{Digest as _, Sha256};

fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The idempotency key of a step: 32 hexadecimal digits.
pub(crate) fn idempotency_key(run: &str, step: &str) -> String {
    let mut key = hex::encode(digest(&["idempotency", run, step]));
    key.truncate(32);
    key
}

/// The seed of a step's clock-independent randomness.
pub(crate) fn randomness(run: &str, step: &str) -> [u8; 32] {
    digest(&["random", run, step])
}

/// The seed of a step's retry jitter.
pub(crate) fn jitter(run: &str, step: &str) -> u64 {
    let bytes = digest(&["jitter", run, step]);
    bytes.iter().take(8).fold(0, |seed, byte| seed << 8 | u64::from(*byte))
}

/// A W3C Trace Context `traceparent` for a step: the run is the trace, the step the span.
pub(crate) fn trace_parent(run: &str, step: &str) -> String {
    let (trace, span) = (hex::encode(digest(&["trace", run])), hex::encode(digest(&["span", run, step])));
    let (trace, span) = (trace.get(..32).unwrap_or_default(), span.get(..16).unwrap_or_default());
    format!("00-{trace}-{span}-01")
}

#[cfg(test)]
mod tests {
    use super::{idempotency_key, trace_parent};

    #[test]
    fn differs_by_run_and_step_only() {
        assert_eq!(idempotency_key("r", "s"), idempotency_key("r", "s"));
        assert_ne!(idempotency_key("r", "s"), idempotency_key("r", "t"));
        assert_ne!(idempotency_key("rs", ""), idempotency_key("r", "s"));
        assert_eq!(trace_parent("r", "s").len(), 55);
    }
}
