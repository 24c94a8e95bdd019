//! Why a component is not a connector. Each reason has a stable name, and a message that says what
//! was found and what would be taken.

use wharf_model::call::{CallError, TrapReport};

/// A component that was refused, or that could not be looked at.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum LoadError {
    /// Too many bytes.
    #[error("the component has {bytes} bytes; the limit is {max}")]
    Size {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
    },
    /// Not a valid component in the binary format.
    #[error("not a component: {0}")]
    Malformed(String),
    /// Valid, with wasm proposals that are off here.
    #[error("the component uses a wasm feature that is off: {names} ({found}); build it without", names = .names.join(", "))]
    Feature {
        /// The proposals, by their names in kebab-case.
        names: Vec<String>,
        /// Where it was met.
        found: String,
    },
    /// A function, or the number of functions, would take too long to compile.
    #[error("{0}")]
    FunctionSize(String),
    /// A memory starts larger than any grant may allow.
    #[error("a memory starts with {bytes} bytes; the ceiling is {max}")]
    MemoryMin {
        /// What it starts with.
        bytes: u64,
        /// The ceiling.
        max: u64,
    },
    /// A table starts larger than any grant may allow.
    #[error("a table starts with {elements} elements; the ceiling is {max}")]
    TableMin {
        /// What it starts with.
        elements: u64,
        /// The ceiling.
        max: u64,
    },
    /// An import that nobody offers.
    #[error("the component imports `{import}`, which is not offered; offered are {supported}")]
    ImportUnknown {
        /// The import.
        import: String,
        /// What there is.
        supported: String,
    },
    /// An import or export of another version of the contract.
    #[error(
        "the component speaks `{name}`; this host speaks {supported}: build it again with this host's SDK"
    )]
    WitVersion {
        /// The name with its version.
        name: String,
        /// What the host speaks.
        supported: String,
    },
    /// An import of a known name with another type.
    #[error("an import has the wrong type: {0}")]
    ImportType(String),
    /// A connector exports `manifest`, and whole interfaces.
    #[error("the component does not export `{0}`")]
    ExportMissing(String),
    /// An export of a known name with another type.
    #[error("an export has the wrong type: {0}")]
    ExportType(String),
    /// Compiling took more CPU, memory or time than it may.
    #[error("compiling the component was stopped: {0}")]
    CompileBudget(String),
    /// Enough others are being compiled. Nothing was looked at; try again.
    #[error("{waiting} connectors are being compiled already; try again in {retry_after_s} s")]
    Busy {
        /// How many.
        waiting: u32,
        /// Seconds.
        retry_after_s: u32,
    },
    /// It does not even start.
    #[error("the component does not start ({}): {}", .0.reason.name(), .0.message)]
    Start(TrapReport),
    /// The bytes are not those of the digest.
    #[error("the bytes have the digest {found}, not {expected}")]
    Digest {
        /// What they have.
        found: String,
        /// What was asked for.
        expected: String,
    },
    /// The host failed; this says nothing about the component.
    #[error("host: {0}")]
    Host(String),
}

impl LoadError {
    /// The stable name, for the API, metrics and tests.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Size { .. } => "size",
            Self::Malformed(_) => "malformed",
            Self::Feature { .. } => "feature",
            Self::FunctionSize(_) => "function-size",
            Self::MemoryMin { .. } => "memory-min",
            Self::TableMin { .. } => "table-min",
            Self::ImportUnknown { .. } => "import-unknown",
            Self::WitVersion { .. } => "wit-version",
            Self::ImportType(_) => "import-type",
            Self::ExportMissing(_) => "export-missing",
            Self::ExportType(_) => "export-type",
            Self::CompileBudget(_) => "compile-budget",
            Self::Busy { .. } => "busy",
            Self::Start(_) => "start",
            Self::Digest { .. } => "digest",
            Self::Host(_) => "host",
        }
    }

    /// A trial instantiation that failed.
    pub(crate) fn start(error: CallError) -> Self {
        match error {
            CallError::Stopped(report) => Self::Start(report),
            error @ (CallError::Failed(_) | CallError::NotExported(_) | CallError::Host(_)) => {
                Self::Host(error.to_string())
            }
        }
    }
}
