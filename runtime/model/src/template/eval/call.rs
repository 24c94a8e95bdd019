//! Calls: the arguments are evaluated, weighed and looked at before the function sees them.
//!
//! What is surprising: an argument of which a function only looks at a part, such as a table, costs nothing by its
//! size; so looking a word up in a loop costs the same in a table of a thousand.

use std::borrow::Cow;

use serde_json::Value;

use super::{Evaluated, Frame};
use crate::template::{
    functions::{Arguments, Takes},
    node::Call,
    purse::weight,
};

impl<'v> Frame<'v> {
    pub(super) fn call(&mut self, call: &'v Call) -> Evaluated<'v> {
        let mut values = Vec::with_capacity(call.arguments.len());
        for argument in &call.arguments {
            values.push(self.eval(argument)?);
        }
        let values: Vec<&Value> = values.iter().map(|value| &**value).collect();
        for (at, value) in values.iter().enumerate() {
            let takes = call.entry.param(at).map_or(Takes::Any, |param| param.takes);
            if takes.whole() {
                self.purse.step(weight(value).0)?;
            }
            if !takes.shape(value) {
                let name = call.entry.param(at).map_or("it", |param| param.name);
                return Err(format!("`{}`: {}", call.entry.usage(), takes.misfit(name, value)).into());
            }
        }
        let arguments = Arguments {
            entry: call.entry,
            values: &values,
            pattern: call.pattern.as_ref(),
            purse: self.purse,
        };
        let result = (call.entry.run)(&arguments)?;
        self.purse.weigh(&result)?;
        Ok(Cow::Owned(result))
    }
}
