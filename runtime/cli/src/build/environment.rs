//! The environment of a guest's build. Under `cargo run` and `cargo test` this process inherits
//! variables that are meant for *its* build: a toolchain, flags, a target directory. They would
//! bend the guest's.

use std::ffi::{OsStr, OsString};

/// What of `RUST*` and `CARGO*` says where things are and how the registry is reached.
const KEPT: [&str; 10] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
    "RUSTUP_AUTO_INSTALL",
    "RUSTUP_DIST_",
    "RUSTUP_HOME",
    "RUSTUP_UPDATE_",
];

/// Set by an outer cargo or rustup for the program that they start.
const FROM_OUTER: [&str; 3] = ["RUSTUP_TOOLCHAIN", "LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"];

/// The variables that a guest's build sees.
#[derive(Clone, Debug)]
pub(super) struct Environment(Vec<(OsString, OsString)>);

impl Environment {
    /// What is left of this process's variables.
    pub(super) fn clean(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let variables: Vec<_> = variables.into_iter().collect();
        // Cargo sets it for every program that it starts; without it, a toolchain is a person's choice.
        let outer =
            if variables.iter().any(|(name, _)| name == "CARGO") { Outer::Cargo } else { Outer::Person };
        Self(variables.into_iter().filter(|(name, _)| keeps(name, outer)).collect())
    }

    /// The variables.
    pub(super) fn variables(&self) -> &[(OsString, OsString)] {
        &self.0
    }

    /// One variable.
    pub(super) fn get(&self, name: &str) -> Option<&OsStr> {
        self.0.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_os_str())
    }
}

/// Who started this process.
#[derive(Clone, Copy)]
enum Outer {
    Cargo,
    Person,
}

fn keeps(name: &OsStr, outer: Outer) -> bool {
    let name = name.to_string_lossy();
    if FROM_OUTER.contains(&name.as_ref()) {
        return match outer {
            Outer::Cargo => false,
            Outer::Person => true,
        };
    }
    let meant_for_builds = ["CARGO", "RUST", "TARGET_", "CC_", "CFLAGS", "AR_"];
    !meant_for_builds.iter().any(|prefix| name.starts_with(prefix))
        || KEPT.iter().any(|kept| name.starts_with(kept))
}
