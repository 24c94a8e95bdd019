//! JSON Schemas (2020-12) of Rust types, for the manifest.
//!
//! Only `describe` comes here: an action that runs never builds a schema.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

/// The schema of a type as it is read: what a caller must give.
#[must_use]
pub fn of_input<T: JsonSchema>() -> Value {
    generate::<T>(settings().for_deserialize())
}

/// The schema of a type as it is written: what a caller gets.
#[must_use]
pub fn of_output<T: JsonSchema>() -> Value {
    generate::<T>(settings().for_serialize())
}

/// The schema of an object without members.
#[must_use]
pub fn nothing() -> Value {
    json!({ "type": "object", "properties": {}, "additionalProperties": false })
}

/// The schema of one page: `items` of this schema, and `next` unless it is the last.
#[must_use]
pub fn page_of(item: &Value) -> Value {
    json!({
        "type": "object",
        "properties": {
            "items": { "type": "array", "items": item },
            "next": { "type": "string" },
        },
        "required": ["items"],
    })
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12().with(|settings| {
        settings.inline_subschemas = true;
        settings.meta_schema = None;
    })
}

fn generate<T: JsonSchema>(settings: SchemaSettings) -> Value {
    let mut schema = settings.into_generator().into_root_schema_for::<T>();
    // The type's Rust name says nothing to a person.
    schema.remove("title");
    schema.to_value()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    /// A message.
    #[wharf::input]
    struct Message {
        /// Where to.
        #[field(options = "channels")]
        channel: String,
        #[field(multiline, title = "Text")]
        text: String,
        reply_to: Option<u64>,
        #[serde(default)]
        labels: Vec<String>,
    }

    #[wharf::output]
    struct Posted {
        ts: String,
        thread: Option<String>,
    }

    #[test]
    fn inputs_have_schemas() {
        assert_eq!(
            super::of_input::<Message>(),
            json!({
                "type": "object",
                "description": "A message.",
                "properties": {
                    "channel": { "type": "string", "description": "Where to.", "x-options": "channels" },
                    "text": { "type": "string", "title": "Text", "x-multiline": true },
                    "reply_to": { "type": ["integer", "null"], "format": "uint64", "minimum": 0 },
                    "labels": { "type": "array", "items": { "type": "string" }, "default": [] },
                },
                "required": ["channel", "text"],
                "additionalProperties": false,
            })
        );
    }

    #[test]
    fn outputs_have_schemas() {
        let schema = super::of_output::<Posted>();
        assert_eq!(schema["required"], json!(["ts"]));
        assert_eq!(super::page_of(&schema)["properties"]["items"]["items"], schema);
    }

    #[test]
    fn unset_options_are_left_out() {
        let message: Message = serde_json::from_value(json!({ "channel": "C1", "text": "Hi" })).unwrap();
        assert_eq!(
            serde_json::to_value(&message).unwrap(),
            json!({ "channel": "C1", "text": "Hi", "labels": [] })
        );
        let wrong = serde_json::from_value::<Message>(json!({ "chanel": "C1", "text": "" }));
        assert!(wrong.unwrap_err().to_string().contains("chanel"));
    }
}
