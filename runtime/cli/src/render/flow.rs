//! What `flow apply`, `flow validate` and `flow run` answer.

use serde_json::Value;

use super::{
    list::cell,
    style::{faint, good, strong, typed},
};
use crate::inert::inert;

/// A flow was applied.
#[must_use]
pub fn applied(server: &str, answer: &Value) -> String {
    let unchanged = answer.get("unchanged").and_then(Value::as_bool) == Some(true);
    let told = if unchanged { faint("unchanged") } else { good("applied") };
    let mut text = format!("{} v{} {told}\n", strong(cell(answer, "name")), cell(answer, "version"));
    let path = cell(answer, "webhook_path");
    if !path.is_empty() {
        text.push_str(&format!("  deliveries go to   {}\n", typed(format!("{server}{path}"))));
    }
    text
}

/// A file is right.
#[must_use]
pub fn valid(file: &str) -> String {
    format!("{} {}\n", good("ok"), inert(file))
}

/// A run was started, or had been.
#[must_use]
pub fn started(answer: &Value) -> String {
    let run = cell(answer, "run");
    let told = if answer.get("duplicate").and_then(Value::as_bool) == Some(true) {
        "was started before, by the same key"
    } else {
        "started"
    };
    format!("{} {told}\n  watch it   {}\n", strong(&run), typed(format!("wharf run show {run}")))
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, *};
    use serde_json::json;

    #[test]
    fn says_where_deliveries_go() {
        check(
            &applied(
                "http://127.0.0.1:8484",
                &json!({ "name": "triage-bugs", "version": 3, "unchanged": false, "webhook_path": "/webhooks/triage-bugs" }),
            ),
            "
triage-bugs v3 applied
  deliveries go to   http://127.0.0.1:8484/webhooks/triage-bugs",
        );
        check(
            &started(&json!({ "run": "01J", "duplicate": true })),
            "
01J was started before, by the same key
  watch it   wharf run show 01J",
        );
    }
}
