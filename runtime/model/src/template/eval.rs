//! Evaluates a compiled expression over JSON, borrowing the event and the outputs wherever it can.
//!
//! What is surprising: every operation pays from one purse, a step for each and more for whatever copies or
//! compares much. So no text from outside, however it is nested or repeated, makes an expression run long.

mod call;
mod compare;
mod missing;
mod repeat;

use std::borrow::Cow;

use serde_json::{Map, Value};

use self::missing::{listed, missing};
use super::{
    Scope,
    functions::{kind, time::clock},
    node::Node,
    number::{self, Arithmetic, Num},
    purse::{Fault, Purse},
};

/// What names mean, and who pays.
pub(super) struct Frame<'v> {
    pub(super) scope: &'v Scope<'v>,
    pub(super) purse: &'v Purse,
    /// Variables of the loops around, innermost last.
    bound: Vec<(&'v str, Cow<'v, Value>)>,
}

type Evaluated<'v> = Result<Cow<'v, Value>, Fault>;

impl<'v> Frame<'v> {
    pub(super) fn new(scope: &'v Scope<'v>, purse: &'v Purse) -> Self {
        Self { scope, purse, bound: Vec::new() }
    }

    pub(super) fn eval(&mut self, node: &'v Node) -> Evaluated<'v> {
        self.purse.step(1)?;
        match node {
            Node::Literal(value) => Ok(Cow::Borrowed(value)),
            Node::Name(name) => self.name(name),
            Node::Select { of, field } => self.select(of, field),
            Node::Index { of, key } => self.index(of, key),
            Node::Has { of, field } => self.has(of, field),
            Node::List(items) => self.list(items),
            Node::Object(entries) => self.object(entries),
            Node::Not(of) => self.truth(of).map(|truth| owned(!truth)),
            Node::Negate(of) => self.negate(of),
            Node::And(a, b) => self.absorb(a, b, false),
            Node::Or(a, b) => self.absorb(a, b, true),
            Node::If { condition, then, otherwise } => {
                let branch = if self.truth(condition)? { then } else { otherwise };
                self.eval(branch)
            }
            Node::Arithmetic(operator, a, b) => self.arithmetic(*operator, a, b),
            Node::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            Node::In(item, of) => self.contains(item, of),
            Node::Loop(body) => self.repeat(body),
            Node::ClockArithmetic(operator, a, b) => {
                let (left, right) = (self.eval(a)?, self.eval(b)?);
                self.purse.step(4)?;
                Ok(Cow::Owned(clock::apply(*operator, &left, &right)?))
            }
            Node::ClockCompare(comparison, a, b) => self.clock_compare(*comparison, a, b),
            Node::Call(call) => self.call(call),
        }
    }

    fn name(&self, name: &str) -> Evaluated<'v> {
        if let Some((_, value)) = self.bound.iter().rev().find(|(bound, _)| *bound == name) {
            return match value {
                Cow::Borrowed(value) => Ok(Cow::Borrowed(value)),
                Cow::Owned(value) => self.purse.own(Cow::Borrowed(value)).map(Cow::Owned),
            };
        }
        match name {
            "event" => Ok(Cow::Borrowed(self.scope.event)),
            "run" => Ok(Cow::Borrowed(&self.scope.run)),
            "flow" => Ok(Cow::Borrowed(&self.scope.flow)),
            "item" => Ok(Cow::Borrowed(self.scope.item)),
            "index" => Ok(Cow::Borrowed(&self.scope.index)),
            "error" => Ok(Cow::Borrowed(&self.scope.error)),
            "signal" => Ok(Cow::Borrowed(self.scope.signal)),
            _ => {
                let mut all = Map::new();
                for (id, output) in &self.scope.steps {
                    all.insert((*id).to_owned(), self.purse.own(Cow::Borrowed(output))?);
                }
                Ok(Cow::Owned(Value::Object(all)))
            }
        }
    }

    /// The output of a step, without building `steps`. None: `of` is not `steps`.
    fn output(&self, of: &Node, id: &str) -> Option<Option<&'v Value>> {
        matches!(of, Node::Name(name) if name == "steps").then(|| self.scope.output(id))
    }

    fn select(&mut self, of: &'v Node, field: &str) -> Evaluated<'v> {
        match self.output(of, field) {
            Some(Some(output)) => return Ok(Cow::Borrowed(output)),
            Some(None) => return Err(self.no_step(field)),
            None => {}
        }
        match self.eval(of)? {
            Cow::Borrowed(Value::Object(entries)) => match entries.get(field) {
                Some(value) => Ok(Cow::Borrowed(value)),
                None => Err(missing(self.purse, of, field, entries)),
            },
            Cow::Owned(Value::Object(mut entries)) => entries
                .swap_remove(field)
                .map(Cow::Owned)
                .ok_or_else(|| missing(self.purse, of, field, &entries)),
            other => Err(format!("{} is {}, it has no `{field}`", of.label(), kind(&other)).into()),
        }
    }

    fn no_step(&self, id: &str) -> Fault {
        let known = listed(self.scope.steps.iter().map(|(id, _)| *id));
        format!("no step `{id}` has run; there is: {known}").into()
    }

    fn index(&mut self, of: &'v Node, key: &'v Node) -> Evaluated<'v> {
        let key = self.eval(key)?;
        match &*key {
            Value::String(field) => self.select(of, field),
            Value::Number(number) => {
                let list = self.eval(of)?;
                let Value::Array(items) = &*list else {
                    return Err(
                        format!("{} is {}, it has no position {number}", of.label(), kind(&list)).into()
                    );
                };
                let size = items.len();
                let none = || {
                    Fault::Data(format!("{} has {size} items, none at {number} (counted from 0)", of.label()))
                };
                let position =
                    number.as_u64().and_then(|position| usize::try_from(position).ok()).ok_or_else(none)?;
                match list {
                    Cow::Borrowed(Value::Array(items)) => {
                        items.get(position).map(Cow::Borrowed).ok_or_else(none)
                    }
                    Cow::Owned(Value::Array(mut items)) if position < size => {
                        Ok(Cow::Owned(items.swap_remove(position)))
                    }
                    _ => Err(none()),
                }
            }
            other => Err(format!("{} cannot be a key or position", kind(other)).into()),
        }
    }

    fn has(&mut self, of: &'v Node, field: &str) -> Evaluated<'v> {
        if let Some(output) = self.output(of, field) {
            return Ok(owned(output.is_some()));
        }
        match &*self.eval(of)? {
            Value::Object(entries) => Ok(owned(entries.contains_key(field))),
            Value::Null => Ok(owned(false)),
            other => Err(format!("{} is {}, it has no fields", of.label(), kind(other)).into()),
        }
    }

    fn list(&mut self, items: &'v [Node]) -> Evaluated<'v> {
        let mut list = Vec::with_capacity(items.len());
        for item in items {
            let item = self.eval(item)?;
            list.push(self.purse.own(item)?);
        }
        Ok(Cow::Owned(Value::Array(list)))
    }

    fn object(&mut self, entries: &'v [(Node, Node)]) -> Evaluated<'v> {
        let mut object = Map::with_capacity(entries.len());
        for (key, value) in entries {
            let key = match self.eval(key)?.into_owned() {
                Value::String(key) => key,
                other => {
                    return Err(format!("the key of an object is a string, not {}", kind(&other)).into());
                }
            };
            let value = self.eval(value)?;
            let value = self.purse.own(value)?;
            if object.insert(key.clone(), value).is_some() {
                return Err(format!("the object has two keys `{key}`").into());
            }
        }
        Ok(Cow::Owned(Value::Object(object)))
    }

    pub(super) fn truth(&mut self, node: &'v Node) -> Result<bool, Fault> {
        match &*self.eval(node)? {
            Value::Bool(truth) => Ok(*truth),
            other => Err(format!("{} is {}, not true or false", node.label(), kind(other)).into()),
        }
    }

    fn negate(&mut self, of: &'v Node) -> Evaluated<'v> {
        match &*self.eval(of)? {
            Value::Number(number) => Ok(Cow::Owned(Num::of(number).negate()?)),
            other => Err(format!("- does not take {}", kind(other)).into()),
        }
    }

    /// `&&` and `||`: the side that decides wins, even if the other has no value (CEL, "Logical Operators").
    fn absorb(&mut self, a: &'v Node, b: &'v Node, decisive: bool) -> Evaluated<'v> {
        let first = self.truth(a);
        match first {
            Ok(truth) if truth == decisive => return Ok(owned(decisive)),
            Err(Fault::Limit(_)) => return first.map(owned),
            Ok(_) => {}
            Err(Fault::Data(_)) => self.purse.absorb()?,
        }
        match self.truth(b) {
            Ok(truth) if truth == decisive => Ok(owned(decisive)),
            Err(limit @ Fault::Limit(_)) => Err(limit),
            second => first.and(second).map(owned),
        }
    }

    fn arithmetic(&mut self, operator: Arithmetic, a: &'v Node, b: &'v Node) -> Evaluated<'v> {
        let (left, right) = (self.eval(a)?, self.eval(b)?);
        match (operator, &*left, &*right) {
            (_, Value::Number(a), Value::Number(b)) => {
                Ok(Cow::Owned(number::apply(operator, Num::of(a), Num::of(b))?))
            }
            (Arithmetic::Add, Value::String(_), Value::String(_))
            | (Arithmetic::Add, Value::Array(_), Value::Array(_)) => {
                self.purse.weigh(&left)?;
                self.purse.weigh(&right)?;
                Ok(Cow::Owned(joined(left.into_owned(), right.into_owned())))
            }
            (Arithmetic::Add, Value::String(_), _) | (Arithmetic::Add, _, Value::String(_)) => {
                Err(format!("cannot add {} and {}; write string(…)", kind(&left), kind(&right)).into())
            }
            _ => Err(format!("cannot compute with {} and {}", kind(&left), kind(&right)).into()),
        }
    }
}

fn owned<'v>(truth: bool) -> Cow<'v, Value> {
    Cow::Owned(Value::Bool(truth))
}

fn joined(left: Value, right: Value) -> Value {
    match (left, right) {
        (Value::Array(mut left), Value::Array(right)) => {
            left.extend(right);
            Value::Array(left)
        }
        (Value::String(left), Value::String(right)) => Value::String(left + &right),
        (left, _) => left,
    }
}
