//! Schedules and polls.

use serde_json::Value;

use super::{
    list::{cell, none, time},
    style::{faint, good, strong, typed, warn},
    table::Table,
    units::{millis, plural},
};
use crate::inert::{inert_lines, inert_short};

/// Flows that the server starts by itself.
#[must_use]
pub fn list(items: &[Value]) -> String {
    let mut table = Table::new(&["FLOW", "ON", "LAST", "NEXT", "EVENTS", "FAILING"]);
    for item in items {
        let failures = number(item, "failures");
        let class = item.get("failure").map(|failure| cell(failure, "class")).unwrap_or_default();
        let failing = if failures == 0 { String::new() } else { warn(format!("{failures} × {class}")) };
        table.row([
            strong(cell(item, "flow")),
            cell(item, "on"),
            time(item, "done_at"),
            time(item, "due_at"),
            cell(item, "events"),
            failing,
        ]);
    }
    if table.is_empty() {
        none("schedules and polls", "a flow has one with `on: { every: 5m }` or a trigger that is polled")
    } else {
        table.render("")
    }
}

/// One of them.
#[must_use]
pub fn shown(item: &Value) -> String {
    let mut text = format!("{} {}", strong(cell(item, "flow")), cell(item, "on"));
    let connection = cell(item, "connection");
    if !connection.is_empty() {
        text.push_str(&format!(" as {connection}"));
    }
    text.push('\n');
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text.push_str(&format!("  {name:<9}{value}\n"));
        }
    };
    line("since", time(item, "since"));
    line("last", time(item, "done_at"));
    if cell(item, "kind") == "poll" {
        let every = millis(number(item, "interval_ms"));
        let behind = item.get("behind").and_then(Value::as_bool) == Some(true);
        let pace = if behind { "at once, there is more".to_owned() } else { format!("after {every}") };
        line("next", format!("{} {}", time(item, "due_at"), faint(pace)));
        let cursor = item.get("cursor").filter(|cursor| !cursor.is_null());
        let moved = time(item, "cursor_at");
        line("cursor", cursor.map(|cursor| inert_short(&cursor.to_string(), 200)).unwrap_or_default());
        line("moved", moved);
    }
    line("events", plural(number(item, "events"), "event"));
    if number(item, "missed") > 0 {
        line("missed", plural(number(item, "missed"), "fire"));
    }
    text.push_str(&next_fires(item));
    if let Some(failure) = item.get("failure").filter(|failure| !failure.is_null()) {
        let times = plural(number(item, "failures"), "time");
        let (class, message) = (cell(failure, "class"), cell(failure, "message"));
        text.push_str(&format!(
            "  {}\n",
            warn(format!(
                "failed {times}, last {}: {class}: {}",
                time(item, "failed_at"),
                inert_lines(&message)
            ))
        ));
    }
    text
}

/// The fires to come; nothing if there are none.
#[must_use]
pub fn next_fires(item: &Value) -> String {
    let fires = item.get("next_fires").and_then(Value::as_array).into_iter().flatten();
    fires
        .enumerate()
        .map(|(n, fire)| {
            format!("  {:<9}{}\n", if n == 0 { "fires at" } else { "" }, cell(fire, "local_time"))
        })
        .collect()
}

/// What a poll came to.
#[must_use]
pub fn polled(answer: &Value) -> String {
    let found = format!(
        "{}, {} new, in {}",
        plural(number(answer, "events"), "event"),
        number(answer, "new"),
        plural(number(answer, "pages"), "page")
    );
    match answer.get("failure").filter(|failure| !failure.is_null()) {
        None => {
            let more = answer.get("more").and_then(Value::as_bool) == Some(true);
            format!("{} {found}{}\n", good("polled"), if more { "; there is more" } else { "" })
        }
        Some(failure) => format!(
            "{}: {}\n  {found} before that; the cursor stands behind them\n  see   {}\n",
            warn(format!("failed, {}", cell(failure, "class"))),
            cell(failure, "message"),
            typed("wharf trigger show FLOW")
        ),
    }
}

fn number(item: &Value, name: &str) -> u64 {
    item.get(name).and_then(Value::as_u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, *};
    use serde_json::json;

    #[test]
    fn says_when_and_why_not() {
        let polled_flow = json!({
            "flow": "watch", "kind": "poll", "on": "github/issue-changed", "connection": "acme-github",
            "since": 1_795_288_392_345_u64, "due_at": 1_795_288_452_345_u64, "done_at": 1_795_288_392_345_u64,
            "next_fires": [], "cursor": { "since": "2026-11-21" }, "cursor_at": 1_795_288_392_345_u64, "behind": false,
            "interval_ms": 60_000, "events": 3, "missed": 0, "failures": 2, "failed_at": 1_795_288_392_345_u64,
            "failure": { "class": "rate-limited", "message": "slow\u{1b}[31m" },
        });
        check(
            &shown(&polled_flow),
            "
watch github/issue-changed as acme-github
  since    2026-11-21 19:13:12
  last     2026-11-21 19:13:12
  next     2026-11-21 19:14:12 after 1 min 0 s
  cursor   {\"since\":\"2026-11-21\"}
  moved    2026-11-21 19:13:12
  events   3 events
  failed 2 times, last 2026-11-21 19:13:12: rate-limited: slow\\u{1b}[31m",
        );
        let daily = json!({
            "flow": "report", "kind": "schedule", "on": "cron 0 9 * * * Europe/Berlin", "events": 1, "missed": 4,
            "due_at": 1_795_334_400_000_u64, "failures": 0,
            "next_fires": [{ "local_time": "2026-11-22T09:00:00+01:00" }, { "local_time": "2026-11-23T09:00:00+01:00" }],
        });
        check(
            &shown(&daily),
            "
report cron 0 9 * * * Europe/Berlin
  events   1 event
  missed   4 fires
  fires at 2026-11-22T09:00:00+01:00
           2026-11-23T09:00:00+01:00",
        );
        check(
            &list(&[polled_flow, daily]),
            "
FLOW    ON                            LAST                 NEXT                 EVENTS  FAILING
watch   github/issue-changed          2026-11-21 19:13:12  2026-11-21 19:14:12  3       2 × rate-limited
report  cron 0 9 * * * Europe/Berlin                       2026-11-22 08:00:00  1",
        );
        check(
            &polled(&json!({ "pages": 2, "events": 101, "new": 1, "more": false, "failure": null })),
            "polled 101 events, 1 new, in 2 pages",
        );
    }
}
