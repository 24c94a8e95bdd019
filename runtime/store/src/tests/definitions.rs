//! Connectors, grants, flows, keys, and the audit log that every change of them leaves.

use std::time::Duration;

use wharf_model::{digest::Digest, grant::Grant};

use super::{NOW, Room, accept_of, by, done, new_run, settle_of};
use crate::{
    Activation, By, FlowState, NewConnector, NewGrant, NewRun, Retention, Store, StoreError, Verified,
};

fn slack(version: &str, wasm: &[u8]) -> NewConnector {
    NewConnector {
        name: "slack".to_owned(),
        version: version.to_owned(),
        manifest: "{}".to_owned(),
        wasm: wasm.to_vec(),
    }
}

fn activation(digest: Digest) -> Activation {
    Activation { digest, grant: None, superseded: Vec::new() }
}

fn granting(connector: &str, grant: Grant) -> NewGrant {
    NewGrant { connector: connector.to_owned(), grant, seen: None }
}

async fn acts(store: &Store) -> Vec<String> {
    let mut acts: Vec<_> = store.audit(None, 200).await.unwrap().into_iter().map(|row| row.act).collect();
    acts.reverse();
    acts
}

#[tokio::test]
async fn connector_versions_never_change() {
    let room = Room::new();
    let store = room.open();
    let digest = store.install_connector(slack("1.0.0", b"one"), by()).await.unwrap();
    assert_eq!(digest, Digest::of(b"one"));
    assert_eq!(store.install_connector(slack("1.0.0", b"one"), by()).await, Ok(digest));
    for other in [slack("1.0.0", b"two"), slack("1.0.1", b"one")] {
        let refused = store.install_connector(other, by()).await;
        assert!(matches!(refused, Err(StoreError::Exists { what: "connector", .. })), "{refused:?}");
    }
    assert_eq!(store.connector_wasm(digest).await, Ok(b"one".to_vec()));
    room.shell().execute_batch("UPDATE connector_wasm SET wasm = x'00'").unwrap();
    assert!(matches!(store.connector_wasm(digest).await, Err(StoreError::Corrupt { .. })));
    assert_eq!(acts(&store).await, ["connector.install"]);
}

#[tokio::test]
async fn a_connector_goes_when_nothing_needs_it() {
    let room = Room::new();
    let store = room.open();
    let old = store.install_connector(slack("1.0.0", b"one"), by()).await.unwrap();
    let new = store.install_connector(slack("1.1.0", b"two"), by()).await.unwrap();
    store.activate_connector(activation(old), by()).await.unwrap();
    let run = NewRun { digests: [("slack".to_owned(), old)].into(), ..new_run("r", None) };
    store.accept(accept_of("r", vec![run])).await.unwrap();
    store.activate_connector(activation(new), by()).await.unwrap();
    let active = store.active_connector("slack".to_owned()).await.unwrap().unwrap();
    assert_eq!((active.version.as_str(), active.active_since), ("1.1.0", Some(NOW)));
    for (digest, pins) in [(new, 0), (old, 1)] {
        assert_eq!(store.runs_pinned_to(digest).await, Ok(pins));
        let refused = store.remove_connector(digest, by()).await;
        assert!(matches!(refused, Err(StoreError::Exists { .. })), "{refused:?}");
    }
    store.settle(settle_of(&store, "r", 1, done())).await.unwrap();
    assert_eq!(store.remove_connector(old, by()).await, Ok(()));
    assert_eq!(store.connector(old).await, Ok(None));
    store.deactivate_connector("slack".to_owned(), by()).await.unwrap();
    assert_eq!(store.active_connector("slack".to_owned()).await, Ok(None));
    let versions: Vec<_> = store.connectors().await.unwrap().into_iter().map(|c| c.version).collect();
    assert_eq!(versions, ["1.1.0"]);
}

#[tokio::test]
async fn grants_are_versioned_by_name() {
    let room = Room::new();
    let store = room.open();
    assert_eq!(store.grant("slack".to_owned()).await, Ok(None));
    let wide = Grant { store_max_bytes: Some(1 << 20), ..Grant::default() };
    assert_eq!(store.set_grant(granting("slack", wide.clone()), by()).await, Ok(1));
    assert_eq!(store.set_grant(granting("slack", Grant::default()), by()).await, Ok(2));
    assert_eq!(store.set_grant(granting("github", wide), by()).await, Ok(1));
    let grants = store.grants().await.unwrap();
    let grants: Vec<_> =
        grants.iter().map(|g| (g.connector.as_str(), g.version, g.grant.store_max_bytes)).collect();
    assert_eq!(grants, [("github", 1, Some(1 << 20)), ("slack", 2, None)]);
    assert_eq!(store.grant("slack".to_owned()).await.unwrap().unwrap().version, 2);
}

#[tokio::test]
async fn flows_are_published_by_content() {
    let room = Room::new();
    let store = room.open();
    let publish = async |source: &str| {
        store.publish_flow("triage".to_owned(), source.to_owned(), by()).await.unwrap().version
    };
    assert_eq!([publish("a").await, publish("a").await, publish("b").await], [1, 1, 2]);
    store.retire_flow("triage".to_owned(), by()).await.unwrap();
    assert_eq!(store.flow("triage".to_owned()).await.unwrap().unwrap().state, FlowState::Retired);
    assert_eq!([publish("b").await, publish("a").await], [2, 3]);
    let flows = store.flows().await.unwrap();
    assert_eq!(flows.len(), 1);
    assert_eq!((flows[0].version, flows[0].source.as_str(), flows[0].state), (3, "a", FlowState::Active));
    let old = store.flow_version("triage".to_owned(), 2).await.unwrap().unwrap();
    assert_eq!((old.source.as_str(), old.digest), ("b", Digest::of(b"b")));
    assert_eq!(store.flow_version("triage".to_owned(), 4).await, Ok(None));
}

#[tokio::test]
async fn api_keys_are_found_by_hash_until_they_are_revoked() {
    let room = Room::new();
    let store = room.open();
    let hash = Digest::of(b"key");
    let add = |id: &str, hash| store.add_api_key(id.to_owned(), "ci".to_owned(), hash, by());
    add("k1", hash).await.unwrap();
    assert!(matches!(add("k1", Digest::of(b"other")).await, Err(StoreError::Exists { .. })));
    assert!(matches!(add("k2", hash).await, Err(StoreError::Exists { .. })));
    store.touch_api_key("k1".to_owned(), NOW).await.unwrap();
    let key = store.find_api_key(hash).await.unwrap().unwrap();
    assert_eq!((key.id.as_str(), key.last_used_at), ("k1", Some(NOW)));
    assert_eq!(store.find_api_key(Digest::of(b"guess")).await, Ok(None));
    store.revoke_api_key("k1".to_owned(), by()).await.unwrap();
    assert_eq!(store.find_api_key(hash).await, Ok(None));
    assert_eq!(store.api_keys().await.unwrap()[0].revoked_at, Some(NOW));
    assert!(store.revoke_api_key("k1".to_owned(), by()).await.is_err());
}

#[tokio::test]
async fn the_audit_log_shows_every_edit() {
    for edit in [
        "UPDATE audit SET actor = 'nobody' WHERE n = 2",
        "UPDATE audit SET detail = '{}' WHERE n = 1",
        "UPDATE audit SET at = at - 1 WHERE n = 3",
        "DELETE FROM audit WHERE n = 1",
        "DELETE FROM audit WHERE n = 2",
        "UPDATE audit SET n = 9 WHERE n = 3",
        "UPDATE audit SET act = act || subject, subject = '' WHERE n = 2",
    ] {
        let room = Room::new();
        let store = room.open();
        for subject in ["a", "b", "c"] {
            let detail = serde_json::json!({ "why": subject });
            store.record(by(), "gate.denied", subject.to_owned(), detail).await.unwrap();
        }
        let sound = store.verify_audit(None).await.unwrap();
        assert_eq!((sound.entries, sound.head), (3, store.audit(None, 1).await.unwrap()[0].hash));
        room.shell().execute_batch(edit).unwrap();
        let found = store.verify_audit(None).await;
        assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{edit}: {found:?}");
    }
}

/// A head that was noted elsewhere finds out a log that was replaced as a whole.
#[tokio::test]
async fn a_known_head_shows_a_log_that_was_replaced() {
    let written = async |subjects: &[&str]| {
        let room = Room::new();
        let store = room.open();
        for subject in subjects {
            store.record(by(), "grant.set", (*subject).to_owned(), serde_json::json!({})).await.unwrap();
        }
        (room, store)
    };
    let (_room, store) = written(&["a", "b"]).await;
    let known = store.verify_audit(None).await.unwrap();
    assert_eq!(known.to_string().parse(), Ok(known));
    for (subjects, sound) in [
        (["a", "b"].as_slice(), true),
        (&["a", "b", "c"], true),
        (&["a", "c"], false),
        (&["a", "c", "b"], false),
        (&["a"], false),
        (&[], false),
    ] {
        let (_room, store) = written(subjects).await;
        store.verify_audit(None).await.unwrap();
        assert_eq!(store.verify_audit(Some(known)).await.is_ok(), sound, "{subjects:?}");
    }
    let (_room, store) = pruned().await;
    let forgotten = Verified { entries: 3, ..known };
    assert_eq!(store.verify_audit(Some(forgotten)).await.unwrap().entries, 18, "it is too old to compare");
    for text in ["", "3", "3:", ":sha256:00", "3:sha256:00", "+2:sha256:", "x:y"] {
        assert!(text.parse::<Verified>().is_err(), "{text}");
    }
}

/// A log of 18 rows whose first ten are forgotten: ten and four old ones, two younger ones, two about it.
async fn pruned() -> (Room, Store) {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let room = Room::new();
    let store = room.open();
    for n in 0..16 {
        let at = if n < 14 { NOW } else { NOW.after(DAY * 300) };
        let detail = serde_json::json!({ "n": n });
        store.record(By::new("cli", at), "grant.set", "a".to_owned(), detail).await.unwrap();
    }
    let retention = Retention { audit: DAY * 400, batch: 5, ..Retention::default() };
    // Whole batches: the four that are left of the old ones wait for one more.
    for (day, expected) in [(400, 0), (401, 5), (401, 5), (401, 0)] {
        let pruned = store.prune(NOW.after(DAY * day), retention).await.unwrap();
        assert_eq!(pruned.audit, expected, "day {day}");
    }
    (room, store)
}

#[tokio::test]
async fn an_audit_log_whose_beginning_is_forgotten_is_still_one_chain() {
    let (_room, store) = pruned().await;
    let rows = store.audit(None, 100).await.unwrap();
    assert_eq!((rows.last().unwrap().n, rows[0].n, rows.len()), (11, 18, 8));
    assert_eq!(rows.iter().filter(|row| row.act == "audit.prune" && row.actor == "system").count(), 2);
    let found = store.verify_audit(None).await.unwrap();
    assert_eq!((found.entries, found.head), (18, rows[0].hash));
    // The row about it is the proof: without it, with another number in it, or with one row more gone, it shows.
    for edit in [
        "DELETE FROM audit WHERE n = 11",
        "DELETE FROM audit WHERE act = 'audit.prune'",
        "UPDATE audit SET detail = replace(detail, ':10', ':11') WHERE n = 18",
    ] {
        let (room, store) = pruned().await;
        room.shell().execute_batch(edit).unwrap();
        let found = store.verify_audit(None).await;
        assert!(matches!(found, Err(StoreError::Corrupt { .. })), "{edit}: {found:?}");
    }
}

#[tokio::test]
async fn the_newest_audit_row_stays_however_old_it_is() {
    let room = Room::new();
    let store = room.open();
    for _ in 0..3 {
        store.record(by(), "grant.set", "a".to_owned(), serde_json::json!({})).await.unwrap();
    }
    let retention = Retention { audit: Duration::ZERO, batch: 3, ..Retention::default() };
    let later = NOW.after(Duration::from_secs(1));
    assert_eq!(store.prune(later, retention).await.unwrap().audit, 0);
    let retention = Retention { batch: 2, ..retention };
    assert_eq!(store.prune(later, retention).await.unwrap().audit, 2);
    let rows = store.audit(None, 10).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.n).collect::<Vec<_>>(), [4, 3]);
    assert!(rows[0].detail.contains("\"through\":2"), "{rows:?}");
    store.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn blobs_are_counted_and_checked() {
    let room = Room::new();
    let store = room.open();
    let digest = store.put_blob(b"bytes".to_vec()).await.unwrap();
    assert_eq!(store.put_blob(b"bytes".to_vec()).await, Ok(digest));
    store.release_blob(digest).await.unwrap();
    assert_eq!(store.blob(digest).await, Ok(Some(b"bytes".to_vec())));
    store.release_blob(digest).await.unwrap();
    assert_eq!(store.blob(digest).await, Ok(None));
}
