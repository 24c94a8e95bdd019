//! Lists: a line a thing, the columns that tell things apart first.

use serde_json::Value;

use super::{
    run::status,
    style::{faint, strong, warn},
    table::Table,
    units::millis,
};
use crate::inert::{inert, inert_short};
use wharf_model::time::Timestamp;

/// What is said when there is nothing to list.
#[must_use]
pub fn none(things: &str, how: &str) -> String {
    format!("no {things}; {how}\n")
}

/// A member of a document as text; empty if it is not there.
#[must_use]
pub fn cell(item: &Value, name: &str) -> String {
    match item.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => inert_short(text, 80),
        Some(other) => inert_short(&other.to_string(), 80),
    }
}

/// A time as `2026-11-21 19:13:12`.
#[must_use]
pub fn time(item: &Value, name: &str) -> String {
    match item.get(name) {
        Some(Value::Number(number)) => number
            .as_u64()
            .map(|millis| {
                Timestamp(millis).to_string().chars().take(19).collect::<String>().replace('T', " ")
            })
            .unwrap_or_default(),
        Some(Value::String(text)) => inert(&text.chars().take(19).collect::<String>().replace('T', " ")),
        _ => String::new(),
    }
}

/// Connections.
#[must_use]
pub fn connections(items: &[Value]) -> String {
    let mut table = Table::new(&["NAME", "CONNECTOR", "METHOD", "SETTINGS"]);
    let mut read = String::new();
    for item in items {
        let settings = item
            .get("settings")
            .filter(|settings| settings.as_object().is_some_and(|object| !object.is_empty()));
        let settings =
            settings.map(|settings| faint(inert_short(&settings.to_string(), 100))).unwrap_or_default();
        table.row([strong(cell(item, "name")), cell(item, "connector"), cell(item, "method"), settings]);
        let reveals = item.get("reveals").and_then(Value::as_array).into_iter().flatten();
        let reveals: Vec<String> = reveals.filter_map(Value::as_str).map(inert).collect();
        if !reveals.is_empty() {
            read.push_str(&format!(
                "{}\n",
                warn(format!("{}: the connector may READ {}", cell(item, "name"), reveals.join(", ")))
            ));
        }
    }
    if table.is_empty() {
        none("connections", "add one with `wharf connection add NAME --connector CONNECTOR`")
    } else {
        format!("{}{read}", table.render(""))
    }
}

/// Flows.
#[must_use]
pub fn flows(items: &[Value]) -> String {
    let mut table = Table::new(&["NAME", "VERSION", "ON", "OWNER", "WEBHOOK"]);
    for item in items {
        table.row([
            strong(cell(item, "name")),
            cell(item, "version"),
            cell(item, "trigger"),
            cell(item, "owner"),
            cell(item, "webhook_path"),
        ]);
    }
    if table.is_empty() {
        none("flows", "apply one with `wharf flow apply FILE.yaml`")
    } else {
        table.render("")
    }
}

/// Runs.
#[must_use]
pub fn runs(items: &[Value]) -> String {
    let mut table = Table::new(&["RUN", "FLOW", "STATUS", "ACCEPTED", "TOOK"]);
    for item in items {
        let number = |name: &str| item.get(name).and_then(Value::as_u64);
        let took = match (number("accepted_at"), number("finished_at")) {
            (Some(from), Some(to)) => millis(to.saturating_sub(from)),
            _ => String::new(),
        };
        let version = number("flow_version").map(|version| format!(" v{version}")).unwrap_or_default();
        table.row([
            strong(cell(item, "id")),
            format!("{}{version}", cell(item, "flow")),
            status(&cell(item, "status")),
            time(item, "accepted_at"),
            took,
        ]);
    }
    if table.is_empty() { none("runs", "start one with `wharf flow run NAME`") } else { table.render("") }
}

/// Dead letters.
#[must_use]
pub fn dead_letters(items: &[Value]) -> String {
    let mut table = Table::new(&["ID", "FLOW", "STEP", "WHY", "STATUS", "SINCE"]);
    for item in items {
        table.row([
            strong(cell(item, "id")),
            cell(item, "flow"),
            cell(item, "step"),
            cell(item, "class"),
            status(&cell(item, "status")),
            time(item, "at"),
        ]);
    }
    if table.is_empty() { none("dead letters", "nothing waits for a person") } else { table.render("") }
}

/// Rows of the audit log.
#[must_use]
pub fn audit(items: &[Value]) -> String {
    let mut table = Table::new(&["ROW", "WHEN", "WHO", "DID", "TO", "DETAIL"]);
    for item in items {
        table.row([
            cell(item, "n"),
            time(item, "at"),
            cell(item, "actor"),
            strong(cell(item, "act")),
            cell(item, "subject"),
            faint(cell(item, "detail")),
        ]);
    }
    if table.is_empty() { none("rows", "every change and every denial leaves one") } else { table.render("") }
}

#[cfg(test)]
mod tests {
    use super::{super::testing::check, *};
    use serde_json::json;

    #[test]
    fn lists_line_up_and_are_inert() {
        let runs_given = [
            json!({ "id": "01J", "flow": "triage\u{1b}[31m", "flow_version": 2, "status": "done", "accepted_at": 1_795_288_392_345_u64, "finished_at": 1_795_288_392_757_u64 }),
        ];
        check(
            &runs(&runs_given),
            "
RUN  FLOW                 STATUS  ACCEPTED             TOOK
01J  triage\\u{1b}[31m v2  done    2026-11-21 19:13:12  412 ms",
        );
        check(&runs(&[]), "no runs; start one with `wharf flow run NAME`");
        check(
            &connections(&[
                json!({ "name": "acme", "connector": "slack", "method": "token", "settings": { "api-url": "http://x" } }),
            ]),
            "
NAME  CONNECTOR  METHOD  SETTINGS
acme  slack      token   {\"api-url\":\"http://x\"}",
        );
        check(
            &connections(&[
                json!({ "name": "acme", "connector": "ftp", "method": "key", "settings": {}, "reveals": ["password"] }),
            ]),
            "
NAME  CONNECTOR  METHOD  SETTINGS
acme  ftp        key
acme: the connector may READ password",
        );
    }
}
