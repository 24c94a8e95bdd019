//! Values with expressions in `${ }`: what a flow writes under `with`, `map` and `if`.
//!
//! What is surprising: rendering is one pass. Text that comes out of an expression is never looked at
//! again, whatever it contains.

mod compile;
mod eval;
mod functions;
mod node;
mod number;
mod part;
mod purse;
mod source;
mod split;

use std::sync::Arc;

use serde_json::{Value, json};

pub(crate) use self::functions::time::{check_zone, zone};
pub use self::node::Reference;
use self::{
    eval::Frame,
    part::{Expression, Part, part, render, text},
    purse::Purse,
};
use crate::{
    failure::{Failure, FailureClass, FieldFailure},
    time::Timestamp,
};

/// A compiled value: literals with expressions in them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Template {
    source: Value,
    root: Arc<Part>,
}

/// A compiled `if`: one expression that gives true or false. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Condition(Arc<Expression>);

/// What expressions may name: `event`, `steps`, `run.id`, `run.started_at`, `flow.name`; inside of a loop
/// `item` and `index`, after a failure `error`. It borrows; building it copies nothing large.
#[derive(Debug)]
pub struct Scope<'a> {
    event: &'a Value,
    steps: Vec<(&'a str, &'a Value)>,
    run: Value,
    flow: Value,
    item: &'a Value,
    index: Value,
    error: Value,
    signal: &'a Value,
}

/// Why a template gave no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}, in `${{{expression}}}`")]
pub struct TemplateError {
    /// JSON Pointer (RFC 6901) to the value with the expression.
    pub path: String,
    /// The expression's text.
    pub expression: String,
    /// What is wrong, and what there is instead.
    pub message: String,
}

/// Why a text is not a template. Positions are characters of the string at `path`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct InvalidTemplate {
    /// JSON Pointer (RFC 6901) to the string, or to the value whose key is meant; `len` is 0 then.
    pub path: String,
    /// The first character that is meant, from 0.
    pub start: usize,
    /// How many are meant.
    pub len: usize,
    /// What is wrong.
    pub message: String,
}

/// A path that an expression follows, and where the expression stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// JSON Pointer (RFC 6901) to the string with the expression.
    pub path: String,
    /// The expression's first character in that string, from 0.
    pub start: usize,
    /// The expression's size in characters.
    pub len: usize,
    /// What it refers to.
    pub reference: Reference,
}

/// What expressions can call, as Markdown: a table for each family, and one of loops.
#[must_use]
pub fn reference() -> String {
    functions::reference()
}

impl Template {
    /// Compiles a value: each string in it may hold expressions.
    ///
    /// # Errors
    /// Every string that is no template.
    pub fn parse(source: &Value) -> Result<Self, Vec<InvalidTemplate>> {
        let mut invalid = Vec::new();
        let root = part(source, "", &mut invalid);
        if invalid.is_empty() {
            Ok(Self { source: source.clone(), root: Arc::new(root) })
        } else {
            Err(invalid)
        }
    }

    /// The value, with every expression replaced by what it gives.
    ///
    /// # Errors
    /// If an expression does not fit the data, or takes more than it may.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Value, TemplateError> {
        render(&self.root, scope, &Purse::full())
    }

    /// As it was written.
    #[must_use]
    pub fn source(&self) -> &Value {
        &self.source
    }

    /// The value at a key of the written object, if there is no expression in it.
    #[must_use]
    pub fn literal(&self, key: &str) -> Option<&Value> {
        match &*self.root {
            Part::Object(entries) => match entries.iter().find(|(name, _)| name == key) {
                Some((_, Part::Literal(value))) => Some(value),
                _ => None,
            },
            Part::Literal(value) => value.get(key),
            Part::Whole(_) | Part::Mixed(..) | Part::List(_) => None,
        }
    }

    /// Whether the string at a key always becomes text: it has expressions among other text.
    #[must_use]
    pub fn is_text(&self, key: &str) -> bool {
        matches!(&*self.root, Part::Object(entries) if entries.iter().any(|(name, part)| name == key && matches!(part, Part::Mixed(..))))
    }

    /// What its expressions refer to.
    #[must_use]
    pub fn uses(&self) -> Vec<Use> {
        let mut uses = Vec::new();
        self.root.visit(&mut |expression| uses.extend(expression.uses()));
        uses
    }
}

impl Condition {
    /// Compiles `${ … }`.
    ///
    /// # Errors
    /// If it is anything else.
    pub fn parse(source: &str) -> Result<Self, InvalidTemplate> {
        let whole = |message: &str| InvalidTemplate {
            path: String::new(),
            start: 0,
            len: source.chars().count(),
            message: message.to_owned(),
        };
        let trimmed = source.trim_end();
        let mut invalid = Vec::new();
        match text(trimmed, "", &mut invalid) {
            Part::Whole(expression) => Ok(Self(Arc::new(expression))),
            _ => Err(invalid.pop().unwrap_or_else(|| whole("a condition is one expression: `${ … }`"))),
        }
    }

    /// Whether it holds.
    ///
    /// # Errors
    /// If it does not fit the data, takes more than it may, or is neither true nor false.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<bool, TemplateError> {
        Frame::new(scope, &Purse::full()).truth(&self.0.node).map_err(|fault| self.0.error(fault))
    }

    /// The expression as it was written, without `${ }`.
    #[must_use]
    pub fn source(&self) -> &str {
        self.0.source.trim()
    }

    /// What it refers to.
    #[must_use]
    pub fn uses(&self) -> Vec<Use> {
        self.0.uses()
    }
}

impl<'a> Scope<'a> {
    /// What is known when a step is evaluated. `steps` are the outputs by id: null for one that was skipped
    /// or not reached.
    #[must_use]
    pub fn new(
        event: &'a Value,
        steps: impl IntoIterator<Item = (&'a str, &'a Value)>,
        run_id: &str,
        flow_name: &str,
    ) -> Self {
        Self {
            event,
            steps: steps.into_iter().collect(),
            run: json!({ "id": run_id }),
            flow: json!({ "name": flow_name }),
            item: &Value::Null,
            index: Value::Null,
            error: Value::Null,
            signal: &Value::Null,
        }
    }

    /// Inside of a loop: the item and its place, from 0.
    #[must_use]
    pub fn with_item(self, item: &'a Value, index: usize) -> Self {
        Self { item, index: index.into(), ..self }
    }

    /// In the steps after a failure: what is known of it.
    #[must_use]
    pub fn with_error(self, error: Value) -> Self {
        Self { error, ..self }
    }

    /// In the condition of a wait: the data of a signal.
    #[must_use]
    pub fn with_signal(self, signal: &'a Value) -> Self {
        Self { signal, ..self }
    }

    /// The same with `run.started_at`. It has to come from the journal: every attempt must see the same.
    #[must_use]
    pub fn started_at(mut self, at: Timestamp) -> Self {
        if let Value::Object(run) = &mut self.run {
            run.insert("started_at".to_owned(), at.to_string().into());
        }
        self
    }

    fn output(&self, id: &str) -> Option<&'a Value> {
        self.steps.iter().find(|(step, _)| *step == id).map(|(_, output)| *output)
    }
}

impl TemplateError {
    /// The failure of a step whose input could not be computed: trying again changes nothing.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        let mut failure = Failure::new(FailureClass::ConfigurationInvalid, self.to_string());
        failure.fields = vec![FieldFailure { path: self.path, message: self.message }];
        failure
    }
}

#[cfg(test)]
mod tests;
