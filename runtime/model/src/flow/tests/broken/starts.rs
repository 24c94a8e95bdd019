//! What starts a run and is wrong: schedules, polls, other flows, people.

use super::check;

/// One line of `on` and what is said, without the heading lines.
#[track_caller]
fn on(on: &str, expected: &str) {
    let source = format!("flow: a\non: {on}\nsteps: [{{ id: x, map: 1 }}]\n");
    let shown = super::shown(&source);
    let told: Vec<&str> = shown
        .lines()
        .filter(|line| {
            line.starts_with("error")
                || line.starts_with("warning")
                || line.contains('^')
                || line.contains(" = ")
        })
        .map(|line| line.trim_start_matches(['|', ' ']).trim_end())
        .collect();
    assert_eq!(told.join("\n"), expected, "\n{shown}");
}

#[test]
fn schedules() {
    on("{ every: 500ms }", "error: `every` is less than a second\n^^^^^ write 1s or more");
    on("{ every: 5m, zone: UTC }", "error: `zone` means nothing with `every`\n^^^^ it goes with `cron`");
    on(
        "{ cron: \"61 * * * *\" }",
        "error: not a cron pattern: number out of bounds\n^^^^^^^^^^^^\n= as in: \"30 2 * * MON-FRI\" (minute, hour, day, month, weekday)",
    );
    on(
        "{ cron: 0 0 31 2 *, zone: Europe/Berlin }",
        "error: this cron pattern never fires: there is no such day\n^^^^^^^^^^\n= as in: \"30 2 * * MON-FRI\" (minute, hour, day, month, weekday)",
    );
    on(
        "{ cron: 0 9 * * *, zone: Europe/Berln }",
        "error: there is no time zone \"Europe/Berln\"; did you mean `Europe/Berlin`?\n^^^^^^^^^^^^",
    );
    on(
        "{ cron: 0 9 * * *, gap: forwards }",
        "error: `gap` is one of forward, skip\n^^^^^^^^ did you mean `forward`?",
    );
    on("{ cron: 0 9 * * *, fold: 2 }", "error: `fold` is one of once, twice\n^");
    on(
        "{ every: 5m, missed: never, jitter: 2d }",
        "error: `missed` is one of skip, once, all\n^^^^^\nerror: `2d` is longer than 24h, the longest that a flow may ask for here\n^^",
    );
    on("{ every: 5m, cron: 0 9 * * * }", "error: `on` has one of `every`, `cron`, not several\n^");
    on(
        "{ crom: 0 9 * * * }",
        "error: `on` has none of `trigger`, `webhook`, `every`, `cron`, `flow`, `manual`\n^\nerror: unknown key `crom` in on\n^^^^ did you mean `cron`?",
    );
}

#[test]
fn polls() {
    on(
        "{ trigger: github/issue-changed, poll: { every: 10s } }",
        "error: github/issue-changed is polled once in 1m at most\n^ its manifest says so; write that or more",
    );
    on(
        "{ trigger: github/issue-changed, poll: { every: 5m, slowest: 2m } }",
        "error: `slowest` is faster than `every`\n^^ it is the interval while no events come",
    );
    on(
        "{ trigger: github/issue-changed, poll: { first: noe } }",
        "error: `noe` is neither `now`, `all` nor a time\n^^^ did you mean `now`?\n= a time is written as 2026-11-21T19:13:12Z",
    );
    on(
        "{ trigger: github/issue-opened, connection: acme-github, with: { repository: a/b }, poll: {} }",
        "error: `poll` means nothing here: github/issue-opened is delivered, not polled\n^ leave it out",
    );
}

#[test]
fn events_of_the_clock_and_of_people() {
    check(
        r#"flow: a
on: { every: 5m }
steps: [{ id: x, map: "${event.sheduled_at}" }]
"#,
        r#"
error: `event` has no `sheduled_at`
  --> f.yaml:3:26
   |
 3 | steps: [{ id: x, map: "${event.sheduled_at}" }]
   |                          ^^^^^^^^^^^^^^^^^ did you mean `scheduled_at`?
   = fields of `event` in a fire of a schedule: scheduled_at, local_time, zone, missed
"#,
    );
    check(
        r#"flow: a
on: { manual: { properties: { day: { type: string } }, additionalProperties: false } }
steps: [{ id: x, map: "${event.days}" }]
"#,
        r#"
error: `event` has no `days`
  --> f.yaml:3:26
   |
 3 | steps: [{ id: x, map: "${event.days}" }]
   |                          ^^^^^^^^^^ did you mean `day`?
   = fields of `event` in the input of the flow: day
"#,
    );
    on(
        "{ manual: { type: 5 } }",
        "error: not a JSON Schema: 5 is not valid under any of the schemas listed in the 'anyOf' keyword\n^",
    );
}

#[test]
fn fe_14_flows_that_would_start_each_other() {
    on(
        "{ flow: ordres }",
        "error: no flow `ordres`\n^^^^^^ did you mean `orders`?\n= flows: bills, orders, tell-ops",
    );
    on("{ flow: orders, status: ended }", "error: `status` is one of done, failed, any\n^^^^^");
    check(
        r#"flow: orders
on: { flow: bills }
steps: [{ id: x, map: 1 }]
"#,
        r#"
error: the end of a run would start the next without an end: orders → bills → orders
  --> f.yaml:2:13
   |
 2 | on: { flow: bills }
   |             ^^^^^
"#,
    );
}
