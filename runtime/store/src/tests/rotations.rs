//! The master key is replaced: whatever cuts it off, it goes on; and the old key opens nothing then.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use super::{KEY, Room, by};
use crate::{
    MasterKey, NewConnection, Progress, Rotated, Rotation, Secret, Store, StoreConfig, StoreError,
    next_key_file, rotate, rotate_key_file,
};

const NEW: &str = "ffeeddccbbaa99887766554433221100a1b2c3d4e5f60718293a4b5c6d7e8f90";

fn connection(name: &str, value: &str) -> NewConnection {
    NewConnection {
        name: name.to_owned(),
        connector: "slack".to_owned(),
        method: "token".to_owned(),
        settings: "{}".to_owned(),
        identity: None,
        secrets: BTreeMap::from([("token".to_owned(), Secret::new(value.as_bytes().to_vec()))]),
    }
}

/// A directory with its key file and this many secrets.
async fn filled(dir: &Path, secrets: usize) {
    let file = dir.join("master.key");
    fs::write(&file, KEY).unwrap();
    fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let store = open(dir, &MasterKey::load(&file).unwrap()).unwrap();
    for n in 0..secrets {
        store.put_connection(connection(&format!("c{n:04}"), &format!("value-{n}")), by()).await.unwrap();
    }
}

fn open(dir: &Path, key: &MasterKey) -> Result<Store, StoreError> {
    Store::open(StoreConfig { path: dir.to_owned(), master_key: copy(key) })
}

fn copy(key: &MasterKey) -> MasterKey {
    MasterKey::from_hex(&hex::encode(key.0.as_slice())).unwrap()
}

async fn check_all_open(dir: &Path, secrets: usize) {
    let store = open(dir, &MasterKey::load(&dir.join("master.key")).unwrap()).unwrap();
    for n in 0..secrets {
        let opened = store.secrets(format!("c{n:04}")).await.unwrap();
        assert_eq!(opened["token"].expose(), format!("value-{n}").as_bytes());
    }
}

fn copy_dir(from: &Path, to: &Path) {
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// Everything that lies in the directory but the key files.
fn bytes(dir: &Path) -> Vec<u8> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    let data = files.filter(|path| !path.to_string_lossy().contains("master.key"));
    data.flat_map(|path| fs::read(path).unwrap()).collect()
}

fn finds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn se_12_killed_at_any_step_it_goes_on_and_every_secret_opens() {
    const SECRETS: usize = 1000;
    let room = Room::new();
    filled(room.dir.path(), SECRETS).await;
    let key_file = room.dir.path().join("master.key");
    // What lies on the disk after each step is all that a `kill -9` leaves.
    let mut killed: Vec<(Progress, tempfile::TempDir)> = Vec::new();
    let rotated = rotate_key_file(room.dir.path(), &key_file, &by(), &mut |step| {
        let copy = tempfile::tempdir().unwrap();
        copy_dir(room.dir.path(), copy.path());
        killed.push((step, copy));
    });
    assert_eq!(rotated, Ok(Rotated { secrets: SECRETS as u64, damaged: 0, generation: 2 }));
    check_all_open(room.dir.path(), SECRETS).await;
    assert!(killed.len() >= 20, "{}", killed.len());
    for (step, dir) in killed {
        let key_file = dir.path().join("master.key");
        // A server may not run on two keys.
        let begun = matches!(step, Progress::Begun { .. } | Progress::Sealed { .. });
        for file in [key_file.clone(), next_key_file(&key_file)] {
            if let (true, Ok(key)) = (begun, MasterKey::load(&file)) {
                assert_eq!(open(dir.path(), &key).unwrap_err(), StoreError::Rotating, "{step:?}");
            }
        }
        let again = rotate_key_file(dir.path(), &key_file, &by(), &mut |_| {}).unwrap();
        let expected = if step == Progress::KeyMoved { 3 } else { 2 };
        assert_eq!((again.damaged, again.generation), (0, expected), "{step:?}");
        assert!(!next_key_file(&key_file).exists());
        check_all_open(dir.path(), SECRETS).await;
    }
}

#[tokio::test]
async fn se_12_after_it_the_old_key_opens_nothing() {
    let room = Room::new();
    filled(room.dir.path(), 50).await;
    let before: Vec<(Vec<u8>, Vec<u8>)> = {
        let shell = room.shell();
        let mut select = shell.prepare("SELECT wrapped_key, sealed FROM secret").unwrap();
        select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let old = MasterKey::from_hex(KEY).unwrap();
    rotate_key_file(room.dir.path(), &room.dir.path().join("master.key"), &by(), &mut |_| {}).unwrap();
    assert_eq!(open(room.dir.path(), &old).unwrap_err(), StoreError::WrongMasterKey);
    // Neither in the rows, nor in pages that were freed, nor in the log.
    let left = bytes(room.dir.path());
    for (wrapped_key, sealed) in &before {
        assert!(!finds(&left, wrapped_key) && !finds(&left, sealed));
    }
    assert_eq!(before.len(), 50);
}

#[tokio::test]
async fn an_entry_that_was_replaced_leaves_nothing_for_a_key_that_leaks_later() {
    let room = Room::new();
    filled(room.dir.path(), 3).await;
    let sealed: Vec<u8> = room
        .shell()
        .query_row("SELECT sealed FROM secret WHERE connection = 'c0001'", [], |row| row.get(0))
        .unwrap();
    let key = MasterKey::from_hex(KEY).unwrap();
    let store = open(room.dir.path(), &key).unwrap();
    store.put_connection(connection("c0001", "another"), by()).await.unwrap();
    drop(store);
    rotate_key_file(room.dir.path(), &room.dir.path().join("master.key"), &by(), &mut |_| {}).unwrap();
    assert!(!finds(&bytes(room.dir.path()), &sealed));
}

#[tokio::test]
async fn keys_of_the_operators_own_go_on_with_the_same_pair_only() {
    let room = Room::new();
    filled(room.dir.path(), 200).await;
    let path: PathBuf = room.dir.path().to_owned();
    let pair = |new: &str| Rotation {
        path: path.clone(),
        old: MasterKey::from_hex(KEY).unwrap(),
        new: MasterKey::from_hex(new).unwrap(),
    };
    let cut = tempfile::tempdir().unwrap();
    let mut batches = 0;
    rotate(&pair(NEW), &by(), &mut |step| {
        if matches!(step, Progress::Sealed { .. }) {
            batches += 1;
            if batches == 2 {
                copy_dir(&path, cut.path());
            }
        }
    })
    .unwrap();
    let cut_pair = |old: &str, new: &str| Rotation {
        path: cut.path().to_owned(),
        old: MasterKey::from_hex(old).unwrap(),
        new: MasterKey::from_hex(new).unwrap(),
    };
    let third = NEW.replace("ff", "01");
    let run = |pair: &Rotation| rotate(pair, &by(), &mut |_| {});
    assert_eq!(run(&cut_pair(KEY, &third)), Err(StoreError::RotatingToAnother));
    assert_eq!(run(&cut_pair(&third, NEW)), Err(StoreError::WrongMasterKey));
    assert_eq!(run(&cut_pair(KEY, NEW)).map(|rotated| rotated.generation), Ok(2));
    // Done again, there is nothing to do.
    assert_eq!(run(&cut_pair(KEY, NEW)), Ok(Rotated { secrets: 0, damaged: 0, generation: 2 }));
}

#[tokio::test]
async fn nothing_begins_while_a_secret_does_not_open_or_a_server_runs() {
    let room = Room::new();
    filled(room.dir.path(), 3).await;
    let key_file = room.dir.path().join("master.key");
    let run = || rotate_key_file(room.dir.path(), &key_file, &by(), &mut |_| {});
    let store = open(room.dir.path(), &MasterKey::load(&key_file).unwrap()).unwrap();
    assert!(matches!(run(), Err(StoreError::Locked { .. })));
    drop(store);
    room.shell().execute_batch("UPDATE secret SET sealed = x'00' WHERE connection = 'c0001'").unwrap();
    let corrupt = StoreError::SecretCorrupt { connection: "c0001".to_owned(), slot: "token".to_owned() };
    assert_eq!(run(), Err(corrupt));
    // The server starts as before; the operator enters the secret again, and then it goes.
    let store = open(room.dir.path(), &MasterKey::load(&key_file).unwrap()).unwrap();
    store.put_connection(connection("c0001", "value-1"), by()).await.unwrap();
    drop(store);
    assert_eq!(run().map(|rotated| rotated.secrets), Ok(3));
    check_all_open(room.dir.path(), 3).await;
}
