//! Loops: one pass over the items of a list or the keys of an object, a variable bound to each.

use std::borrow::Cow;

use serde_json::Value;

use super::{Evaluated, Frame};
use crate::template::{
    functions::kind,
    node::{Loop, LoopKind},
    purse::Fault,
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
        tally.result(body.kind)
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
    hits: u64,
    decided: bool,
    fault: Option<Fault>,
}

impl Tally {
    fn result<'v>(self, kind: LoopKind) -> Evaluated<'v> {
        let value = match kind {
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
}
