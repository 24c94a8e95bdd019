//! One owner at a time, epochs, master keys, migrations, and what opening makes of a crash.

use std::os::unix::fs::PermissionsExt as _;

use super::{KEY, NOW, Room, accept_of, begin, done, entries, new_run, settle_of};
use crate::{MasterKey, RunState, RunStatus, SettleError, Store, StoreConfig, StoreError};

#[tokio::test]
async fn a_second_owner_is_refused_and_told_of_the_first() {
    let room = Room::new();
    let store = room.open();
    let error = room.try_open().unwrap_err();
    assert!(
        matches!(&error, StoreError::Locked { owner, .. } if *owner == std::process::id().to_string()),
        "{error}"
    );
    drop(store);
    room.open();
}

#[tokio::test]
async fn opens_again_with_the_next_epoch_and_the_same_schema() {
    let room = Room::new();
    for epoch in 1..=3 {
        assert_eq!(room.open().epoch(), epoch);
    }
    let version: u32 = room.shell().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(version, 5);
}

#[tokio::test]
async fn refuses_a_newer_schema() {
    let room = Room::new();
    drop(room.open());
    room.shell().execute_batch("PRAGMA user_version = 7").unwrap();
    assert_eq!(room.try_open().unwrap_err(), StoreError::Newer { found: 7, known: 5 });
}

#[tokio::test]
async fn files_are_the_owners_alone() {
    let room = Room::new();
    let path = room.dir.path().join("data");
    let store =
        Store::open(StoreConfig { path: path.clone(), master_key: MasterKey::from_hex(KEY).unwrap() })
            .unwrap();
    begin(&store, "r1").await;
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
    }
}

#[tokio::test]
async fn se_13_a_wrong_master_key_changes_nothing() {
    let room = Room::new();
    drop(room.open());
    let before = std::fs::read(room.dir.path().join("wharf.db")).unwrap();
    let wrong = MasterKey::generate().unwrap();
    let error = Store::open(StoreConfig { path: room.dir.path().to_owned(), master_key: wrong }).unwrap_err();
    assert_eq!(error, StoreError::WrongMasterKey);
    assert_eq!(std::fs::read(room.dir.path().join("wharf.db")).unwrap(), before);
    assert_eq!(room.open().epoch(), 2);
}

/// What is on the disk after each acknowledged write is all that a `kill -9` leaves.
#[tokio::test]
async fn after_a_crash_claimed_runs_are_ready_and_nothing_acknowledged_is_missing() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r1").await;
    begin(&store, "r2").await;
    store.accept(accept_of("r3", vec![new_run("r3", Some(NOW))])).await.unwrap();
    store.settle(settle_of(&store, "r1", 1, RunState::Claimed)).await.unwrap();
    store.settle(settle_of(&store, "r2", 1, done())).await.unwrap();
    let crashed = Room::new();
    for file in ["wharf.db", "wharf.db-wal"] {
        std::fs::copy(room.dir.path().join(file), crashed.dir.path().join(file)).unwrap();
    }
    let next = crashed.open();
    let mut claimed = next.claim(NOW, 10).await.unwrap();
    claimed.sort_by(|a, b| a.run.cmp(&b.run));
    let found: Vec<_> = claimed.iter().map(|run| (run.run.as_str(), entries(run))).collect();
    assert_eq!(
        found,
        [("r1", vec![r#"{"accepted":"r1"}"#, r#"{"settled":1}"#]), ("r3", vec![r#"{"accepted":"r3"}"#]),]
    );
    assert_eq!(next.run("r2".to_owned()).await.unwrap().unwrap().row.status, RunStatus::Done);
}

#[tokio::test]
async fn an_earlier_claim_is_fenced_after_reopening() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r1").await;
    let old = settle_of(&store, "r1", 1, done());
    drop(store);
    let store = room.open();
    let claimed = store.claim(NOW, 10).await.unwrap();
    assert_eq!(claimed.len(), 1);
    assert_eq!(store.settle(old).await, Err(SettleError::Fenced { held: 1, current: 2 }));
    store.settle(settle_of(&store, "r1", 1, done())).await.unwrap();
}

/// The lock is advisory, and some network file systems only pretend: the epoch in the file decides.
#[tokio::test]
async fn an_owner_that_lost_the_database_writes_nothing_more() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r1").await;
    room.shell().execute_batch("UPDATE owner SET epoch = 9").unwrap();
    let settled = store.settle(settle_of(&store, "r1", 1, done())).await;
    assert_eq!(settled, Err(SettleError::Fenced { held: 1, current: 9 }));
    let accepted = store.accept(accept_of("r2", vec![])).await;
    assert_eq!(accepted, Err(StoreError::Fenced { held: 1, current: 9 }));
}
