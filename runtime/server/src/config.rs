//! `wharf.toml` and what overrides it, checked.
//!
//! Three layers, each in its file: `raw` is the file as written (strings and options, unknown keys
//! refused), `fields` is the one table of keys that the reference page, the environment and the
//! flags are made from, `check` turns raw into [`Config`]. Every error names the file and line, or
//! the variable or flag, that the value came from.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use wharf_model::grant::Limits;

mod check;
mod fields;
mod raw;
mod reference;
#[cfg(test)]
mod tests;

pub use reference::reference;
pub use wharf_gate::{CarveOut, EgressProxy};

/// A checked configuration: what [`crate::serve`] runs on.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Where HTTP is answered; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// The file of the master key; none takes `master.key` in the data directory.
    pub master_key: Option<PathBuf>,
    /// How long a stopping server lets calls and requests finish.
    pub drain: Duration,
    /// How long ended runs and deliveries are kept.
    pub retention: Duration,
    /// How long rows of the audit log are kept.
    pub audit: Duration,
    /// Connections at once; more wait in the kernel's queue.
    pub max_connections: usize,
    /// The folder whose `.wasm` files are kept installed.
    pub watch: Option<PathBuf>,
    /// What compiling a component may take.
    pub compile: Compile,
    /// What connectors share of the sandbox.
    pub sandbox: Shares,
    /// Runs that are driven at once.
    pub max_concurrent_runs: usize,
    /// Limits of a call that no grant overrides.
    pub limits: Limits,
    /// The most that a grant may ask for.
    pub ceiling: Limits,
    /// Addresses inside the special blocks that connectors may reach all the same.
    pub carve_outs: Vec<CarveOut>,
    /// PEM files of certificate authorities trusted besides the public ones.
    pub extra_roots: Vec<PathBuf>,
    /// The proxy through which connectors' requests go.
    pub proxy: Option<EgressProxy>,
    /// Where `user:password` for the proxy is.
    pub proxy_credentials: Option<SecretAt>,
    /// What webhook addresses accept.
    pub webhooks: Webhooks,
    /// How the server reports.
    pub report: Report,
}

/// What compiling a component may take; what takes more is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compile {
    /// Bytes of the component.
    pub component_bytes: u64,
    /// Seconds of CPU.
    pub cpu_seconds: u64,
    /// Bytes of address space.
    pub address_space: u64,
}

/// What connectors share of the sandbox, and how much of it one of them may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shares {
    /// Calls of one connector that may be inside a guest at once.
    pub slots_each: u32,
    /// Calls that may compute at once after their first milliseconds; none is one fewer than processors.
    pub heavy_calls: Option<usize>,
    /// Components that may wait to be compiled.
    pub compile_queue: usize,
    /// Bytes of compiled connectors on the disk.
    pub cache_bytes: u64,
}

/// Where a secret is; configuration never holds one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretAt {
    /// `@file`.
    File(PathBuf),
    /// `env:NAME`.
    Variable(String),
}

/// What webhook addresses accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhooks {
    /// Whether a flow may take deliveries that nobody signed.
    pub unsigned: Unsigned,
    /// Bytes of a delivery's body at most.
    pub max_body_bytes: u64,
}

/// Whether unsigned deliveries are taken where a flow asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsigned {
    /// Never: such a delivery is answered as one with a wrong signature.
    Refused,
    /// Where the flow's trigger says `unsigned`.
    Allowed,
}

/// How the server reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The log on standard error.
    pub log: LogFormat,
    /// Which lines, as `tracing-subscriber`'s `EnvFilter` reads it.
    pub filter: String,
    /// Where traces go (OTLP over HTTP).
    pub otlp_endpoint: Option<String>,
}

/// The log's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// A configuration file's name and text.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// As errors name it.
    pub name: &'a str,
    /// The TOML.
    pub text: &'a str,
}

/// A value from the environment or a flag; it wins over the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// The dotted key, such as `webhooks.max-body-bytes`.
    pub key: String,
    /// The value: text as it is, anything else as TOML.
    pub value: String,
    /// As errors name it: `WHARF_LISTEN`, `--listen`.
    pub origin: String,
}

/// A configuration that cannot be used. Each case names the place and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not TOML, a key that does not exist, or a value of the wrong type.
    #[error("{origin}: {message}")]
    Syntax {
        /// The file, or the override.
        origin: String,
        /// What the TOML reader says; with line and column for a file.
        message: String,
    },
    /// A key that goes by another name.
    #[error("{origin}: `{key}` is called `{now}`; rename it")]
    Renamed {
        /// File and line, or the override.
        origin: String,
        /// As written.
        key: String,
        /// As it should be.
        now: String,
    },
    /// An override of a key that does not exist.
    #[error("{origin}: there is no setting `{key}`; docs/reference/config.md lists them all")]
    UnknownKey {
        /// The variable or flag.
        origin: String,
        /// As written.
        key: String,
    },
    /// A value that makes no sense.
    #[error("{origin}: `{key}` {problem}; {fix}")]
    Value {
        /// File and line, the variable, or the flag.
        origin: String,
        /// The dotted key.
        key: String,
        /// What is wrong, as a continuation of the key.
        problem: String,
        /// What to write.
        fix: String,
    },
}

impl Config {
    /// Reads a file, lets `overrides` win in their order, and checks the outcome. No file: the defaults.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn load(source: Option<Source<'_>>, overrides: &[Override]) -> Result<Self, ConfigError> {
        let (raw, origins) = raw::read(source, overrides)?;
        check::check(raw, &origins)
    }

    /// The file of the master key.
    #[must_use]
    pub fn master_key_file(&self) -> PathBuf {
        self.master_key.clone().unwrap_or_else(|| self.data_dir.join("master.key"))
    }

    /// The file that holds the first admin key.
    #[must_use]
    pub fn admin_key_file(data_dir: &Path) -> PathBuf {
        data_dir.join("admin.key")
    }
}

/// The overrides that stand in the environment: `WHARF_` and the key in upper case, `.` and `-` as `_`.
/// Other variables are none of ours.
pub fn from_env(variables: impl IntoIterator<Item = (String, String)>) -> Vec<Override> {
    variables
        .into_iter()
        .filter_map(|(name, value)| {
            let field = fields::FIELDS.iter().find(|field| field.variable() == name)?;
            Some(Override { key: field.key.to_owned(), value, origin: name })
        })
        .collect()
}
