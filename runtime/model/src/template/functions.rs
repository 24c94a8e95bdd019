//! The functions of expressions: names, how they are called, and what they do to JSON values.
//!
//! What is surprising: positions and sizes of strings count characters (code points), as in CEL, not bytes.

use serde_json::Value;

use super::number::Num;

/// A function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Size,
    Contains,
    StartsWith,
    EndsWith,
    LowerAscii,
    UpperAscii,
    Trim,
    Split,
    Join,
    Replace,
    Substring,
    IndexOf,
    String,
    Int,
    Double,
    Bool,
    Json,
}

/// How a function is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(x)`
    Global,
    /// `x.f()`
    Method,
    /// Either.
    Both,
}

/// A line of the reference: the function, its name, how it is called, its arguments (the receiver included).
pub(super) struct Entry {
    pub(super) function: Function,
    pub(super) name: &'static str,
    pub(super) style: Style,
    pub(super) arguments: std::ops::RangeInclusive<usize>,
    /// As it is written, for messages and the reference.
    pub(super) usage: &'static str,
    pub(super) doc: &'static str,
}

macro_rules! entries {
    ($($function:ident $name:literal $style:ident $arguments:expr, $usage:literal, $doc:literal;)*) => {
        /// Every function, in the order of the reference.
        pub(super) static FUNCTIONS: &[Entry] = &[$(Entry {
            function: Function::$function, name: $name, style: Style::$style, arguments: $arguments, usage: $usage, doc: $doc,
        }),*];
    };
}

entries! {
    Size "size" Both 1..=1, "size(x)", "Characters of a string, items of a list, keys of an object. Also `x.size()`.";
    Contains "contains" Method 2..=2, "s.contains(t)", "Whether the string `t` is in `s`.";
    StartsWith "startsWith" Method 2..=2, "s.startsWith(t)", "Whether `s` starts with `t`.";
    EndsWith "endsWith" Method 2..=2, "s.endsWith(t)", "Whether `s` ends with `t`.";
    LowerAscii "lowerAscii" Method 1..=1, "s.lowerAscii()", "`A` to `Z` become `a` to `z`.";
    UpperAscii "upperAscii" Method 1..=1, "s.upperAscii()", "`a` to `z` become `A` to `Z`.";
    Trim "trim" Method 1..=1, "s.trim()", "Without white space at both ends.";
    Split "split" Method 2..=2, "s.split(t)", "The parts of `s` between occurrences of `t`; an empty `t` gives the characters.";
    Join "join" Method 1..=2, "list.join(t)", "The strings of a list with `t` between them; nothing if left out.";
    Replace "replace" Method 3..=3, "s.replace(t, u)", "Every `t` in `s` becomes `u`.";
    Substring "substring" Method 2..=3, "s.substring(from, to)", "Characters `from` up to, not including, `to`; to the end if left out.";
    IndexOf "indexOf" Method 2..=2, "s.indexOf(t)", "The position of the first `t` in `s`, or -1.";
    String "string" Global 1..=1, "string(x)", "A number or boolean as text.";
    Int "int" Global 1..=1, "int(x)", "A whole number from text, or from a double by cutting off its fraction.";
    Double "double" Global 1..=1, "double(x)", "A double from text or from an integer, rounded to the nearest.";
    Bool "bool" Global 1..=1, "bool(x)", "`\"true\"` or `\"false\"` as a boolean.";
    Json "json" Global 1..=1, "json(x)", "Any value as JSON text.";
}

/// The loops and tests that the compiler knows, for the reference.
pub(super) static LOOPS: &[(&str, &str)] = &[
    ("has(x.field)", "Whether the object `x` has the field. False if `x` is null."),
    ("list.map(x, e)", "The list of `e` for each item `x`. Over an object, `x` is each key."),
    ("list.map(x, p, e)", "The same, of the items for which `p` is true."),
    ("list.filter(x, p)", "The items for which `p` is true."),
    ("list.all(x, p)", "Whether `p` is true for every item."),
    ("list.exists(x, p)", "Whether `p` is true for an item."),
    ("list.exists_one(x, p)", "Whether `p` is true for exactly one item."),
    ("s.matches('pattern')", "Whether the pattern, written out, is found in `s` (RE2 syntax, linear time)."),
];

/// What a value is called in messages.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(number) if number.is_f64() => "a double",
        Value::Number(_) => "an integer",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// The result for these arguments, the receiver first. The number of arguments was checked.
pub(super) fn call(function: Function, arguments: &[&Value]) -> Result<Value, String> {
    match (function, arguments) {
        (Function::Size, [Value::String(text)]) => Ok(text.chars().count().into()),
        (Function::Size, [Value::Array(items)]) => Ok(items.len().into()),
        (Function::Size, [Value::Object(entries)]) => Ok(entries.len().into()),
        (Function::Join, [Value::Array(items)]) => join(items, ""),
        (Function::Join, [Value::Array(items), Value::String(between)]) => join(items, between),
        (Function::String, [value]) => text(value),
        (Function::Json, [value]) => Ok(value.to_string().into()),
        (Function::Int | Function::Double | Function::Bool, [value]) => convert(function, value),
        (Function::Substring, [Value::String(text), bounds @ ..]) => substring(text, bounds),
        (_, [Value::String(text), rest @ ..]) => {
            on_string(function, text, rest).unwrap_or_else(|| Err(mismatch(function, arguments)))
        }
        _ => Err(mismatch(function, arguments)),
    }
}

fn on_string(function: Function, text: &str, rest: &[&Value]) -> Option<Result<Value, String>> {
    let value: Value = match (function, rest) {
        (Function::Contains, [Value::String(part)]) => text.contains(part.as_str()).into(),
        (Function::StartsWith, [Value::String(part)]) => text.starts_with(part.as_str()).into(),
        (Function::EndsWith, [Value::String(part)]) => text.ends_with(part.as_str()).into(),
        (Function::LowerAscii, []) => text.to_ascii_lowercase().into(),
        (Function::UpperAscii, []) => text.to_ascii_uppercase().into(),
        (Function::Trim, []) => text.trim().into(),
        (Function::Split, [Value::String(by)]) if by.is_empty() => text.chars().map(String::from).collect(),
        (Function::Split, [Value::String(by)]) => text.split(by.as_str()).collect(),
        (Function::Replace, [Value::String(from), Value::String(to)]) => {
            return Some(replace(text, from, to));
        }
        (Function::IndexOf, [Value::String(part)]) => {
            index_of(text, part).map_or_else(|| Value::from(-1), Value::from)
        }
        _ => return None,
    };
    Some(Ok(value))
}

fn mismatch(function: Function, arguments: &[&Value]) -> String {
    let usage = FUNCTIONS.iter().find(|entry| entry.function == function).map_or("", |entry| entry.usage);
    let kinds: Vec<_> = arguments.iter().map(|value| kind(value)).collect();
    format!("`{usage}` does not take {}", kinds.join(", "))
}

fn join(items: &[Value], between: &str) -> Result<Value, String> {
    let parts: Result<Vec<_>, _> = items
        .iter()
        .map(|item| {
            item.as_str().ok_or_else(|| format!("join takes a list of strings; one item is {}", kind(item)))
        })
        .collect();
    let parts = parts?;
    let growth = parts.len().saturating_mul(between.len());
    if parts.iter().map(|part| part.len()).fold(growth, usize::saturating_add) > MAX_TEXT_BYTES {
        return Err("join would give more than 4 MiB".to_owned());
    }
    Ok(parts.join(between).into())
}

/// Text may grow by a factor; more than this is refused before it is built.
const MAX_TEXT_BYTES: usize = 4 << 20;

fn replace(text: &str, from: &str, to: &str) -> Result<Value, String> {
    let growth = text.matches(from).count().saturating_mul(to.len());
    if text.len().saturating_add(growth) > MAX_TEXT_BYTES {
        return Err("replace would give more than 4 MiB".to_owned());
    }
    Ok(text.replace(from, to).into())
}

fn index_of(text: &str, part: &str) -> Option<usize> {
    let byte = text.find(part)?;
    text.get(..byte).map(|before| before.chars().count())
}

fn substring(text: &str, bounds: &[&Value]) -> Result<Value, String> {
    let size = text.chars().count();
    let mut positions = bounds.iter().map(|bound| {
        bound
            .as_u64()
            .and_then(|position| usize::try_from(position).ok())
            .filter(|position| *position <= size)
            .ok_or_else(|| format!("substring has no position {bound} in {size} characters"))
    });
    let from = positions.next().transpose()?.unwrap_or(0);
    let to = positions.next().transpose()?.unwrap_or(size);
    if from > to {
        return Err(format!("substring starts at {from}, after its end {to}"));
    }
    Ok(text.chars().skip(from).take(to - from).collect::<String>().into())
}

/// What stands in a text for a value: null for nothing, else as it is read by people.
pub(super) fn text(value: &Value) -> Result<Value, String> {
    match value {
        Value::String(_) => Ok(value.clone()),
        Value::Bool(bool) => Ok(bool.to_string().into()),
        Value::Number(number) => Ok(number.to_string().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => {
            Err(format!("{} has no text; write json(…) for its JSON", kind(value)))
        }
    }
}

fn convert(function: Function, value: &Value) -> Result<Value, String> {
    let wrong = |to: &str| {
        let shown: String = value.to_string().chars().take(40).collect();
        format!("{shown} cannot become {to}")
    };
    match (function, value) {
        (Function::Int, Value::Number(number)) => Num::of(number).to_int(),
        (Function::Int, Value::String(text)) => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| text.parse::<u64>().map(Value::from))
            .map_err(|_| wrong("an integer")),
        (Function::Double, Value::Number(number)) => {
            Num::Double(Num::of(number).to_double_rounded()).into_value()
        }
        (Function::Double, Value::String(text)) => {
            let double = text.parse::<f64>().map_err(|_| wrong("a double"))?;
            Num::Double(double).into_value()
        }
        (Function::Bool, Value::Bool(_)) => Ok(value.clone()),
        (Function::Bool, Value::String(text)) if text == "true" => Ok(true.into()),
        (Function::Bool, Value::String(text)) if text == "false" => Ok(false.into()),
        (Function::Int, _) => Err(wrong("an integer")),
        (Function::Double, _) => Err(wrong("a double")),
        _ => Err(wrong("a boolean")),
    }
}
