//! JSON: into text and back, paths into it, objects from objects.
//!
//! What is surprising: a pointer and a path say what is missing. The error names what there is instead, as for
//! a field that is written with a dot.

use serde_json::{Map, Value};

use super::{arguments::Arguments, entries, json_path, kind, shown};
use crate::template::purse::{Fault, weight};

type Result<T = Value> = std::result::Result<T, Fault>;

/// Steps of a pointer or a path at most.
pub(super) const MAX_STEPS: usize = 64;

entries! {
    /// Functions of JSON.
    JSON:
    "json" Global (x: Any) [] Plain json, "Any value as JSON text.";
    "parseJson" Global (s: Text) [] Plain parse_json, "The value of a JSON text, up to 128 levels deep.";
    "type" Global (x: Part) [] Plain kind_of, "`null`, `bool`, `int`, `double`, `string`, `list` or `map`.";
    "get" Both (x: Part, pointer: Pointer) [default: Part] Plain get, "The value at a JSON Pointer (RFC 6901), such as `'/items/0/sku'`. Without `default` it must be there; null is there. Also `x.get(…)`.";
    "jsonPath" Global (x: Part, path: Path) [] Plain json_path::select, "The list of what a JSONPath (RFC 9535) finds, such as `'$.items[*].sku'` or `'$..id'`: names, positions, slices, `*` and `..`; for filters write `.filter(…)`.";
    "merge" Global (x: Any, patch: Any) [] Plain merge, "`x` with the fields of `patch` in it, all the way down; a null in `patch` removes the field (RFC 7396).";
    "pick" Global (x: Object, keys: List) [] Plain pick, "The object with these keys only; what it does not have is left out.";
    "omit" Global (x: Object, keys: List) [] Plain omit, "The object without these keys.";
    "compact" Global (x: Any) [] Plain compact, "Without the fields and items that are null, all the way down.";
    "keys" Global (x: Object) [] Plain keys, "The keys, in order.";
    "values" Global (x: Object) [] Plain values, "The values, in order.";
    "entries" Global (x: Object) [] Plain entry_list, "A list of `{\"key\": …, \"value\": …}`.";
    "fromEntries" Global (list: List) [] Plain from_entries, "The object of such a list; two entries of one key are an error.";
}

fn json(a: &Arguments<'_>) -> Result {
    let value = a.any(0);
    let (nodes, bytes) = weight(value);
    a.purse.step(nodes + bytes / 64)?;
    // A control character is written with six: \u0000.
    a.purse.affords(1, bytes.saturating_mul(6)).or_else(|_| a.purse.affords(1, size(value)))?;
    Ok(value.to_string().into())
}

/// The bytes of a value's JSON, counted without writing it.
fn size(value: &Value) -> u64 {
    struct Counter(u64);
    impl std::io::Write for Counter {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len() as u64;
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => u64::MAX,
    }
}

fn parse_json(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 8)?;
    // As many values as there are commas and brackets, at most; a comma in a text counts along.
    a.room(1 + text.bytes().filter(|byte| matches!(byte, b',' | b'[' | b'{' | b':')).count(), text.len())?;
    serde_json::from_str(text).map_err(|why| a.wrong(format_args!("not JSON: {why}")))
}

fn kind_of(a: &Arguments<'_>) -> Result {
    Ok(match a.any(0) {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(number) if number.is_f64() => "double",
        Value::Number(_) => "int",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "map",
    }
    .into())
}

/// Why a text is no JSON Pointer.
pub(super) fn check_pointer(pointer: &str) -> std::result::Result<(), String> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(format!("{} is no JSON Pointer; it starts with /: /items/0", shown(&pointer.into())));
    }
    if pointer.split('/').count() > MAX_STEPS + 1 {
        return Err(format!("a JSON Pointer of more than {MAX_STEPS} steps"));
    }
    let escaped = |part: &str| part.starts_with('0') || part.starts_with('1');
    if !pointer.split('~').skip(1).all(escaped) {
        return Err("after ~ stands 0 or 1: ~0 is ~, ~1 is /".to_owned());
    }
    Ok(())
}

fn get(a: &Arguments<'_>) -> Result {
    let pointer = a.text(1)?;
    check_pointer(pointer).map_err(|why| a.wrong(why))?;
    a.toil(pointer.len(), 16)?;
    let mut at = a.any(0);
    for (depth, token) in pointer.split('/').enumerate().skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let next = match at {
            Value::Object(entries) => entries.get(&token),
            Value::Array(items) => position(&token).and_then(|position| items.get(position)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        };
        match next {
            Some(next) => at = next,
            None if a.has(2) => return a.copy(a.any(2)),
            None => {
                let parent: Vec<_> = pointer.split('/').take(depth).collect();
                return Err(a.wrong(missing(a, at, &token, &parent.join("/"))));
            }
        }
    }
    a.copy(at)
}

/// A position in a list: digits without a zero before them (RFC 6901, 4).
fn position(token: &str) -> Option<usize> {
    let plain = token == "0" || (!token.starts_with('0') && token.bytes().all(|byte| byte.is_ascii_digit()));
    if plain { token.parse().ok() } else { None }
}

fn missing(a: &Arguments<'_>, at: &Value, token: &str, parent: &str) -> String {
    let place = if parent.is_empty() { "the value".to_owned() } else { parent.to_owned() };
    let token_shown = shown(&token.into());
    let fix = "; a third argument says what stands for it";
    match at {
        Value::Object(entries) => {
            let known: Vec<_> = entries.keys().take(12).map(|key| shown(&key.as_str().into())).collect();
            let near = a.purse.suggest(token, entries.keys().map(String::as_str));
            let hint =
                near.map_or_else(String::new, |near| format!("; did you mean {}?", shown(&near.into())));
            let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
            format!("{place} has no {token_shown}; there is: {known}{fix}{hint}")
        }
        Value::Array(items) => format!("{place} has {} items, none at {token_shown}{fix}", items.len()),
        other => format!("{place} is {}, it has no {token_shown}{fix}", kind(other)),
    }
}

fn merge(a: &Arguments<'_>) -> Result {
    let mut merged = a.copy(a.any(0))?;
    patch(a, &mut merged, a.any(1))?;
    Ok(merged)
}

/// RFC 7396, 2.
fn patch(a: &Arguments<'_>, target: &mut Value, with: &Value) -> Result<()> {
    a.purse.step(1)?;
    let Value::Object(changes) = with else {
        *target = a.copy(with)?;
        return Ok(());
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    if let Value::Object(fields) = target {
        for (key, change) in changes {
            if change.is_null() {
                fields.shift_remove(key);
                a.purse.step(fields.len() as u64 / 16)?;
            } else {
                patch(a, fields.entry(key.as_str()).or_insert(Value::Null), change)?;
            }
        }
    }
    Ok(())
}

fn pick(a: &Arguments<'_>) -> Result {
    let object = a.object(0)?;
    a.fits(a.any(0))?;
    let mut picked = Map::new();
    for key in a.texts(1)? {
        // A key that stands twice is not copied twice.
        if let (Some(value), false) = (object.get(key), picked.contains_key(key)) {
            picked.insert(key.to_owned(), value.clone());
        }
    }
    Ok(picked.into())
}

fn omit(a: &Arguments<'_>) -> Result {
    let without: std::collections::HashSet<&str> = a.texts(1)?.into_iter().collect();
    a.fits(a.any(0))?;
    let kept = a.object(0)?.iter().filter(|(key, _)| !without.contains(key.as_str()));
    Ok(Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect()))
}

fn compact(a: &Arguments<'_>) -> Result {
    fn of(value: &Value) -> Value {
        match value {
            Value::Array(items) => items.iter().filter(|item| !item.is_null()).map(of).collect(),
            Value::Object(entries) => {
                let kept = entries.iter().filter(|(_, value)| !value.is_null());
                Value::Object(kept.map(|(key, value)| (key.clone(), of(value))).collect())
            }
            other => other.clone(),
        }
    }
    a.fits(a.any(0))?;
    Ok(of(a.any(0)))
}

fn keys(a: &Arguments<'_>) -> Result {
    let object = a.object(0)?;
    a.room(object.len(), object.keys().map(String::len).sum())?;
    Ok(object.keys().map(String::as_str).collect())
}

fn values(a: &Arguments<'_>) -> Result {
    a.copies(a.object(0)?.values())
}

fn entry_list(a: &Arguments<'_>) -> Result {
    let object = a.object(0)?;
    let (nodes, bytes) = a.fits(a.any(0))?;
    a.purse.affords(nodes + 3 * object.len() as u64, bytes + 110 * object.len() as u64)?;
    let entry = |(key, value): (&String, &Value)| {
        Value::Object(Map::from_iter([
            ("key".to_owned(), key.as_str().into()),
            ("value".to_owned(), value.clone()),
        ]))
    };
    Ok(object.iter().map(entry).collect())
}

fn from_entries(a: &Arguments<'_>) -> Result {
    a.fits(a.any(0))?;
    let mut object = Map::new();
    for item in a.list(0)? {
        let (Some(Value::String(key)), Some(value)) = (item.get("key"), item.get("value")) else {
            return Err(a.wrong("an item is no {\"key\": text, \"value\": …}"));
        };
        if object.insert(key.clone(), value.clone()).is_some() {
            return Err(a.wrong(format_args!("two entries have the key {}", shown(&key.as_str().into()))));
        }
    }
    Ok(object.into())
}
