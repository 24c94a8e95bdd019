//! Broken files and, word for word, what is said about them.

mod expressions;
mod starts;
mod steps;
mod triggers;
mod yaml;

use super::shown;

#[track_caller]
fn check(source: &str, expected: &str) {
    assert_eq!(shown(source), expected.trim_start(), "\n{}", shown(source));
}
