//! Where a connector may send HTTP: rules that a manifest declares and an operator grants, targets
//! that a connector asks for, and the decision between them.
//!
//! Everything compares *canonical* URLs, made by one parser (the WHATWG `url` crate): what is judged
//! here is, byte for byte, what the gate dials. A second parser anywhere would be a way around.

mod cover;
mod decide;
mod parse;
mod path;
mod rule;
mod setting;
mod target;

pub use cover::{covers, uncovered};
pub use decide::{Access, Operation, RuleSets, decide, secret_binding};
pub use rule::{Rule, RuleError, Settings};
pub use target::{Origin, Scheme, Target, TargetError};

#[cfg(test)]
mod tests;
