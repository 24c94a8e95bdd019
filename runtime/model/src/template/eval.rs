//! Evaluates a compiled expression over JSON, borrowing the event and the outputs wherever it can.
//!
//! What is surprising: every operation pays from one purse, a step for each and more for whatever copies or
//! compares much. So no text from outside, however it is nested or repeated, makes an expression run long.

use std::{borrow::Cow, cell::Cell, cmp::Ordering};

use serde_json::{Map, Value};

use super::{
    Scope,
    functions::{self, kind},
    node::{Comparison, Loop, LoopKind, Node},
    number::{self, Arithmetic, Num},
};
use crate::flow::suggest;

/// What one rendering may spend: steps, each some tens of nanoseconds.
pub(super) const MAX_STEPS: u64 = 500_000;
/// What one rendering may build, counting what it throws away.
pub(super) const MAX_BYTES: u64 = 8 << 20;

/// Why there is no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The data does not fit the expression; `||` and `&&` may do without it.
    Data(String),
    /// The purse is empty; nothing goes on.
    Limit(String),
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self::Data(message)
    }
}

/// The purse of one rendering.
#[derive(Debug)]
pub(super) struct Purse {
    steps: Cell<u64>,
    bytes: Cell<u64>,
}

impl Purse {
    pub(super) fn full() -> Self {
        Self {
            steps: Cell::new(MAX_STEPS),
            bytes: Cell::new(MAX_BYTES),
        }
    }

    fn step(&self, count: u64) -> Result<(), Fault> {
        let left = self.steps.get().checked_sub(count);
        self.steps.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or_else(|| {
            Fault::Limit(format!(
                "it takes more than {MAX_STEPS} steps; loop over less"
            ))
        })
    }

    /// Pays for building, copying or comparing this value.
    pub(super) fn weigh(&self, value: &Value) -> Result<(), Fault> {
        let (nodes, bytes) = weight(value);
        self.step(nodes)?;
        let left = self.bytes.get().checked_sub(bytes);
        self.bytes.set(left.unwrap_or(0));
        left.map(|_| ())
            .ok_or_else(|| Fault::Limit(format!("it builds more than {} MiB", MAX_BYTES >> 20)))
    }

    pub(super) fn own(&self, value: Cow<'_, Value>) -> Result<Value, Fault> {
        match value {
            Cow::Owned(value) => Ok(value),
            Cow::Borrowed(value) => {
                self.weigh(value)?;
                Ok(value.clone())
            }
        }
    }
}

/// Nodes, and bytes that it takes.
fn weight(value: &Value) -> (u64, u64) {
    let per_node = 32;
    let sum = |(nodes, bytes): (u64, u64), (more_nodes, more_bytes): (u64, u64)| {
        (nodes + more_nodes, bytes + more_bytes)
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => (1, per_node),
        Value::String(text) => {
            let bytes = text.len() as u64;
            (1 + bytes / 256, per_node + bytes)
        }
        Value::Array(items) => items.iter().map(weight).fold((1, per_node), sum),
        Value::Object(entries) => entries
            .iter()
            .map(|(key, value)| sum(weight(value), (1, per_node + key.len() as u64)))
            .fold((1, per_node), sum),
    }
}

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
        Self {
            scope,
            purse,
            bound: Vec::new(),
        }
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
            Node::If {
                condition,
                then,
                otherwise,
            } => {
                let branch = if self.truth(condition)? {
                    then
                } else {
                    otherwise
                };
                self.eval(branch)
            }
            Node::Arithmetic(operator, a, b) => self.arithmetic(*operator, a, b),
            Node::Compare(comparison, a, b) => self.compare(*comparison, a, b),
            Node::In(item, of) => self.contains(item, of),
            Node::Loop(body) => self.repeat(body),
            Node::Matches(text, regex) => match &*self.eval(text)? {
                Value::String(text) => {
                    self.purse.step(text.len() as u64 / 16)?;
                    Ok(owned(regex.is_match(text)))
                }
                other => Err(format!("`s.matches(p)` does not take {}", kind(other)).into()),
            },
            Node::Call(function, arguments) => self.call(*function, arguments),
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
                None => Err(missing(of, field, entries)),
            },
            Cow::Owned(Value::Object(mut entries)) => entries
                .swap_remove(field)
                .map(Cow::Owned)
                .ok_or_else(|| missing(of, field, &entries)),
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
                    return Err(format!(
                        "{} is {}, it has no position {number}",
                        of.label(),
                        kind(&list)
                    )
                    .into());
                };
                let size = items.len();
                let none = || {
                    Fault::Data(format!(
                        "{} has {size} items, none at {number} (counted from 0)",
                        of.label()
                    ))
                };
                let position = number
                    .as_u64()
                    .and_then(|position| usize::try_from(position).ok())
                    .ok_or_else(none)?;
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
                    return Err(
                        format!("the key of an object is a string, not {}", kind(&other)).into(),
                    );
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
            Ok(_) | Err(Fault::Data(_)) => {}
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
                Err(format!(
                    "cannot add {} and {}; write string(…)",
                    kind(&left),
                    kind(&right)
                )
                .into())
            }
            _ => Err(format!("cannot compute with {} and {}", kind(&left), kind(&right)).into()),
        }
    }

    fn compare(&mut self, comparison: Comparison, a: &'v Node, b: &'v Node) -> Evaluated<'v> {
        let (left, right) = (self.eval(a)?, self.eval(b)?);
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            return self
                .equal(&left, &right)
                .map(|equal| owned(equal == (comparison == Comparison::Equal)));
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
        Ok(owned(match comparison {
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
            Comparison::Equal => order == Ordering::Equal,
            Comparison::NotEqual => order != Ordering::Equal,
        }))
    }

    fn equal(&self, left: &Value, right: &Value) -> Result<bool, Fault> {
        self.purse.step(1)?;
        match (left, right) {
            (Value::Number(a), Value::Number(b)) => {
                Ok(Num::of(a).compare(Num::of(b)) == Ordering::Equal)
            }
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

    fn contains(&mut self, item: &'v Node, of: &'v Node) -> Evaluated<'v> {
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
            (_, other) => Err(format!(
                "`in` takes a list or an object on its right, not {}",
                kind(other)
            )
            .into()),
        }
    }

    fn repeat(&mut self, body: &'v Loop) -> Evaluated<'v> {
        let over = self.eval(&body.over)?;
        let items: Vec<Cow<'v, Value>> = match over {
            Cow::Borrowed(Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
            Cow::Owned(Value::Array(items)) => items.into_iter().map(Cow::Owned).collect(),
            Cow::Borrowed(Value::Object(entries)) => entries
                .keys()
                .map(|key| Cow::Owned(key.clone().into()))
                .collect(),
            Cow::Owned(Value::Object(entries)) => entries
                .into_iter()
                .map(|(key, _)| Cow::Owned(key.into()))
                .collect(),
            other => {
                return Err(
                    format!("{} is {}, not a list", body.over.label(), kind(&other)).into(),
                );
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
                if body
                    .filter
                    .as_ref()
                    .map_or(Ok(true), |filter| self.truth(filter))?
                {
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

    fn call(&mut self, function: functions::Function, arguments: &'v [Node]) -> Evaluated<'v> {
        let mut values = Vec::with_capacity(arguments.len());
        for argument in arguments {
            values.push(self.eval(argument)?);
        }
        let values: Vec<&Value> = values.iter().map(|value| &**value).collect();
        for value in &values {
            self.purse.step(weight(value).0)?;
        }
        let result = functions::call(function, &values)?;
        self.purse.weigh(&result)?;
        Ok(Cow::Owned(result))
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

fn missing(of: &Node, field: &str, entries: &Map<String, Value>) -> Fault {
    let keys = || entries.keys().map(String::as_str);
    let hint =
        suggest(field, keys()).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
    format!(
        "{} has no `{field}`; there is: {}{hint}",
        of.label(),
        listed(keys())
    )
    .into()
}

/// At most a dozen names. They come from outside: control characters are written out.
fn listed<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let names: Vec<_> = names.collect();
    let shown: Vec<_> = names
        .iter()
        .take(12)
        .map(|name| {
            name.chars()
                .take(40)
                .collect::<String>()
                .escape_debug()
                .to_string()
        })
        .collect();
    match (shown.is_empty(), names.len() > shown.len()) {
        (true, _) => "nothing".to_owned(),
        (false, false) => shown.join(", "),
        (false, true) => format!(
            "{}, and {} more",
            shown.join(", "),
            names.len() - shown.len()
        ),
    }
}
