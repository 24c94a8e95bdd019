//! Grants in force and tried out, versions that are held, and what was denied.

use wharf_model::{digest::Digest, grant::Grant};

use super::{NOW, Room, by};
use crate::{
    Activation, Denial, DenialKind, DeniedIn, GrantMode, NewConnector, NewDenial, NewGrant, Store, StoreError,
};

fn grant(bytes: u64) -> Grant {
    Grant { store_max_bytes: Some(bytes), ..Grant::default() }
}

fn new(bytes: u64, seen: Option<u64>) -> NewGrant {
    NewGrant { connector: "slack".to_owned(), grant: grant(bytes), seen }
}

async fn history(store: &Store) -> Vec<(u64, GrantMode, Option<u64>)> {
    let history = store.grant_history("slack".to_owned(), 100).await.unwrap();
    history.iter().map(|row| (row.version, row.mode, row.grant.store_max_bytes)).collect()
}

#[tokio::test]
async fn a_trial_is_in_force_only_once_it_is_enforced() {
    use GrantMode::{Ended, Enforce, ReportOnly};
    let room = Room::new();
    let store = room.open();
    let name = || "slack".to_owned();
    assert_eq!(store.set_grant(new(1, Some(0)), by()).await, Ok(1));
    assert_eq!(store.propose_grant(new(2, Some(1)), by()).await, Ok(2));
    assert_eq!(store.propose_grant(new(3, Some(1)), by()).await, Ok(3));
    assert_eq!(store.grant(name()).await.unwrap().unwrap().version, 1);
    assert_eq!(store.proposed_grant(name()).await.unwrap().unwrap().version, 3);
    // The one that was replaced is no longer to be had.
    assert!(matches!(store.enforce_grant(name(), 2, by()).await, Err(StoreError::NotFound { .. })));
    assert_eq!(store.enforce_grant(name(), 3, by()).await, Ok(4));
    assert_eq!(store.proposed_grant(name()).await, Ok(None));
    assert_eq!(
        history(&store).await,
        [(4, Enforce, Some(3)), (3, Ended, Some(3)), (2, Ended, Some(2)), (1, Enforce, Some(1))]
    );
    assert_eq!(store.propose_grant(new(5, Some(4)), by()).await, Ok(5));
    assert_eq!(store.set_grant(new(6, Some(4)), by()).await, Ok(6));
    // What was watched was watched beside another grant.
    assert!(matches!(store.enforce_grant(name(), 5, by()).await, Err(StoreError::Exists { .. })));
    assert_eq!(history(&store).await[1], (5, ReportOnly, Some(5)));
    store.withdraw_grant(name(), by()).await.unwrap();
    assert!(matches!(store.withdraw_grant(name(), by()).await, Err(StoreError::NotFound { .. })));
    let acts: Vec<_> = store.audit(None, 50).await.unwrap().into_iter().map(|row| row.act).collect();
    let expected = [
        "grant.withdraw",
        "grant.set",
        "grant.propose",
        "grant.set",
        "grant.propose",
        "grant.propose",
        "grant.set",
    ];
    assert_eq!(acts, expected);
}

#[tokio::test]
async fn a_change_made_from_what_is_no_longer_in_force_is_refused() {
    let room = Room::new();
    let store = room.open();
    store.set_grant(new(1, None), by()).await.unwrap();
    for seen in [Some(0), Some(2)] {
        assert!(matches!(store.set_grant(new(9, seen), by()).await, Err(StoreError::Exists { .. })));
        assert!(matches!(store.propose_grant(new(9, seen), by()).await, Err(StoreError::Exists { .. })));
    }
    assert_eq!(history(&store).await.len(), 1);
}

async fn install(store: &Store, version: &str) -> Digest {
    let new = NewConnector {
        name: "slack".to_owned(),
        version: version.to_owned(),
        manifest: "{}".to_owned(),
        wasm: version.as_bytes().to_vec(),
    };
    store.install_connector(new, by()).await.unwrap()
}

#[tokio::test]
async fn a_version_and_its_grant_go_in_together_or_not_at_all() {
    let room = Room::new();
    let store = room.open();
    let (one, two) = (install(&store, "1.0.0").await, install(&store, "2.0.0").await);
    store.hold_connector(one, by()).await.unwrap();
    store.hold_connector(two, by()).await.unwrap();
    let go =
        |digest, seen, superseded| Activation { digest, grant: Some((grant(seen + 1), seen)), superseded };
    let stale = store.activate_connector(go(one, 7, Vec::new()), by()).await;
    assert!(matches!(stale, Err(StoreError::Exists { .. })), "{stale:?}");
    assert_eq!(store.active_connector("slack".to_owned()).await, Ok(None));
    assert_eq!(store.grant("slack".to_owned()).await, Ok(None));
    store.activate_connector(go(two, 0, vec![one]), by()).await.unwrap();
    let rows = store.connectors().await.unwrap();
    assert!(rows.iter().all(|row| row.held_since.is_none()), "{rows:?}");
    assert_eq!(rows[1].activated_at, Some(NOW));
    assert_eq!(store.grant("slack".to_owned()).await.unwrap().unwrap().version, 1);
}

#[tokio::test]
async fn a_version_that_is_turned_away_goes() {
    let room = Room::new();
    let store = room.open();
    let digest = install(&store, "1.0.0").await;
    assert!(matches!(store.reject_connector(digest, by()).await, Err(StoreError::NotFound { .. })));
    store.hold_connector(digest, by()).await.unwrap();
    store.hold_connector(digest, by()).await.unwrap();
    store.reject_connector(digest, by()).await.unwrap();
    assert_eq!(store.connector(digest).await, Ok(None));
    let acts: Vec<_> = store.audit(None, 50).await.unwrap().into_iter().map(|row| row.act).collect();
    assert_eq!(acts, ["connector.remove", "connector.reject", "connector.hold", "connector.install"]);
}

fn within(run: &str) -> DeniedIn {
    DeniedIn { connector: "slack".to_owned(), run: Some(run.to_owned()), step: "tell".to_owned() }
}

fn denial(kind: DenialKind, reason: &str, place: &str) -> NewDenial {
    NewDenial {
        kind,
        reason: reason.to_owned(),
        gate: "manifest".to_owned(),
        method: "POST".to_owned(),
        place: place.to_owned(),
        message: format!("slack tried POST {place}"),
    }
}

async fn audited(store: &Store) -> Vec<(String, u64, String)> {
    let rows = store.audit(None, 200).await.unwrap();
    rows.into_iter()
        .map(|row| {
            let detail: serde_json::Value = serde_json::from_str(&row.detail).unwrap();
            let reason = detail["reason"].as_str().unwrap().to_owned();
            (row.act, detail["count"].as_u64().unwrap(), reason)
        })
        .collect()
}

#[tokio::test]
async fn a_run_leaves_one_audit_row_a_reason_however_often_it_tried() {
    use DenialKind::{Denied, WouldDeny};
    let room = Room::new();
    let store = room.open();
    let mut denials = vec![denial(Denied, "host", "https://evil.example/"); 90];
    denials.push(denial(Denied, "secret-binding", "https://api.example/"));
    denials.push(denial(Denied, "insecure-credential", "http://api.example/"));
    denials.push(denial(WouldDeny, "method", "https://api.example/"));
    store.record_denials(within("r1"), denials, NOW).await.unwrap();
    store
        .record_denials(within("r2"), vec![denial(Denied, "host", "https://evil.example/")], NOW)
        .await
        .unwrap();
    // Another attempt, another step, after a restart: the run was refused for that already.
    store
        .record_denials(within("r1"), vec![denial(Denied, "host", "https://b.example/")], NOW)
        .await
        .unwrap();
    drop(store);
    let store = room.open();
    let later = DeniedIn { step: "later".to_owned(), ..within("r1") };
    store.record_denials(later, vec![denial(Denied, "host", "https://evil.example/")], NOW).await.unwrap();
    // Another connector of the run was not, and what is called outside of a run is nobody's repetition.
    let other = DeniedIn { connector: "github".to_owned(), ..within("r1") };
    store.record_denials(other, vec![denial(Denied, "host", "https://c.example/")], NOW).await.unwrap();
    for _ in 0..2 {
        let outside = DeniedIn { run: None, ..within("") };
        let refused = vec![denial(Denied, "ip", "https://evil.example/")];
        store.record_denials(outside, refused, NOW).await.unwrap();
    }
    let mut rows = audited(&store).await;
    rows.sort();
    let row = |act: &str, count, reason: &str| (act.to_owned(), count, reason.to_owned());
    assert_eq!(
        rows,
        [
            row("egress.denied", 1, "host"),
            row("egress.denied", 1, "host"),
            row("egress.denied", 1, "ip"),
            row("egress.denied", 1, "ip"),
            row("egress.denied", 90, "host"),
            row("secret.denied", 1, "insecure-credential"),
            row("secret.denied", 1, "secret-binding")
        ]
    );
    let counted = store.denials("slack".to_owned()).await.unwrap();
    let of = |kind, reason: &str| {
        counted.iter().find(|row| row.kind == kind && row.reason == reason).map(|row| row.count)
    };
    assert_eq!(of(WouldDeny, "method"), Some(1));
    let host: &Denial =
        counted.iter().find(|row| row.place == "https://evil.example/" && row.reason == "host").unwrap();
    assert_eq!((host.run.as_deref(), host.count), (Some("r1"), 92), "every one is counted");
}

#[tokio::test]
async fn a_connector_cannot_choose_how_much_is_stored() {
    let room = Room::new();
    let store = room.open();
    let long = "x".repeat(100_000);
    let denials: Vec<_> = (0..1000)
        .map(|n| denial(DenialKind::Denied, "host", &format!("https://h{n}.example/{long}é")))
        .collect();
    store.record_denials(within("r"), denials, NOW).await.unwrap();
    let rows = store.denials("slack".to_owned()).await.unwrap();
    assert_eq!(rows.len(), 201);
    assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 1000);
    assert!(rows.iter().all(|row| row.place.len() <= 1024 && row.message.len() <= 1024));
    let rest = rows.iter().find(|row| row.place.is_empty()).unwrap();
    assert_eq!(rest.count, 800);
}
