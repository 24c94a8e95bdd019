//! Enum tables: one system's words into another's.
//!
//! What is surprising: a word that the table does not know is an error unless the call says what stands for it. A
//! status that a provider adds must not become an empty field unseen.

use serde_json::{Map, Value};

use super::{arguments::Arguments, entries, kind, shown};
use crate::template::purse::Fault;

type Result<T = Value> = std::result::Result<T, Fault>;

/// Keys that an error lists.
const LISTED: usize = 12;

entries! {
    /// Functions of tables.
    TABLES:
    "table" Global (x: Key, table: Table) [default: Part] Plain table, "What the table, an object, has for `x`; numbers and booleans are looked up by their text. Without `default` an `x` that it does not have is an error.";
    "tableOr" Global (x: Part, table: Table, default: Part) [] Plain table_or, "The same, and `default` for null too.";
    "invert" Global (table: Object) [] Plain invert, "The table the other way round, from values to keys; two keys of one value are an error.";
    "coalesce" Many (x: Part) [] Plain coalesce, "The first that is not null; null if all are.";
}

/// The text that a table is asked for.
fn key(value: &Value) -> Option<std::borrow::Cow<'_, str>> {
    match value {
        Value::String(text) => Some(text.as_str().into()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn misfit(a: &Arguments<'_>) -> Fault {
    a.wrong(format_args!("x is {}, not a string, an integer or a boolean", kind(a.any(0))))
}

fn table(a: &Arguments<'_>) -> Result {
    let key = key(a.any(0)).ok_or_else(|| misfit(a))?;
    let table = a.object(1)?;
    match table.get(&*key) {
        Some(found) => a.copy(found),
        None if a.has(2) => a.copy(a.any(2)),
        None => Err(unknown(a, &key, table)),
    }
}

fn table_or(a: &Arguments<'_>) -> Result {
    let default = a.any(2);
    if a.any(0).is_null() {
        return a.copy(default);
    }
    let key = key(a.any(0)).ok_or_else(|| misfit(a))?;
    a.copy(a.object(1)?.get(&*key).unwrap_or(default))
}

fn unknown(a: &Arguments<'_>, key: &str, table: &Map<String, Value>) -> Fault {
    let names: Vec<String> = table.keys().take(LISTED).map(|name| shown(&name.as_str().into())).collect();
    let more = table.len().saturating_sub(LISTED);
    let more = if more == 0 { String::new() } else { format!(", and {more} more") };
    let near = a.purse.suggest(key, table.keys().map(String::as_str));
    let hint = near.map_or_else(String::new, |near| format!("; did you mean {}?", shown(&near.into())));
    let listed = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
    a.wrong(format_args!(
        "the table has no {}; it has {listed}{more}; a third argument says what stands for others{hint}",
        shown(&key.into())
    ))
}

fn invert(a: &Arguments<'_>) -> Result {
    let table = a.object(0)?;
    let mut inverted = Map::with_capacity(table.len());
    for (name, value) in table {
        let value = key(value).ok_or_else(|| {
            a.wrong(format_args!("the value of {} is {}", shown(&name.as_str().into()), kind(value)))
        })?;
        let value = value.into_owned();
        if let Some(other) = inverted.insert(value.clone(), name.as_str().into()) {
            let value = shown(&value.into());
            return Err(a.wrong(format_args!(
                "{} and {} both have {value}",
                shown(&other),
                shown(&name.as_str().into())
            )));
        }
    }
    Ok(inverted.into())
}

fn coalesce(a: &Arguments<'_>) -> Result {
    a.copy(a.all().iter().find(|value| !value.is_null()).copied().unwrap_or(&Value::Null))
}
