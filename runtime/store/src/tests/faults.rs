//! What fails alone, what fails with its group, and what stops the store.

use std::sync::mpsc;

use tokio::{sync::oneshot, task::JoinHandle};

use super::{NOW, Room, accept_of, begin, done, new_run, settle_of};
use crate::{Accepted, RunFilter, SettleError, Store, StoreError};

/// Holds the writer thread until the gate is dropped, so that what follows shares one commit.
async fn hold(store: &Store) -> (mpsc::Sender<()>, JoinHandle<Result<(), StoreError>>) {
    let (gate, held) = mpsc::channel();
    let (started, begun) = oneshot::channel();
    let store = store.clone();
    let holding = tokio::spawn(async move {
        store
            .write(move |_| {
                started.send(()).unwrap();
                // Ends when the gate is dropped.
                held.recv().unwrap_err();
                Ok::<_, StoreError>(())
            })
            .await
    });
    begun.await.unwrap();
    (gate, holding)
}

async fn count(store: &Store) -> usize {
    store.runs(RunFilter { limit: 200, ..RunFilter::default() }).await.unwrap().len()
}

/// Starts `n` arrivals and lets them reach the queue.
async fn queue(store: &Store, n: usize) -> Vec<JoinHandle<Result<Accepted, StoreError>>> {
    let arrivals = (0..n).map(|n| {
        let store = store.clone();
        tokio::spawn(async move {
            store.accept(accept_of(&format!("k{n}"), vec![new_run(&format!("r{n}"), None)])).await
        })
    });
    let arrivals: Vec<_> = arrivals.collect();
    for _ in 0..n + 8 {
        tokio::task::yield_now().await;
    }
    arrivals
}

#[tokio::test]
async fn a_failing_job_leaves_its_group_alone() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let (gate, holding) = hold(&store).await;
    let good = queue(&store, 5).await;
    let bad = tokio::spawn({
        let store = store.clone();
        async move { store.settle(settle_of(&store, "r", 7, done())).await }
    });
    // The same run again breaks the table's own rule, after its arrival was kept.
    let broken = tokio::spawn({
        let store = store.clone();
        async move { store.accept(accept_of("again", vec![new_run("r", None)])).await }
    });
    tokio::task::yield_now().await;
    drop(gate);
    holding.await.unwrap().unwrap();
    for arrival in good {
        assert_eq!(arrival.await.unwrap(), Ok(Accepted::Fresh));
    }
    assert!(matches!(bad.await.unwrap(), Err(SettleError::Conflict { .. })));
    assert!(matches!(broken.await.unwrap(), Err(StoreError::Database(_))));
    assert_eq!(count(&store).await, 6);
    assert_eq!(
        store.accept(accept_of("again", vec![])).await,
        Ok(Accepted::Fresh),
        "its arrival went with it"
    );
}

/// The page limit stands in for a full file system: SQLite reports both alike.
#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_recovers_by_itself() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    limit_pages(&store, 1).await;
    let mut big = new_run("big", None);
    big.entries.push("x".repeat(1 << 20));
    let (gate, holding) = hold(&store).await;
    let mut waiting = queue(&store, 2).await;
    waiting.push(tokio::spawn({
        let store = store.clone();
        let accept = accept_of("big", vec![big.clone()]);
        async move { store.accept(accept).await }
    }));
    waiting.extend(queue(&store, 1).await);
    drop(gate);
    // The holder has a group of its own, unless the others came before the thread looked.
    assert!(matches!(holding.await.unwrap(), Ok(()) | Err(StoreError::Full)));
    for arrival in waiting {
        assert_eq!(arrival.await.unwrap(), Err(StoreError::Full));
    }
    assert!(StoreError::Full.is_transient());
    assert_eq!(count(&store).await, 1);
    limit_pages(&store, 1_000_000).await;
    store.settle(settle_of(&store, "r", 1, done())).await.unwrap();
    assert_eq!(store.accept(accept_of("big", vec![big])).await, Ok(Accepted::Fresh));
    let sound: String = room.shell().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}

/// SQLite lowers the limit no further than the file's size.
async fn limit_pages(store: &Store, pages: u32) {
    let sql = format!("PRAGMA max_page_count = {pages}");
    store
        .write(move |connection| {
            connection.query_row(&sql, [], |_| Ok(()))?;
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_until_it_is_opened_again() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let failed = || {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC);
        StoreError::from(rusqlite::Error::SqliteFailure(code, None))
    };
    assert!(matches!(failed(), StoreError::FailClosed { .. }));
    let sync = store.write(move |_| Err::<(), _>(failed())).await;
    assert!(matches!(sync, Err(StoreError::FailClosed { .. })), "{sync:?}");
    let refused = store.accept(accept_of("k", vec![new_run("r2", None)])).await;
    assert!(matches!(refused, Err(StoreError::FailClosed { .. })), "{refused:?}");
    assert_eq!(count(&store).await, 1, "reading goes on");
    drop(store);
    let store = room.open();
    assert_eq!(store.claim(NOW, 9).await.unwrap().len(), 1);
    assert_eq!(store.accept(accept_of("k", vec![])).await, Ok(Accepted::Fresh));
}

#[tokio::test]
async fn every_clone_has_to_go_before_the_writer_does() {
    let room = Room::new();
    let store = room.open();
    let clone = store.clone();
    drop(store);
    begin(&clone, "r").await;
    assert_eq!(count(&clone).await, 1);
}
