//! Loops: one pass over the items of a list or the keys of an object, a variable bound to each.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Evaluated, Frame};
use crate::template::{
    functions::{kind, sorted},
    node::{Loop, LoopKind},
    purse::{Fault, Purse},
};

impl<'v> Frame<'v> {
    pub(super) fn repeat(&mut self, body: &'v Loop) -> Evaluated<'v> {
        let over = self.eval(&body.over)?;
        let items: Vec<Cow<'v, Value>> = match over {
            Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
            Cow::Borrowed(Value::Object(entries)) => {
                entries.keys().map(|key| Cow::Owned(key.clone().into())).collect()
            }
            Cow::Owned(Value::Object(entries)) => {
                entries.into_iter().map(|(key, _)| Cow::Owned(key.into())).collect()
            }
            other => {
                return Err(format!("{} is {}, not a list", body.over.label(), kind(&other)).into());
            }
        };
        self.purse.step(items.len() as u64)?;
        let mut tally = Tally::default();
        for item in items {
            self.bound.push((&body.variable, item));
            let done = self.turn(body, &mut tally);
            self.bound.pop();
            if done? {
                break;
            }
        }
        tally.result(body.kind, self.purse)
    }

    /// One item. True: the rest does not matter.
    fn turn(&mut self, body: &'v Loop, tally: &mut Tally) -> Result<bool, Fault> {
        match body.kind {
            LoopKind::Map => {
                if body.filter.as_ref().map_or(Ok(true), |filter| self.truth(filter))? {
                    let item = self.eval(&body.body)?;
                    tally.items.push(self.purse.own(item)?);
                }
                Ok(false)
            }
            LoopKind::Filter => {
                if self.truth(&body.body)? {
                    let item = self.name(&body.variable)?;
                    tally.items.push(self.purse.own(item)?);
                }
                Ok(false)
            }
            LoopKind::SortBy | LoopKind::GroupBy | LoopKind::IndexBy => {
                let key = self.eval(&body.body)?;
                tally.keys.push(self.purse.own(key)?);
                let item = self.name(&body.variable)?;
                tally.items.push(self.purse.own(item)?);
                Ok(false)
            }
            LoopKind::ExistsOne => {
                tally.hits += u64::from(self.truth(&body.body)?);
                Ok(false)
            }
            LoopKind::All | LoopKind::Exists => match self.truth(&body.body) {
                Ok(truth) => {
                    tally.decided |= truth == (body.kind == LoopKind::Exists);
                    Ok(tally.decided)
                }
                Err(limit @ Fault::Limit(_)) => Err(limit),
                Err(fault @ Fault::Data(_)) => {
                    self.purse.absorb()?;
                    tally.fault.get_or_insert(fault);
                    Ok(false)
                }
            },
        }
    }
}

/// What a loop has found so far.
#[derive(Default)]
struct Tally {
    items: Vec<Value>,
    /// What each item is sorted or grouped by.
    keys: Vec<Value>,
    hits: u64,
    decided: bool,
    fault: Option<Fault>,
}

impl Tally {
    fn result<'v>(self, kind: LoopKind, purse: &Purse) -> Evaluated<'v> {
        let value = match kind {
            LoopKind::SortBy => self.in_order(purse)?,
            LoopKind::GroupBy => self.grouped()?,
            LoopKind::IndexBy => self.indexed()?,
            LoopKind::Map | LoopKind::Filter => Value::Array(self.items),
            LoopKind::ExistsOne => Value::Bool(self.hits == 1),
            LoopKind::All | LoopKind::Exists if !self.decided => match self.fault {
                Some(fault) => return Err(fault),
                None => Value::Bool(kind == LoopKind::All),
            },
            LoopKind::All | LoopKind::Exists => Value::Bool(kind == LoopKind::Exists),
        };
        Ok(Cow::Owned(value))
    }

    fn in_order(self, purse: &Purse) -> Result<Value, Fault> {
        let order = sorted(purse, &self.keys.iter().collect::<Vec<_>>())?;
        let mut items: Vec<Option<Value>> = self.items.into_iter().map(Some).collect();
        Ok(order.into_iter().filter_map(|at| items.get_mut(at)?.take()).collect())
    }

    fn grouped(self) -> Result<Value, Fault> {
        let mut groups = Map::new();
        for (key, item) in self.keys.into_iter().zip(self.items) {
            match groups.entry(text(key)?).or_insert_with(|| Value::Array(Vec::new())) {
                Value::Array(group) => group.push(item),
                other => *other = item,
            }
        }
        Ok(groups.into())
    }

    fn indexed(self) -> Result<Value, Fault> {
        let mut index = Map::new();
        for (key, item) in self.keys.into_iter().zip(self.items) {
            let key = text(key)?;
            if index.contains_key(&key) {
                let key: String = key.chars().take(40).collect();
                return Err(
                    format!("two items have the key \"{}\"; write groupBy", key.escape_debug()).into()
                );
            }
            index.insert(key, item);
        }
        Ok(index.into())
    }
}

/// What a list is grouped by.
fn text(key: Value) -> Result<String, Fault> {
    match key {
        Value::String(text) => Ok(text),
        other => Err(format!("it is grouped by a string, not {}; write string(…)", kind(&other)).into()),
    }
}
