//! The parts of a template: literals, whole expressions, and text with expressions in it.
//!
//! What is surprising: a part without any expression is one literal, however large, and renders by a copy.

use std::fmt;

use serde_json::{Map, Value};

use super::{
    InvalidTemplate, Scope, TemplateError, Use, compile,
    eval::Frame,
    functions::kind,
    node::Node,
    purse::{Fault, Purse},
    source::Refused,
    split::{Stretch, split},
};

#[derive(Debug)]
pub(super) enum Part {
    Literal(Value),
    /// A string that is one expression: keeps the type.
    Whole(Expression),
    /// A string with expressions among other text.
    Mixed(Vec<Piece>),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Expression(Expression),
}

pub(super) struct Expression {
    pub(super) path: String,
    /// In characters of the string.
    pub(super) start: usize,
    pub(super) source: String,
    pub(super) node: Node,
}

impl Expression {
    pub(super) fn error(&self, fault: Fault) -> TemplateError {
        let (Fault::Data(message) | Fault::Limit(message)) = fault;
        TemplateError { path: self.path.clone(), expression: self.source.clone(), message }
    }

    pub(super) fn uses(&self) -> Vec<Use> {
        let len = self.source.chars().count();
        let used = |reference| Use { path: self.path.clone(), start: self.start, len, reference };
        self.node.references().into_iter().map(used).collect()
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "${{{}}}", self.source)
    }
}

pub(super) fn part(value: &Value, path: &str, invalid: &mut Vec<InvalidTemplate>) -> Part {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => Part::Literal(value.clone()),
        Value::String(source) => text(source, path, invalid),
        Value::Array(items) => {
            let parts: Vec<_> = items
                .iter()
                .enumerate()
                .map(|(index, item)| part(item, &format!("{path}/{index}"), invalid))
                .collect();
            let literals: Option<Vec<_>> = parts.iter().map(Part::as_literal).collect();
            literals.map_or(Part::List(parts), |items| Part::Literal(Value::Array(items)))
        }
        Value::Object(entries) => {
            let parts: Vec<_> = entries
                .iter()
                .map(|(key, value)| {
                    let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
                    if key.contains("${") {
                        let message = "an expression in a key is not evaluated; give the whole object as one expression".to_owned();
                        invalid.push(InvalidTemplate { path: path.clone(), start: 0, len: 0, message });
                    }
                    (key.clone(), part(value, &path, invalid))
                })
                .collect();
            let literals: Option<Map<_, _>> =
                parts.iter().map(|(key, part)| Some((key.clone(), part.as_literal()?))).collect();
            literals.map_or(Part::Object(parts), |entries| Part::Literal(Value::Object(entries)))
        }
    }
}

pub(super) fn text(source: &str, path: &str, invalid: &mut Vec<InvalidTemplate>) -> Part {
    let in_chars = |byte: usize| source.get(..byte).map_or(0, |before| before.chars().count());
    let stretches = match split(source) {
        Ok(stretches) => stretches,
        Err(open) => {
            let message =
                "this `${` has no closing `}`; write `$${` for the characters themselves".to_owned();
            invalid.push(InvalidTemplate { path: path.to_owned(), start: in_chars(open.0), len: 2, message });
            return Part::Literal(Value::Null);
        }
    };
    let mut pieces = Vec::with_capacity(stretches.len());
    for stretch in stretches {
        match stretch {
            Stretch::Text(text) => pieces.push(Piece::Text(text)),
            Stretch::Expression { start, source } => match compile::compile(&source) {
                Ok(node) => {
                    pieces.push(Piece::Expression(Expression {
                        path: path.to_owned(),
                        start: in_chars(start),
                        source,
                        node,
                    }));
                }
                Err(Refused { start: within, len, message }) => {
                    invalid.push(InvalidTemplate {
                        path: path.to_owned(),
                        start: in_chars(start) + within,
                        len,
                        message,
                    });
                }
            },
        }
    }
    let all_text = pieces.iter().all(|piece| matches!(piece, Piece::Text(_)));
    match (pieces.pop(), pieces.is_empty()) {
        (None, _) => Part::Literal(Value::String(String::new())),
        (Some(Piece::Text(text)), true) if all_text => Part::Literal(Value::String(text)),
        (Some(Piece::Expression(expression)), true) => Part::Whole(expression),
        (Some(last), _) => {
            pieces.push(last);
            Part::Mixed(pieces)
        }
    }
}

pub(super) fn render(part: &Part, scope: &Scope<'_>, purse: &Purse) -> Result<Value, TemplateError> {
    match part {
        Part::Literal(value) => Ok(value.clone()),
        Part::Whole(expression) => Frame::new(scope, purse)
            .eval(&expression.node)
            .and_then(|value| purse.own(value))
            .map_err(|fault| expression.error(fault)),
        Part::Mixed(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(part) => text.push_str(part),
                    Piece::Expression(expression) => {
                        interpolate(expression, scope, purse, &mut text)
                            .map_err(|fault| expression.error(fault))?;
                    }
                }
            }
            Ok(Value::String(text))
        }
        Part::List(items) => items.iter().map(|item| render(item, scope, purse)).collect(),
        Part::Object(entries) => entries
            .iter()
            .map(|(key, value)| Ok((key.clone(), render(value, scope, purse)?)))
            .collect::<Result<Map<_, _>, _>>()
            .map(Value::Object),
    }
}

/// Null leaves nothing behind; a list or an object has no one text.
fn interpolate(
    expression: &Expression,
    scope: &Scope<'_>,
    purse: &Purse,
    text: &mut String,
) -> Result<(), Fault> {
    let value = Frame::new(scope, purse).eval(&expression.node)?;
    purse.weigh(&value)?;
    match &*value {
        Value::Null => {}
        Value::String(part) => text.push_str(part),
        Value::Bool(_) | Value::Number(_) => text.push_str(&value.to_string()),
        Value::Array(_) | Value::Object(_) => {
            return Err(Fault::Data(format!(
                "{} is {} and cannot stand in text; write json(…) or pick a field",
                expression.node.label(),
                kind(&value)
            )));
        }
    }
    Ok(())
}

impl Part {
    pub(super) fn visit<'p>(&'p self, visitor: &mut dyn FnMut(&'p Expression)) {
        match self {
            Self::Literal(_) => {}
            Self::Whole(expression) => visitor(expression),
            Self::Mixed(pieces) => pieces.iter().for_each(|piece| match piece {
                Piece::Text(_) => {}
                Piece::Expression(expression) => visitor(expression),
            }),
            Self::List(items) => items.iter().for_each(|item| item.visit(visitor)),
            Self::Object(entries) => entries.iter().for_each(|(_, value)| value.visit(visitor)),
        }
    }
}

impl Part {
    fn as_literal(&self) -> Option<Value> {
        match self {
            Self::Literal(value) => Some(value.clone()),
            Self::Whole(_) | Self::Mixed(..) | Self::List(_) | Self::Object(_) => None,
        }
    }
}
