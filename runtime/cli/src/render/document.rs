//! JSON documents for `--json`: the model's kebab-case names in the API's snake_case.

use serde::Serialize;
use serde_json::Value;

/// A value of the model, with its own fields in snake_case. Only for types whose fields are all
/// ours: in free-form JSON, such as an output, a name with `-` would be changed too.
#[must_use]
pub fn snake_case<T: Serialize + ?Sized>(value: &T) -> Value {
    renamed(serde_json::to_value(value).unwrap_or_default())
}

fn renamed(value: Value) -> Value {
    match value {
        Value::Object(object) => {
            object.into_iter().map(|(name, value)| (name.replace('-', "_"), renamed(value))).collect()
        }
        Value::Array(items) => items.into_iter().map(renamed).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_change_and_values_do_not() {
        let failure = wharf_model::failure::Failure {
            http_status: Some(429),
            ..wharf_model::failure::Failure::new(wharf_model::failure::FailureClass::RateLimited, "a-b")
        };
        assert_eq!(
            super::snake_case(&failure),
            serde_json::json!({ "class": "rate-limited", "message": "a-b", "http_status": 429 })
        );
    }
}
