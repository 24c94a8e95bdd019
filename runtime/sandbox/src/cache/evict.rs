//! Removes what was not loaded for longest, until the directory is small enough.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::{Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, futimens};

/// A file that was written aside and never got its name is a crash's after this time.
const ABANDONED: Duration = Duration::from_secs(3600);

struct Found {
    path: PathBuf,
    bytes: u64,
    loaded: SystemTime,
}

/// Notes that a file was loaded now.
pub(super) fn touch(file: &File) {
    let at = |tv_nsec| Timespec { tv_sec: 0, tv_nsec };
    let now = Timestamps { last_access: at(UTIME_OMIT), last_modification: at(UTIME_NOW) };
    if let Err(error) = futimens(file, &now) {
        tracing::debug!(%error, "when a compiled connector was last loaded is not noted");
    }
}

/// Removes artifacts until at most `max_bytes` are left, those that were not loaded for longest first
/// and none that is in use; also what a crash left behind. The newest always stays.
pub(super) fn evict(dir: &Path, max_bytes: u64, in_use: impl Fn(&Path) -> bool) -> io::Result<()> {
    let (mut artifacts, mut aside) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        // A file that has gone meanwhile was another process's to remove.
        let Ok(about) = entry.metadata() else { continue };
        let found = Found { path: entry.path(), bytes: about.len(), loaded: about.modified()? };
        let name = entry.file_name();
        if Path::new(&name).extension().is_some_and(|kind| kind == "cwasm") {
            artifacts.push(found);
        } else if name.to_string_lossy().starts_with(".tmp") {
            aside.push(found);
        }
    }
    artifacts.sort_by_key(|found| found.loaded);
    let Some(newest) = artifacts.pop() else { return Ok(()) };
    let mut total = artifacts.iter().map(|found| found.bytes).sum::<u64>().saturating_add(newest.bytes);
    for found in artifacts {
        if total <= max_bytes {
            break;
        }
        if !in_use(&found.path) && remove(&found.path) {
            total = total.saturating_sub(found.bytes);
        }
    }
    for found in aside {
        if newest.loaded.duration_since(found.loaded).is_ok_and(|age| age > ABANDONED) {
            remove(&found.path);
        }
    }
    Ok(())
}

fn remove(path: &Path) -> bool {
    match fs::remove_file(path) {
        Ok(()) => {
            tracing::info!(path = %path.display(), "compiled connector removed: the cache is full");
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => {
            tracing::warn!(path = %path.display(), %error, "compiled connector cannot be removed");
            false
        }
    }
}
