//! Schedules and polls: a fire or a page of events is taken in as a whole, once.

use wharf_model::time::Timestamp;

use super::{NOW, Room, accept_of, by, new_run};
use crate::{
    Accept, Accepted, Expected, Fired, FlowTrigger, KvError, NextPoll, PollFailed, Polled, Store, StoreError,
    StoreOp, StoreWrite, TriggerKind,
};

const LATER: Timestamp = Timestamp(NOW.0 + 60_000);

fn event(key: &str) -> Accept {
    accept_of(key, vec![new_run(key, Some(NOW))])
}

fn fired(version: u64, keys: &[&str]) -> Fired {
    Fired {
        flow: "f".to_owned(),
        version,
        events: keys.iter().map(|key| event(key)).collect(),
        missed: 2,
        due_at: Some(LATER),
        now: NOW,
    }
}

fn polled(version: u64, keys: &[&str], cursor: Option<&str>) -> Polled {
    let next = |seconds: u64| NextPoll { due_at: Timestamp(NOW.0 + seconds * 1000), pause: seconds * 1000 };
    Polled {
        flow: "f".to_owned(),
        version,
        events: keys.iter().map(|key| event(key)).collect(),
        cursor: cursor.map(str::to_owned),
        trail: None,
        behind: false,
        found: next(10),
        quiet: next(30),
        store_writes: Vec::new(),
        now: NOW,
    }
}

async fn keep(store: &Store, kind: TriggerKind, spec: &str) -> bool {
    store.keep_trigger("f".to_owned(), (kind, spec.to_owned()), Some(NOW), NOW).await.unwrap()
}

async fn row(store: &Store) -> FlowTrigger {
    store.flow_trigger("f".to_owned()).await.unwrap().unwrap()
}

#[tokio::test]
async fn fe_13_a_fire_happens_once_and_with_its_next() {
    let room = Room::new();
    let store = room.open();
    assert!(keep(&store, TriggerKind::Schedule, "every 1m").await);
    assert!(!keep(&store, TriggerKind::Schedule, "every 1m").await, "a flow applied again keeps its place");
    assert_eq!(store.fire(fired(1, &["10:00"])).await, Ok(vec![Accepted::Fresh]));
    // Another timer that decided by the same row, and one whose clock is put back: nothing of either is kept.
    let stale = store.fire(fired(1, &["10:00", "10:01"])).await;
    assert!(matches!(stale, Err(StoreError::Exists { .. })), "{stale:?}");
    assert_eq!(store.run("10:01".to_owned()).await, Ok(None));
    drop(store);
    let store = room.open();
    let found = row(&store).await;
    assert_eq!((found.version, found.due_at, found.events, found.missed), (2, Some(LATER), 1, 2));
    // The same instant again starts nothing, by its key.
    let again = store.fire(fired(2, &["10:00"])).await.unwrap();
    assert!(matches!(again[..], [Accepted::Duplicate { .. }]), "{again:?}");
    assert_eq!(row(&store).await.events, 1);
    // Another schedule begins anew; the keys stay.
    assert!(keep(&store, TriggerKind::Schedule, "every 2m").await);
    let found = row(&store).await;
    assert_eq!((found.version, found.due_at, found.events), (4, Some(NOW), 0));
    store.forget_trigger("f".to_owned()).await.unwrap();
    assert_eq!(store.flow_trigger("f".to_owned()).await, Ok(None));
}

#[tokio::test]
async fn a_poll_moves_its_cursor_with_its_events_or_not_at_all() {
    let room = Room::new();
    let store = room.open();
    keep(&store, TriggerKind::Poll, "x").await;
    let first = store.polled(polled(1, &["a", "b", "a"], Some("1"))).await.unwrap();
    let again = Accepted::Duplicate { run_ids: vec!["a".to_owned()], first_at: NOW };
    assert_eq!(first, [Accepted::Fresh, Accepted::Fresh, again]);
    let found = row(&store).await;
    assert_eq!((found.cursor.as_deref(), found.cursor_at, found.events), (Some("1"), Some(NOW), 2));
    assert_eq!((found.pause, found.due_at), (10_000, Some(Timestamp(NOW.0 + 10_000))), "events came");
    for stale in [0, 1, 3] {
        let refused = store.polled(polled(stale, &["c"], Some("2"))).await;
        assert!(matches!(refused, Err(KvError::Store(StoreError::Exists { .. }))), "{refused:?}");
    }
    assert_eq!(store.run("c".to_owned()).await, Ok(None));
    // Nothing new, and no cursor: it stays, and the next poll is later.
    store.polled(Polled { now: LATER, ..polled(2, &["a"], None) }).await.unwrap();
    let found = row(&store).await;
    assert_eq!((found.cursor.as_deref(), found.cursor_at, found.pause), (Some("1"), Some(NOW), 30_000));
    assert_eq!((found.version, found.done_at), (3, Some(LATER)));
}

#[tokio::test]
async fn what_a_poll_keeps_goes_with_its_events() {
    let room = Room::new();
    let store = room.open();
    keep(&store, TriggerKind::Poll, "x").await;
    let write = |value: &[u8], quota_bytes| StoreWrite {
        scope: "s".to_owned(),
        key: "k".to_owned(),
        expected: Expected::Any,
        op: StoreOp::Put { value: value.to_vec(), expires_at: None },
        quota_bytes,
    };
    let refused =
        store.polled(Polled { store_writes: vec![write(b"1234", 4)], ..polled(1, &["a"], Some("1")) });
    assert!(matches!(refused.await, Err(KvError::Quota { .. })));
    assert_eq!((row(&store).await.version, store.run("a".to_owned()).await), (1, Ok(None)));
    let kept =
        store.polled(Polled { store_writes: vec![write(b"1234", 99)], ..polled(1, &["a"], Some("1")) });
    assert_eq!(kept.await, Ok(vec![Accepted::Fresh]));
    assert_eq!(store.kv_get("s".to_owned(), "k".to_owned(), NOW).await, Ok(Some(b"1234".to_vec())));
}

#[tokio::test]
async fn a_failed_poll_moves_no_cursor_and_is_counted() {
    let room = Room::new();
    let store = room.open();
    keep(&store, TriggerKind::Poll, "x").await;
    store.polled(polled(1, &[], Some("1"))).await.unwrap();
    let failed = |version| PollFailed {
        flow: "f".to_owned(),
        version,
        next: NextPoll { due_at: LATER, pause: 60_000 },
        failure: "{}".to_owned(),
        now: NOW,
    };
    for version in [2, 2, 1] {
        store.poll_failed(failed(version)).await.unwrap();
    }
    let found = row(&store).await;
    assert_eq!((found.failures, found.failed_at, found.due_at), (2, Some(NOW), Some(LATER)), "one was stale");
    assert_eq!((found.cursor.as_deref(), found.version), (Some("1"), 2));
    store.polled(polled(2, &[], None)).await.unwrap();
    let found = row(&store).await;
    assert_eq!((found.failures, found.failure), (0, None));
}

#[tokio::test]
async fn a_reset_is_audited_and_wins_over_a_poll_under_way() {
    let room = Room::new();
    let store = room.open();
    keep(&store, TriggerKind::Poll, "x").await;
    store.polled(polled(1, &["a"], Some("7"))).await.unwrap();
    store.reset_trigger("f".to_owned(), Some("3".to_owned()), by()).await.unwrap();
    let refused = store.polled(polled(2, &["b"], Some("8"))).await;
    assert!(matches!(refused, Err(KvError::Store(StoreError::Exists { .. }))), "{refused:?}");
    let found = row(&store).await;
    assert_eq!((found.cursor.as_deref(), found.due_at, found.events), (Some("3"), Some(NOW), 1));
    let audit = store.audit(None, 1).await.unwrap();
    assert_eq!((audit[0].act.as_str(), audit[0].detail.as_str()), ("trigger.reset", r#"{"from":7,"to":3}"#));
    let none = store.reset_trigger("g".to_owned(), None, by()).await;
    assert!(matches!(none, Err(StoreError::NotFound { .. })), "{none:?}");
}

#[tokio::test]
async fn the_next_of_many_is_read_from_an_index() {
    let room = Room::new();
    let store = room.open();
    for n in (0..50_u64).rev() {
        let due = (n != 7).then_some(Timestamp(NOW.0 + n));
        let kind = if n % 2 == 0 { TriggerKind::Schedule } else { TriggerKind::Poll };
        store.keep_trigger(format!("f{n}"), (kind, "x".to_owned()), due, NOW).await.unwrap();
    }
    let next = store.next_triggers(TriggerKind::Poll, 4).await.unwrap();
    let names: Vec<_> = next.into_iter().map(|row| row.flow).collect();
    assert_eq!(names, ["f1", "f3", "f5", "f9"]);
    drop(store);
    let plan: Vec<String> = room
        .shell()
        .prepare("EXPLAIN QUERY PLAN SELECT * FROM flow_trigger WHERE kind = 'poll' AND due_at IS NOT NULL ORDER BY due_at LIMIT 4")
        .unwrap()
        .query_map([], |row| row.get("detail"))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(plan.iter().all(|line| line.contains("flow_trigger_due") && !line.contains("SCAN")), "{plan:?}");
    assert!(!plan.iter().any(|line| line.contains("TEMP B-TREE")), "{plan:?}");
}
