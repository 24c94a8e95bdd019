//! The functions of expressions: one table by family, which the compiler looks names up in and the reference prints.
//!
//! What is surprising: times, durations and exact decimals are text, because values are JSON. Which functions give
//! a time or a duration is in the table, so that the compiler can let `+`, `-` and `<` mean what they mean in CEL.

mod arguments;
mod contact;
mod currency;
mod decimal;
mod encoding;
mod id;
mod json;
mod json_path;
mod list;
mod money;
mod number;
mod pattern;
mod phone;
mod table;
mod takes;
mod text;
pub(super) mod time;
mod words;

use serde_json::Value;

pub(super) use self::{
    arguments::Arguments, list::sorted, pattern::compile as compile_pattern, takes::Takes,
};
use super::purse::Fault;

/// A function: a line of the reference.
pub(super) struct Entry {
    /// As it is called: `size`, `math.round`.
    pub(super) name: &'static str,
    pub(super) style: Style,
    /// The receiver is the first.
    pub(super) params: &'static [Param],
    /// How many of them are needed.
    pub(super) required: usize,
    pub(super) gives: Gives,
    pub(super) run: fn(&Arguments<'_>) -> Result<Value, Fault>,
    pub(super) doc: &'static str,
}

/// An argument of a function.
pub(super) struct Param {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
}

/// How a function is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(x)`
    Global,
    /// `f(x, …)`: the last argument again and again.
    Many,
    /// `x.f()`
    Method,
    /// `f(x)` or `x.f()`.
    Both,
}

/// What the text that a function gives stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gives {
    /// Itself.
    Plain,
    /// A point in time.
    Time,
    /// A length of time.
    Duration,
}

/// Arguments of a function of [`Style::Many`] at most.
const MOST: usize = 16;

/// Lines of a table: name, style, needed arguments, optional arguments, what its text stands for, the function, its line in the reference.
macro_rules! entries {
    ($(#[$meta:meta])* $table:ident: $($name:literal $style:ident ($($p:ident: $t:ident),*) [$($o:ident: $ot:ident),*] $gives:ident $run:path, $doc:literal;)*) => {
        $(#[$meta])*
        pub(in crate::template::functions) static $table: &[$crate::template::functions::Entry] = &[$($crate::template::functions::Entry {
            name: $name,
            style: $crate::template::functions::Style::$style,
            params: &[
                $($crate::template::functions::Param { name: stringify!($p), takes: $crate::template::functions::Takes::$t },)*
                $($crate::template::functions::Param { name: stringify!($o), takes: $crate::template::functions::Takes::$ot },)*
            ],
            required: { const NEEDED: &[&str] = &[$(stringify!($p)),*]; NEEDED.len() },
            gives: $crate::template::functions::Gives::$gives,
            run: $run,
            doc: $doc,
        }),*];
    };
}
use entries;

/// Every function by family, in the order of the reference.
static FAMILIES: &[(&str, &[Entry])] = &[
    ("Text", text::TEXT),
    ("Patterns", pattern::PATTERNS),
    ("Encodings", encoding::ENCODINGS),
    ("Numbers", number::NUMBERS),
    ("Exact decimals and money", money::MONEY),
    ("Time", time::TIME),
    ("Parts of a time", time::PARTS),
    ("Tables", table::TABLES),
    ("Telephone and mail", contact::CONTACTS),
    ("Identifiers and digests", id::IDS),
    ("JSON", json::JSON),
    ("Lists", list::LISTS),
];

/// The loops and tests that the compiler knows, for the reference.
static LOOPS: &[(&str, &str)] = &[
    ("has(x.field)", "Whether the object `x` has the field. False if `x` is null."),
    ("list.map(x, e)", "The list of `e` for each item `x`. Over an object, `x` is each key."),
    ("list.map(x, p, e)", "The same, of the items for which `p` is true."),
    ("list.filter(x, p)", "The items for which `p` is true."),
    ("list.all(x, p)", "Whether `p` is true for every item."),
    ("list.exists(x, p)", "Whether `p` is true for an item."),
    ("list.exists_one(x, p)", "Whether `p` is true for exactly one item."),
    (
        "list.sortBy(x, e)",
        "The items in the order of `e`: all numbers or all strings. Equals keep their order.",
    ),
    (
        "list.groupBy(x, e)",
        "An object: for each text `e` the list of its items, in the order of first appearance.",
    ),
    ("list.indexBy(x, e)", "An object: for each text `e` its item; two items of one key are an error."),
];

impl Entry {
    /// As it is written, for messages and the reference: `s.substring(from[, to])`.
    pub(super) fn usage(&self) -> String {
        let (receiver, params) = match (self.style, self.params.split_first()) {
            (Style::Method, Some((receiver, rest))) => (format!("{}.", receiver.name), rest),
            _ => (String::new(), self.params),
        };
        let needed = self.required - (self.params.len() - params.len());
        let mut text = format!("{receiver}{}(", self.name);
        for (at, param) in params.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let (open, close) = if at < needed { ("", "") } else { ("[", "]") };
            text.extend([open, comma, param.name, close]);
        }
        if self.style == Style::Many {
            text.push_str(", …");
        }
        text + ")"
    }

    /// The argument at this position.
    pub(super) fn param(&self, at: usize) -> Option<&'static Param> {
        let last = if self.style == Style::Many { self.params.last() } else { None };
        self.params.get(at).or(last)
    }

    /// Whether it takes so many, the receiver counted.
    pub(super) fn takes(&self, count: usize) -> bool {
        let most = if self.style == Style::Many { MOST } else { self.params.len() };
        (self.required..=most).contains(&count)
    }
}

/// The function of this name.
pub(super) fn find(name: &str) -> Option<&'static Entry> {
    all().find(|entry| entry.name == name)
}

/// Every function.
pub(super) fn all() -> impl Iterator<Item = &'static Entry> {
    FAMILIES.iter().flat_map(|(_, entries)| entries.iter())
}

/// The reference of functions as Markdown.
pub(super) fn reference() -> String {
    let row = |usage: &str, doc: &str| format!("| `{usage}` | {doc} |\n");
    let head = |title: &str| format!("## {title}\n\n| Written | |\n|---|---|\n");
    let family = |(title, entries): &(&str, &[Entry])| {
        let rows: String = entries.iter().map(|entry| row(&entry.usage(), entry.doc)).collect();
        format!("{}{rows}\n", head(title))
    };
    let loops: String = LOOPS.iter().map(|(usage, doc)| row(usage, doc)).collect();
    FAMILIES.iter().map(family).collect::<String>() + &head("Loops and tests") + &loops
}

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

/// A value as a message shows it: short, and without what a terminal would obey.
pub(super) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => {
            format!("\"{}\"", text.chars().take(41).collect::<String>().escape_debug())
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => return kind(value).to_owned(),
    };
    if text.chars().count() > 43 { text.chars().take(40).chain(['…', '"']).collect() } else { text }
}
