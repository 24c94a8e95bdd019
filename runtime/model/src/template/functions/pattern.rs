//! Patterns: RE2 syntax, linear time, always written out, so that they are compiled once and refused early.
//!
//! What is surprising: finding groups costs several times what asking for a match costs, and is paid so.

use regex::{Captures, Regex};
use serde_json::Value;

use super::{arguments::Arguments, entries};
use crate::template::purse::Fault;

type Result<T = Value> = std::result::Result<T, Fault>;

/// A compiled pattern, in bytes: its run time grows with it. A `\w` of Unicode alone takes some tens of thousands.
const MAX_BYTES: usize = 512 << 10;

/// What a pattern may remember while it runs, in bytes.
const MAX_CACHE_BYTES: usize = 1 << 20;

entries! {
    /// Functions that take a pattern.
    PATTERNS:
    "matches" Method (s: Text, pattern: Pattern) [] Plain matches, "Whether the pattern, written out, is found in `s` (RE2 syntax, linear time).";
    "regex.extract" Global (s: Text, pattern: Pattern) [] Plain extract, "What the first match holds in its group, or the whole match if the pattern has none; null if nothing matches.";
    "regex.extractAll" Global (s: Text, pattern: Pattern) [] Plain extract_all, "The same of every match, as a list.";
    "regex.groups" Global (s: Text, pattern: Pattern) [] Plain groups, "The named groups of the first match as an object, null for one that took no part; null if nothing matches.";
    "regex.replace" Global (s: Text, pattern: Pattern, by: Text) [n: Count] Plain replace, "Every match, or the first `n`, becomes `by`, in which `\\1` to `\\9` stand for groups, `\\0` for the match and `\\\\` for a backslash.";
}

/// Compiles a pattern under its bounds.
pub(in crate::template) fn compile(source: &str) -> std::result::Result<Regex, String> {
    let built = regex::RegexBuilder::new(source)
        .size_limit(MAX_BYTES)
        .dfa_size_limit(MAX_CACHE_BYTES)
        .nest_limit(32)
        .build();
    built.map_err(|error| {
        let reason = error.to_string();
        let reason = reason.lines().last().unwrap_or_default();
        format!("not a pattern: {}", reason.trim_start_matches("error: "))
    })
}

fn matches(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 16)?;
    Ok(a.pattern()?.is_match(text).into())
}

/// Pays for a search with groups.
fn searched<'a>(a: &Arguments<'a>) -> Result<(&'a str, &'a Regex)> {
    let text = a.text(0)?;
    a.toil(text.len(), 2)?;
    Ok((text, a.pattern()?))
}

/// The only group, or the match.
fn held<'t>(a: &Arguments<'_>, captures: &Captures<'t>) -> Result<&'t str> {
    match captures.len() {
        1 | 2 => Ok(captures.get(captures.len() - 1).map_or("", |found| found.as_str())),
        many => Err(a.wrong(format_args!(
            "the pattern has {} groups, it takes one; write (?:…) for a group that holds nothing",
            many - 1
        ))),
    }
}

fn extract(a: &Arguments<'_>) -> Result {
    let (text, pattern) = searched(a)?;
    match pattern.captures(text) {
        Some(captures) => held(a, &captures).map(Value::from),
        None => Ok(Value::Null),
    }
}

fn extract_all(a: &Arguments<'_>) -> Result {
    let (text, pattern) = searched(a)?;
    let (mut all, mut bytes) = (Vec::new(), 0);
    for captures in pattern.captures_iter(text) {
        let part = held(a, &captures)?;
        a.purse.step(4)?;
        bytes += part.len();
        a.room(all.len() + 1, bytes)?;
        all.push(part.into());
    }
    Ok(Value::Array(all))
}

fn groups(a: &Arguments<'_>) -> Result {
    let (text, pattern) = searched(a)?;
    let Some(captures) = pattern.captures(text) else {
        return Ok(Value::Null);
    };
    let named = pattern.capture_names().flatten();
    let found: serde_json::Map<_, _> = named
        .map(|name| (name.to_owned(), captures.name(name).map_or(Value::Null, |part| part.as_str().into())))
        .collect();
    if found.is_empty() {
        return Err(a.wrong("the pattern has no named group; write (?P<name>…)"));
    }
    Ok(found.into())
}

fn replace(a: &Arguments<'_>) -> Result {
    let (text, pattern) = searched(a)?;
    let by = a.text(2)?;
    let most = if a.has(3) { a.count(3)? } else { usize::MAX };
    let mut replaced = String::new();
    let mut after = 0;
    for captures in pattern.captures_iter(text).take(most) {
        let Some(whole) = captures.get(0) else { continue };
        a.purse.step(4 + by.len() as u64 / 16)?;
        replaced.push_str(text.get(after..whole.start()).unwrap_or_default());
        expand(a, by, &captures, &mut replaced)?;
        a.room(1, replaced.len())?;
        after = whole.end();
    }
    replaced.push_str(text.get(after..).unwrap_or_default());
    Ok(replaced.into())
}

/// Appends the replacement, its `\1` filled in.
fn expand(a: &Arguments<'_>, by: &str, captures: &Captures<'_>, out: &mut String) -> Result<()> {
    let mut chars = by.chars();
    while let Some(next) = chars.next() {
        if next != '\\' {
            out.push(next);
            continue;
        }
        match chars.next() {
            Some('\\') => out.push('\\'),
            Some(digit) if digit.is_ascii_digit() => {
                let group = digit.to_digit(10).and_then(|group| usize::try_from(group).ok()).unwrap_or(0);
                if group >= captures.len() {
                    return Err(a.wrong(format_args!("the pattern has no group {group}")));
                }
                let part = captures.get(group).map_or("", |part| part.as_str());
                a.room(1, out.len().saturating_add(part.len()))?;
                out.push_str(part);
            }
            _ => return Err(a.wrong(r"after \ stands a digit or another \")),
        }
    }
    Ok(())
}
