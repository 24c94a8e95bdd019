//! What a watched folder's listings mean: pure, over one listing after the other.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tokio::time::Instant;
use wharf_model::digest::Digest;

/// What tells two states of a file apart without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) bytes: u64,
    pub(super) modified: Option<SystemTime>,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// A file is new or has changed, and has kept still.
    Install(PathBuf),
    /// A file is gone, and no other holds its connector.
    Remove { file: PathBuf, connector: String },
}

/// The files of the folder as last seen.
#[derive(Debug)]
pub(super) struct Folder {
    settle: Duration,
    files: BTreeMap<PathBuf, File>,
}

#[derive(Debug)]
struct File {
    stamp: Stamp,
    since: Instant,
    tried: bool,
    holds: Option<(String, Digest)>,
}

impl Folder {
    pub(super) fn new(settle: Duration) -> Self {
        Self { settle, files: BTreeMap::new() }
    }

    /// Takes a listing in; what follows from it, removals first.
    pub(super) fn observe(&mut self, listing: Vec<(PathBuf, Stamp)>, now: Instant) -> Vec<Deed> {
        let mut deeds = self.gone(&listing);
        for (path, stamp) in listing {
            let file = self.files.entry(path.clone()).or_insert(File {
                stamp,
                since: now,
                tried: false,
                holds: None,
            });
            if file.stamp != stamp {
                (file.stamp, file.since, file.tried) = (stamp, now, false);
            }
            if !file.tried && now.duration_since(file.since) >= self.settle {
                file.tried = true;
                deeds.push(Deed::Install(path));
            }
        }
        deeds
    }

    /// Whether a file has not kept still for long enough.
    pub(super) fn is_settling(&self) -> bool {
        self.files.values().any(|file| !file.tried)
    }

    /// Whether `path` was installed with this content before.
    pub(super) fn holds(&self, path: &Path, digest: Digest) -> bool {
        let held = self.files.get(path).and_then(|file| file.holds.as_ref());
        held.is_some_and(|(_, held)| *held == digest)
    }

    /// Notes what a file turned out to be.
    pub(super) fn installed(&mut self, path: &Path, connector: &str, digest: Digest) {
        if let Some(file) = self.files.get_mut(path) {
            file.holds = Some((connector.to_owned(), digest));
        }
    }

    fn gone(&mut self, listing: &[(PathBuf, Stamp)]) -> Vec<Deed> {
        let is_there = |path: &PathBuf| listing.iter().any(|(listed, _)| listed == path);
        let (files, gone) = std::mem::take(&mut self.files).into_iter().partition(|(path, _)| is_there(path));
        self.files = files;
        let still = |connector: &str| {
            let mut held = self.files.values().filter_map(|file| file.holds.as_ref());
            held.any(|(name, _)| name == connector)
        };
        BTreeMap::into_iter(gone)
            .filter_map(|(file, state)| Some((file, state.holds?.0)))
            .filter(|(_, connector)| !still(connector))
            .map(|(file, connector)| Deed::Remove { file, connector })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{path::PathBuf, time::Duration};

    use tokio::time::Instant;
    use wharf_model::digest::Digest;

    use super::{Deed, Folder, Stamp};

    fn listing(files: &[(&str, u64)]) -> Vec<(PathBuf, Stamp)> {
        files
            .iter()
            .map(|(name, bytes)| (PathBuf::from(name), Stamp { bytes: *bytes, modified: None }))
            .collect()
    }

    fn install(name: &str) -> Deed {
        Deed::Install(PathBuf::from(name))
    }

    #[test]
    fn a_growing_file_is_left_alone_until_it_keeps_still() {
        let (start, step) = (Instant::now(), Duration::from_millis(300));
        let mut folder = Folder::new(step);
        for (at, bytes, expected) in [
            (0, 10, vec![]),
            (1, 20, vec![]),
            (2, 30, vec![]),
            (3, 30, vec![install("a.wasm")]),
            (4, 30, vec![]),
            (5, 31, vec![]),
            (6, 31, vec![install("a.wasm")]),
        ] {
            let deeds = folder.observe(listing(&[("a.wasm", bytes)]), start + step * at);
            assert_eq!(deeds, expected, "at {at}");
        }
        assert!(!folder.is_settling());
    }

    #[test]
    fn a_file_that_goes_takes_its_connector_along() {
        let now = Instant::now();
        let mut folder = Folder::new(Duration::ZERO);
        let digest = Digest::of(b"x");
        folder.observe(listing(&[("a.wasm", 1), ("b.wasm", 1), ("junk.wasm", 1)]), now);
        folder.installed(&PathBuf::from("a.wasm"), "slack", digest);
        folder.installed(&PathBuf::from("b.wasm"), "slack", digest);
        assert!(folder.holds(&PathBuf::from("a.wasm"), digest));
        // Another file still holds it, and what never was a connector leaves nothing behind.
        assert_eq!(folder.observe(listing(&[("b.wasm", 1)]), now), []);
        let gone = Deed::Remove { file: PathBuf::from("b.wasm"), connector: "slack".to_owned() };
        assert_eq!(folder.observe(Vec::new(), now), [gone]);
        assert_eq!(folder.observe(Vec::new(), now), []);
    }
}
