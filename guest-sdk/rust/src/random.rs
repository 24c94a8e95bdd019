//! Randomness seeded by the step: a retry draws the same. Not for keys.

/// So many random bytes; at most 65,536 a call.
#[must_use]
pub fn bytes(count: u32) -> Vec<u8> {
    crate::bindings::wharf::connector::random::bytes(count)
}
