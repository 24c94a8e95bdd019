//! Why a connector was not built. Whatever was looked at on the way to a toolchain is in the error,
//! since the reader's machine is not ours.

use std::path::PathBuf;

use wharf_package::PackageError;

/// A toolchain that was looked at, and why it does not serve.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// What it is.
    pub candidate: String,
    /// What was found.
    pub found: String,
}

/// Why a connector was not built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The directory holds no crate.
    #[error("no Cargo.toml in {}; give the directory of a connector's crate", .0.display())]
    NoCrate(PathBuf),
    /// The directory holds a workspace without a package of its own.
    #[error("{} is a workspace; name the crate to build: {}", dir.display(), members.join(", "))]
    Workspace {
        /// The directory.
        dir: PathBuf,
        /// Directories of members.
        members: Vec<String>,
    },
    /// The crate is no connector's: it has no `cdylib`.
    #[error("the crate `{name}` builds no WebAssembly module; add to {}:\n\n  [lib]\n  crate-type = [\"cdylib\"]\n", manifest.display())]
    NotCdylib {
        /// The crate.
        name: String,
        /// Its Cargo.toml.
        manifest: PathBuf,
    },
    /// Nothing here can compile to WebAssembly.
    #[error("no toolchain for WebAssembly:{}\n\nany one of these gives one:\n{}", looked_lines(.looked), commands_lines(.commands))]
    NoToolchain {
        /// What was looked at, in order.
        looked: Vec<Looked>,
        /// Commands of which one is enough.
        commands: Vec<String>,
    },
    /// A program could not be started, or gave something other than it should.
    #[error("{program}: {message}")]
    Program {
        /// The program.
        program: String,
        /// What happened.
        message: String,
    },
    /// A program did not end in time.
    #[error("{program} did not end within {seconds} s and was stopped")]
    TimedOut {
        /// The program.
        program: String,
        /// How long it had.
        seconds: u64,
    },
    /// The crate does not compile.
    #[error("cargo failed ({status}):\n{stderr}")]
    Cargo {
        /// Its exit status.
        status: String,
        /// The end of what it said.
        stderr: String,
    },
    /// What the compiler wrote is no connector, or its manifest breaks rules.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// `describe` did not give a manifest.
    #[error("the connector cannot describe itself: {0}")]
    Describe(String),
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn looked_lines(looked: &[Looked]) -> String {
    looked.iter().map(|looked| format!("\n  {}: {}", looked.candidate, looked.found)).collect()
}

fn commands_lines(commands: &[String]) -> String {
    let lines: Vec<String> = commands.iter().map(|command| format!("  {command}")).collect();
    lines.join("\n")
}
