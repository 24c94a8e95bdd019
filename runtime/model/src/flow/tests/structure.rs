//! Loops, branches, waits and ends: what is refused, at which place, with which fix.

use super::{check, shown};
use crate::flow::{Catalog, Flow};

/// The first line of each problem, with its place and its help.
#[track_caller]
fn problems(source: &str, expected: &[(&str, &str, &str)]) {
    let found = match Flow::parse(source) {
        Ok(flow) => check(&flow, &Catalog::default()),
        Err(problems) => problems,
    };
    let mut found: Vec<_> = found
        .iter()
        .map(|problem| {
            let place = format!("{}:{}", problem.line, problem.column);
            (place, problem.message.as_str(), problem.help.as_deref().unwrap_or_default())
        })
        .collect();
    found.sort();
    let found: Vec<_> =
        found.iter().map(|(place, message, help)| (place.as_str(), *message, *help)).collect();
    assert_eq!(found, expected);
}

fn steps(text: &str) -> String {
    format!("flow: a\non: manual\nsteps:\n{text}")
}

#[test]
fn loops() {
    problems(
        &steps(
            "  - id: each\n    for-each: 5\n    concurrency: 0\n    max-items: 10001\n    on-item-error: skip\n    steps: []\n",
        ),
        &[
            ("4:5", "the loop has no step", ""),
            (
                "5:15",
                "`for-each` is a list or an expression that gives one, not a number",
                "write ${ event.items }",
            ),
            ("6:18", "`concurrency` is a number from 1 to 64", ""),
            ("7:16", "`max-items` is a number from 1 to 10000", ""),
            ("8:20", "unknown on-item-error `skip`", ""),
        ],
    );
    problems(
        &steps("  - { id: each, for-each: [1] }\n  - { id: x, map: 1, steps: [], concurrency: 2 }\n"),
        &[
            ("4:5", "the loop has no `steps`", ""),
            ("5:22", "`steps` means nothing with `map`", ""),
            ("5:33", "`concurrency` means nothing with `map`", ""),
        ],
    );
}

#[test]
fn what_is_known_where() {
    problems(
        &steps(
            "  - { id: a, map: \"${item}\" }
  - id: each
    for-each: ${ index }
    steps:
      - { id: b, map: \"${item.x} ${index} ${steps.a}\" }
      - { id: c, map: \"${error.class}\", on-error: { steps: [{ id: d, map: \"${error.klass} ${item}\" }] } }
  - { id: e, map: \"${steps.b} ${event.l.map(item, item.x)}\" }
",
        ),
        &[
            (
                "10:22",
                "step `b` runs once for each item of `each`",
                "what became of the items is `steps.each.results`",
            ),
            ("4:22", "there is no `item` here", "it is known to the steps of a `for-each`"),
            ("6:17", "there is no `index` here", "it is known to the steps of a `for-each`"),
            ("9:26", "there is no `error` here", "it is known to the steps of an `on-error`"),
            ("9:78", "`error` has no `klass`", "did you mean `class`?"),
        ],
    );
}

#[test]
fn branches_do_not_see_each_other() {
    problems(
        &steps(
            "  - id: both
    parallel:
      - { branch: l, steps: [{ id: x, map: 1 }] }
      - { branch: l, steps: [{ id: y, map: \"${steps.x}\" }] }
  - { id: z, map: \"${steps.x} ${steps.y} ${steps.both.l}\" }
",
        ),
        &[("7:9", "two branches are named `l`", "")],
    );
    problems(
        &steps(
            "  - id: both
    parallel:
      - { branch: l, steps: [{ id: x, map: 1 }] }
      - { branch: r, steps: [{ id: y, map: \"${steps.x}\" }] }
  - { id: z, map: \"${steps.x} ${steps.y} ${steps.both.l}\" }
",
        ),
        &[("7:47", "step `x` has not run here", "it is on line 6")],
    );
    problems(
        &steps("  - { id: a, parallel: [] }\n  - { id: b, parallel: { branch: l } }\n"),
        &[
            ("4:24", "`parallel` has 1 to 50 branches, not 0", ""),
            ("5:24", "`parallel` is a list of branches, not an object", "start each branch with `- branch:`"),
        ],
    );
}

#[test]
fn waits_and_ends() {
    problems(
        &steps(
            "  - { id: a, delay: \"${event.x}\" }
  - { id: b, delay: 401d }
  - { id: c, until: [1] }
  - { id: d, stop: \"\", on-error: continue }
  - { id: e, fail: { message: no, class: gon } }
  - { id: f, fail: { class: gone } }
  - { id: g, stop: x, delay: 1s }
",
        ),
        &[
            ("10:5", "the step does two things", ""),
            (
                "4:21",
                "`delay` is a duration, not an expression",
                "write `until:` with the time that it gives",
            ),
            ("5:21", "`401d` is longer than 400d, the longest that a flow may ask for here", ""),
            (
                "6:21",
                "`until` is a time or an expression that gives one, not a list",
                "write ${ event.due_at }",
            ),
            ("7:20", "`stop` is empty", ""),
            ("7:24", "`on-error` means nothing with `stop`", ""),
            ("8:42", "unknown class `gon`", "did you mean `gone`?"),
            ("9:20", "fail has no `message`", ""),
        ],
    );
}

#[test]
fn a_flow_tells_another() {
    let flow = |keys: &str| format!("flow: a\n{keys}on: manual\nsteps: [{{ id: x, map: 1 }}]\n");
    assert_eq!(shown(&flow("deadline: 2h\nretention: 90d\non-failure: tell-ops\n")), "");
    problems(
        &flow("deadline: 0s\nretention: 1y\non-failure: a\n"),
        &[
            ("2:11", "`deadline` is no time at all", ""),
            (
                "3:12",
                "`1y` is not a duration",
                "write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`",
            ),
            ("4:13", "flow `a` would be told of its own failures", "name another flow, which tells a person"),
        ],
    );
    assert!(shown(&flow("on-failure: tell-op\n")).contains("did you mean `tell-ops`?"));
}

#[test]
fn outputs_of_steps_that_hold_others() {
    problems(
        &steps(
            "  - { id: each, for-each: [1], steps: [{ id: x, map: 1 }] }
  - { id: both, parallel: [{ branch: left, steps: [] }] }
  - { id: z, map: [\"${steps.each.result}\", \"${steps.both.left} ${steps.both.lift}\", \"${steps.each.failed[0].index}\"] }
",
        ),
        &[
            ("6:23", "`steps.each` has no `result`", "did you mean `results`?"),
            ("6:66", "`steps.both` has no `lift`", "did you mean `left`?"),
        ],
    );
}

#[test]
fn waits_for_somebody() {
    problems(
        &steps(
            "  - { id: a, wait: {} }
  - { id: b, wait: { approval: ok, signal: x } }
  - { id: c, wait: { approval: ok, form: [], approvers: [], if: \"${true}\" } }
  - { id: d, wait: { signal: X, form: {}, expires: never } }
  - { id: e, wait: { approval: ok, form: { type: nothing } } }
  - { id: f, map: \"${signal.x} ${steps.a}\" }
",
        ),
        &[
            ("4:20", "`wait` is for one thing", "write `approval: TEXT` or `signal: NAME`"),
            ("5:20", "`wait` is for one thing", "write `approval: TEXT` or `signal: NAME`"),
            ("6:42", "`form` is a JSON Schema of an object, not a list", ""),
            ("6:61", "`if` means nothing here", ""),
            ("7:30", "`X` is no name for a signal", ""),
            ("7:33", "`form` means nothing here", ""),
            (
                "7:52",
                "`never` is not a duration",
                "write a whole number and a unit: `250ms`, `30s`, `5m`, `1h`, `7d`",
            ),
            (
                "8:42",
                "`form` is not a JSON Schema: \"nothing\" is not valid under any of the schemas listed in the 'anyOf' keyword",
                "",
            ),
        ],
    );
    assert_eq!(
        shown(&steps(
            "  - { id: a, wait: { signal: paid, if: \"${ signal.n == event.n }\", expires: 30d } }\n"
        )),
        ""
    );
    problems(
        &steps(
            "  - { id: a, wait: { signal: paid } }\n  - { id: f, map: \"${signal.x} ${steps.a.nmae}\" }\n",
        ),
        &[
            ("5:22", "there is no `signal` here", "it is known to the `if` of a `wait` for a signal"),
            ("5:34", "`steps.a` has no `nmae`", "did you mean `name`?"),
        ],
    );
}
