//! Why bytes are not a connector. Each case says what it found and what to do; none quotes more of
//! the input than a name.

use crate::{CONTRACT, JsonError, ManifestProblem, header::Lookalike, json::inert};

/// Why a file cannot be opened, sealed or made a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PackageError {
    /// Larger than [`crate::MAX_BYTES`].
    #[error("the file has {size} bytes, more than the {limit} that a connector may have")]
    TooLarge {
        /// In bytes.
        size: usize,
        /// In bytes.
        limit: usize,
    },
    /// Not WebAssembly at all.
    #[error("not a WebAssembly component: {0}")]
    NotWasm(Lookalike),
    /// A core module where a component is needed.
    #[error(
        "a core module, not a component: build it with `wharf build`, or make it one with `wasm-tools component new`"
    )]
    CoreModule,
    /// Breaks the binary format, or its validation.
    #[error("malformed at byte {offset}: {message}")]
    Malformed {
        /// From the start of the file.
        offset: usize,
        /// What is wrong there.
        message: String,
    },
    /// Components within components, too many deep.
    #[error("components are nested more than {limit} deep")]
    TooDeep {
        /// The most that is read.
        limit: usize,
    },
    /// The compiler's output cannot become a component.
    #[error("cannot make a component: {0}")]
    Componentize(String),
    /// A valid component, and no connector.
    #[error(
        "a component, but not a connector: it does not export `{expected}`; register the connector with the SDK's macro"
    )]
    NotConnector {
        /// The export that every connector has.
        expected: String,
    },
    /// Built against a contract that this version does not speak.
    #[error(
        "built against the contract `{found}`; this version speaks {CONTRACT}: rebuild it with a matching SDK"
    )]
    Contract {
        /// What the file says.
        found: String,
    },
    /// It imports what its manifest does not ask for.
    #[error("it imports `{import}`, and its manifest asks for nothing of the kind: {fix}, or do not call it")]
    ImportNotGranted {
        /// The import, by full name.
        import: String,
        /// What to write into the manifest.
        fix: &'static str,
    },
    /// One of our sections is not there.
    #[error("the section `{name}` is missing: the file was not sealed; build it with `wharf build`")]
    SectionMissing {
        /// The section.
        name: &'static str,
    },
    /// One of our sections is there twice: readers could disagree about which one holds.
    #[error("the section `{name}` is there more than once; seal the component again")]
    SectionTwice {
        /// The section.
        name: &'static str,
    },
    /// One of our sections is larger than [`crate::MAX_SECTION_BYTES`].
    #[error("the section `{name}` has {size} bytes, more than {limit}")]
    SectionTooLarge {
        /// The section.
        name: &'static str,
        /// In bytes.
        size: usize,
        /// In bytes.
        limit: usize,
    },
    /// One of our sections is not text.
    #[error("the section `{name}` is not UTF-8")]
    SectionText {
        /// The section.
        name: &'static str,
    },
    /// The manifest is not the JSON that it should be.
    #[error("manifest: {0}")]
    Json(#[from] JsonError),
    /// The manifest breaks rules.
    #[error("{}", list(.0))]
    Manifest(Vec<ManifestProblem>),
}

impl PackageError {
    /// The stable name, for the API.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        if matches!(self, Self::ImportNotGranted { .. }) { "import-not-granted" } else { "bad-package" }
    }
}

fn list(problems: &[ManifestProblem]) -> String {
    let lines: Vec<String> = problems.iter().map(|problem| format!("\n  {problem}")).collect();
    format!("the manifest breaks {} rule(s):{}", problems.len(), lines.concat())
}

impl From<wasmparser::BinaryReaderError> for PackageError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        // The validator quotes names from the file.
        let message = inert(&error.message().replace('\n', "; "));
        Self::Malformed { offset: error.offset(), message }
    }
}
