//! Text: its parts, its case, its size, its form.
//!
//! What is surprising: positions and sizes count characters (code points), as in CEL, not bytes.

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};
use serde_json::Value;

use super::{arguments::Arguments, entries, kind, words};
use crate::template::purse::Fault;

type Result<T = Value> = std::result::Result<T, Fault>;

entries! {
    /// Functions of text.
    TEXT:
    "size" Both (x: Sized) [] Plain size, "Characters of a string, items of a list, keys of an object. Also `x.size()`.";
    "contains" Method (s: Text, t: Text) [] Plain contains, "Whether the string `t` is in `s`.";
    "startsWith" Method (s: Text, t: Text) [] Plain starts_with, "Whether `s` starts with `t`.";
    "endsWith" Method (s: Text, t: Text) [] Plain ends_with, "Whether `s` ends with `t`.";
    "indexOf" Method (s: Text, t: Text) [from: Count] Plain index_of, "The position of the first `t` in `s`, from the position `from` on, or -1.";
    "lastIndexOf" Method (s: Text, t: Text) [] Plain last_index_of, "The position of the last `t` in `s`, or -1.";
    "charAt" Method (s: Text, at: Count) [] Plain char_at, "The character at this position; empty at the end.";
    "substring" Method (s: Text, from: Count) [to: Count] Plain substring, "Characters `from` up to, not including, `to`; to the end if left out.";
    "truncate" Method (s: Text, n: Count) [ending: Text] Plain truncate, "At most `n` characters; what is cut ends in `ending`, which counts along.";
    "split" Method (s: Text, t: Text) [n: Count] Plain split, "The parts of `s` between occurrences of `t`, at most `n`; an empty `t` gives the characters.";
    "lines" Method (s: Text) [] Plain lines, "The lines, without their ends (`\\n` or `\\r\\n`).";
    "join" Method (list: List) [t: Text] Plain join, "The strings of a list with `t` between them; nothing if left out.";
    "joinText" Method (list: List) [t: Text] Plain join_text, "The same of strings, numbers and booleans; null and empty strings are left out.";
    "replace" Method (s: Text, t: Text, u: Text) [n: Count] Plain replace, "Every `t` in `s` becomes `u`, or the first `n`.";
    "repeat" Method (s: Text, n: Count) [] Plain repeat, "`s`, `n` times.";
    "padStart" Method (s: Text, n: Count) [c: Text] Plain pad_start, "Filled up at the start to `n` characters with the character `c`; a space if left out.";
    "padEnd" Method (s: Text, n: Count) [c: Text] Plain pad_end, "The same at the end.";
    "trim" Method (s: Text) [] Plain trim, "Without white space at both ends.";
    "trimStart" Method (s: Text) [] Plain trim_start, "Without white space at the start.";
    "trimEnd" Method (s: Text) [] Plain trim_end, "Without white space at the end.";
    "trimPrefix" Method (s: Text, t: Text) [] Plain trim_prefix, "Without `t` at the start, if it is there.";
    "trimSuffix" Method (s: Text, t: Text) [] Plain trim_suffix, "Without `t` at the end, if it is there.";
    "collapse" Method (s: Text) [] Plain collapse, "Without white space at both ends, and any within as one space.";
    "lowerAscii" Method (s: Text) [] Plain lower_ascii, "`A` to `Z` become `a` to `z`.";
    "upperAscii" Method (s: Text) [] Plain upper_ascii, "`a` to `z` become `A` to `Z`.";
    "lower" Method (s: Text) [] Plain lower, "In lower case by Unicode, without the rules of a language.";
    "upper" Method (s: Text) [] Plain upper, "In upper case by Unicode: `ß` becomes `SS`.";
    "title" Method (s: Text) [] Plain words::title, "Each word with a capital, the rest in lower case; a word is of letters, digits and apostrophes.";
    "slug" Method (s: Text) [] Plain words::slug, "Letters and digits of ASCII in lower case with a `-` between words; accents are taken off, other characters part words.";
    "normalize" Method (s: Text, form: Form) [] Plain normalize, "In a form of Unicode: `NFC`, `NFD`, `NFKC` or `NFKD`.";
    "string" Global (x: Any) [] Plain string, "A number or boolean as text.";
}

fn size(a: &Arguments<'_>) -> Result {
    Ok(match a.any(0) {
        Value::Array(items) => items.len().into(),
        Value::Object(entries) => entries.len().into(),
        _ => a.text(0)?.chars().count().into(),
    })
}

fn contains(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.contains(a.text(1)?).into())
}

fn starts_with(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.starts_with(a.text(1)?).into())
}

fn ends_with(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.ends_with(a.text(1)?).into())
}

/// The position of a byte, or -1.
fn position(text: &str, byte: Option<usize>) -> Value {
    byte.and_then(|byte| text.get(..byte))
        .map_or_else(|| Value::from(-1), |before| before.chars().count().into())
}

fn index_of(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    let from = if a.has(2) { byte_at(a, text, a.count(2)?)? } else { 0 };
    let found = text.get(from..).and_then(|rest| rest.find(a.any(1).as_str()?));
    a.text(1)?;
    Ok(position(text, found.map(|byte| from + byte)))
}

fn last_index_of(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 64)?;
    Ok(position(text, text.rfind(a.text(1)?)))
}

/// The byte at which this character starts, or the end.
fn byte_at(a: &Arguments<'_>, text: &str, position: usize) -> Result<usize> {
    a.toil(position.min(text.len()), 16)?;
    let mut starts = text.char_indices().map(|(byte, _)| byte).chain([text.len()]);
    starts.nth(position).ok_or_else(|| {
        a.wrong(format_args!("there is no position {position} in {} characters", text.chars().count()))
    })
}

fn char_at(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    let from = byte_at(a, text, a.count(1)?)?;
    Ok(text.get(from..).unwrap_or_default().chars().take(1).collect::<String>().into())
}

fn substring(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    let from = byte_at(a, text, a.count(1)?)?;
    let to = if a.has(2) { byte_at(a, text, a.count(2)?)? } else { text.len() };
    let part = text.get(from..to);
    part.map(Value::from).ok_or_else(|| a.wrong("it starts after its end"))
}

fn truncate(a: &Arguments<'_>) -> Result {
    let (text, most, ending) = (a.text(0)?, a.count(1)?, a.text_or(2, "")?);
    a.toil(most.min(text.len()), 4)?;
    let Some((cut, _)) = text.char_indices().nth(most) else {
        return Ok(text.into());
    };
    let Some(kept) = most.checked_sub(ending.chars().count()) else {
        return Err(a.wrong(format_args!("the ending has more than {most} characters")));
    };
    let end = text.char_indices().nth(kept).map_or(cut, |(byte, _)| byte);
    Ok(format!("{}{ending}", text.get(..end).unwrap_or_default()).into())
}

fn split(a: &Arguments<'_>) -> Result {
    let (text, by) = (a.text(0)?, a.text(1)?);
    let most = if a.has(2) { a.count(2)? } else { usize::MAX };
    let parts = if by.is_empty() { text.len() } else { text.matches(by).count() + 1 };
    a.room(parts.min(most), text.len())?;
    Ok(match (most, by) {
        (0, _) => Value::Array(Vec::new()),
        (_, "") => {
            let mut chars = text.char_indices();
            let mut list: Vec<Value> =
                chars.by_ref().take(most - 1).map(|(_, char)| String::from(char).into()).collect();
            let rest = chars.next().and_then(|(byte, _)| text.get(byte..));
            list.extend(rest.map(Value::from));
            Value::Array(list)
        }
        _ => text.splitn(most, by).collect(),
    })
}

fn lines(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.room(text.matches('\n').count() + 1, text.len())?;
    Ok(text.lines().collect())
}

fn join(a: &Arguments<'_>) -> Result {
    let (parts, between) = (a.texts(0)?, a.text_or(1, "")?);
    joined(a, &parts, between)
}

fn joined(a: &Arguments<'_>, parts: &[&str], between: &str) -> Result {
    let growth = parts.len().saturating_mul(between.len());
    a.room(1, parts.iter().map(|part| part.len()).fold(growth, usize::saturating_add))?;
    Ok(parts.join(between).into())
}

fn join_text(a: &Arguments<'_>) -> Result {
    let mut parts = Vec::new();
    for item in a.list(0)? {
        match item {
            Value::Null => {}
            Value::String(text) => parts.push(std::borrow::Cow::Borrowed(text.as_str())),
            Value::Bool(_) | Value::Number(_) => parts.push(item.to_string().into()),
            Value::Array(_) | Value::Object(_) => {
                return Err(a.wrong(format_args!("an item is {}; pick a field of it", kind(item))));
            }
        }
    }
    let parts: Vec<&str> = parts.iter().map(|part| &**part).filter(|part| !part.is_empty()).collect();
    joined(a, &parts, a.text_or(1, "")?)
}

fn replace(a: &Arguments<'_>) -> Result {
    let (text, from, to) = (a.text(0)?, a.text(1)?, a.text(2)?);
    let most = if a.has(3) { a.count(3)? } else { usize::MAX };
    let growth = text.matches(from).take(most).count().saturating_mul(to.len());
    a.room(1, text.len().saturating_add(growth))?;
    Ok(text.replacen(from, to, most).into())
}

fn repeat(a: &Arguments<'_>) -> Result {
    let (text, times) = (a.text(0)?, a.count(1)?);
    a.room(1, text.len().saturating_mul(times))?;
    Ok(text.repeat(if text.is_empty() { 0 } else { times }).into())
}

/// What fills a text up to its size.
fn filling(a: &Arguments<'_>) -> Result<String> {
    let (with, to) = (a.text_or(2, " ")?, a.count(1)?);
    if with.chars().count() != 1 {
        return Err(a.wrong("it fills up with one character"));
    }
    let missing = to.saturating_sub(a.text(0)?.chars().count());
    a.room(1, a.text(0)?.len().saturating_add(missing.saturating_mul(with.len())))?;
    Ok(with.repeat(missing))
}

fn pad_start(a: &Arguments<'_>) -> Result {
    Ok((filling(a)? + a.text(0)?).into())
}

fn pad_end(a: &Arguments<'_>) -> Result {
    Ok(format!("{}{}", a.text(0)?, filling(a)?).into())
}

fn trim(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.trim().into())
}

fn trim_start(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.trim_start().into())
}

fn trim_end(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.trim_end().into())
}

fn trim_prefix(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    Ok(text.strip_prefix(a.text(1)?).unwrap_or(text).into())
}

fn trim_suffix(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    Ok(text.strip_suffix(a.text(1)?).unwrap_or(text).into())
}

fn collapse(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 16)?;
    let mut collapsed = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !collapsed.is_empty() {
            collapsed.push(' ');
        }
        collapsed.push_str(word);
    }
    Ok(collapsed.into())
}

fn lower_ascii(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.to_ascii_lowercase().into())
}

fn upper_ascii(a: &Arguments<'_>) -> Result {
    Ok(a.text(0)?.to_ascii_uppercase().into())
}

fn lower(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 16)?;
    a.room(1, text.len().saturating_mul(2))?;
    Ok(text.to_lowercase().into())
}

fn upper(a: &Arguments<'_>) -> Result {
    let text = a.text(0)?;
    a.toil(text.len(), 16)?;
    a.room(1, text.len().saturating_mul(3))?;
    Ok(text.to_uppercase().into())
}

/// A form of Unicode (UAX 15).
#[derive(Clone, Copy)]
pub(super) enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

/// By its name.
pub(super) fn form(name: &str) -> std::result::Result<Form, String> {
    match name {
        "NFC" => Ok(Form::Nfc),
        "NFD" => Ok(Form::Nfd),
        "NFKC" => Ok(Form::Nfkc),
        "NFKD" => Ok(Form::Nfkd),
        _ => Err(format!("there is no form {}; there is: NFC, NFD, NFKC, NFKD", super::shown(&name.into()))),
    }
}

fn normalize(a: &Arguments<'_>) -> Result {
    let (text, form) = (a.text(0)?, form(a.text(1)?).map_err(|why| a.wrong(why))?);
    a.toil(text.len(), 8)?;
    // U+FDFA is 3 bytes, and 33 in the compatible forms; canonical forms grow threefold at most (UAX 15).
    let factor = match form {
        Form::Nfc | Form::Nfd => 3,
        Form::Nfkc | Form::Nfkd => 11,
    };
    a.room(1, text.len().saturating_mul(if text.is_ascii() { 1 } else { factor }))?;
    Ok(match form {
        Form::Nfc => ComposingNormalizerBorrowed::new_nfc().normalize(text),
        Form::Nfkc => ComposingNormalizerBorrowed::new_nfkc().normalize(text),
        Form::Nfd => DecomposingNormalizerBorrowed::new_nfd().normalize(text),
        Form::Nfkd => DecomposingNormalizerBorrowed::new_nfkd().normalize(text),
    }
    .into())
}

/// What stands in a text for a value, as it is read by people.
fn string(a: &Arguments<'_>) -> Result {
    match a.any(0) {
        value @ Value::String(_) => a.copy(value),
        value @ (Value::Bool(_) | Value::Number(_)) => Ok(value.to_string().into()),
        value @ (Value::Null | Value::Array(_) | Value::Object(_)) => {
            Err(a.wrong(format_args!("{} has no text; write json(…) for its JSON", kind(value))))
        }
    }
}
