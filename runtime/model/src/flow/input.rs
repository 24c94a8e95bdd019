//! Whether an action's input, rendered, is what the action's manifest asks for.
//!
//! What is surprising: the messages never quote the input. It may hold what must not stand in a log.

use serde_json::Value;

use crate::{
    failure::{Failure, FailureClass, FieldFailure},
    manifest::Action,
};

/// Field errors of one failure.
const MAX_FIELDS: usize = 20;
/// Characters of one message.
const MAX_MESSAGE: usize = 300;

/// The compiled input schema of an action: make it once, use it for every call.
#[derive(Debug)]
pub struct InputValidator(jsonschema::Validator);

/// A manifest's schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON Schema: {0}")]
pub struct InvalidSchema(String);

impl InputValidator {
    /// Compiles the schema. Patterns run in linear time, references leave the schema for nowhere.
    ///
    /// # Errors
    /// If it is no JSON Schema, or refers to another document.
    pub fn new(action: &Action) -> Result<Self, InvalidSchema> {
        compile(&action.input).map(Self)
    }

    /// Compiles any schema of a manifest, such as that of a connection's settings.
    ///
    /// # Errors
    /// If it is no JSON Schema, or refers to another document.
    pub fn of_schema(schema: &Value) -> Result<Self, InvalidSchema> {
        compile(schema).map(Self)
    }

    /// Whether `input` fits.
    ///
    /// # Errors
    /// A failure of class `invalid-input` with what is wrong with which field.
    pub fn check(&self, input: &Value) -> Result<(), Failure> {
        let fields: Vec<FieldFailure> = messages(&self.0, input).collect();
        let Some(first) = fields.first() else {
            return Ok(());
        };
        let at = if first.path.is_empty() { "the input" } else { &first.path };
        let message = format!("the input does not fit the action: {at}: {}", first.message);
        Err(Failure { fields, ..Failure::new(FailureClass::InvalidInput, message) })
    }
}

/// Compiles a schema that comes from a connector.
pub(super) fn compile(schema: &Value) -> Result<jsonschema::Validator, InvalidSchema> {
    let patterns = jsonschema::PatternOptions::regex().size_limit(1 << 20);
    jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .with_pattern_options(patterns)
        .build(schema)
        .map_err(|error| InvalidSchema(shortened(&error.to_string())))
}

/// What is wrong with a value, by JSON Pointer, without quoting it.
pub(super) fn messages<'v>(
    validator: &'v jsonschema::Validator,
    value: &'v Value,
) -> impl Iterator<Item = FieldFailure> + 'v {
    validator.iter_errors(value).take(MAX_FIELDS).map(|error| FieldFailure {
        path: error.instance_path().to_string(),
        message: shortened(&error.masked_with("it").to_string()),
    })
}

fn shortened(text: &str) -> String {
    text.chars().take(MAX_MESSAGE).collect()
}
