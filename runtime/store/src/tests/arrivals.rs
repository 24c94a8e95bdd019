//! Arrivals and their dedupe keys.

use wharf_model::{event::Delivery, http::Field, time::Timestamp};

use super::{NOW, Room, accept_of, begin, new_run};
use crate::{Accept, Accepted, RunFilter};

#[tokio::test]
async fn of_a_hundred_at_once_one_is_fresh() {
    let room = Room::new();
    let store = room.open();
    let tasks: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store.accept(accept_of("same", vec![new_run(&format!("r{n:03}"), None)])).await
            })
        })
        .collect();
    let mut fresh = 0;
    let mut told = Vec::new();
    for task in tasks {
        match task.await.unwrap().unwrap() {
            Accepted::Fresh => fresh += 1,
            Accepted::Duplicate { run_ids, first_at } => told.push((run_ids, first_at)),
        }
    }
    assert_eq!((fresh, told.len()), (1, 99));
    let runs = store.runs(RunFilter { limit: 200, ..RunFilter::default() }).await.unwrap();
    let ids: Vec<_> = runs.into_iter().map(|run| run.id).collect();
    assert_eq!(ids.len(), 1);
    assert!(told.iter().all(|(run_ids, first_at)| *run_ids == ids && *first_at == NOW));
}

#[tokio::test]
async fn a_key_is_the_sources_own_and_outlives_the_process() {
    let room = Room::new();
    let store = room.open();
    begin(&store, "k").await;
    drop(store);
    let store = room.open();
    let duplicate = Accepted::Duplicate { run_ids: vec!["k".to_owned()], first_at: NOW };
    assert_eq!(store.accept(accept_of("k", vec![new_run("r2", None)])).await, Ok(duplicate));
    let other = Accept { source: "other".to_owned(), ..accept_of("k", vec![new_run("r3", None)]) };
    assert_eq!(store.accept(other).await, Ok(Accepted::Fresh));
    assert_eq!(store.run("r2".to_owned()).await, Ok(None));
}

#[tokio::test]
async fn a_delivery_is_kept_byte_for_byte_but_for_credentials() {
    let room = Room::new();
    let store = room.open();
    for (key, body) in [("short", vec![0, 255, b'{']), ("long", vec![7; 100_000])] {
        let headers = vec![
            Field::new("X-GitHub-Delivery", "72d3162e"),
            Field::new("X-Raw", vec![0xff, 0x00]),
            Field::new("AUTHORIZATION", "Basic c2VjcmV0"),
        ];
        let delivery = Delivery {
            method: "POST".to_owned(),
            target: "/hooks/x?y=1".to_owned(),
            headers,
            body,
            received_at: NOW,
        };
        let accept = Accept { delivery: Some(delivery.clone()), ..accept_of(key, vec![new_run(key, None)]) };
        store.accept(accept).await.unwrap();
        let kept = store.run(key.to_owned()).await.unwrap().unwrap().delivery.unwrap();
        let expected = Delivery { headers: delivery.headers.iter().take(2).cloned().collect(), ..delivery };
        assert_eq!(kept, expected);
    }
}

#[tokio::test]
async fn a_caller_that_gave_up_leaves_a_whole_transaction() {
    let room = Room::new();
    let store = room.open();
    let accept = tokio::spawn({
        let store = store.clone();
        async move { store.accept(accept_of("k", vec![new_run("r", Some(Timestamp(1)))])).await }
    });
    accept.abort();
    drop(accept.await);
    let accepted = store.accept(accept_of("k", vec![new_run("r", Some(Timestamp(1)))])).await.unwrap();
    let runs = store.claim(NOW, 10).await.unwrap();
    assert_eq!(runs.len(), 1, "{accepted:?}");
}
