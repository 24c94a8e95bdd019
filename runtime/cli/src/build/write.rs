//! Writes the connector file: whole or not at all, since a server may be watching the folder.

use std::{
    fs::Permissions,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use super::BuildError;

/// Where the file goes: as told, into the directory as told, or here.
pub(super) fn place(out: Option<PathBuf>, name: &str, version: &str) -> Result<PathBuf, BuildError> {
    let file = format!("{name}-{version}.wasm");
    let path = match out {
        Some(out) if out.is_dir() => out.join(file),
        Some(out) => out,
        None => PathBuf::from(file),
    };
    let absolute = std::path::absolute(&path);
    absolute.map_err(|source| BuildError::File { path, source })
}

/// Writes beside the file, flushes, and renames over it.
pub(super) fn atomically(path: &Path, bytes: &[u8]) -> Result<(), BuildError> {
    let failed = |source| BuildError::File { path: path.to_owned(), source };
    let dir = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(failed)?;
    // A temporary file is for its owner alone; this one is for whoever the umask lets read.
    let permissions = Permissions::from_mode(0o666);
    let mut file = tempfile::Builder::new()
        .prefix(".wharf-build-")
        .permissions(permissions)
        .tempfile_in(dir)
        .map_err(failed)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
