//! Secrets at rest: a changed, moved, cut or deleted one is an error, never another value.

use std::collections::BTreeMap;

use rusqlite::params;

use super::{Room, by};
use crate::{NewConnection, Secret, Store, StoreError};

const TOKEN: &[u8] = b"xoxb-very-secret";

fn connection(name: &str, slots: &[(&str, &[u8])]) -> NewConnection {
    let secrets =
        slots.iter().map(|(slot, value)| ((*slot).to_owned(), Secret::new(value.to_vec()))).collect();
    NewConnection {
        name: name.to_owned(),
        connector: "slack".to_owned(),
        method: "token".to_owned(),
        settings: "{}".to_owned(),
        identity: None,
        secrets,
    }
}

async fn exposed(store: &Store, name: &str) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    let secrets = store.secrets(name.to_owned()).await?;
    Ok(secrets.into_iter().map(|(slot, secret)| (slot, secret.expose().to_vec())).collect())
}

fn corrupt(connection: &str, slot: &str) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
    Err(StoreError::SecretCorrupt { connection: connection.to_owned(), slot: slot.to_owned() })
}

#[tokio::test]
async fn se_09_open_as_they_were_entered_and_lie_sealed() {
    let room = Room::new();
    let store = room.open();
    let version = store.put_connection(connection("acme", &[("token", TOKEN), ("hook", b"h")]), by()).await;
    assert_eq!(version, Ok(1));
    let expected = BTreeMap::from([("hook".to_owned(), b"h".to_vec()), ("token".to_owned(), TOKEN.to_vec())]);
    assert_eq!(exposed(&store, "acme").await, Ok(expected));
    drop(store);
    for file in std::fs::read_dir(room.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(TOKEN.len()).any(|window| window == TOKEN));
    }
    assert_eq!(format!("{:?}", Secret::new(TOKEN.to_vec())), "Secret(..)");
}

#[tokio::test]
async fn entering_again_replaces_all_of_them() {
    let room = Room::new();
    let store = room.open();
    store.put_connection(connection("acme", &[("token", TOKEN), ("hook", b"h")]), by()).await.unwrap();
    let version = store.put_connection(connection("acme", &[("token", b"new")]), by()).await;
    assert_eq!(version, Ok(2));
    assert_eq!(exposed(&store, "acme").await, Ok(BTreeMap::from([("token".to_owned(), b"new".to_vec())])));
    store.remove_connection("acme".to_owned(), by()).await.unwrap();
    let gone = StoreError::NotFound { what: "connection", name: "acme".to_owned() };
    assert_eq!(exposed(&store, "acme").await, Err(gone));
    let left: i64 = room.shell().query_row("SELECT count(*) FROM secret", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn empty_ones_are_refused() {
    let room = Room::new();
    let refused = room.open().put_connection(connection("acme", &[("token", b"")]), by()).await;
    assert!(matches!(refused, Err(StoreError::Invalid { what: "secret", .. })), "{refused:?}");
}

#[tokio::test]
async fn se_11_every_flipped_byte_and_every_cut_is_found() {
    let room = Room::new();
    let store = room.open();
    store.put_connection(connection("acme", &[("token", TOKEN)]), by()).await.unwrap();
    let shell = room.shell();
    for column in ["wrapped_key", "sealed"] {
        let sound: Vec<u8> =
            shell.query_row(&format!("SELECT {column} FROM secret"), [], |row| row.get(0)).unwrap();
        let update = format!("UPDATE secret SET {column} = ?1");
        let flipped = (0..sound.len()).map(|at| {
            let mut bytes = sound.clone();
            bytes[at] ^= 1;
            bytes
        });
        // The cut to nothing is the empty one.
        let cut = (0..sound.len()).map(|length| sound[..length].to_vec());
        let longer = [[sound.as_slice(), &[0]].concat()];
        for bytes in flipped.chain(cut).chain(longer) {
            shell.execute(&update, [&bytes]).unwrap();
            assert_eq!(exposed(&store, "acme").await, corrupt("acme", "token"), "{column} {}", bytes.len());
        }
        shell.execute(&format!("UPDATE secret SET {column} = NULL"), []).unwrap();
        assert_eq!(exposed(&store, "acme").await, corrupt("acme", "token"), "{column} null");
        shell.execute(&update, params![sound]).unwrap();
        assert!(exposed(&store, "acme").await.is_ok(), "{column} restored");
    }
}

#[tokio::test]
async fn se_10_a_moved_one_is_found() {
    let room = Room::new();
    let store = room.open();
    store.put_connection(connection("old", &[("token", b"old")]), by()).await.unwrap();
    let shell = room.shell();
    shell.execute_batch("CREATE TABLE keep AS SELECT * FROM secret").unwrap();
    store.put_connection(connection("old", &[("token", b"new")]), by()).await.unwrap();
    store.put_connection(connection("a", &[("token", b"1"), ("hook", b"2")]), by()).await.unwrap();
    store.put_connection(connection("b", &[("token", b"3")]), by()).await.unwrap();
    let take = |from: &str| format!("(SELECT wrapped_key, sealed FROM {from})");
    let moves = [
        ("b", "token", take("secret WHERE connection = 'a' AND slot = 'token'")),
        ("a", "token", take("secret WHERE connection = 'a' AND slot = 'hook'")),
        ("old", "token", take("keep")),
    ];
    for (connection, slot, from) in moves {
        let sql = format!(
            "UPDATE secret SET (wrapped_key, sealed) = {from} WHERE connection = '{connection}' AND slot = '{slot}'"
        );
        shell.execute_batch(&sql).unwrap();
        assert_eq!(exposed(&store, connection).await, corrupt(connection, slot));
    }
}

#[tokio::test]
async fn se_10_a_deleted_one_and_one_under_another_method_or_connector_are_found() {
    for edit in [
        "DELETE FROM secret",
        "UPDATE connection SET method = 'basic'",
        "UPDATE connection SET connector = 'evil'",
        "UPDATE connection SET version = 2",
    ] {
        let room = Room::new();
        let store = room.open();
        store.put_connection(connection("acme", &[("token", TOKEN)]), by()).await.unwrap();
        room.shell().execute_batch(edit).unwrap();
        assert_eq!(exposed(&store, "acme").await, corrupt("acme", "token"), "{edit}");
    }
}

#[test]
fn se_14_nonces_are_distinct_over_100_000_encryptions() {
    use std::collections::HashSet;

    use crate::{
        MasterKey,
        seal::{Binding, Sealer},
    };
    let sealer = Sealer::new(&MasterKey::from_hex(super::KEY).unwrap());
    let binding =
        Binding { connector: "slack", connection: "acme", method: "token", slot: "token", version: 1 };
    let (mut nonces, mut texts) = (HashSet::new(), HashSet::new());
    // Each seals a key and a value.
    for _ in 0..50_000 {
        let sealed = sealer.seal(binding, TOKEN).unwrap();
        for part in [sealed.wrapped_key, sealed.sealed] {
            assert!(nonces.insert(<[u8; 24]>::try_from(&part[..24]).unwrap()));
            assert!(texts.insert(part));
        }
    }
    assert_eq!((nonces.len(), texts.len()), (100_000, 100_000));
}
