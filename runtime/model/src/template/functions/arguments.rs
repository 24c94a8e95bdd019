//! The arguments of one call, read as what the table says they are, and the purse that pays for the work.
//!
//! What is surprising: [`Arguments::room`] only looks into the purse. What a function gives is paid for once, by
//! the evaluator, when it is there; the look beforehand keeps it from being built when it could not be paid.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};
use regex::Regex;
use serde_json::{Map, Value};

use super::{Entry, currency, decimal::Decimal, decimal::Rounding, kind, time};
use crate::template::{
    number::Num,
    purse::{Fault, Purse, weight},
};

/// The values of a call, the receiver first. Their number was checked by the compiler.
pub(in crate::template) struct Arguments<'a> {
    pub(in crate::template) entry: &'static Entry,
    pub(in crate::template) values: &'a [&'a Value],
    /// The pattern that is written out, compiled.
    pub(in crate::template) pattern: Option<&'a Regex>,
    pub(in crate::template) purse: &'a Purse,
}

impl<'a> Arguments<'a> {
    /// A fault of the data, under the function's name.
    pub(super) fn wrong(&self, message: impl std::fmt::Display) -> Fault {
        Fault::Data(format!("`{}`: {message}", self.entry.usage()))
    }

    /// The value at this position, checked to be what the table says. Without it: null.
    pub(super) fn any(&self, at: usize) -> &'a Value {
        self.values.get(at).copied().unwrap_or(&Value::Null)
    }

    pub(super) fn all(&self) -> &'a [&'a Value] {
        self.values
    }

    pub(super) fn has(&self, at: usize) -> bool {
        self.values.len() > at
    }

    fn misfit(&self, at: usize, expected: &str) -> Fault {
        let name = self.entry.param(at).map_or("it", |param| param.name);
        self.wrong(format_args!("{name} is {}, not {expected}", kind(self.any(at))))
    }

    pub(super) fn text(&self, at: usize) -> Result<&'a str, Fault> {
        self.any(at).as_str().ok_or_else(|| self.misfit(at, "a string"))
    }

    pub(super) fn text_or(&self, at: usize, without: &'a str) -> Result<&'a str, Fault> {
        if self.has(at) { self.text(at) } else { Ok(without) }
    }

    pub(super) fn list(&self, at: usize) -> Result<&'a [Value], Fault> {
        self.any(at).as_array().map(Vec::as_slice).ok_or_else(|| self.misfit(at, "a list"))
    }

    /// A list of strings.
    pub(super) fn texts(&self, at: usize) -> Result<Vec<&'a str>, Fault> {
        let text = |item: &'a Value| {
            let not = || self.wrong(format_args!("an item is {}, not a string", kind(item)));
            item.as_str().ok_or_else(not)
        };
        self.list(at)?.iter().map(text).collect()
    }

    pub(super) fn object(&self, at: usize) -> Result<&'a Map<String, Value>, Fault> {
        self.any(at).as_object().ok_or_else(|| self.misfit(at, "an object"))
    }

    pub(super) fn number(&self, at: usize) -> Result<Num, Fault> {
        match self.any(at) {
            Value::Number(number) => Ok(Num::of(number)),
            _ => Err(self.misfit(at, "a number")),
        }
    }

    pub(super) fn int(&self, at: usize) -> Result<i64, Fault> {
        self.any(at).as_i64().ok_or_else(|| self.misfit(at, "an integer of 64 bits with a sign"))
    }

    pub(super) fn count(&self, at: usize) -> Result<usize, Fault> {
        let count = self.any(at).as_u64().and_then(|count| usize::try_from(count).ok());
        count.ok_or_else(|| self.misfit(at, "an integer from 0"))
    }

    pub(super) fn decimal(&self, at: usize) -> Result<Decimal, Fault> {
        Decimal::of(self.any(at)).map_err(|why| self.wrong(why))
    }

    pub(super) fn rounding(&self, at: usize) -> Result<Rounding, Fault> {
        Rounding::read(self.text(at)?).map_err(|why| self.wrong(why))
    }

    /// The digits after the point of this currency.
    pub(super) fn currency(&self, at: usize) -> Result<u32, Fault> {
        currency::digits(self.text(at)?).map_err(|why| self.wrong(why))
    }

    pub(super) fn time(&self, at: usize) -> Result<Timestamp, Fault> {
        time::instant(self.any(at)).map_err(|why| self.wrong(why))
    }

    /// The zone at this position; without it UTC.
    pub(super) fn zone(&self, at: usize) -> Result<TimeZone, Fault> {
        if !self.has(at) {
            return Ok(TimeZone::UTC);
        }
        self.purse.step(4)?;
        time::zone(self.text(at)?).map_err(|why| self.wrong(why))
    }

    pub(super) fn duration(&self, at: usize) -> Result<SignedDuration, Fault> {
        time::duration(self.text(at)?).map_err(|why| self.wrong(why))
    }

    pub(super) fn span(&self, at: usize) -> Result<Span, Fault> {
        time::span(self.text(at)?).map_err(|why| self.wrong(why))
    }

    /// The pattern of the call.
    pub(super) fn pattern(&self) -> Result<&'a Regex, Fault> {
        self.pattern.ok_or_else(|| self.wrong("the pattern is written out, not computed"))
    }

    /// Pays a step for so many bytes: for work that is dearer than a look at each.
    pub(super) fn toil(&self, bytes: usize, a_step: usize) -> Result<(), Fault> {
        self.purse.step((bytes / a_step.max(1)) as u64)
    }

    /// Whether the purse could pay for so many values with so many bytes of text in them.
    pub(super) fn room(&self, values: usize, bytes: usize) -> Result<(), Fault> {
        self.purse.affords(values as u64, (values as u64).saturating_mul(32).saturating_add(bytes as u64))
    }

    /// Whether the purse could pay for a copy of this value: its nodes and bytes.
    pub(super) fn fits(&self, value: &Value) -> Result<(u64, u64), Fault> {
        let (nodes, bytes) = weight(value);
        self.purse.affords(nodes, bytes)?;
        Ok((nodes, bytes))
    }

    /// A copy of a part of an argument.
    pub(super) fn copy(&self, value: &Value) -> Result<Value, Fault> {
        self.fits(value)?;
        Ok(value.clone())
    }

    /// Copies of parts of an argument, as a list.
    pub(super) fn copies<'i>(&self, items: impl Iterator<Item = &'i Value> + Clone) -> Result<Value, Fault> {
        let mut sum = (0_u64, 0_u64);
        for item in items.clone() {
            let (nodes, bytes) = weight(item);
            sum = (sum.0 + nodes, sum.1 + bytes);
            self.purse.affords(sum.0, sum.1)?;
        }
        Ok(items.cloned().collect())
    }
}
