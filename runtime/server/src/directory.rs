//! Files of the server's own: made for their owner only, and refused when others could have touched them.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::Write as _,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::Path,
};

use crate::serve::ServeError;

/// The data directory, with mode 0700 if it is made here. One that others may write to is refused.
pub(crate) fn create(path: &Path) -> Result<(), ServeError> {
    let fail = |error: std::io::Error| wrong(path, error.to_string());
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(fail)?;
    let metadata = std::fs::metadata(path).map_err(fail)?;
    let mode = metadata.mode() & 0o777;
    if mode & 0o022 != 0 {
        let reason =
            format!("has mode {mode:03o}, so that others may change what is in it; run `chmod 700` on it");
        return Err(wrong(path, reason));
    }
    Ok(())
}

/// Writes a secret that its owner alone may read, complete or not at all.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<(), ServeError> {
    let fail = |error: std::io::Error| wrong(path, error.to_string());
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(fail)?;
    writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(fail)?;
    std::fs::rename(&beside, path).map_err(fail)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail)
}

/// The whole of a file that the configuration names.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|error| wrong(path, error.to_string()))
}

fn wrong(path: &Path, reason: String) -> ServeError {
    ServeError::File { path: path.to_owned(), reason }
}
