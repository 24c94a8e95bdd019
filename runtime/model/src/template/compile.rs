//! From the text of an expression to a [`Node`]: the `cel` crate parses, this file looks everything up.
//!
//! What is surprising: only the crate's parser is used. Its evaluator has no budget that would stop
//! `l.map(x, l.map(y, l))`, and a whole event would be converted to read one field of it; see [`super::eval`].

mod call;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::{
    Env,
    common::ast::{CallExpr, EntryExpr, Expr, IdedEntryExpr, IdedExpr, LiteralValue, SourceInfo, operators},
};
use serde_json::{Map, Value};

use super::{
    functions::{Gives, kind},
    node::{Comparison, Loop, LoopKind, Node},
    number::{Arithmetic, Num},
    source::{MAX_EXPRESSION_BYTES, Refused, shallow, syntax},
};
use crate::flow::suggest;

/// What is said of a text that the parser panics on; none is known.
pub(super) const PANICKED: &str = "the expression cannot be parsed";

/// The names that a flow's expressions start from.
pub(super) const ROOTS: [&str; 4] = ["event", "steps", "run", "flow"];

/// Names that mean something in some places of a flow, where [`crate::flow`] checks that; a loop's
/// variable may take one.
pub(super) const LOCALS: [&str; 4] = ["item", "index", "error", "signal"];

/// Compiles an expression.
pub(super) fn compile(source: &str) -> Result<Node, Refused> {
    let whole = |message: String| Refused { start: 0, len: source.chars().count(), message };
    if source.trim().is_empty() {
        return Err(whole("an empty expression".to_owned()));
    }
    if source.len() > MAX_EXPRESSION_BYTES {
        return Err(whole(format!(
            "an expression of {} bytes; at most {MAX_EXPRESSION_BYTES} are read",
            source.len()
        )));
    }
    shallow(source).map_err(whole)?;
    // The generated parser is a large machine that meets text from outside; a bug in it must not end the server.
    let parsed = catch_unwind(AssertUnwindSafe(|| Env::default().compile(source)))
        .map_err(|_| whole(PANICKED.to_owned()))?;
    let program = parsed.map_err(|errors| syntax(source, errors.errors.first()))?;
    let mut compiler = Compiler { source, info: program.source_info(), bound: Vec::new() };
    compiler.node(program.expression())
}

struct Compiler<'s> {
    source: &'s str,
    info: &'s SourceInfo,
    /// Loop variables, innermost last.
    bound: Vec<String>,
}

impl Compiler<'_> {
    fn refused(&self, at: &IdedExpr, message: impl Into<String>) -> Refused {
        let (start, end) = self.extent(at);
        let chars = |byte: usize| self.source.get(..byte).map_or(0, |before| before.chars().count());
        let start = chars(start);
        Refused { start, len: chars(end).saturating_sub(start).max(1), message: message.into() }
    }

    /// The bytes from the first to the end of a node's text. The parser places a call at its bracket and a
    /// field at its dot.
    fn extent(&self, at: &IdedExpr) -> (usize, usize) {
        let byte = |byte: u32| usize::try_from(byte).unwrap_or(0);
        let (own, last) = self.info.offset_for(at.id).map_or((0, 0), |(own, last)| (byte(own), byte(last)));
        match &at.expr {
            Expr::Select(select) => (self.extent(&select.operand).0, own + 1 + select.field.len()),
            Expr::Call(call) => {
                let parts =
                    call.target.as_deref().into_iter().chain(&call.args).map(|part| self.extent(part));
                let named = own.saturating_sub(call.func_name.len());
                let first = if self.source.get(named..own) == Some(&call.func_name) { named } else { own };
                let (first, end) = parts
                    .fold((first, last + 1), |(first, end), (start, stop)| (first.min(start), end.max(stop)));
                let closed = self.source.get(end..).is_some_and(|rest| rest.starts_with([')', ']']));
                (first, end + usize::from(closed))
            }
            _ => (own, last + 1),
        }
    }

    fn node(&mut self, at: &IdedExpr) -> Result<Node, Refused> {
        match &at.expr {
            Expr::Literal(literal) => self.literal(at, literal),
            Expr::Ident(name) => self.name(at, name),
            Expr::Select(select) => {
                Ok(Node::Select { of: self.boxed(&select.operand)?, field: select.field.clone() })
            }
            Expr::List(list) => self.nodes(&list.elements).map(literal_list),
            Expr::Map(map) => self.object(at, &map.entries),
            Expr::Call(call) => self.call(at, call),
            Expr::Struct(made) => Err(self.refused(
                at,
                format!("there is no type `{}`; write an object: {{\"key\": value}}", made.type_name),
            )),
            Expr::Comprehension(_) | Expr::Unspecified => Err(self.refused(at, "not an expression")),
        }
    }

    fn boxed(&mut self, at: &IdedExpr) -> Result<Box<Node>, Refused> {
        self.node(at).map(Box::new)
    }

    fn nodes(&mut self, all: &[IdedExpr]) -> Result<Vec<Node>, Refused> {
        all.iter().map(|at| self.node(at)).collect()
    }

    /// An object. One without anything to compute is a literal, so that a table in a loop is not built again and again.
    fn object(&mut self, at: &IdedExpr, entries: &[IdedEntryExpr]) -> Result<Node, Refused> {
        let mut nodes = Vec::with_capacity(entries.len());
        let mut literal = Some(Map::new());
        for entry in entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else {
                return Err(self.refused(at, "not an object"));
            };
            let (key, value) = (self.node(&entry.key)?, self.node(&entry.value)?);
            match (&key, &value) {
                (Node::Literal(Value::String(key)), Node::Literal(value)) => {
                    let twice = literal.as_mut().and_then(|all| all.insert(key.clone(), value.clone()));
                    if twice.is_some() {
                        return Err(
                            self.refused(&entry.key, format!("the object has two keys `{}`", shortened(key)))
                        );
                    }
                }
                (Node::Literal(other), _) if !other.is_string() => {
                    let message = format!("the key of an object is a string, not {}", kind(other));
                    return Err(self.refused(&entry.key, message));
                }
                _ => literal = None,
            }
            nodes.push((key, value));
        }
        Ok(literal.map_or(Node::Object(nodes), |literal| Node::Literal(Value::Object(literal))))
    }

    fn literal(&self, at: &IdedExpr, literal: &LiteralValue) -> Result<Node, Refused> {
        let value = match literal {
            LiteralValue::Boolean(bool) => (*bool.inner()).into(),
            LiteralValue::Int(int) => (*int.inner()).into(),
            LiteralValue::UInt(uint) => (*uint.inner()).into(),
            LiteralValue::String(text) => text.inner().into(),
            LiteralValue::Null => Value::Null,
            LiteralValue::Double(double) => {
                Num::Double(*double.inner()).into_value().map_err(|message| self.refused(at, message))?
            }
            LiteralValue::Bytes(_) => {
                return Err(self.refused(at, "there are no byte strings; leave out the b"));
            }
        };
        Ok(Node::Literal(value))
    }

    fn name(&self, at: &IdedExpr, name: &str) -> Result<Node, Refused> {
        let rooted = ROOTS.contains(&name) || LOCALS.contains(&name);
        if rooted || self.bound.iter().any(|bound| bound == name) {
            return Ok(Node::Name(name.to_owned()));
        }
        let known = ROOTS.iter().copied().chain(self.bound.iter().map(String::as_str));
        let hint = suggest(name, known).map_or_else(
            || "an expression sees event, steps, run and flow".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        Err(self.refused(at, format!("unknown name `{}`; {hint}", shortened(name))))
    }

    fn call(&mut self, at: &IdedExpr, call: &CallExpr) -> Result<Node, Refused> {
        match (call.func_name.as_str(), call.target.as_deref(), call.args.as_slice()) {
            (operators::CONDITIONAL, None, [condition, then, otherwise]) => Ok(Node::If {
                condition: self.boxed(condition)?,
                then: self.boxed(then)?,
                otherwise: self.boxed(otherwise)?,
            }),
            (operators::LOGICAL_NOT, None, [of]) => Ok(Node::Not(self.boxed(of)?)),
            (operators::NEGATE, None, [of]) => Ok(Node::Negate(self.boxed(of)?)),
            (operators::LOGICAL_AND, None, [a, b]) => Ok(Node::And(self.boxed(a)?, self.boxed(b)?)),
            (operators::LOGICAL_OR, None, [a, b]) => Ok(Node::Or(self.boxed(a)?, self.boxed(b)?)),
            (operators::IN, None, [a, b]) => Ok(Node::In(self.boxed(a)?, self.boxed(b)?)),
            (operators::INDEX, None, [of, key]) => {
                Ok(Node::Index { of: self.boxed(of)?, key: self.boxed(key)? })
            }
            (operators::HAS, None, args) => self.has(at, args),
            (name, None, [a, b]) if binary(name).is_some() => self.binary(name, a, b),
            (name, Some(over), args) if loop_kind(name).is_some() => self.repeat(at, name, over, args),
            (name, target, args) => self.function(at, name, target, args),
        }
    }

    fn binary(&mut self, name: &str, a: &IdedExpr, b: &IdedExpr) -> Result<Node, Refused> {
        let (a, b) = (self.boxed(a)?, self.boxed(b)?);
        let clock = a.gives() != Gives::Plain || b.gives() != Gives::Plain;
        match binary(name) {
            Some(Binary::Arithmetic(operator)) if clock => Ok(Node::ClockArithmetic(operator, a, b)),
            Some(Binary::Comparison(operator)) if clock => Ok(Node::ClockCompare(operator, a, b)),
            Some(Binary::Arithmetic(operator)) => Ok(Node::Arithmetic(operator, a, b)),
            Some(Binary::Comparison(operator)) => Ok(Node::Compare(operator, a, b)),
            None => Err(Refused { start: 0, len: 1, message: format!("unknown operator `{name}`") }),
        }
    }

    fn has(&mut self, at: &IdedExpr, args: &[IdedExpr]) -> Result<Node, Refused> {
        match args {
            [IdedExpr { expr: Expr::Select(select), .. }] => {
                Ok(Node::Has { of: self.boxed(&select.operand)?, field: select.field.clone() })
            }
            _ => Err(self.refused(at, "has() takes one field: has(event.issue)")),
        }
    }

    fn repeat(
        &mut self,
        at: &IdedExpr,
        name: &str,
        over: &IdedExpr,
        args: &[IdedExpr],
    ) -> Result<Node, Refused> {
        let kind = loop_kind(name).unwrap_or(LoopKind::Map);
        let (variable, filter, body) = match (args, kind) {
            ([variable, body], _) => (variable, None, body),
            ([variable, filter, body], LoopKind::Map) => (variable, Some(filter), body),
            _ => return Err(self.refused(at, format!("write list.{name}(x, expression with x)"))),
        };
        let Expr::Ident(variable) = &variable.expr else {
            return Err(self.refused(variable, "the first argument of a loop is a name, such as x"));
        };
        if ROOTS.contains(&variable.as_str()) {
            return Err(
                self.refused(at, format!("`{variable}` is taken; name the variable otherwise, such as x"))
            );
        }
        let over = self.node(over)?;
        self.bound.push(variable.clone());
        let filter = filter.map(|filter| self.node(filter)).transpose();
        let body = self.node(body);
        self.bound.pop();
        Ok(Node::Loop(Box::new(Loop {
            kind,
            over,
            variable: variable.clone(),
            body: body?,
            filter: filter?,
        })))
    }
}

fn literal_list(nodes: Vec<Node>) -> Node {
    let literals: Option<Vec<Value>> = nodes
        .iter()
        .map(|node| match node {
            Node::Literal(value) => Some(value.clone()),
            _ => None,
        })
        .collect();
    literals.map_or(Node::List(nodes), |items| Node::Literal(Value::Array(items)))
}

fn shortened(name: &str) -> String {
    name.chars().take(60).collect()
}

enum Binary {
    Arithmetic(Arithmetic),
    Comparison(Comparison),
}

fn binary(name: &str) -> Option<Binary> {
    Some(match name {
        operators::ADD => Binary::Arithmetic(Arithmetic::Add),
        operators::SUBSTRACT => Binary::Arithmetic(Arithmetic::Subtract),
        operators::MULTIPLY => Binary::Arithmetic(Arithmetic::Multiply),
        operators::DIVIDE => Binary::Arithmetic(Arithmetic::Divide),
        operators::MODULO => Binary::Arithmetic(Arithmetic::Remainder),
        operators::EQUALS => Binary::Comparison(Comparison::Equal),
        operators::NOT_EQUALS => Binary::Comparison(Comparison::NotEqual),
        operators::LESS => Binary::Comparison(Comparison::Less),
        operators::LESS_EQUALS => Binary::Comparison(Comparison::LessOrEqual),
        operators::GREATER => Binary::Comparison(Comparison::Greater),
        operators::GREATER_EQUALS => Binary::Comparison(Comparison::GreaterOrEqual),
        _ => return None,
    })
}

fn loop_kind(name: &str) -> Option<LoopKind> {
    Some(match name {
        operators::ALL => LoopKind::All,
        operators::EXISTS => LoopKind::Exists,
        operators::EXISTS_ONE => LoopKind::ExistsOne,
        operators::FILTER => LoopKind::Filter,
        operators::MAP => LoopKind::Map,
        "sortBy" => LoopKind::SortBy,
        "groupBy" => LoopKind::GroupBy,
        "indexBy" => LoopKind::IndexBy,
        _ => return None,
    })
}
