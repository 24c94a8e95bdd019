//! Tests of the store as its callers see it, in the order of the data flow, on real files.

use std::collections::BTreeMap;

use rusqlite::Connection as Database;
use tempfile::TempDir;
use wharf_model::time::Timestamp;

use crate::{
    Accept, Accepted, By, Claimed, MasterKey, NewRun, RunState, RunStatus, Settle, Store, StoreConfig,
    StoreError,
};

/// One owner, epochs, master keys, migrations.
mod open;

/// Arrivals and their dedupe keys.
mod arrivals;

/// Schedules and polls.
mod triggers;

/// Claims, settling, dead letters, forgetting.
mod runs;

/// Journals that somebody edited.
mod journals;

/// Pages of runs and dead letters.
mod lists;

/// What connectors keep.
mod store_writes;

/// Secrets at rest.
mod secrets;

/// Grants, held versions, denials.
mod permissions;

/// Another master key.
mod rotations;

/// Versions, grants, connections, keys, the audit log.
mod definitions;

/// Full disks, failed syncs, damaged rows.
mod faults;

pub(crate) const KEY: &str = "00112233445566778899aabbccddeeff0f1e2d3c4b5a69788796a5b4c3d2e1f0";
pub(crate) const NOW: Timestamp = Timestamp(1_795_288_392_345);

/// A store in a directory of its own.
pub(crate) struct Room {
    pub(crate) dir: TempDir,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn try_open(&self) -> Result<Store, StoreError> {
        let master_key = MasterKey::from_hex(KEY).unwrap();
        Store::open(StoreConfig { path: self.dir.path().to_owned(), master_key })
    }

    pub(crate) fn open(&self) -> Store {
        self.try_open().unwrap()
    }

    /// The database, as somebody with a shell has it.
    pub(crate) fn shell(&self) -> Database {
        Database::open(self.dir.path().join("wharf.db")).unwrap()
    }
}

pub(crate) fn by() -> By {
    By::new("tester", NOW)
}

pub(crate) fn new_run(id: &str, due_at: Option<Timestamp>) -> NewRun {
    NewRun {
        id: id.to_owned(),
        flow: "triage".to_owned(),
        flow_version: 3,
        digests: BTreeMap::new(),
        entries: vec![format!(r#"{{"accepted":"{id}"}}"#)],
        due_at,
        origin: None,
    }
}

pub(crate) fn accept_of(key: &str, runs: Vec<NewRun>) -> Accept {
    Accept { source: "triage".to_owned(), dedupe_key: key.to_owned(), now: NOW, delivery: None, runs }
}

/// Lets a run begin, claimed by the caller.
pub(crate) async fn begin(store: &Store, id: &str) {
    let accepted = store.accept(accept_of(id, vec![new_run(id, None)])).await;
    assert_eq!(accepted, Ok(Accepted::Fresh));
}

pub(crate) fn settle_of(store: &Store, run: &str, expected_seq: u64, state: RunState) -> Settle {
    Settle {
        run: run.to_owned(),
        epoch: store.epoch(),
        expected_seq,
        entries: vec![format!(r#"{{"settled":{expected_seq}}}"#)],
        state,
        summary: None,
        store_writes: Vec::new(),
        dead_letter: None,
        taken: Vec::new(),
        new_runs: Vec::new(),
        keep: None,
        now: NOW,
    }
}

pub(crate) fn done() -> RunState {
    RunState::Finished { status: RunStatus::Done }
}

pub(crate) fn entries(claimed: &Claimed) -> Vec<&str> {
    claimed.entries.iter().map(|row| row.entry.as_str()).collect()
}
