//! The search for sentinels in everything that a server leaves: six spellings, at every alignment, in
//! files that grow while they are read.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
    sync::{LazyLock, Mutex},
    time::SystemTime,
};

use aho_corasick::AhoCorasick;
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

use super::bed::{NEIGHBOURS, SENTINEL, tail};

/// Longer than every spelling: so much of a file is read again with what came since.
const OVERLAP: u64 = 512;

static SPELLINGS: LazyLock<(AhoCorasick, Vec<&'static str>)> = LazyLock::new(|| {
    let mut patterns = Vec::new();
    let mut names = Vec::new();
    for secret in [SENTINEL, NEIGHBOURS] {
        for (name, spelling) in spellings(secret) {
            names.push(name);
            patterns.push(spelling);
        }
    }
    (AhoCorasick::new(patterns).unwrap(), names)
});

/// Raw, base64, base64url, hexadecimal, percent-encoded, reversed.
pub(crate) fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let percent: String = bytes.iter().map(|byte| format!("%{byte:02x}")).collect();
    let mut all = vec![
        ("raw", secret.to_owned()),
        ("reversed", secret.chars().rev().collect()),
        ("hex", hex.to_uppercase()),
        ("hex", hex),
        ("percent", percent.to_uppercase()),
        ("percent", percent),
    ];
    // At each of three alignments, without the characters that a neighbour has bits in.
    for skipped in 0..3 {
        let whole = (bytes.len() - skipped) / 3 * 3;
        let aligned = &bytes[skipped..skipped + whole];
        all.push(("base64", STANDARD_NO_PAD.encode(aligned)));
        all.push(("base64url", URL_SAFE_NO_PAD.encode(aligned)));
    }
    all
}

/// Texts that hold the whole secret: each spelling, and base64 of something around it at every alignment.
pub(crate) fn holding(secret: &str) -> Vec<String> {
    let whole =
        spellings(secret).into_iter().filter(|(name, _)| !name.starts_with("base64")).map(|(_, text)| text);
    let around = ["", "u", "us"].into_iter().flat_map(|before| {
        let bytes = format!("{before}{secret}:x");
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
    });
    whole.chain(around).collect()
}

/// The spelling of a sentinel that stands in `bytes`, if one does, with what is around it.
pub(crate) fn find(bytes: &[u8]) -> Option<String> {
    let (automaton, names) = &*SPELLINGS;
    automaton.find(bytes).map(|found| {
        let from = found.start().saturating_sub(80);
        let around = String::from_utf8_lossy(&bytes[from..found.start()]).into_owned();
        format!("{} after `{}`", names[found.pattern().as_usize() % (names.len() / 2)], around.escape_debug())
    })
}

/// Reads on in files that only grow, and whole those that changed.
#[derive(Default)]
pub(crate) struct Search {
    ends: Mutex<HashMap<PathBuf, u64>>,
    clean: Mutex<HashMap<PathBuf, (u64, SystemTime)>>,
}

impl Search {
    /// A file that may have changed anywhere. One that is as it was when nothing was found is not read.
    pub(crate) fn whole(&self, path: &Path) -> Option<String> {
        // What is gone meanwhile was a journal of the database; its content is in the log beside it.
        let state = fs::metadata(path).and_then(|data| Ok((data.len(), data.modified()?))).ok()?;
        if self.clean.lock().unwrap().get(path) == Some(&state) {
            return None;
        }
        let found = find(&fs::read(path).ok()?);
        if found.is_none() {
            self.clean.lock().unwrap().insert(path.to_owned(), state);
        }
        found
    }

    /// What is new in a file that is appended to.
    pub(crate) fn appended(&self, path: &Path) -> (Vec<u8>, Option<String>) {
        let mut ends = self.ends.lock().unwrap();
        let from = ends.get(path).copied().unwrap_or(0);
        let (bytes, end) = tail(path, from.saturating_sub(OVERLAP));
        ends.insert(path.to_owned(), end);
        let found = find(&bytes);
        let skip = usize::try_from(from - from.saturating_sub(OVERLAP)).unwrap();
        (bytes[skip..].to_vec(), found)
    }
}
