//! Compiled connectors on disk: `<digest>-<engine>.cwasm`, and behind the engine's own bytes a MAC.
//!
//! Mapping a compiled artifact runs what is in it, so nothing is mapped that this host did not
//! write: the MAC is keyed with 32 random bytes that live beside the artifacts, for the owner only,
//! and covers the name too. What is mapped is the open file that was checked, so another one under its
//! name changes nothing. Whoever could change the file itself could write to a directory of mode 0700
//! that is ours, and needs no cache to run code as us. Files are written aside and renamed, never
//! changed in place, so a mapping does not change under a call, and any number of processes may share
//! the directory.
//!
//! The directory is bounded ([`evict`]): a file's time of change is the time it was last loaded. A file
//! that another process has mapped may go: its mapping stays, and it compiles once more when it is
//! started next.

mod evict;

use std::{
    collections::HashMap,
    fs::{self, DirBuilder, File},
    io::{self, Read, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    },
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

use tempfile::NamedTempFile;
use wasmtime::{Engine, component::Component};
use wharf_model::digest::Digest;

use crate::config::SandboxError;

const MAC_BYTES: usize = 32;
const KEY_FILE: &str = "key";

/// The directory and its key.
#[derive(Clone)]
pub(crate) struct Cache {
    dir: PathBuf,
    key: [u8; 32],
    fingerprint: String,
    max_bytes: u64,
    in_use: Arc<Mutex<HashMap<PathBuf, Weak<()>>>>,
}

/// Keeps an artifact from eviction.
pub(crate) struct Kept(#[expect(dead_code, reason = "held, never read")] Arc<()>);

/// An artifact that is written and loaded, and not yet under its name.
pub(crate) struct Staged(NamedTempFile);

impl Cache {
    /// Opens the directory, or makes it.
    pub(crate) fn open(dir: &Path, fingerprint: String, max_bytes: u64) -> Result<Self, SandboxError> {
        let fail = |path: &Path, message: String| SandboxError::Cache { path: path.to_owned(), message };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|error| fail(dir, format!("cannot be made: {error}")))?;
        let about = fs::metadata(dir).map_err(|error| fail(dir, error.to_string()))?;
        if about.uid() != rustix::process::geteuid().as_raw() {
            return Err(fail(
                dir,
                "belongs to another user: compiled code is only taken from a directory of one's own".into(),
            ));
        }
        if about.permissions().mode() & 0o077 != 0 {
            return Err(fail(dir, format!("is open to others: chmod 700 {}", dir.display())));
        }
        let path = dir.join(KEY_FILE);
        let key = key(dir, &path).map_err(|error| fail(&path, error.to_string()))?;
        Ok(Self { dir: dir.to_owned(), key, fingerprint, max_bytes, in_use: Arc::default() })
    }

    /// Whether there is a file for this digest; nothing is said of what is in it.
    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.path(digest).exists()
    }

    /// The artifact of this digest, if there is one that is ours.
    pub(crate) fn find(&self, engine: &Engine, digest: Digest) -> Option<(Component, Kept)> {
        let path = self.path(digest);
        // Marked before it is looked at, so that nothing evicts it in between.
        let kept = self.keep(&path);
        let verdict = File::open(&path).and_then(|file| Ok((self.verify(&file, digest)?, file)));
        let file = match verdict {
            Ok((true, file)) => file,
            Ok((false, _)) => {
                tracing::warn!(path = %path.display(), "compiled connector is damaged or not ours: compiling again");
                return None;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled connector cannot be read: compiling again");
                return None;
            }
        };
        evict::touch(&file);
        match map(engine, &opened(&file)) {
            Ok(component) => Some((component, kept)),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "compiled connector does not load: compiling again");
                None
            }
        }
    }

    /// Writes an artifact aside and maps it.
    pub(crate) fn stage(
        &self,
        engine: &Engine,
        digest: Digest,
        artifact: &[u8],
    ) -> io::Result<(Staged, Component)> {
        let mut file = NamedTempFile::new_in(&self.dir)?;
        let mut mac = self.mac(digest);
        mac.update(artifact);
        file.write_all(artifact)?;
        file.write_all(mac.finalize().as_bytes())?;
        file.flush()?;
        let component = map(engine, file.path()).map_err(|error| io::Error::other(format!("{error:#}")))?;
        Ok((Staged(file), component))
    }

    /// Gives a staged artifact its name: from now on it is found. What is then too much is removed.
    pub(crate) fn publish(&self, digest: Digest, staged: Staged) {
        let path = self.path(digest);
        // No sync: a file that a crash cut short fails its check and is compiled again.
        if let Err(error) = staged.0.persist(&path) {
            tracing::warn!(path = %path.display(), %error, "compiled connector is not kept");
        }
        if let Err(error) = evict::evict(&self.dir, self.max_bytes, |path| self.is_in_use(path)) {
            tracing::warn!(dir = %self.dir.display(), %error, "the cache of compiled connectors is not cleared");
        }
    }

    /// Marks the artifact of this digest as in use.
    pub(crate) fn kept(&self, digest: Digest) -> Kept {
        self.keep(&self.path(digest))
    }

    fn keep(&self, path: &Path) -> Kept {
        let mut in_use = self.in_use();
        in_use.retain(|_, users| users.strong_count() > 0);
        if let Some(user) = in_use.get(path).and_then(Weak::upgrade) {
            return Kept(user);
        }
        let user = Arc::new(());
        in_use.insert(path.to_owned(), Arc::downgrade(&user));
        Kept(user)
    }

    fn is_in_use(&self, path: &Path) -> bool {
        self.in_use().get(path).is_some_and(|users| users.strong_count() > 0)
    }

    fn in_use(&self) -> MutexGuard<'_, HashMap<PathBuf, Weak<()>>> {
        self.in_use.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verify(&self, file: &File, digest: Digest) -> io::Result<bool> {
        let Some(length) = file.metadata()?.len().checked_sub(MAC_BYTES as u64) else {
            return Ok(false);
        };
        let mut mac = self.mac(digest);
        mac.update_reader(file.take(length))?;
        let mut found = [0; MAC_BYTES];
        (&*file).read_exact(&mut found)?;
        // Comparing two hashes takes constant time.
        Ok(mac.finalize() == blake3::Hash::from_bytes(found))
    }

    fn mac(&self, digest: Digest) -> blake3::Hasher {
        let mut mac = blake3::Hasher::new_keyed(&self.key);
        mac.update(self.name(digest).as_bytes());
        mac
    }

    fn path(&self, digest: Digest) -> PathBuf {
        self.dir.join(self.name(digest))
    }

    fn name(&self, digest: Digest) -> String {
        format!("{}-{}.cwasm", digest.to_hex(), self.fingerprint)
    }
}

/// Reads the key, or makes one; of two processes that start at once both end up with the same.
fn key(dir: &Path, path: &Path) -> io::Result<[u8; 32]> {
    if !path.exists() {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).map_err(|error| io::Error::other(error.to_string()))?;
        let mut file = NamedTempFile::new_in(dir)?;
        file.write_all(&fresh)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(path) {
            Ok(_) => {}
            Err(taken) if taken.error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(failed) => return Err(failed.error),
        }
    }
    let file = File::open(path)?;
    let about = file.metadata()?;
    if about.permissions().mode() & 0o077 != 0 || about.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::other(
            "is open to others: remove the whole cache, it may hold code that is not ours",
        ));
    }
    let mut key = [0; 32];
    if about.len() != key.len() as u64 {
        return Err(io::Error::other("is not a key of 32 bytes: remove the whole cache"));
    }
    (&file).read_exact(&mut key)?;
    Ok(key)
}

/// A path of an open file, whatever stands under its name by now.
fn opened(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

#[expect(unsafe_code, reason = "compiled artifacts are trusted code; the module says why these are ours")]
fn map(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the file was written by `stage`, which `verify` has checked or which the caller is,
    // and it is not changed in place by anyone.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Loads an artifact that was compiled just now, where there is no cache to map it from.
#[expect(unsafe_code, reason = "the artifact comes from our own compiler, not from outside")]
pub(crate) fn load(engine: &Engine, artifact: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: the only caller passes what the compiler, or the compile worker, has just returned.
    unsafe { Component::deserialize(engine, artifact) }
}
