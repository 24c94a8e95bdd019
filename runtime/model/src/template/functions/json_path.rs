//! JSONPath (RFC 9535) without filters: names, positions, slices, `*` and `..`.
//!
//! What is surprising: filters are left out because expressions have them already, and a second language inside of
//! a text would have bounds of its own. Every node that is looked at costs a step.

use serde_json::Value;

use super::{arguments::Arguments, json::MAX_STEPS, shown};
use crate::template::purse::Fault;

/// A path, in bytes.
const MAX_BYTES: usize = 512;

/// What a segment selects of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Selector {
    Name(String),
    Index(i64),
    Slice { start: Option<i64>, end: Option<i64>, step: i64 },
    All,
}

/// A segment: `.name`, `[…]`, or either after `..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    deep: Deep,
    selectors: Vec<Selector>,
}

/// Which nodes a segment starts from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deep {
    /// The node.
    Child,
    /// The node and everything below.
    Descendant,
}

/// Reads a path.
pub(super) fn parse(source: &str) -> Result<Vec<Segment>, String> {
    let wrong = |why: &str| format!("{} is no JSONPath: {why}", shown(&source.into()));
    if source.len() > MAX_BYTES {
        return Err(format!("a JSONPath of {} bytes; at most {MAX_BYTES} are read", source.len()));
    }
    let mut reader = Reader { rest: source.strip_prefix('$').ok_or_else(|| wrong("it starts with $"))? };
    let mut segments = Vec::new();
    while !reader.rest.is_empty() {
        segments.push(reader.segment().map_err(|why| wrong(&why))?);
        if segments.len() > MAX_STEPS {
            return Err(wrong("it has more than 64 steps"));
        }
    }
    Ok(segments)
}

struct Reader<'s> {
    rest: &'s str,
}

impl Reader<'_> {
    fn take(&mut self, expected: &str) -> bool {
        let found = self.rest.strip_prefix(expected);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn segment(&mut self) -> Result<Segment, String> {
        let deep = if self.take("..") { Deep::Descendant } else { Deep::Child };
        if self.take("[") {
            return Ok(Segment { deep, selectors: self.bracket()? });
        }
        if deep == Deep::Child && !self.take(".") {
            return Err("after a step stands . or [".to_owned());
        }
        if self.take("*") {
            return Ok(Segment { deep, selectors: vec![Selector::All] });
        }
        let named = |letter: char| letter.is_alphanumeric() || letter == '_' || !letter.is_ascii();
        let end = self.rest.find(|letter: char| !named(letter)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(
                "a name after a dot starts with a letter; others stand in brackets: ['a-b']".to_owned()
            );
        }
        Ok(Segment { deep, selectors: vec![Selector::Name(name.to_owned())] })
    }

    /// What stands between brackets, the first of which is read.
    fn bracket(&mut self) -> Result<Vec<Selector>, String> {
        let mut selectors = Vec::new();
        loop {
            self.blanks();
            selectors.push(self.selector()?);
            self.blanks();
            if self.take("]") {
                return Ok(selectors);
            }
            if !self.take(",") {
                return Err("a bracket has no end".to_owned());
            }
        }
    }

    fn selector(&mut self) -> Result<Selector, String> {
        if self.take("*") {
            return Ok(Selector::All);
        }
        if self.rest.starts_with('?') {
            return Err("there are no filters; write list.filter(x, …)".to_owned());
        }
        if self.rest.starts_with(['\'', '"']) {
            return self.quoted().map(Selector::Name);
        }
        let start = self.int()?;
        self.blanks();
        if !self.take(":") {
            return start.map(Selector::Index).ok_or_else(|| "an empty bracket".to_owned());
        }
        self.blanks();
        let end = self.int()?;
        self.blanks();
        let step = if self.take(":") {
            self.blanks();
            self.int()?.unwrap_or(1)
        } else {
            1
        };
        Ok(Selector::Slice { start, end, step })
    }

    fn int(&mut self) -> Result<Option<i64>, String> {
        let end = self
            .rest
            .find(|letter: char| !letter.is_ascii_digit() && letter != '-')
            .unwrap_or(self.rest.len());
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        if digits.is_empty() {
            return Ok(None);
        }
        let plain = digits.strip_prefix('-').unwrap_or(digits);
        if plain.starts_with('0') && digits != "0" {
            return Err(format!("{digits} is no position"));
        }
        // RFC 9535, 2.1: what JavaScript's numbers hold exactly.
        let position = digits.parse::<i64>().ok().filter(|position| position.unsigned_abs() < 1 << 53);
        position.map(Some).ok_or_else(|| format!("{digits} is no position"))
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mut chars = self.rest.chars();
        let quote = chars.next();
        let mut name = String::new();
        loop {
            match chars.next() {
                None => return Err("a quote has no end".to_owned()),
                end if end == quote => break,
                Some('\\') => match chars.next() {
                    Some('n') => name.push('\n'),
                    Some('t') => name.push('\t'),
                    Some('r') => name.push('\r'),
                    Some('b') => name.push('\u{8}'),
                    Some('f') => name.push('\u{c}'),
                    Some(literal @ ('\\' | '/' | '\'' | '"')) => name.push(literal),
                    _ => {
                        return Err("after \\ stands one of \\ / ' \" b f n r t; write the character itself"
                            .to_owned());
                    }
                },
                Some(other) => name.push(other),
            }
        }
        self.rest = chars.as_str();
        Ok(name)
    }
}

/// `jsonPath(x, path)`.
pub(super) fn select(a: &Arguments<'_>) -> Result<Value, Fault> {
    let path = a.text(1)?;
    a.toil(path.len(), 4)?;
    let segments = parse(path).map_err(|why| a.wrong(why))?;
    let mut nodes = vec![a.any(0)];
    for segment in &segments {
        let mut found = Vec::new();
        for node in nodes {
            match segment.deep {
                Deep::Child => of(a, node, &segment.selectors, &mut found)?,
                Deep::Descendant => below(a, node, &segment.selectors, &mut found)?,
            }
        }
        nodes = found;
    }
    a.copies(nodes.into_iter())
}

/// What the selectors find in a node and in everything below it.
fn below<'v>(
    a: &Arguments<'_>,
    node: &'v Value,
    selectors: &[Selector],
    found: &mut Vec<&'v Value>,
) -> Result<(), Fault> {
    of(a, node, selectors, found)?;
    match node {
        Value::Array(items) => items.iter().try_for_each(|item| below(a, item, selectors, found)),
        Value::Object(entries) => entries.values().try_for_each(|value| below(a, value, selectors, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

fn of<'v>(
    a: &Arguments<'_>,
    node: &'v Value,
    selectors: &[Selector],
    found: &mut Vec<&'v Value>,
) -> Result<(), Fault> {
    for selector in selectors {
        let before = found.len();
        match (selector, node) {
            (Selector::Name(name), Value::Object(entries)) => found.extend(entries.get(name)),
            (Selector::Index(index), Value::Array(items)) => {
                let at = if *index < 0 { index + size(items) } else { *index };
                found.extend(usize::try_from(at).ok().and_then(|at| items.get(at)));
            }
            (Selector::All, Value::Object(entries)) => {
                a.purse.step(entries.len() as u64)?;
                found.extend(entries.values());
            }
            (Selector::All, Value::Array(items)) => {
                a.purse.step(items.len() as u64)?;
                found.extend(items);
            }
            (Selector::Slice { start, end, step }, Value::Array(items)) => {
                a.purse.step(items.len() as u64)?;
                found.extend(sliced(items, *start, *end, *step));
            }
            (Selector::Name(_) | Selector::Index(_) | Selector::All | Selector::Slice { .. }, _) => {}
        }
        a.purse.step(1 + (found.len() - before) as u64)?;
    }
    Ok(())
}

fn size(items: &[Value]) -> i64 {
    i64::try_from(items.len()).unwrap_or(i64::MAX)
}

/// RFC 9535, 2.3.4.2.2.
fn sliced(items: &[Value], start: Option<i64>, end: Option<i64>, step: i64) -> Vec<&Value> {
    let size = size(items);
    let from_end = |at: i64| if at < 0 { size.saturating_add(at) } else { at };
    let (lowest, highest) = if step > 0 { (0, size) } else { (-1, size - 1) };
    let bound = |at: Option<i64>, without: i64| at.map_or(without, |at| from_end(at).clamp(lowest, highest));
    let (first, last) = if step > 0 { (0, size) } else { (size - 1, -1) };
    let (mut at, end) = (bound(start, first), bound(end, last));
    let mut found = Vec::new();
    while step != 0 && ((step > 0 && at < end) || (step < 0 && at > end)) {
        found.extend(usize::try_from(at).ok().and_then(|at| items.get(at)));
        at = at.saturating_add(step);
    }
    found
}
