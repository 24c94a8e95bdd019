//! A journal that somebody edited is found, and holds nobody else up.

use super::{NOW, Room, begin, settle_of};
use crate::{Archive, RunState, Settle, StoreError, archive::journals};

/// Each edit is one that a person with the file could make.
#[tokio::test]
async fn a_journal_shows_every_edit() {
    let edits = [
        r#"UPDATE journal SET entry = '{"settled":9}' WHERE run = 'r' AND seq = 1"#,
        "UPDATE journal SET at = at + 1 WHERE run = 'r' AND seq = 0",
        "UPDATE journal SET hash = zeroblob(32) WHERE run = 'r' AND seq = 2",
        "UPDATE journal SET prev_hash = zeroblob(32) WHERE run = 'r' AND seq = 2",
        "DELETE FROM journal WHERE run = 'r' AND seq = 0",
        "DELETE FROM journal WHERE run = 'r' AND seq = 2",
        "DELETE FROM journal WHERE run = 'r' AND seq = 3",
        "UPDATE journal SET entry = NULL WHERE run = 'r' AND seq = 1",
        "UPDATE run SET seq = 3 WHERE id = 'r'",
        "UPDATE run SET head = (SELECT head FROM run WHERE id = 'other') WHERE id = 'r'",
        "INSERT INTO journal SELECT run, 4, at, entry, entry_blob, prev_hash, hash FROM journal WHERE run = 'r' AND seq = 3",
        "DELETE FROM journal WHERE run = 'r'; UPDATE journal SET run = 'r' WHERE run = 'other'",
        "UPDATE blob SET bytes = zeroblob(70000)",
        "DELETE FROM blob",
        "UPDATE run SET head = x'00' WHERE id = 'r'",
        "UPDATE run SET digests = '[]' WHERE id = 'r'",
    ];
    for edit in edits {
        let room = Room::new();
        let store = room.open();
        begin(&store, "other").await;
        begin(&store, "r").await;
        store.settle(settle_of(&store, "r", 1, RunState::Claimed)).await.unwrap();
        let long = Settle {
            entries: vec![format!("\"{}\"", "x".repeat(70_000)), "2".to_owned()],
            ..settle_of(&store, "r", 2, RunState::Ready { due_at: NOW })
        };
        store.settle(long).await.unwrap();
        assert_eq!(store.verify_journal("r".to_owned()).await.unwrap().entries, 4);
        room.shell().execute_batch(edit).unwrap();
        let found = store.run("r".to_owned()).await;
        assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{edit}: {found:?}");
        // What the run is pinned to is not part of its journal.
        let checked = store.verify_journals(None).await.unwrap();
        assert_eq!(checked.damaged.is_empty(), edit.contains("digests"), "{edit}: {checked:?}");
        // It ends where people look for it, and the others go on.
        assert_eq!(store.claim(NOW, 10).await.unwrap().len(), 0, "{edit}");
        let letter = store.dead_letter("r".to_owned()).await.unwrap().unwrap();
        assert_eq!(letter.class, "journal-damaged", "{edit}");
    }
}

#[tokio::test]
async fn journals_are_checked_page_by_page() {
    let room = Room::new();
    let store = room.open();
    for run in ["a", "b", "c", "d"] {
        begin(&store, run).await;
    }
    store.settle(settle_of(&store, "c", 1, RunState::Claimed)).await.unwrap();
    let entries = store.verify_journals(None).await.unwrap();
    assert_eq!((entries.runs, entries.entries, entries.next), (4, 5, None));
    room.shell()
        .execute_batch("DELETE FROM run WHERE id = 'b'; UPDATE journal SET at = 0 WHERE run = 'd'")
        .unwrap();
    let shell = room.shell();
    let mut after: Option<String> = None;
    let mut damaged = Vec::new();
    let mut pages = 0;
    loop {
        let page = journals(&shell, after.as_deref(), 1).unwrap();
        damaged.extend(page.damaged.into_iter().map(|one| one.run));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    // The last full page does not know yet that it is the last.
    assert_eq!((pages, damaged), (4, vec!["b".to_owned(), "d".to_owned()]));
    // Without the store, and beside it.
    let archive = Archive::open(room.dir.path()).unwrap();
    assert_eq!(archive.journals(None).unwrap().damaged.len(), 2);
    assert_eq!(archive.audit(None).unwrap(), store.verify_audit(None).await.unwrap());
}
