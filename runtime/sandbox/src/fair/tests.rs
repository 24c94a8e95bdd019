//! Who is let in, in which order.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use wharf_model::digest::Digest;

use super::{Entering, Fair, Full, Place, Places};

fn connector(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

fn ask(fair: &Arc<Fair>, name: &str) -> Entering {
    fair.enter(connector(name))
}

fn poll(entering: &mut Entering) -> Option<Result<Place, Full>> {
    match Pin::new(entering).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(place) => Some(place),
        Poll::Pending => None,
    }
}

/// Lets calls of these connectors ask in this order while one place is taken; then gives the place
/// from one to the next. The order in which they got it.
#[track_caller]
fn check(asked: &str, expected: &str) {
    let fair = Fair::new(Places { all: 1, each: 1, waiting: 100 });
    let mut held = Some(poll(&mut ask(&fair, "first")).unwrap().unwrap());
    let mut waiting: Vec<(char, Entering)> =
        asked.chars().map(|name| (name, ask(&fair, &name.to_string()))).collect();
    for (_, entering) in &mut waiting {
        assert!(poll(entering).is_none());
    }
    let mut order = String::new();
    while !waiting.is_empty() {
        drop(held.take());
        let at = waiting.iter_mut().position(|(_, entering)| match poll(entering) {
            Some(place) => {
                held = Some(place.unwrap());
                true
            }
            None => false,
        });
        order.push(waiting.remove(at.expect("a free place is given out")).0);
    }
    assert_eq!(order, expected, "{asked}");
}

#[test]
fn connectors_take_turns_not_calls() {
    check("aaaab", "abaaa");
    check("aaabbc", "abcaba");
    check("aaa", "aaa");
    check("ba", "ba");
}

#[test]
fn one_connector_leaves_room_for_others() {
    let fair = Fair::new(Places { all: 4, each: 2, waiting: 1 });
    let places: Vec<Place> = (0..2).map(|_| poll(&mut ask(&fair, "a")).unwrap().unwrap()).collect();
    let mut third = ask(&fair, "a");
    assert!(poll(&mut third).is_none(), "a has its share");
    assert_eq!(poll(&mut ask(&fair, "a")).unwrap().err(), Some(Full { waiting: 1 }));
    let other = poll(&mut ask(&fair, "b")).unwrap().unwrap();
    drop(other);
    assert!(poll(&mut third).is_none(), "a place of b is none for a");
    drop(places);
    assert!(poll(&mut third).unwrap().is_ok());
}

#[test]
fn whoever_stops_waiting_takes_no_place() {
    let fair = Fair::new(Places { all: 1, each: 1, waiting: 10 });
    let held = poll(&mut ask(&fair, "a")).unwrap().unwrap();
    let (mut gone, mut admitted, mut last) = (ask(&fair, "b"), ask(&fair, "b"), ask(&fair, "c"));
    for entering in [&mut gone, &mut admitted, &mut last] {
        assert!(poll(entering).is_none());
    }
    drop(gone);
    drop(held);
    // The place was given to `admitted`, which goes without having looked.
    drop(admitted);
    drop(poll(&mut last).expect("the place went on").unwrap());
    let state = fair.state();
    assert!(state.lines.is_empty() && state.turns.is_empty() && state.admitted.is_empty());
    assert_eq!(state.taken, 0);
}
