//! The example of the README builds, and the README shows it as it is.
//!
//! It is a crate of its own for wasm; here it is a module, so that no wasm toolchain is needed.

#[path = "../examples/notes/src/lib.rs"]
#[expect(clippy::needless_pass_by_value, reason = "an action owns its input; this one lends it on")]
mod notes;

const SOURCE: &str = include_str!("../examples/notes/src/lib.rs");
const README: &str = include_str!("../README.md");

#[test]
fn the_readme_shows_it() {
    assert!(README.contains(SOURCE), "copy examples/notes/src/lib.rs into README.md");
}
