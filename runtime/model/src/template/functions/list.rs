//! Lists: parts, order, sums.
//!
//! What is surprising: equality is that of `==`, so `1` and `1.0` are one item of `distinct`.

use std::{cmp::Ordering, collections::HashSet};

use serde_json::Value;

use super::{arguments::Arguments, entries, kind, number};
use crate::template::{
    number::{Arithmetic, Num, apply},
    purse::Fault,
};

type Result<T = Value> = std::result::Result<T, Fault>;

/// Levels that `flatten` goes down at most.
const MAX_LEVELS: usize = 16;

entries! {
    /// Functions of lists.
    LISTS:
    "first" Method (list: Items) [] Plain first, "The first item; null if there is none.";
    "last" Method (list: Items) [] Plain last, "The last item; null if there is none.";
    "slice" Method (list: Items, from: Count, to: Count) [] Plain slice, "Items `from` up to, not including, `to`; an end beyond the list is its end.";
    "distinct" Method (list: List) [] Plain distinct, "Without items that are equal to an earlier one.";
    "flatten" Method (list: List) [levels: Count] Plain flatten, "The items of the lists in the list, one level or so many.";
    "chunk" Method (list: List, n: Count) [] Plain chunk, "Lists of `n` items each; the last may have fewer.";
    "reverse" Method (list: Sequence) [] Plain reverse, "The items, or the characters of a string, from the last to the first.";
    "sort" Method (list: List) [] Plain sort, "In ascending order: all numbers or all strings (by code points). Equals keep their order.";
    "zip" Method (list: List, other: List) [] Plain zip, "Pairs `[x, y]` of the items at the same position, as many as the shorter list has.";
    "sum" Method (list: List) [] Plain sum, "The sum of the numbers; 0 if there is none. For amounts, `decimal.sum`.";
    "avg" Method (list: List) [] Plain avg, "The mean of the numbers, a double; an empty list has none.";
    "lists.range" Global (n: Count) [] Plain range, "The list of 0 to `n - 1`.";
}

fn first(a: &Arguments<'_>) -> Result {
    a.copy(a.list(0)?.first().unwrap_or(&Value::Null))
}

fn last(a: &Arguments<'_>) -> Result {
    a.copy(a.list(0)?.last().unwrap_or(&Value::Null))
}

fn slice(a: &Arguments<'_>) -> Result {
    let (items, from, to) = (a.list(0)?, a.count(1)?, a.count(2)?);
    if from > to {
        return Err(a.wrong(format_args!("it starts at {from}, after its end {to}")));
    }
    let to = to.min(items.len());
    a.copies(items.get(from.min(to)..to).unwrap_or_default().iter())
}

/// A text that equal values share, and others do not. Only what `==` compares by more than its text differs.
fn identity(value: &Value, into: &mut String) {
    match value {
        Value::Number(number) => {
            let number = Num::of(number);
            let whole = number.to_int().ok().filter(
                |whole| matches!(whole, Value::Number(whole) if Num::of(whole).compare(number) == Ordering::Equal),
            );
            match whole.map_or_else(|| number.into_value(), Ok) {
                Ok(value) => into.push_str(&value.to_string()),
                Err(_) => into.push('?'),
            }
        }
        Value::Array(items) => {
            into.push('[');
            for item in items {
                identity(item, into);
                into.push(',');
            }
            into.push(']');
        }
        Value::Object(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_unstable_by_key(|(key, _)| *key);
            into.push('{');
            for (key, value) in sorted {
                into.push_str(&format!("{}:{key}", key.len()));
                identity(value, into);
                into.push(',');
            }
            into.push('}');
        }
        Value::String(text) => into.push_str(&format!("\"{}:{text}", text.len())),
        Value::Null | Value::Bool(_) => into.push_str(&value.to_string()),
    }
}

fn distinct(a: &Arguments<'_>) -> Result {
    let (nodes, bytes) = a.fits(a.any(0))?;
    a.purse.step(nodes * 4 + bytes / 16)?;
    let mut seen = HashSet::new();
    let fresh = a.list(0)?.iter().filter(|item| {
        let mut text = String::new();
        identity(item, &mut text);
        seen.insert(text)
    });
    Ok(fresh.cloned().collect())
}

fn flatten(a: &Arguments<'_>) -> Result {
    fn into(items: &[Value], levels: usize, flat: &mut Vec<Value>) {
        for item in items {
            match item {
                Value::Array(inner) if levels > 0 => into(inner, levels - 1, flat),
                other => flat.push(other.clone()),
            }
        }
    }
    let levels = if a.has(1) { a.count(1)? } else { 1 };
    if levels > MAX_LEVELS {
        return Err(a.wrong(format_args!("it goes down at most {MAX_LEVELS} levels")));
    }
    a.fits(a.any(0))?;
    let mut flat = Vec::new();
    into(a.list(0)?, levels, &mut flat);
    Ok(Value::Array(flat))
}

fn chunk(a: &Arguments<'_>) -> Result {
    let (items, size) = (a.list(0)?, a.count(1)?);
    if size == 0 {
        return Err(a.wrong("a chunk has at least 1 item"));
    }
    let (nodes, bytes) = a.fits(a.any(0))?;
    let chunks = items.len().div_ceil(size) as u64;
    a.purse.affords(nodes + chunks, bytes + chunks * 32)?;
    Ok(items.chunks(size).map(|chunk| Value::Array(chunk.to_vec())).collect())
}

fn reverse(a: &Arguments<'_>) -> Result {
    if let Value::String(text) = a.any(0) {
        a.toil(text.len(), 16)?;
        return Ok(text.chars().rev().collect::<String>().into());
    }
    a.fits(a.any(0))?;
    Ok(a.list(0)?.iter().rev().cloned().collect())
}

fn sort(a: &Arguments<'_>) -> Result {
    let items = a.list(0)?;
    a.fits(a.any(0))?;
    let keys: Vec<&Value> = items.iter().collect();
    let order = sorted(a.purse, &keys).map_err(|fault| match fault {
        Fault::Data(why) => a.wrong(why),
        limit @ Fault::Limit(_) => limit,
    })?;
    Ok(order.into_iter().filter_map(|at| items.get(at).cloned()).collect())
}

/// The positions of the keys in ascending order; equal ones stay in order. All are numbers, or all strings.
pub(in crate::template) fn sorted(
    purse: &crate::template::purse::Purse,
    keys: &[&Value],
) -> Result<Vec<usize>> {
    let count = keys.len() as u64;
    let longest = keys.iter().filter_map(|key| key.as_str()).map(str::len).max().unwrap_or(0) as u64;
    let compares = count.saturating_mul(u64::from(count.max(1).ilog2()) + 1);
    purse.step(compares.saturating_mul(1 + longest / 256))?;
    if let Some(first) = keys.first() {
        for key in keys {
            number::ordered(first, key)?;
        }
    }
    let mut order: Vec<(usize, &Value)> = keys.iter().copied().enumerate().collect();
    order.sort_by(|(_, one), (_, other)| number::ordered(one, other).unwrap_or(Ordering::Equal));
    Ok(order.into_iter().map(|(at, _)| at).collect())
}

fn zip(a: &Arguments<'_>) -> Result {
    let (one, other) = (a.list(0)?, a.list(1)?);
    let (nodes, bytes) = a.fits(a.any(0))?;
    let (more, more_bytes) = a.fits(a.any(1))?;
    let pairs = one.len().min(other.len()) as u64;
    a.purse.affords(nodes + more + pairs, bytes + more_bytes + pairs * 32)?;
    Ok(one.iter().zip(other).map(|(x, y)| Value::Array(vec![x.clone(), y.clone()])).collect())
}

fn total(a: &Arguments<'_>) -> Result<Value> {
    let mut sum = Value::from(0);
    for item in a.list(0)? {
        let (Value::Number(so_far), Value::Number(number)) = (&sum, item) else {
            return Err(a.wrong(format_args!("an item is {}, not a number", kind(item))));
        };
        sum = apply(Arithmetic::Add, Num::of(so_far), Num::of(number)).map_err(|why| a.wrong(why))?;
    }
    Ok(sum)
}

fn sum(a: &Arguments<'_>) -> Result {
    total(a)
}

fn avg(a: &Arguments<'_>) -> Result {
    let count = a.list(0)?.len();
    let (Value::Number(sum), false) = (total(a)?, count == 0) else {
        return Err(a.wrong("an empty list has no mean; ask size(list) > 0 first"));
    };
    let count = i128::try_from(count).map(Num::Int).map_err(|_| a.wrong("too many items"))?;
    let sum = Num::Double(Num::of(&sum).to_double_rounded());
    apply(Arithmetic::Divide, sum, Num::Double(count.to_double_rounded())).map_err(|why| a.wrong(why))
}

fn range(a: &Arguments<'_>) -> Result {
    let count = a.count(0)?;
    a.room(count, 0)?;
    Ok((0..count).map(Value::from).collect())
}
