//! Steps that hold others, wait, end a run, or follow a failure.

use serde_json::{Value, json};

use super::{NOW, attempted, check_flow, done, intended, provenance};
use crate::{
    event::Event,
    failure::{Failure, FailureClass},
    journal::{AttemptResult, Broke, Entry, State, Then},
    retry::GiveUp,
    time::Timestamp,
};

pub(super) fn event(data: Value) -> Entry {
    let event = Event { id: "e".to_owned(), occurred_at: None, ordering_key: None, sequence: None, data };
    Entry::Triggered { at: NOW, provenance: provenance(), event, metering: None }
}

fn dead(step: &str) -> Entry {
    let failure = Failure::new(FailureClass::NotFound, "no such channel");
    let then = Then::GiveUp { why: GiveUp::Permanent };
    attempted(step, 1, AttemptResult::Failed { failure, trap: None, then })
}

fn later(step: &str, ahead: u64) -> Entry {
    let failure = Failure::new(FailureClass::RateLimited, "slow down");
    let then = Then::Retry { at: Timestamp(NOW.0 + ahead) };
    attempted(step, 1, AttemptResult::Failed { failure, trap: None, then })
}

fn replayed() -> Entry {
    Entry::Replayed { at: NOW, by: "ops".to_owned() }
}

fn died(step: &str) -> Entry {
    Entry::Died { at: NOW, step: step.to_owned(), why: GiveUp::Permanent, failure: None }
}

const LOOP: &str = "flow: a
on: manual
steps:
  - id: each
    for-each: ${ event }
    concurrency: 2
    steps:
      - id: shape
        map: \"${item.n}/${index}\"
      - id: tell
        if: ${ item.n != 7 }
        action: slack/post-message
        with: { text: \"${steps.shape}\" }
  - id: sum
    action: slack/post-message
    with: { text: \"${json(steps.each)}\" }
";

#[test]
fn a_loop_does_so_many_items_at_once() {
    let items = event(json!([{ "n": 1 }, { "n": 2 }, { "n": 3 }]));
    let first = r#"call each[0]/tell 1 {"text":"1/0"}; call each[1]/tell 1 {"text":"2/1"}"#;
    check_flow(LOOP, std::slice::from_ref(&items), &[], first);
    check_flow(LOOP, std::slice::from_ref(&items), &["each[0]/tell", "each[1]/tell"], "");
    // The second is done first: its place goes to the third.
    let second = [items.clone(), done("each[1]/tell")];
    check_flow(LOOP, &second, &["each[0]/tell"], r#"call each[2]/tell 1 {"text":"3/2"}"#);
    let all = [items, done("each[1]/tell"), done("each[0]/tell"), done("each[2]/tell")];
    let sum = r#"call sum 1 {"text":"{\"count\":3,\"succeeded\":3,\"failed\":[],\"results\":[{\"ts\":\"1\"},{\"ts\":\"1\"},{\"ts\":\"1\"}]}"}"#;
    check_flow(LOOP, &all, &[], sum);
}

#[test]
fn a_loop_over_nothing_and_items_that_are_skipped() {
    let sum = |report: &str| format!("call sum 1 {}", json!({ "text": report }));
    let empty = r#"{"count":0,"succeeded":0,"failed":[],"results":[]}"#;
    check_flow(LOOP, &[event(json!([]))], &[], &sum(empty));
    let skipped = r#"{"count":1,"succeeded":1,"failed":[],"results":[null]}"#;
    check_flow(LOOP, &[event(json!([{ "n": 7 }]))], &[], &sum(skipped));
    for odd in [json!({}), json!("text"), json!(null), json!(vec![0; 1001])] {
        check_flow(LOOP, &[event(odd)], &[], "end Died");
    }
}

#[test]
fn an_item_that_fails_ends_the_loop_after_what_is_under_way() {
    let items = event(json!([{ "n": 1 }, { "n": 2 }, { "n": 3 }]));
    let failed = [items.clone(), dead("each[1]/tell")];
    check_flow(LOOP, &failed, &["each[0]/tell"], "");
    check_flow(LOOP, &failed, &[], "end Died");
    // A replay goes on with the one that failed, beside the one that was left waiting.
    let again =
        [items.clone(), later("each[0]/tell", 5), dead("each[1]/tell"), died("each[1]/tell"), replayed()];
    check_flow(LOOP, &again, &[], r#"call each[1]/tell 1 {"text":"2/1"}; wait 5"#);
    // What was sent is asked about before the run ends.
    let unknown = [items.clone(), intended("each[0]/tell"), dead("each[1]/tell")];
    check_flow(LOOP, &unknown, &[], "confirm each[0]/tell 1");
    check_flow(LOOP, &unknown, &["each[0]/tell"], "");
    let lenient = LOOP.replace("    concurrency: 2\n", "    concurrency: 2\n    on-error: continue\n");
    check_flow(&lenient, &unknown, &[], "confirm each[0]/tell 1");
    // One that is asked about is asked about first.
    let unsure = [items, intended("each[0]/tell"), dead("each[1]/tell"), died("each[1]/tell"), replayed()];
    check_flow(LOOP, &unsure, &[], r#"confirm each[0]/tell 1; call each[1]/tell 1 {"text":"2/1"}"#);
}

#[test]
fn items_that_may_fail_are_reported() {
    let flow = LOOP.replace("    concurrency: 2\n", "    concurrency: 2\n    on-item-error: continue\n");
    let items = event(json!([{ "n": 1 }, { "n": 2 }, { "n": "x" }]));
    let journal = [items.clone(), dead("each[0]/tell"), done("each[1]/tell"), done("each[2]/tell")];
    let report = json!({
        "count": 3, "succeeded": 2,
        "failed": [{ "index": 0, "step": "each[0]/tell", "class": "not-found", "message": "no such channel", "gave_up": "permanent" }],
        "results": [null, { "ts": "1" }, { "ts": "1" }],
    });
    check_flow(&flow, &journal, &[], &format!("call sum 1 {}", json!({ "text": report.to_string() })));
    // What failed there is not tried again when the run dies later and is replayed.
    let mut journal = State::fold(&journal);
    assert_eq!(journal.steps.len(), 3);
    journal.apply(&replayed());
    let ended = Entry::ItemEnded { step: "each".to_owned(), index: 0, failed: None };
    assert!(ended.derived());
}

#[test]
fn loops_in_loops_and_branches() {
    let flow = "flow: a
on: manual
steps:
  - id: outer
    for-each: ${ event }
    concurrency: 9
    steps:
      - id: all
        map: ${ item }
      - id: inner
        for-each: ${ steps.all }
        concurrency: 9
        steps:
          - id: way
            switch:
              - case: odd
                if: ${ item % 2 == 1 }
                steps:
                  - id: tell
                    action: slack/post-message
                    with: { n: \"${item}\", of: \"${size(steps.all)}\" }
";
    let calls = r#"call outer[0]/inner[0]/way/odd/tell 1 {"n":1,"of":2}; call outer[1]/inner[0]/way/odd/tell 1 {"n":3,"of":1}"#;
    check_flow(flow, &[event(json!([[1, 2], [3]]))], &[], calls);
    // No more than there is room for, whatever the loops say.
    let many = r#"call outer[0]/inner[0]/way/odd/tell 1 {"n":1,"of":5}; call outer[0]/inner[1]/way/odd/tell 1 {"n":1,"of":5}; call outer[0]/inner[2]/way/odd/tell 1 {"n":1,"of":5}"#;
    check_flow(flow, &[event(json!([[1, 1, 1, 1, 1]]))], &[], many);
}

const PARALLEL: &str = "flow: a
on: manual
steps:
  - id: both
    parallel:
      - branch: left
        steps:
          - { id: l, action: slack/post-message, with: {} }
          - { id: l2, map: \"${steps.l.ts}\" }
      - branch: right
        steps:
          - { id: r, action: slack/post-message, with: {} }
      - branch: none
        steps: []
  - id: sum
    action: slack/post-message
    with: { text: \"${json(steps.both)}\", seen: \"${steps.l2}\" }
";

#[test]
fn branches_run_side_by_side() {
    check_flow(PARALLEL, &[event(json!(1))], &[], "call both/left/l 1 {}; call both/right/r 1 {}");
    check_flow(PARALLEL, &[event(json!(1)), done("both/left/l")], &["both/right/r"], "");
    let all = [event(json!(1)), done("both/left/l"), done("both/right/r")];
    let sum = r#"call sum 1 {"text":"{\"left\":\"1\",\"right\":{\"ts\":\"1\"},\"none\":null}","seen":"1"}"#;
    check_flow(PARALLEL, &all, &[], sum);
    let broken = [event(json!(1)), dead("both/left/l")];
    check_flow(PARALLEL, &broken, &["both/right/r"], "");
    check_flow(PARALLEL, &broken, &[], "end Died");
    // `on-error` of the whole holds for what is inside.
    let lenient = PARALLEL.replace("  - id: sum", "    on-error: continue\n  - id: sum");
    check_flow(&lenient, &broken, &["both/right/r"], "");
    check_flow(&lenient, &broken, &[], r#"call sum 1 {"text":"null","seen":null}"#);
}

/// Nobody asks what became of a write in a branch that was left behind, so nothing must wait for the answer.
#[test]
fn a_replay_leaves_what_was_left_behind() {
    let lenient = PARALLEL.replace("  - id: sum", "    on-error: continue\n  - id: sum");
    let failure = Failure::new(FailureClass::TimedOut, "nobody knows");
    let by = Broke { step: "both/right/r".to_owned(), failure: failure.clone(), why: GiveUp::Ambiguous };
    let then = Then::GiveUp { why: GiveUp::Ambiguous };
    let unknown = attempted("both/right/r", 1, AttemptResult::Failed { failure, trap: None, then });
    let mut journal = vec![
        event(json!(1)),
        Entry::Forked { step: "both".to_owned() },
        done("both/left/l"),
        intended("both/right/r"),
        unknown,
        Entry::Broken { step: "both".to_owned(), by },
        Entry::PassedOver { step: "both".to_owned() },
        dead("sum"),
        died("sum"),
        replayed(),
    ];
    let sum = r#"call sum 1 {"text":"null","seen":null}"#;
    check_flow(&lenient, &journal, &[], sum);
    journal.push(done("sum"));
    check_flow(&lenient, &journal, &[], "end Completed");
}

#[test]
fn steps_after_a_failure_know_it() {
    let flow = "flow: a
on: manual
steps:
  - id: tell
    action: slack/post-message
    with: {}
    on-error:
      steps:
        - id: say
          action: slack/post-message
          with: { text: \"${error.class} ${error.step} ${error.attempts}: ${error.message}\" }
  - id: last
    action: slack/post-message
    with: { none: \"${steps.tell == null}\", ts: \"${steps.say.ts}\" }
";
    let failed = [event(json!(1)), dead("tell")];
    check_flow(
        flow,
        &failed,
        &[],
        r#"call tell/on-error/say 1 {"text":"not-found tell 1: no such channel"}"#,
    );
    let said = [
        event(json!(1)),
        dead("tell"),
        Entry::PassedOver { step: "tell".to_owned() },
        done("tell/on-error/say"),
    ];
    check_flow(flow, &said, &[], r#"call last 1 {"none":true,"ts":"1"}"#);
    // A run that dies after that does not come back to what it left behind.
    let mut later = said.to_vec();
    later.extend([dead("last"), died("last"), replayed()]);
    check_flow(flow, &later, &[], r#"call last 1 {"none":true,"ts":"1"}"#);
    check_flow(flow, &[event(json!(1)), dead("tell"), dead("tell/on-error/say")], &[], "end Died");
}

#[test]
fn waits_for_a_time() {
    let flow = "flow: a
on: manual
steps:
  - id: pause
    delay: 5s
  - id: until
    until: ${ event.at }
  - id: tell
    action: slack/post-message
    with: {}
";
    check_flow(flow, &[event(json!({ "at": 0 }))], &[], "wait 5000");
    let since = |ms: u64| Entry::Delayed { step: "pause".to_owned(), until: Timestamp(NOW.0 - ms) };
    let paused = |at: Value| [event(json!({ "at": at })), since(0)];
    check_flow(flow, &paused(json!(NOW.0 + 7)), &[], "wait 7");
    check_flow(flow, &paused(json!("1970-01-01T00:16:41Z")), &[], "wait 1000");
    check_flow(flow, &paused(json!(3)), &[], "call tell 1 {}");
    for odd in [json!("tomorrow"), json!(-1), json!(1.5), json!(null), json!(u64::MAX)] {
        check_flow(flow, &paused(odd), &[], "end Died");
    }
}

#[test]
fn ends_on_purpose() {
    let flow = "flow: a
on: manual
steps:
  - id: both
    parallel:
      - branch: a
        steps:
          - { id: enough, if: \"${ event.enough }\", stop: \"enough of ${event.n}\" }
          - { id: wrong, fail: { message: \"no ${event.n}\", class: gone } }
      - branch: b
        steps:
          - { id: slow, action: slack/post-message, with: {} }
";
    let enough = event(json!({ "enough": true, "n": 7 }));
    check_flow(flow, std::slice::from_ref(&enough), &["both/b/slow"], "");
    check_flow(flow, std::slice::from_ref(&enough), &[], "end Completed");
    let mut state = State::fold([&enough]);
    let parsed = crate::flow::Flow::parse(flow).unwrap();
    let none = std::collections::BTreeSet::new();
    crate::decide::decide(&parsed, "r", &mut state, crate::decide::Hands { busy: &none, room: 1 }, NOW);
    let stopped = state.stopped.unwrap();
    assert_eq!((stopped.step.as_str(), stopped.reason.as_str()), ("both/a/enough", "enough of 7"));

    let wrong = event(json!({ "enough": false, "n": 7 }));
    let mut state = State::fold([&wrong]);
    crate::decide::decide(&parsed, "r", &mut state, crate::decide::Hands { busy: &none, room: 1 }, NOW);
    assert_eq!(state.died_at.as_deref(), Some("both/a/wrong"));
    let step = state.step("both/a/wrong").unwrap();
    let crate::journal::Progress::Failed(failure, GiveUp::Permanent) = &step.progress else {
        panic!("{step:?}")
    };
    assert_eq!((failure.class, failure.message.as_str()), (FailureClass::Gone, "no 7"));
}

#[test]
fn a_run_past_its_deadline_dies() {
    let flow = "flow: a
deadline: 10s
on: manual
steps:
  - { id: first, map: 1 }
  - { id: tell, action: slack/post-message, with: {} }
";
    let at = |ago: u64| match event(json!(1)) {
        Entry::Triggered { provenance, event, metering, .. } => {
            Entry::Triggered { at: Timestamp(NOW.0 - ago), provenance, event, metering }
        }
        other => other,
    };
    check_flow(flow, &[at(9_999)], &[], "call tell 1 {}; wait 1");
    check_flow(flow, &[at(0), later("tell", 60_000)], &[], "wait 10000");
    check_flow(flow, &[at(10_000)], &["tell"], "");
    check_flow(flow, &[at(10_000)], &[], "end Died");
    check_flow(flow, &[at(10_000), done("tell")], &[], "end Completed");
    // A replay starts the clock again.
    check_flow(flow, &[at(60_000), died("tell"), replayed()], &[], "call tell 1 {}; wait 10000");
    let verdict = |journal: &[Entry]| {
        let mut state = State::fold(journal);
        let none = std::collections::BTreeSet::new();
        let flow = crate::flow::Flow::parse(flow).unwrap();
        crate::decide::decide(&flow, "r", &mut state, crate::decide::Hands { busy: &none, room: 1 }, NOW);
        (state.died_at.unwrap(), state.died_of.unwrap().1)
    };
    assert_eq!(verdict(&[at(10_000)]), ("tell".to_owned(), GiveUp::Exhausted));
    // What was sent is asked about first.
    check_flow(flow, &[at(10_000), intended("tell")], &[], "confirm tell 1");
}

#[test]
fn a_long_loop_takes_several_turns() {
    let flow = "flow: a
on: manual
steps:
  - id: each
    for-each: ${ event }
    concurrency: 64
    steps: [{ id: twice, map: \"${item * 2}\" }]
";
    let flow = crate::flow::Flow::parse(flow).unwrap();
    let mut state = State::fold([&event(json!((0..1000).collect::<Vec<_>>()))]);
    let none = std::collections::BTreeSet::new();
    let hands = crate::decide::Hands { busy: &none, room: 1 };
    let mut turns = 0;
    loop {
        turns += 1;
        let decision = crate::decide::decide(&flow, "r", &mut state, hands, NOW);
        assert!(decision.entries.len() < 300, "{}", decision.entries.len());
        match decision.turn {
            crate::decide::Turn::End(_) => break,
            crate::decide::Turn::Work { tasks, wake } => {
                assert!(tasks.is_empty());
                assert_eq!(wake, Some(NOW));
            }
            turn @ crate::decide::Turn::Receive { .. } => panic!("{turn:?}"),
        }
    }
    assert_eq!(turns, 8);
    let crate::journal::Progress::Done(report) = &state.step("each").unwrap().progress else {
        panic!("not done")
    };
    assert_eq!((&report["succeeded"], &report["results"][999]), (&json!(1000), &json!(1998)));
}
