//! The crate to build, as cargo tells it.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Deserialize;

use super::{
    BuildError,
    environment::Environment,
    plan::Toolchain,
    process::{program, run},
};

/// Cargo reads manifests only; nothing is fetched.
const METADATA_LIMIT: Duration = Duration::from_secs(60);

/// A connector's crate.
#[derive(Clone, Debug)]
pub(super) struct Krate {
    /// Cargo's id of it.
    pub(super) id: String,
    /// Its Cargo.toml.
    pub(super) manifest: PathBuf,
    /// The directory of its workspace, or its own.
    pub(super) workspace: PathBuf,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    targets: Vec<CargoTarget>,
}

#[derive(Deserialize)]
struct CargoTarget {
    crate_types: Vec<String>,
}

impl Package {
    fn builds_module(&self) -> bool {
        self.targets.iter().any(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))
    }
}

/// The absolute directory, which holds a Cargo.toml.
pub(super) fn directory(dir: &Path) -> Result<PathBuf, BuildError> {
    let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
    let dir = if dir.file_name().is_some_and(|name| name == "Cargo.toml") {
        dir.parent().unwrap_or(dir)
    } else {
        dir
    };
    match dir.canonicalize() {
        Ok(absolute) if absolute.join("Cargo.toml").is_file() => Ok(absolute),
        _ => Err(BuildError::NoCrate(dir.to_owned())),
    }
}

/// Reads the crate in `dir`.
pub(super) async fn read(
    dir: &Path,
    environment: &Environment,
    toolchain: &Toolchain,
) -> Result<Krate, BuildError> {
    let manifest = dir.join("Cargo.toml");
    let mut command = program(&toolchain.cargo, dir, environment);
    command.args(["metadata", "--no-deps", "--format-version", "1", "--manifest-path"]).arg(&manifest);
    let ended = run(command, METADATA_LIMIT, &mut |_| ()).await?;
    if !ended.success {
        return Err(BuildError::Cargo { status: ended.status, stderr: ended.stderr });
    }
    let metadata: Metadata = serde_json::from_slice(&ended.stdout).map_err(|error| BuildError::Program {
        program: "cargo metadata".to_owned(),
        message: error.to_string(),
    })?;
    of(dir, metadata)
}

fn of(dir: &Path, metadata: Metadata) -> Result<Krate, BuildError> {
    let manifest = dir.join("Cargo.toml");
    let same = |package: &&Package| package.manifest_path.canonicalize().is_ok_and(|path| path == manifest);
    let Some(package) = metadata.packages.iter().find(same) else {
        let modules = metadata.packages.iter().filter(|package| package.builds_module());
        let members =
            modules.filter_map(|package| Some(package.manifest_path.parent()?.display().to_string()));
        return Err(BuildError::Workspace { dir: dir.to_owned(), members: members.collect() });
    };
    if !package.builds_module() {
        return Err(BuildError::NotCdylib { name: package.name.clone(), manifest });
    }
    Ok(Krate { id: package.id.clone(), manifest, workspace: metadata.workspace_root })
}
