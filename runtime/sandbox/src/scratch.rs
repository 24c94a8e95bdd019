//! A scratch directory: empty when a call first looks at it, gone when the call is over, and never
//! larger than what was granted.
//!
//! Only growth is counted, and deleting gives nothing back. That makes the quota exact without a
//! lock: whatever the order of overlapping writes, what was counted for a file is never less than
//! the largest size it ever had. Directories are named after the process that made them, so that
//! one left behind by a crash is found, and removed, by the next process.

use std::{
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
};

use cap_std::{ambient_authority, fs::Dir};

/// Files and directories that one call may make. It bounds how deep they nest, too.
pub(crate) const MAX_ENTRIES: u32 = 1_000;

/// Where the scratch directories of a sandbox are.
pub(crate) struct Ground {
    path: PathBuf,
    made: AtomicU64,
}

/// The directory of one call; dropping it removes it.
pub(crate) struct Scratch {
    path: PathBuf,
    quota: Quota,
}

/// What may still grow; clones share it.
#[derive(Clone)]
pub(crate) struct Quota(Arc<Left>);

struct Left {
    bytes: AtomicU64,
    entries: AtomicU32,
}

impl Ground {
    /// Opens the place, makes it for the owner only if it is not there, and removes what processes
    /// that are gone have left.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        // Symbolic links in it would be followed if it were somebody else's.
        let path = path.canonicalize()?;
        for entry in std::fs::read_dir(&path)? {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_str().is_some_and(is_left_behind) {
                remove(&entry.path());
            }
        }
        Ok(Self { path, made: AtomicU64::new(0) })
    }

    /// An empty directory that may hold so many bytes.
    pub(crate) fn make(&self, bytes: u64) -> io::Result<Scratch> {
        let number = self.made.fetch_add(1, Ordering::Relaxed);
        let path = self.path.join(format!("{}-{number}", std::process::id()));
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Scratch { path, quota: Quota::new(bytes, MAX_ENTRIES) })
    }
}

/// Whether a directory is of a process that is gone, or was of one whose number this process has.
fn is_left_behind(name: &str) -> bool {
    let Some(process) = name.split_once('-').and_then(|(process, _)| process.parse::<u32>().ok()) else {
        return false;
    };
    process == std::process::id() || !Path::new(&format!("/proc/{process}")).exists()
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn quota(&self) -> &Quota {
        &self.quota
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let path = std::mem::take(&mut self.path);
        match tokio::runtime::Handle::try_current() {
            Ok(executor) => drop(executor.spawn_blocking(move || remove(&path))),
            Err(_) => remove(&path),
        }
    }
}

impl Quota {
    pub(crate) fn new(bytes: u64, entries: u32) -> Self {
        Self(Arc::new(Left { bytes: AtomicU64::new(bytes), entries: AtomicU32::new(entries) }))
    }

    /// Takes bytes by which something grows; all of them, or nothing.
    pub(crate) fn grow(&self, bytes: u64) -> Result<(), Full> {
        let taken =
            self.0.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes));
        taken.map(|_| ()).map_err(|_| Full)
    }

    /// Takes an entry.
    pub(crate) fn add(&self) -> Result<(), Full> {
        let taken =
            self.0.entries.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        taken.map(|_| ()).map_err(|_| Full)
    }
}

/// The quota is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl From<Full> for io::Error {
    fn from(Full: Full) -> Self {
        rustix::io::Errno::NOSPC.into()
    }
}

fn remove(path: &Path) {
    let removed = Dir::open_ambient_dir(path, ambient_authority())
        .and_then(|dir| empty(&dir))
        .and_then(|()| std::fs::remove_dir(path));
    if let Err(error) = removed {
        tracing::warn!(path = %path.display(), %error, "scratch directory stays until the next start");
    }
}

/// Empties a directory of any depth without recursion and without a path that grows: what is in a
/// directory is lifted to the top before the directory goes.
fn empty(top: &Dir) -> io::Result<()> {
    let mut lifted = 0_u64;
    loop {
        let mut found = false;
        for entry in top.entries()? {
            let entry = entry?;
            found = true;
            let name = entry.file_name();
            if !entry.file_type()?.is_dir() {
                top.remove_file(&name)?;
                continue;
            }
            let inner = top.open_dir(&name)?;
            for child in inner.entries()? {
                lifted += 1;
                // A name that is taken is replaced, or refused and tried again under the next one.
                let _ = inner.rename(child?.file_name(), top, format!("lifted {lifted}"));
            }
            let _ = top.remove_dir(&name);
        }
        if !found {
            return Ok(());
        }
        if lifted > 16 * u64::from(MAX_ENTRIES) {
            return Err(io::Error::other("it does not get empty"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_gives_what_it_has_and_no_more() {
        let quota = Quota::new(10, 1);
        assert_eq!(quota.grow(4), Ok(()));
        assert_eq!(quota.grow(7), Err(Full));
        assert_eq!(quota.grow(6), Ok(()));
        assert_eq!(quota.grow(1), Err(Full));
        assert_eq!(quota.grow(0), Ok(()));
        assert_eq!((quota.add(), quota.add()), (Ok(()), Err(Full)));
    }

    #[test]
    fn fs_05_a_deep_tree_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let ground = Ground::open(place.path()).unwrap();
        let scratch = ground.make(0).unwrap();
        let path = scratch.path().to_owned();
        let mut dir = Dir::open_ambient_dir(&path, ambient_authority()).unwrap();
        for _ in 0..MAX_ENTRIES {
            dir.create_dir("lifted 1").unwrap();
            dir.write("lifted 2", "x").unwrap();
            dir = dir.open_dir("lifted 1").unwrap();
        }
        drop(scratch);
        assert!(!path.exists());
    }

    #[test]
    fn fs_07_what_a_crash_left_is_swept() {
        let place = tempfile::tempdir().unwrap();
        // No process has this number: it is above the kernel's largest.
        let left = place.path().join("4194305-0");
        let other = place.path().join("not ours");
        // This process's parent lives.
        let living = place.path().join(format!("{}-7", std::os::unix::process::parent_id()));
        for dir in [&left, &other, &living] {
            std::fs::create_dir(dir).unwrap();
            std::fs::write(dir.join("x"), "x").unwrap();
        }
        Ground::open(place.path()).unwrap();
        assert_eq!([left.exists(), other.exists(), living.exists()], [false, true, true]);
    }
}
