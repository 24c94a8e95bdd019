//! Calls of functions: the name, how it is written, how many arguments, and those that are written out.
//!
//! What is surprising: an argument that is a literal is checked here with the code that reads it at run time, so a
//! zone, currency or pattern that does not exist never gets as far as a run.

use cel::common::ast::{Expr, IdedExpr, LiteralValue};

use super::{Compiler, Refused, shortened};
use crate::{
    flow::suggest,
    template::{
        compile::ROOTS,
        functions::{Entry, Style, Takes, all, compile_pattern, find},
        node::{Call, Node},
    },
};

/// What the compiler knows beside the functions, for near names.
const BUILT_IN: [&str; 9] =
    ["has", "all", "exists", "exists_one", "filter", "map", "sortBy", "groupBy", "indexBy"];

impl Compiler<'_> {
    pub(super) fn function(
        &mut self,
        at: &IdedExpr,
        name: &str,
        target: Option<&IdedExpr>,
        args: &[IdedExpr],
    ) -> Result<Node, Refused> {
        let (name, target) = self.qualified(name, target);
        let Some(entry) = find(&name) else {
            let names = all().map(|entry| entry.name).chain(BUILT_IN);
            let hint =
                suggest(&name, names).map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
            return Err(self.refused(at, format!("unknown function `{}`{hint}", shortened(&name))));
        };
        let all: Vec<&IdedExpr> = target.into_iter().chain(args).collect();
        if !fits(entry, target.is_some()) || !entry.takes(all.len()) {
            return Err(self.refused(at, format!("`{name}` is written {}", entry.usage())));
        }
        let mut call = Call { entry, arguments: Vec::with_capacity(all.len()), pattern: None };
        for (position, at) in all.into_iter().enumerate() {
            let node = self.node(at)?;
            self.written_out(&mut call, position, at, &node)?;
            call.arguments.push(node);
        }
        Ok(Node::Call(Box::new(call)))
    }

    /// `math.round(x)` is parsed as a call on `math`; it is one of `math.round` unless a loop binds that name.
    fn qualified<'e>(&self, name: &str, target: Option<&'e IdedExpr>) -> (String, Option<&'e IdedExpr>) {
        if let Some(IdedExpr { expr: Expr::Ident(space), .. }) = target
            && !ROOTS.contains(&space.as_str())
            && !self.bound.iter().any(|bound| bound == space)
            && all().any(|entry| entry.name.split_once('.').is_some_and(|(known, _)| known == space))
        {
            return (format!("{space}.{name}"), None);
        }
        (name.to_owned(), target)
    }

    /// Checks an argument that is a literal; takes the pattern, which has to be one.
    fn written_out(
        &self,
        call: &mut Call,
        position: usize,
        at: &IdedExpr,
        node: &Node,
    ) -> Result<(), Refused> {
        let Some(param) = call.entry.param(position) else {
            return Ok(());
        };
        if param.takes == Takes::Pattern {
            let Expr::Literal(LiteralValue::String(source)) = &at.expr else {
                let name = call.entry.name;
                return Err(self.refused(at, format!("the pattern of {name}() is written out, not computed")));
            };
            let pattern = compile_pattern(source.inner()).map_err(|why| self.refused(at, why))?;
            call.pattern = Some(pattern);
        } else if let Node::Literal(value) = node {
            let usage = || call.entry.usage();
            param
                .takes
                .check(param.name, value)
                .map_err(|why| self.refused(at, format!("`{}`: {why}", usage())))?;
        }
        Ok(())
    }
}

fn fits(entry: &Entry, method: bool) -> bool {
    match entry.style {
        Style::Both => true,
        Style::Method => method,
        Style::Global | Style::Many => !method,
    }
}
