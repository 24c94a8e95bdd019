//! `wharf build`: a connector's crate becomes one `.wasm` file, on whatever toolchain is there. It
//! is a library so that the demo and the tests build connectors exactly as an author does.
//!
//! The stages are read from top to bottom in [`build`]. Finding a toolchain is split in two: what
//! the machine has is probed once into a [`Ground`], and [`choose`] decides over that as over any
//! data. A connector may lie outside of this repository; nothing here looks at where it lies.

mod compile;
mod describe;
mod environment;
mod error;
mod ground;
mod krate;
mod obtain;
mod plan;
mod probe;
mod process;
mod profile;
mod stuck;
mod write;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use serde::Serialize;
use wharf_model::digest::Digest;

pub use error::{BuildError, Looked};
pub use ground::{Active, Apt, Attempt, Debian, Ground, Rights, Target, Version};
pub use plan::{Origin, Packages, Plan, Step, Toolchain, Wanted, choose};
pub use probe::probe;

use environment::Environment;

/// What to build, and how far the search for a toolchain may go.
#[derive(Clone, Debug, Default)]
pub struct BuildOptions {
    /// The crate's directory, or a component that is built already.
    pub dir: PathBuf,
    /// The file to write, or a directory for it; none: `NAME-VERSION.wasm` in the current one.
    pub out: Option<PathBuf>,
    /// Where cargo puts its files; none: where it does for that crate.
    pub target_dir: Option<PathBuf>,
    /// Narrows the choice of toolchain.
    pub wanted: Wanted,
    /// Whether missing parts of a toolchain may be installed.
    pub install: Install,
}

/// Whether missing parts of a toolchain may be installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Install {
    /// By rustup, and by apt where that needs no password.
    #[default]
    Allowed,
    /// Nothing is installed; the error says what would be.
    Never,
}

/// What happens, as it happens, for a terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A toolchain was chosen; its name and target.
    Toolchain(String),
    /// Runs this command to get a part of a toolchain.
    Installing(String),
    /// The compiler starts on this crate.
    Compiling(String),
    /// A line of cargo's or an installer's own.
    Line(String),
    /// The component runs `describe`.
    Describing,
    /// The file is written.
    Sealed(PathBuf),
}

/// A connector file that was built. In JSON its fields keep their names.
#[derive(Clone, Debug, Serialize)]
pub struct Built {
    /// The connector's name.
    pub name: String,
    /// The connector's version.
    pub version: String,
    /// Where it lies.
    pub file: PathBuf,
    /// In bytes.
    pub size: u64,
    /// Over the exact bytes.
    pub digest: Digest,
    /// The contract it was built against.
    pub contract: String,
    /// Interfaces that it imports, by full name.
    pub imports: Vec<String>,
    /// Interfaces that it exports, by full name.
    pub exports: Vec<String>,
    /// What it asks for, in plain words.
    pub permissions: Vec<String>,
    /// What built it: `rustc 1.95.0 (rustup)`.
    pub toolchain: String,
    /// The compiler's target; none for a component that came as one.
    pub target: Option<Target>,
}

/// Builds the connector in `options.dir`, or seals the component that it names.
///
/// # Errors
/// No crate there, no toolchain to be had, a compiler's error, a connector that cannot describe
/// itself or breaks the rules of a manifest; each with what to do.
pub async fn build(
    options: BuildOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Built, BuildError> {
    if options.dir.is_file() {
        return foreign(options, progress).await;
    }
    let dir = krate::directory(&options.dir)?;
    let environment = Environment::clean(std::env::vars_os());
    let toolchain = obtain::toolchain(&dir, &environment, &options, progress).await?;
    progress(Progress::Toolchain(format!("{} for {}", toolchain.name, toolchain.target)));
    let krate = krate::read(&dir, &environment, &toolchain).await?;
    let module =
        compile::compile(&krate, &environment, &toolchain, options.target_dir.as_deref(), progress).await?;
    let component = wharf_package::componentize(&module)?;
    finish(&component, options.out, (toolchain.name, Some(toolchain.target)), progress).await
}

/// Makes a connector of a component that another toolchain has built, in whatever language.
async fn foreign(
    options: BuildOptions,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Built, BuildError> {
    let path = options.dir;
    let component = tokio::fs::read(&path).await.map_err(|source| BuildError::File { path, source })?;
    finish(&component, options.out, ("another toolchain".to_owned(), None), progress).await
}

/// From a component to a connector file.
async fn finish(
    component: &[u8],
    out: Option<PathBuf>,
    (toolchain, target): (String, Option<Target>),
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Built, BuildError> {
    progress(Progress::Describing);
    let manifest = describe::describe(component).await?;
    let sealed = wharf_package::seal(component, &manifest)?;
    let package = wharf_package::open(&sealed)?;
    let (name, version) = (package.manifest.name.clone(), package.manifest.version.to_string());
    let file = write::place(out, &name, &version)?;
    write::atomically(&file, &sealed)?;
    progress(Progress::Sealed(file.clone()));
    Ok(Built {
        permissions: wharf_package::permissions(&package.manifest),
        name,
        version,
        file,
        size: package.size,
        digest: package.digest,
        contract: package.contract,
        imports: package.imports,
        exports: package.exports,
        toolchain,
        target,
    })
}
