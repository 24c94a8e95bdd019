//! A compiled expression as a tree of closed cases: what the parser gave, with every function, pattern and
//! name already looked up, so that evaluation can only fail because of data.

use std::fmt;

use serde_json::Value;

use super::{
    functions::{Entry, Gives, time::clock},
    number::Arithmetic,
};

/// One operation.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Literal(Value),
    /// `event`, `steps`, `run`, `flow`, or the variable of a loop around it.
    Name(String),
    Select {
        of: Box<Node>,
        field: String,
    },
    Index {
        of: Box<Node>,
        key: Box<Node>,
    },
    Has {
        of: Box<Node>,
        field: String,
    },
    List(Vec<Node>),
    Object(Vec<(Node, Node)>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    If {
        condition: Box<Node>,
        then: Box<Node>,
        otherwise: Box<Node>,
    },
    Arithmetic(Arithmetic, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    /// `+` and `-` where one side is known to be a time or a duration.
    ClockArithmetic(Arithmetic, Box<Node>, Box<Node>),
    /// A comparison of times or durations.
    ClockCompare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    Loop(Box<Loop>),
    Call(Box<Call>),
}

/// A function and its arguments.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) entry: &'static Entry,
    pub(super) arguments: Vec<Node>,
    /// The pattern among them.
    pub(super) pattern: Option<regex::Regex>,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:?}", self.entry.name, self.arguments)
    }
}

/// An operator that gives true or false.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A pass over the items of a list or the keys of an object.
#[derive(Clone, Debug)]
pub(super) struct Loop {
    pub(super) kind: LoopKind,
    pub(super) over: Node,
    pub(super) variable: String,
    pub(super) body: Node,
    /// `map` with three arguments: only the items for which this holds.
    pub(super) filter: Option<Node>,
}

/// What a loop gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    Filter,
    Map,
    SortBy,
    GroupBy,
    IndexBy,
}

/// A path from a name, as far as it is written with constants: `event.issue.title`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `event`, `steps`, `run` or `flow`.
    pub root: String,
    /// The fields after it.
    pub fields: Vec<String>,
    /// Whether the last field is only asked for with `has()`.
    pub tested: bool,
}

impl Node {
    /// What its text is known to stand for.
    pub(super) fn gives(&self) -> Gives {
        match self {
            Self::Call(call) => call.entry.gives,
            Self::ClockArithmetic(operator, a, b) => clock::gives(*operator, a.gives(), b.gives()),
            Self::Select { of, field }
                if field == "started_at" && matches!(&**of, Self::Name(name) if name == "run") =>
            {
                Gives::Time
            }
            Self::If { then, otherwise, .. } if then.gives() == otherwise.gives() => then.gives(),
            Self::Literal(_)
            | Self::Name(_)
            | Self::Select { .. }
            | Self::Index { .. }
            | Self::Has { .. }
            | Self::List(_)
            | Self::Object(_)
            | Self::Not(_)
            | Self::Negate(_)
            | Self::And(..)
            | Self::Or(..)
            | Self::If { .. }
            | Self::Arithmetic(..)
            | Self::Compare(..)
            | Self::ClockCompare(..)
            | Self::In(..)
            | Self::Loop(_) => Gives::Plain,
        }
    }

    /// The names and constant fields that this is a path of.
    pub(super) fn path(&self) -> Option<(&str, Vec<&str>)> {
        match self {
            Self::Name(name) => Some((name, Vec::new())),
            Self::Select { of, field } => {
                let (root, mut fields) = of.path()?;
                fields.push(field);
                Some((root, fields))
            }
            Self::Index { of, key } => match &**key {
                Self::Literal(Value::String(field)) => {
                    let (root, mut fields) = of.path()?;
                    fields.push(field);
                    Some((root, fields))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// For messages: `event.issue`, or `the value` for what has no name.
    pub(super) fn label(&self) -> String {
        self.path().map_or_else(
            || "the value".to_owned(),
            |(root, fields)| std::iter::once(root).chain(fields).collect::<Vec<_>>().join("."),
        )
    }

    /// Every path in it that starts at a name which no loop binds.
    pub(super) fn references(&self) -> Vec<Reference> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect<'n>(&'n self, bound: &mut Vec<&'n str>, found: &mut Vec<Reference>) {
        if let Some((root, fields)) = self.path() {
            if !bound.contains(&root) {
                found.push(reference(root, &fields, false));
            }
            return;
        }
        match self {
            Self::Literal(_) | Self::Name(_) => {}
            Self::Select { of, .. } | Self::Not(of) | Self::Negate(of) => of.collect(bound, found),
            Self::Has { of, field } => match of.path() {
                Some((root, mut fields)) if !bound.contains(&root) => {
                    fields.push(field);
                    found.push(reference(root, &fields, true));
                }
                Some(_) => {}
                None => of.collect(bound, found),
            },
            Self::Index { of: a, key: b }
            | Self::And(a, b)
            | Self::Or(a, b)
            | Self::Arithmetic(_, a, b)
            | Self::Compare(_, a, b)
            | Self::ClockArithmetic(_, a, b)
            | Self::ClockCompare(_, a, b)
            | Self::In(a, b) => [a, b].into_iter().for_each(|node| node.collect(bound, found)),
            Self::If { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|node| node.collect(bound, found));
            }
            Self::List(items) => items.iter().for_each(|node| node.collect(bound, found)),
            Self::Call(call) => call.arguments.iter().for_each(|node| node.collect(bound, found)),
            Self::Object(entries) => {
                entries
                    .iter()
                    .flat_map(|(key, value)| [key, value])
                    .for_each(|node| node.collect(bound, found));
            }
            Self::Loop(body) => {
                body.over.collect(bound, found);
                bound.push(&body.variable);
                body.body.collect(bound, found);
                body.filter.iter().for_each(|node| node.collect(bound, found));
                bound.pop();
            }
        }
    }
}

fn reference(root: &str, fields: &[&str], tested: bool) -> Reference {
    Reference {
        root: root.to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        tested,
    }
}
