//! Equality and order: of JSON values as they are, of times and durations as the compiler knows them.
//!
//! What is surprising: comparing pays too, by what is looked at, so a long list in a loop is no way around the purse.

use std::cmp::Ordering;

use serde_json::Value;

use super::{Evaluated, Frame, owned};
use crate::template::{
    functions::{kind, time::clock},
    node::{Comparison, Node},
    number::Num,
    purse::Fault,
};

impl<'v> Frame<'v> {
    pub(super) fn compare(&mut self, comparison: Comparison, a: &'v Node, b: &'v Node) -> Evaluated<'v> {
        let (left, right) = (self.eval(a)?, self.eval(b)?);
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return self.equal(&left, &right).map(|equal| owned(equal == (comparison == Comparison::Equal)));
        }
        let order = match (&*left, &*right) {
            (Value::Number(a), Value::Number(b)) => Num::of(a).compare(Num::of(b)),
            (Value::String(a), Value::String(b)) => {
                self.purse.step(a.len().min(b.len()) as u64 / 256)?;
                a.cmp(b)
            }
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (a, b) => return Err(format!("{} and {} have no order", kind(a), kind(b)).into()),
        };
        Ok(owned(holds(comparison, order)))
    }

    pub(super) fn clock_compare(
        &mut self,
        comparison: Comparison,
        a: &'v Node,
        b: &'v Node,
    ) -> Evaluated<'v> {
        let (left, right) = (self.eval(a)?, self.eval(b)?);
        self.purse.step(4)?;
        match (clock::compare(&left, &right)?, comparison) {
            (Some(order), _) => Ok(owned(holds(comparison, order))),
            (None, Comparison::Equal) => Ok(owned(false)),
            (None, Comparison::NotEqual) => Ok(owned(true)),
            (
                None,
                Comparison::Less | Comparison::LessOrEqual | Comparison::Greater | Comparison::GreaterOrEqual,
            ) => Err(format!("{} and {} have no order in time", kind(&left), kind(&right)).into()),
        }
    }

    pub(super) fn equal(&self, left: &Value, right: &Value) -> Result<bool, Fault> {
        self.purse.step(1)?;
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => Ok(Num::of(a).compare(Num::of(b)) == Ordering::Equal),
            (Value::String(a), Value::String(b)) => {
                self.purse.step(a.len().min(b.len()) as u64 / 256)?;
                Ok(a == b)
            }
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (a, b) in a.iter().zip(b) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Object(a), Value::Object(b)) if a.len() == b.len() => {
                for (key, a) in a {
                    match b.get(key) {
                        Some(b) if self.equal(a, b)? => {}
                        _ => return Ok(false),
                    }
                }
                Ok(true)
            }
            (a, b) => Ok(a == b),
        }
    }

    pub(super) fn contains(&mut self, item: &'v Node, of: &'v Node) -> Evaluated<'v> {
        let (item, of) = (self.eval(item)?, self.eval(of)?);
        match (&*item, &*of) {
            (item, Value::Array(items)) => {
                for other in items {
                    if self.equal(item, other)? {
                        return Ok(owned(true));
                    }
                }
                Ok(owned(false))
            }
            (Value::String(key), Value::Object(entries)) => Ok(owned(entries.contains_key(key))),
            (_, Value::Object(_)) => Ok(owned(false)),
            (_, other) => {
                Err(format!("`in` takes a list or an object on its right, not {}", kind(other)).into())
            }
        }
    }
}

/// Whether a comparison holds for what stands in this order.
fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Less => order == Ordering::Less,
        Comparison::LessOrEqual => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::GreaterOrEqual => order != Ordering::Less,
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
    }
}
