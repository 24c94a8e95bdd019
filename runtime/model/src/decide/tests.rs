//! What happens next, case by case: a flow, a journal, and what `decide` says.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Ask, Hands, Turn, decide};
use crate::{
    call::{Metering, Verdict},
    digest::Digest,
    effect::WriteKey,
    event::{Event, Provenance},
    failure::{Failure, FailureClass},
    flow::Flow,
    journal::{AttemptResult, Entry, State, TRIGGER, Then},
    retry::GiveUp,
    time::Timestamp,
};

const NOW: Timestamp = Timestamp(1_000_000);

const FLOW: &str = r##"flow: triage
on: manual
steps:
  - id: route
    switch:
      - case: bug
        if: ${ event.kind == "bug" }
        steps:
          - id: shape
            map: { text: "#${event.number}" }
          - id: tell
            action: slack/post-message
            connection: acme-slack
            with: { channel: C1, text: "${steps.shape.text}" }
    otherwise: []
  - id: last
    if: ${ steps.tell != null }
    action: slack/post-message
    connection: acme-slack
    on-error: continue
    with: { channel: C2, text: done }
"##;

fn provenance() -> Provenance {
    Provenance { verified: "api".to_owned(), delivery_id: "d".to_owned() }
}

fn triggered(kind: &str) -> Entry {
    let event = Event {
        id: "e".to_owned(),
        occurred_at: None,
        ordering_key: None,
        sequence: None,
        data: json!({ "kind": kind, "number": 7 }),
    };
    Entry::Triggered { at: NOW, provenance: provenance(), event, metering: None }
}

fn attempted(step: &str, attempt: u32, result: AttemptResult) -> Entry {
    Entry::Attempted {
        step: step.to_owned(),
        attempt,
        started_at: NOW,
        result,
        metering: Metering::default(),
        effects: Vec::new(),
        log: Vec::new(),
    }
}

fn failed(step: &str, attempt: u32, then: Then) -> Entry {
    let failure = Failure::new(FailureClass::RateLimited, "slow down");
    attempted(step, attempt, AttemptResult::Failed { failure, trap: None, then })
}

fn done(step: &str) -> Entry {
    attempted(step, 1, AttemptResult::Done { output: json!({ "ts": "1" }) })
}

fn intended(step: &str) -> Entry {
    let key = WriteKey { ordinal: 0, digest: Digest::of(b"write") };
    Entry::WriteIntended { step: step.to_owned(), attempt: 1, at: Timestamp(7), key }
}

/// Folds the journal and says what is next, in one line.
#[track_caller]
fn check(journal: &[Entry], expected: &str) {
    check_flow(FLOW, journal, &[], expected);
}

/// The same for another flow, beside what is under way.
#[track_caller]
fn check_flow(flow: &str, journal: &[Entry], busy: &[&str], expected: &str) {
    let flow = Flow::parse(flow).unwrap_or_else(|problems| panic!("{problems:?}"));
    let mut state = State::fold(journal);
    let busy: BTreeSet<String> = busy.iter().map(|path| (*path).to_owned()).collect();
    let hands = Hands { busy: &busy, room: 3 };
    let decision = decide(&flow, "run", &mut state, hands, NOW);
    assert_eq!(told(decision.turn), expected);
    // Folding what was decided gives what was decided upon, and deciding again from there changes
    // nothing: the driver may be cut off anywhere.
    let whole: Vec<Entry> = journal.iter().cloned().chain(decision.entries).collect();
    assert_eq!(State::fold(&whole), state);
    let again = decide(&flow, "run", &mut state, hands, NOW);
    assert!(again.entries.is_empty(), "{:?}", again.entries);
    assert_eq!(told(again.turn), expected);
}

fn told(turn: Turn<'_>) -> String {
    match turn {
        Turn::Receive { attempt } => format!("receive {attempt}"),
        Turn::End(ended) => format!("end {ended:?}"),
        Turn::Work { tasks, wake } => {
            let task = |task: super::Task<'_>| match task.ask {
                Ask::Call { attempt, input } => format!("call {} {attempt} {input}", task.path),
                Ask::Resume { .. } => format!("resume {}", task.path),
                Ask::Confirm { attempt, .. } => format!("confirm {} {attempt}", task.path),
            };
            let tasks = tasks.into_iter().map(task);
            tasks.chain(wake.map(|at| format!("wait {}", at.0 - NOW.0))).collect::<Vec<_>>().join("; ")
        }
    }
}

#[test]
fn goes_through_the_flow() {
    let call = r##"call route/bug/tell 1 {"channel":"C1","text":"#7"}"##;
    let last = r##"call last 1 {"channel":"C2","text":"done"}"##;
    check(&[triggered("bug")], call);
    check(&[triggered("bug"), done("route/bug/tell")], last);
    check(&[triggered("bug"), done("route/bug/tell"), done("last")], "end Completed");
    // The other branch is empty, so the last step's condition is false.
    check(&[triggered("feature")], "end Completed");
}

#[test]
fn waits_retries_and_gives_up() {
    let tell = "route/bug/tell";
    let later = Then::Retry { at: Timestamp(NOW.0 + 5) };
    let now = Then::Retry { at: NOW };
    let never = Then::GiveUp { why: GiveUp::Exhausted };
    check(&[triggered("bug"), failed(tell, 1, later)], "wait 5");
    check(
        &[triggered("bug"), failed(tell, 1, now)],
        r##"call route/bug/tell 2 {"channel":"C1","text":"#7"}"##,
    );
    check(&[triggered("bug"), failed(tell, 5, never.clone())], "end Died");
    // `on-error: continue` passes over the failure.
    check(&[triggered("bug"), done(tell), failed("last", 5, never)], "end Completed");
}

#[test]
fn asks_before_it_repeats_a_write() {
    let tell = "route/bug/tell";
    let cut_off = [triggered("bug"), intended(tell)];
    check(&cut_off, "confirm route/bug/tell 1");
    let confirmed = |verdict| {
        let entry = Entry::Confirmed {
            step: tell.to_owned(),
            at: NOW,
            verdict,
            metering: Metering::default(),
            effects: Vec::new(),
        };
        [cut_off[0].clone(), cut_off[1].clone(), entry]
    };
    let last = r##"call last 1 {"channel":"C2","text":"done"}"##;
    check(&confirmed(Verdict::Applied(json!({ "ts": "9" }))), last);
    check(&confirmed(Verdict::NotApplied), r##"call route/bug/tell 1 {"channel":"C1","text":"#7"}"##);
    check(&confirmed(Verdict::Unknown), "end Died");
    check(&[triggered("bug"), intended(tell), failed(tell, 1, Then::Confirm)], "confirm route/bug/tell 1");
}

#[test]
fn a_replayed_run_goes_on_from_the_step_that_died() {
    let tell = "route/bug/tell";
    let died = Entry::Died { at: NOW, step: tell.to_owned(), why: GiveUp::Exhausted, failure: None };
    let replayed = Entry::Replayed { at: NOW, by: "ops".to_owned() };
    let journal =
        [triggered("bug"), failed(tell, 5, Then::GiveUp { why: GiveUp::Exhausted }), died, replayed];
    check(&journal, r##"call route/bug/tell 1 {"channel":"C1","text":"#7"}"##);
}

#[test]
fn receives_first() {
    let received = Entry::Received { at: NOW, provenance: provenance() };
    check(std::slice::from_ref(&received), "receive 1");
    let later = Then::Retry { at: Timestamp(NOW.0 + 9) };
    check(&[received.clone(), failed(TRIGGER, 1, later)], "wait 9");
    check(&[received.clone(), failed(TRIGGER, 3, Then::GiveUp { why: GiveUp::Permanent })], "end Died");
    check(&[received, Entry::Ignored { at: NOW }], "end Ignored");
}

#[test]
fn entries_survive_the_journal() {
    for entry in [triggered("bug"), done("last"), intended("last"), failed("last", 2, Then::Confirm)] {
        let text = serde_json::to_string(&entry).unwrap();
        assert_eq!(serde_json::from_str::<Entry>(&text).unwrap(), entry, "{text}");
    }
}

mod structure;
mod waits;
