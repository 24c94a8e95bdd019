//! What a machine has for compiling to WebAssembly, as data.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};

use super::plan::Step;

/// A compiler's target. The first leaves no import but the contract's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Target {
    /// `wasm32-unknown-unknown`: a core module, made a component afterwards.
    #[serde(rename = "wasm32-unknown-unknown")]
    UnknownUnknown,
    /// `wasm32-wasip2`: a component that imports WASI 0.2.
    #[serde(rename = "wasm32-wasip2")]
    Wasip2,
}

impl Target {
    /// In the order of preference.
    pub const ALL: [Self; 2] = [Self::UnknownUnknown, Self::Wasip2];

    /// As the compiler writes it.
    #[must_use]
    pub fn triple(self) -> &'static str {
        match self {
            Self::UnknownUnknown => "wasm32-unknown-unknown",
            Self::Wasip2 => "wasm32-wasip2",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.triple())
    }
}

/// A compiler's version: major and minor.
pub type Version = (u32, u32);

/// What a machine has.
#[derive(Clone, Debug)]
pub struct Ground {
    /// The toolchain that `cargo` and `rustc` mean in the crate's directory, or why there is none.
    pub active: Result<Active, String>,
    /// rustup, if it is there.
    pub rustup: Option<PathBuf>,
    /// The distribution's own toolchain.
    pub debian: Debian,
    /// The distribution's installer.
    pub apt: Apt,
    /// What was tried to get more, and how that ended.
    pub tried: Vec<Attempt>,
}

/// The toolchain that `cargo` and `rustc` mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Active {
    /// The compiler's version.
    pub version: Version,
    /// As it names itself: `rustc 1.95.0`.
    pub name: String,
    /// Its directory.
    pub sysroot: PathBuf,
    /// Targets that it has the standard library for.
    pub targets: Vec<Target>,
    /// Whether rustup keeps it and can add targets to it.
    pub managed: bool,
}

/// Debian's packages, or those of a distribution that lays them out alike.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Debian {
    /// `/usr/bin/rustc`.
    pub rustc: Option<PathBuf>,
    /// `/usr/bin/cargo`.
    pub cargo: Option<PathBuf>,
    /// The compiler's version and how it names itself.
    pub version: Option<(Version, String)>,
    /// Targets that it has the standard library for.
    pub targets: Vec<Target>,
    /// The standard library's source, to build it from.
    pub source: Option<PathBuf>,
    /// A linker for WebAssembly.
    pub linker: Option<PathBuf>,
}

/// Whether apt can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Apt {
    /// Another system.
    Absent,
    /// It is there, and would ask for a password.
    Locked,
    /// It can install.
    Ready(Rights),
}

/// With what rights apt runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// This process is root.
    Root,
    /// `sudo` asks for no password.
    Sudo,
}

/// A step that was taken and gave no toolchain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The step.
    pub step: Step,
    /// How it ended.
    pub ending: String,
}
