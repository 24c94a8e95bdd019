//! Secrets: placed by the gate, at their audience, seen by nobody else. This group's server logs all that
//! every library has to say, and after each case everything that it wrote is searched.

mod kept;
mod placed;

pub(super) const A: &[&str] = &["GET,POST https://api.allowed.test/v1/"];
pub(super) const URL: &str = "https://api.allowed.test/v1/x";
