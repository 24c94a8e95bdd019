//! What connectors keep: expectations, lifetimes, quotas, and that it goes with the outcome.

use wharf_model::time::Timestamp;

use super::{NOW, Room, begin, done, settle_of};
use crate::{Expected, KvError, Settle, SettleError, Store, StoreOp, StoreWrite};

fn put(key: &str, value: &[u8]) -> StoreWrite {
    StoreWrite {
        scope: "s".to_owned(),
        key: key.to_owned(),
        expected: Expected::Any,
        op: StoreOp::Put { value: value.to_vec(), expires_at: None },
        quota_bytes: 20,
    }
}

fn until(write: StoreWrite, expires_at: u64) -> StoreWrite {
    let op = match write.op {
        StoreOp::Put { value, .. } => StoreOp::Put { value, expires_at: Some(Timestamp(expires_at)) },
        StoreOp::Delete => StoreOp::Delete,
    };
    StoreWrite { op, ..write }
}

fn delete(key: &str) -> StoreWrite {
    StoreWrite { op: StoreOp::Delete, ..put(key, b"") }
}

async fn get(store: &Store, key: &str, now: u64) -> Option<Vec<u8>> {
    store.kv_get("s".to_owned(), key.to_owned(), Timestamp(now)).await.unwrap()
}

async fn write(store: &Store, write: StoreWrite, now: u64) -> Result<(), KvError> {
    store.kv_write(vec![write], Timestamp(now)).await
}

#[tokio::test]
async fn expectations() {
    let room = Room::new();
    let store = room.open();
    let moved = Err(KvError::Moved { scope: "s".to_owned(), key: "k".to_owned() });
    let expecting = |expected| StoreWrite { expected, ..put("k", b"new") };
    assert_eq!(write(&store, expecting(Expected::Value(b"a".to_vec())), 0).await, moved);
    assert_eq!(write(&store, put("k", b"a"), 0).await, Ok(()));
    assert_eq!(write(&store, expecting(Expected::Absent), 0).await, moved);
    assert_eq!(write(&store, expecting(Expected::Value(b"b".to_vec())), 0).await, moved);
    assert_eq!(write(&store, expecting(Expected::Value(b"a".to_vec())), 0).await, Ok(()));
    assert_eq!(get(&store, "k", 0).await.as_deref(), Some(b"new".as_slice()));
    assert_eq!(write(&store, delete("k"), 0).await, Ok(()));
    assert_eq!(write(&store, expecting(Expected::Absent), 0).await, Ok(()));
    assert_eq!(store.kv_get("other".to_owned(), "k".to_owned(), NOW).await, Ok(None));
}

#[tokio::test]
async fn lifetimes_end_at_their_millisecond() {
    let room = Room::new();
    let store = room.open();
    write(&store, until(put("k", b"v"), 100), 0).await.unwrap();
    assert_eq!(get(&store, "k", 99).await.as_deref(), Some(b"v".as_slice()));
    assert_eq!(get(&store, "k", 100).await, None);
    let absent = StoreWrite { expected: Expected::Absent, ..put("k", b"w") };
    assert!(write(&store, absent.clone(), 99).await.is_err());
    assert_eq!(write(&store, absent, 100).await, Ok(()));
    assert_eq!(get(&store, "k", u64::MAX).await.as_deref(), Some(b"w".as_slice()));
}

#[tokio::test]
async fn quotas_count_keys_and_values_and_give_expired_room_back() {
    let room = Room::new();
    let store = room.open();
    let bytes = async || store.kv_bytes("s".to_owned()).await.unwrap();
    write(&store, until(put("a", &[0; 9]), 100), 0).await.unwrap();
    write(&store, put("b", &[0; 9]), 0).await.unwrap();
    assert_eq!(bytes().await, 20);
    let over = Err(KvError::Quota { scope: "s".to_owned(), needed: 21, limit: 20 });
    assert_eq!(write(&store, put("b", &[0; 10]), 99).await, over);
    assert_eq!(bytes().await, 20, "a refused write leaves no trace");
    assert_eq!(write(&store, put("b", &[0; 10]), 100).await, Ok(()));
    assert_eq!(bytes().await, 11);
    write(&store, put("b", &[0; 2]), 100).await.unwrap();
    write(&store, delete("b"), 100).await.unwrap();
    write(&store, delete("b"), 100).await.unwrap();
    assert_eq!(bytes().await, 0);
    assert_eq!(write(&store, put("é", &[0; 18]), 0).await, Ok(()), "bytes, not characters");
}

#[tokio::test]
async fn keys() {
    let room = Room::new();
    let store = room.open();
    let wide = |key: &str| StoreWrite { quota_bytes: 9999, ..put(key, b"v") };
    let long = "k".repeat(513);
    for (key, good) in [("", false), ("a\nb", false), ("a\0", false), (&*long, false), (&long[..512], true)] {
        assert_eq!(write(&store, wide(key), 0).await.is_ok(), good, "{key:?}");
    }
}

#[tokio::test]
async fn goes_with_the_outcome_or_not_at_all() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let settle = |writes| Settle { store_writes: writes, ..settle_of(&store, "r", 1, done()) };
    let refused = store.settle(settle(vec![put("a", b"1"), put("b", &[0; 30])])).await;
    assert!(matches!(refused, Err(SettleError::Kept(KvError::Quota { .. }))), "{refused:?}");
    assert_eq!(get(&store, "a", 0).await, None);
    assert_eq!(store.verify_journal("r".to_owned()).await.unwrap().entries, 1);
    store.settle(settle(vec![put("a", b"1"), put("b", b"2"), delete("b")])).await.unwrap();
    assert_eq!(get(&store, "a", 0).await.as_deref(), Some(b"1".as_slice()));
    assert_eq!(get(&store, "b", 0).await, None);
}
