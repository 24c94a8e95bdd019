//! Pages of runs and dead letters, and that a page costs the same among a million.

use super::{
    Room, accept_of, begin, by, done, new_run,
    runs::{DEAD, letter},
    settle_of,
};
use crate::{DeadLetterFilter, DeadLetterState, NewRun, RunFilter, RunStatus, Settle, Store};

/// Of two flows in turn; the first six are done.
async fn ten_runs(store: &Store) {
    for n in 0..10 {
        let id = format!("r{n}");
        let flow = if n % 2 == 0 { "even" } else { "odd" };
        let run = NewRun { flow: flow.to_owned(), ..new_run(&id, None) };
        store.accept(accept_of(&id, vec![run])).await.unwrap();
        if n < 6 {
            store.settle(settle_of(store, &id, 1, done())).await.unwrap();
        }
    }
}

#[tokio::test]
async fn lists_page_by_page_and_counts() {
    let room = Room::new();
    let store = room.open();
    ten_runs(&store).await;
    let list = async |flow: Option<&str>, status: Option<RunStatus>, before: Option<&str>, limit: usize| {
        let filter =
            RunFilter { flow: flow.map(str::to_owned), status, before: before.map(str::to_owned), limit };
        store.runs(filter).await.unwrap().into_iter().map(|run| run.id).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(None, None, None, 3).await, "r9 r8 r7");
    assert_eq!(list(None, None, Some("r7"), 3).await, "r6 r5 r4");
    assert_eq!(list(Some("even"), None, None, 4).await, "r8 r6 r4 r2");
    assert_eq!(list(Some("even"), None, Some("r2"), 4).await, "r0");
    assert_eq!(list(None, Some(RunStatus::Done), None, 2).await, "r5 r4");
    assert_eq!(list(Some("odd"), Some(RunStatus::Running), None, 9).await, "r9 r7");
    assert_eq!(list(Some("none"), None, None, 9).await, "");
    assert_eq!(list(None, None, None, 0).await, "r9");
    let counts = store.run_counts().await.unwrap();
    let counts: Vec<_> = counts.iter().map(|c| (c.flow.as_str(), c.status.name(), c.count)).collect();
    assert_eq!(
        counts,
        [("even", "done", 3), ("even", "running", 2), ("odd", "done", 3), ("odd", "running", 2)]
    );
}

#[tokio::test]
async fn dead_letters_page_by_state() {
    let room = Room::new();
    let store = room.open();
    for id in ["a", "b", "c"] {
        begin(&store, id).await;
        store.settle(Settle { dead_letter: Some(letter()), ..settle_of(&store, id, 1, DEAD) }).await.unwrap();
    }
    store.discard_dead_letter("b".to_owned(), "old".to_owned(), by()).await.unwrap();
    let list = async |state, before: Option<&str>, limit| {
        let filter = DeadLetterFilter { state, before: before.map(str::to_owned), limit };
        store.dead_letters(filter).await.unwrap().into_iter().map(|row| row.run).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(list(None, None, 2).await, "c b");
    assert_eq!(list(None, Some("b"), 2).await, "a");
    assert_eq!(list(Some(DeadLetterState::Open), None, 9).await, "c a");
    assert_eq!(list(Some(DeadLetterState::Discarded), None, 9).await, "b");
}

/// Cost must not depend on how many runs are stored: no statement of the hot path may scan a table.
#[tokio::test]
async fn the_hot_path_uses_indexes() {
    let room = Room::new();
    drop(room.open());
    let shell = room.shell();
    for sql in [
        "SELECT id FROM run WHERE due_at <= 1 ORDER BY due_at LIMIT 10",
        "SELECT due_at FROM run WHERE due_at IS NOT NULL ORDER BY due_at LIMIT 1",
        "SELECT * FROM run WHERE id < 'x' ORDER BY id DESC LIMIT 9",
        "SELECT * FROM run WHERE status = 'done' AND id < 'x' ORDER BY id DESC LIMIT 9",
        "SELECT * FROM run WHERE flow = 'f' AND status = 'done' AND id < 'x' ORDER BY id DESC LIMIT 9",
        "SELECT id FROM run WHERE finished_at < 1 AND finished_at IS NOT NULL AND status <> 'failed' ORDER BY finished_at LIMIT 9",
        "SELECT runs, at FROM inbox WHERE source = 'a' AND dedupe_key = 'b'",
        "SELECT n FROM inbox WHERE at < 1 ORDER BY at LIMIT 9",
        "SELECT seq, at, entry, entry_blob, prev_hash, hash FROM journal WHERE run = 'r' ORDER BY seq",
        "UPDATE run SET status = 'waiting', due_at = 0 WHERE status = 'running'",
        "SELECT * FROM dead_letter WHERE state = 'open' AND run < 'x' ORDER BY run DESC LIMIT 9",
    ] {
        let mut explain = shell.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let plan: Vec<String> =
            explain.query_map([], |row| row.get("detail")).unwrap().map(Result::unwrap).collect();
        let plan = plan.join("; ");
        let good = !plan.contains("TEMP B-TREE") && (plan.contains("SEARCH") || plan.contains("USING INDEX"));
        assert!(good || plan.contains("COVERING INDEX run_ready"), "{sql}: {plan}");
    }
}
