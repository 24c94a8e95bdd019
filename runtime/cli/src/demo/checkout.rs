//! Where the sources are: the demo builds the connectors as their authors would.

use std::path::{Path, PathBuf};

use crate::exit::{Exit, Fault};

/// What only a checkout of this repository has.
const MARKS: [&str; 3] =
    ["plugins/slack/Cargo.toml", "guest-sdk/rust/Cargo.toml", "examples/triage-bugs.yaml"];

/// A checkout of this repository.
#[derive(Clone, Debug)]
pub struct Checkout(PathBuf);

impl Checkout {
    /// The one around the current directory, else the one that this program was built in.
    ///
    /// # Errors
    /// There is none.
    pub fn find() -> Result<Self, Fault> {
        let program = std::env::current_exe().ok();
        let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let starts = [std::env::current_dir().ok(), package, program];
        starts.iter().flatten().find_map(|start| Self::around(start)).ok_or_else(|| {
            Fault::new(Exit::Usage, "no-checkout", "the demo builds its connectors from source, and there is no checkout of wharf around this directory")
                .fix("git clone the repository, and `cargo run -- demo` in it")
        })
    }

    /// The checkout that holds `path`.
    #[must_use]
    pub fn around(path: &Path) -> Option<Self> {
        path.ancestors()
            .find(|dir| MARKS.iter().all(|mark| dir.join(mark).is_file()))
            .map(|dir| Self(dir.to_owned()))
    }

    /// A file or directory in it.
    #[must_use]
    pub fn path(&self, inside: &str) -> PathBuf {
        self.0.join(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::Checkout;

    #[test]
    fn is_found_from_within() {
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let checkout = Checkout::around(&here.join("src/demo")).unwrap();
        assert!(checkout.path("Cargo.toml").is_file());
        assert!(Checkout::around(std::path::Path::new("/")).is_none());
    }
}
