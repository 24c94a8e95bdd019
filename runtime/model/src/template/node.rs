//! A compiled expression as a tree of closed cases: what the parser gave, with every function, pattern and
//! name already looked up, so that evaluation can only fail because of data.

use serde_json::Value;

use super::{functions::Function, number::Arithmetic};

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
    In(Box<Node>, Box<Node>),
    Loop(Box<Loop>),
    Matches(Box<Node>, regex::Regex),
    Call(Function, Vec<Node>),
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
            Self::Select { of, .. } | Self::Not(of) | Self::Negate(of) | Self::Matches(of, _) => {
                of.collect(bound, found)
            }
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
            | Self::In(a, b) => [a, b].into_iter().for_each(|node| node.collect(bound, found)),
            Self::If { condition, then, otherwise } => {
                [condition, then, otherwise].into_iter().for_each(|node| node.collect(bound, found));
            }
            Self::List(items) | Self::Call(_, items) => {
                items.iter().for_each(|node| node.collect(bound, found))
            }
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
