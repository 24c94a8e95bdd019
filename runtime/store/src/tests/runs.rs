//! Claims, settling, dead letters, and forgetting.

use std::time::Duration;

use wharf_model::{digest::Digest, time::Timestamp};

use super::{NOW, Room, accept_of, begin, by, done, entries, new_run, settle_of};
use crate::{
    DeadLetterState, NewDeadLetter, NewRun, ResolveError, Retention, RunState, RunStatus, Settle,
    SettleError, Store, StoreError,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) const DEAD: RunState = RunState::Finished { status: RunStatus::Failed };

pub(super) fn letter() -> NewDeadLetter {
    NewDeadLetter {
        step: "tell".to_owned(),
        class: "permission-denied".to_owned(),
        message: "no".to_owned(),
        detail: "{}".to_owned(),
    }
}

async fn claim_ids(store: &Store, now: Timestamp, limit: usize) -> Vec<String> {
    store.claim(now, limit).await.unwrap().into_iter().map(|run| run.run).collect()
}

async fn status(store: &Store, run: &str) -> RunStatus {
    store.run(run.to_owned()).await.unwrap().unwrap().row.status
}

#[tokio::test]
async fn claims_what_is_due_once_the_longest_due_first() {
    let room = Room::new();
    let store = room.open();
    for (id, due) in [("a", 30), ("b", 10), ("c", 20), ("d", 40)] {
        store.accept(accept_of(id, vec![new_run(id, Some(Timestamp(due)))])).await.unwrap();
    }
    assert_eq!(store.next_due().await, Ok(Some(Timestamp(10))));
    assert_eq!(claim_ids(&store, Timestamp(9), 10).await, [""; 0]);
    let mut two = claim_ids(&store, Timestamp(39), 2).await;
    two.sort();
    assert_eq!(two, ["b", "c"]);
    assert_eq!(claim_ids(&store, Timestamp(39), 2).await, ["a"]);
    assert_eq!(store.next_due().await, Ok(Some(Timestamp(40))));
}

#[tokio::test]
async fn settles_step_by_step_to_the_end() {
    let room = Room::new();
    let store = room.open();
    let digests = [("slack".to_owned(), Digest::of(b"slack"))].into();
    let run = NewRun { digests, ..new_run("r", None) };
    store.accept(accept_of("r", vec![run.clone()])).await.unwrap();
    store.settle(settle_of(&store, "r", 1, RunState::Claimed)).await.unwrap();
    let due_at = NOW.after(Duration::from_secs(1));
    store.settle(settle_of(&store, "r", 2, RunState::Ready { due_at })).await.unwrap();
    assert_eq!(store.next_due().await, Ok(Some(due_at)));
    let claimed = store.claim(due_at, 1).await.unwrap();
    assert_eq!(entries(&claimed[0]), [r#"{"accepted":"r"}"#, r#"{"settled":1}"#, r#"{"settled":2}"#]);
    assert_eq!((&claimed[0].digests, claimed[0].flow_version), (&run.digests, 3));
    let settle = Settle {
        summary: Some("{}".to_owned()),
        new_runs: vec![new_run("child", Some(NOW))],
        ..settle_of(&store, "r", 3, done())
    };
    store.settle(settle).await.unwrap();
    let row = store.run("r".to_owned()).await.unwrap().unwrap().row;
    assert_eq!((row.status, row.finished_at, row.entries), (RunStatus::Done, Some(NOW), 4));
    assert_eq!(row.summary.as_deref(), Some("{}"));
    assert_eq!(claim_ids(&store, NOW, 9).await, ["child"]);
}

/// (what the caller expects, the state of the run) → refused.
#[tokio::test]
async fn an_outcome_is_appended_once() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let conflict =
        |status, expected, found| Err(SettleError::Conflict { run: "r".to_owned(), status, expected, found });
    let twice = settle_of(&store, "r", 1, RunState::Claimed);
    assert_eq!(store.settle(twice.clone()).await, Ok(()));
    assert_eq!(store.settle(twice).await, conflict(RunStatus::Running, 1, 2));
    assert_eq!(store.settle(settle_of(&store, "r", 3, done())).await, conflict(RunStatus::Running, 3, 2));
    store.settle(settle_of(&store, "r", 2, RunState::Ready { due_at: NOW })).await.unwrap();
    assert_eq!(store.settle(settle_of(&store, "r", 3, done())).await, conflict(RunStatus::Waiting, 3, 3));
    store.claim(NOW, 1).await.unwrap();
    store.settle(settle_of(&store, "r", 3, done())).await.unwrap();
    assert_eq!(store.settle(settle_of(&store, "r", 4, done())).await, conflict(RunStatus::Done, 4, 4));
    let missing = store.settle(settle_of(&store, "no", 0, done())).await;
    assert_eq!(missing, Err(SettleError::Store(StoreError::NotFound { what: "run", name: "no".to_owned() })));
}

#[tokio::test]
async fn refuses_an_end_that_makes_no_sense() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let cases = [
        settle_of(&store, "r", 1, RunState::Finished { status: RunStatus::Waiting }),
        settle_of(&store, "r", 1, DEAD),
        Settle { dead_letter: Some(letter()), ..settle_of(&store, "r", 1, done()) },
    ];
    for settle in cases {
        let refused = store.settle(settle).await;
        assert!(matches!(refused, Err(SettleError::Store(StoreError::Invalid { .. }))), "{refused:?}");
    }
    assert_eq!(store.dead_letter("r".to_owned()).await, Ok(None));
    assert_eq!(status(&store, "r").await, RunStatus::Running);
}

#[tokio::test]
async fn a_failed_run_is_replayed_as_itself_and_once() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let fail = |seq| Settle { dead_letter: Some(letter()), ..settle_of(&store, "r", seq, DEAD) };
    let replay = || store.replay_dead_letter("r".to_owned(), vec![r#"{"replayed":1}"#.to_owned()], by());
    store.settle(fail(1)).await.unwrap();
    assert_eq!(replay().await, Ok(()));
    let not_open = |state| Err(ResolveError::NotOpen { run: "r".to_owned(), state });
    assert_eq!(replay().await, not_open(DeadLetterState::Replayed));
    let claimed = store.claim(NOW, 1).await.unwrap();
    assert_eq!(entries(&claimed[0]), [r#"{"accepted":"r"}"#, r#"{"settled":1}"#, r#"{"replayed":1}"#]);
    assert_eq!(replay().await, not_open(DeadLetterState::Replayed));
    store.settle(fail(3)).await.unwrap();
    let letter = store.dead_letter("r".to_owned()).await.unwrap().unwrap();
    assert_eq!(
        (letter.state, letter.resolved_by, letter.step.as_str()),
        (DeadLetterState::Open, None, "tell")
    );
    store.discard_dead_letter("r".to_owned(), "a test".to_owned(), by()).await.unwrap();
    assert_eq!(replay().await, not_open(DeadLetterState::Discarded));
    assert_eq!(status(&store, "r").await, RunStatus::Discarded);
    let acts: Vec<_> = store.audit(None, 10).await.unwrap().into_iter().map(|row| row.act).collect();
    assert_eq!(acts, ["dead-letter.discard", "dead-letter.replay"]);
}

#[tokio::test]
async fn forgets_what_is_old_but_no_key_within_a_week() {
    let room = Room::new();
    let store = room.open();
    for id in ["done", "dead", "open"] {
        let mut run = new_run(id, None);
        run.entries.push(format!("\"{}\"", "x".repeat(70_000)));
        store.accept(accept_of(id, vec![run])).await.unwrap();
    }
    store.settle(settle_of(&store, "done", 2, done())).await.unwrap();
    store.settle(Settle { dead_letter: Some(letter()), ..settle_of(&store, "dead", 2, DEAD) }).await.unwrap();
    let retention = Retention { runs: DAY, inbox: DAY, batch: 10, ..Retention::default() };
    assert!(store.prune(NOW.after(DAY), retention).await.unwrap().is_empty());
    let pruned = store.prune(NOW.after(2 * DAY), retention).await.unwrap();
    assert_eq!((pruned.runs, pruned.inbox), (1, 0));
    let pruned = store.prune(NOW.after(8 * DAY), retention).await.unwrap();
    assert_eq!((pruned.runs, pruned.inbox), (0, 3));
    assert_eq!(store.run("done".to_owned()).await, Ok(None));
    for id in ["dead", "open"] {
        assert_eq!(
            store.verify_journal(id.to_owned()).await.unwrap().entries,
            if id == "dead" { 3 } else { 2 }
        );
    }
    let refs: Vec<i64> = {
        let shell = room.shell();
        let mut select = shell.prepare("SELECT refs FROM blob").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    assert_eq!(refs, [2]);
}

#[tokio::test]
async fn a_run_is_kept_for_its_own_time() {
    let room = Room::new();
    let store = room.open();
    for (id, keep) in [("long", Some(9 * DAY)), ("plain", None), ("short", Some(DAY))] {
        begin(&store, id).await;
        store.settle(Settle { keep, ..settle_of(&store, id, 1, done()) }).await.unwrap();
    }
    let retention = Retention { runs: 3 * DAY, ..Retention::default() };
    for (days, gone) in [(0, 0), (1, 1), (2, 0), (4, 1), (8, 0), (9, 1)] {
        let pruned = store.prune(NOW.after(days * DAY), retention).await.unwrap();
        assert_eq!(pruned.runs, gone, "after {days} days");
    }
}

#[tokio::test]
async fn a_run_knows_who_started_it_and_whom_it_started() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let origin = crate::Origin { run: "r".to_owned(), step: "each[1]/call".to_owned(), depth: 1 };
    let child = NewRun { origin: Some(origin.clone()), ..new_run("s", Some(NOW)) };
    store.settle(Settle { new_runs: vec![child], ..settle_of(&store, "r", 1, done()) }).await.unwrap();
    let parent = store.run("r".to_owned()).await.unwrap().unwrap();
    assert_eq!((parent.origin, parent.started), (None, vec![("each[1]/call".to_owned(), "s".to_owned())]));
    let child = store.run("s".to_owned()).await.unwrap().unwrap();
    assert_eq!((child.origin, child.started), (Some(origin), Vec::new()));
    assert_eq!(store.claim(NOW, 1).await.unwrap()[0].depth, 1);
}

#[tokio::test]
async fn mail_wakes_a_run_and_is_taken_once() {
    let room = Room::new();
    let store = room.open();
    let post = |run: &str, entry: &str| {
        store.post(run.to_owned(), entry.to_owned(), by(), ("run.signal", serde_json::json!({})))
    };
    let later = RunState::Ready { due_at: NOW.after(DAY) };
    begin(&store, "r").await;
    // It is claimed: the mail is found when the run would go to rest.
    post("r", r#"{"first":1}"#).await.unwrap();
    store.settle(settle_of(&store, "r", 1, later)).await.unwrap();
    let claimed = store.claim(NOW, 1).await.unwrap().remove(0);
    let mail: Vec<_> = claimed.mail.iter().map(|mail| mail.entry.as_str()).collect();
    assert_eq!(mail, [r#"{"first":1}"#]);
    let taken: Vec<_> = claimed.mail.iter().map(|mail| mail.n).collect();
    post("r", r#"{"second":2}"#).await.unwrap();
    let settle = Settle { taken, ..settle_of(&store, "r", 2, later) };
    store.settle(settle).await.unwrap();
    let claimed = store.claim(NOW, 1).await.unwrap().remove(0);
    let mail: Vec<_> = claimed.mail.iter().map(|mail| mail.entry.as_str()).collect();
    assert_eq!(mail, [r#"{"second":2}"#]);
    let taken = claimed.mail.iter().map(|mail| mail.n).collect();
    store.settle(Settle { taken, ..settle_of(&store, "r", 3, later) }).await.unwrap();
    assert_eq!(store.claim(NOW, 1).await.unwrap(), []);
    // At rest, it is woken.
    post("r", "{}").await.unwrap();
    assert_eq!(store.claim(NOW, 1).await.unwrap()[0].mail.len(), 1);
    store.settle(settle_of(&store, "r", 4, done())).await.unwrap();
    let ended = crate::PostError::Ended { run: "r".to_owned(), status: RunStatus::Done };
    assert_eq!(post("r", "{}").await, Err(ended));
    assert!(matches!(post("no", "{}").await, Err(crate::PostError::Store(StoreError::NotFound { .. }))));
    let acts: Vec<_> = store.audit(None, 9).await.unwrap().into_iter().map(|row| row.act).collect();
    assert_eq!(acts.iter().filter(|act| *act == "run.signal").count(), 3);
}

#[tokio::test]
async fn no_more_mail_than_a_run_may_have() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "r").await;
    let post = |store: Store| async move {
        store.post("r".to_owned(), "{}".to_owned(), by(), ("run.signal", serde_json::json!({}))).await
    };
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..1001 {
        all.spawn(post(store.clone()));
    }
    let refused: Vec<_> = all.join_all().await.into_iter().filter_map(Result::err).collect();
    assert_eq!(refused, [crate::PostError::Full("r".to_owned())]);
}
