//! One process per data directory.
//!
//! The lock is on a file of its own, never on the database: closing any descriptor of a file drops
//! this process's POSIX locks on it, and SQLite relies on those.

use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use crate::error::StoreError;

/// Holds the lock until it is dropped; the kernel drops it with the process.
pub(crate) struct DirLock {
    _file: File,
}

impl DirLock {
    /// Makes `dir` if need be, readable by its owner only, and locks it.
    pub(crate) fn acquire(dir: &Path) -> Result<Self, StoreError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| StoreError::file(dir, format!("cannot make the data directory: {error}")))?;
        let path = dir.join("wharf.lock");
        let wrong = |error: std::io::Error| StoreError::file(&path, error.to_string());
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(wrong)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                let read = (&file).take(32).read_to_string(&mut owner);
                let owner = owner.trim();
                let owner = if read.is_ok() && !owner.is_empty() { owner } else { "?" };
                return Err(StoreError::Locked { path, owner: owner.to_owned() });
            }
            Err(TryLockError::Error(error)) => return Err(wrong(error)),
        }
        file.set_len(0).map_err(wrong)?;
        file.rewind().map_err(wrong)?;
        writeln!(file, "{}", std::process::id()).map_err(wrong)?;
        Ok(Self { _file: file })
    }
}
