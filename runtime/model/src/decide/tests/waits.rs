//! Steps that wait for somebody.

use serde_json::{Value, json};

use super::{NOW, check_flow, structure::event};
use crate::{
    journal::{Entry, State},
    time::Timestamp,
};

const FLOW: &str = "flow: a
on: manual
steps:
  - id: ok
    wait: { approval: \"Refund ${event.amount}?\", expires: 1h }
  - id: paid
    if: ${ steps.ok.approved }
    wait: { signal: paid, if: \"${ signal.order == event.order }\", expires: 2h }
  - { id: tell, action: slack/post-message, with: { by: \"${steps.ok.by}\", sum: \"${steps.paid == null ? 0 : steps.paid.data.sum}\" } }
";

fn start() -> Entry {
    event(json!({ "amount": 5, "order": 7 }))
}

fn listening(step: &str, until: u64) -> Entry {
    Entry::Listening { step: step.to_owned(), until: Timestamp(until), text: None }
}

fn answered(step: &str, approved: bool) -> Entry {
    let (step, by, data) = (step.to_owned(), "ann".to_owned(), Value::Null);
    Entry::Answered { at: NOW, by, step, approved, data }
}

fn signal(order: u64, sum: u64) -> Entry {
    let data = json!({ "order": order, "sum": sum });
    Entry::Signalled { at: NOW, by: "shop".to_owned(), name: "paid".to_owned(), data }
}

#[test]
fn an_approval_goes_on_with_its_answer() {
    check_flow(FLOW, &[start()], &[], "wait 3600000");
    let waiting = || vec![start(), listening("ok", NOW.0 + 9)];
    check_flow(FLOW, &waiting(), &[], "wait 9");
    let with = |more: &[Entry]| [waiting(), more.to_vec()].concat();
    check_flow(FLOW, &with(&[answered("ok", false)]), &[], r#"call tell 1 {"by":"ann","sum":0}"#);
    check_flow(FLOW, &with(&[answered("ok", true)]), &[], "wait 7200000");
    // The first answer counts; one that nobody waits for counts for nothing.
    check_flow(FLOW, &with(&[answered("ok", true), answered("ok", false)]), &[], "wait 7200000");
    check_flow(FLOW, &[start(), answered("ok", true)], &[], "wait 3600000");
    check_flow(FLOW, &[start(), listening("ok", NOW.0)], &[], "end Died");
}

#[test]
fn a_signal_is_heard_once_and_may_come_early() {
    let early = [start(), signal(6, 1), signal(7, 2), listening("ok", NOW.0 + 9), answered("ok", true)];
    check_flow(FLOW, &early, &[], r#"call tell 1 {"by":"ann","sum":2}"#);
    let twice = "flow: a
on: manual
steps:
  - { id: one, wait: { signal: paid } }
  - { id: two, wait: { signal: paid } }
  - { id: tell, action: slack/post-message, with: { sums: \"${[steps.one.data.sum, steps.two.data.sum]}\" } }
";
    check_flow(twice, &[start(), signal(1, 1)], &[], "wait 604800000");
    check_flow(twice, &[start(), signal(1, 1), signal(1, 2)], &[], r#"call tell 1 {"sums":[1,2]}"#);
    let state = State::fold(&[start(), signal(1, 1)]);
    assert_eq!(state.signals[0].heard_by, None);
    // A condition that cannot be evaluated fails the step, and not the server.
    let odd = Entry::Signalled { at: NOW, by: "x".to_owned(), name: "paid".to_owned(), data: json!(1) };
    check_flow(FLOW, &[start(), odd, listening("ok", NOW.0 + 9), answered("ok", true)], &[], "end Died");
}
