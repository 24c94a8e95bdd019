//! The keys of `with`, and the values that are known before the run, against a schema of an object.

use serde_json::{Map, Value, json};

use super::{Checker, Place, Places, Problem, input, suggest};

impl Checker<'_> {
    /// Checks the keys of `with`, and the values that are known, against a schema of an object.
    pub(super) fn inputs<'v>(
        &mut self,
        schema: &Value,
        places: &Places,
        of: &Of,
        given: &dyn Fn(&str) -> Given<'v>,
    ) {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let note = || format!("{}s of {}: {}", of.what, of.title, signature(properties, &required));
        let title = of.title.split(' ').next().unwrap_or_default();
        for (key, place) in &places.with {
            match properties.get(key) {
                Some(property) => self.input(key, property, schema, *place, of, given(key)),
                None if schema.get("additionalProperties") == Some(&Value::Bool(false)) => {
                    let near = suggest(key, properties.keys().map(String::as_str));
                    let problem =
                        Problem::error(place.key, format!("unknown {} `{key}` for {title}", of.what));
                    self.problem(problem.did_you_mean(near).note(note()));
                }
                None => {}
            }
        }
        for missing in required.iter().filter(|key| matches!(given(key), Given::Nothing)) {
            let problem =
                Problem::error(places.name, format!("{} `{missing}` of {title} is missing", of.what));
            self.problem(problem.help(format!("add `{missing}:` under `with`")).note(note()));
        }
    }

    fn input(&mut self, key: &str, property: &Value, root: &Value, place: Place, of: &Of, given: Given<'_>) {
        let literal = match given {
            Given::Literal(literal) => literal,
            Given::Text if !takes_text(property) => {
                let message = format!("{} `{key}` is {}, and this is text", of.what, types(property));
                self.problem(
                    Problem::error(place.value, message).help("write nothing around the one `${ … }`"),
                );
                return;
            }
            Given::Text | Given::Later | Given::Nothing => return,
        };
        // A property's schema may refer to definitions of the whole.
        let mut schema = json!({ "allOf": [property] });
        for definitions in ["$defs", "definitions"] {
            if let (Some(found), Some(schema)) = (root.get(definitions), schema.as_object_mut()) {
                schema.insert(definitions.to_owned(), found.clone());
            }
        }
        let Ok(validator) = input::compile(&schema) else {
            return;
        };
        for failure in input::messages(&validator, literal) {
            let inside =
                if failure.path.is_empty() { String::new() } else { format!(" at {}", failure.path) };
            let problem = Problem::error(
                place.value,
                format!("{} `{key}` does not fit{inside}: {}", of.what, failure.message),
            );
            self.problem(match literal {
                Value::Number(_) | Value::Bool(_) if takes_text(property) => problem.help("put it in quotes"),
                _ => problem,
            });
        }
    }
}

/// What the keys of `with` are, for messages.
pub(super) struct Of {
    pub(super) what: &'static str,
    /// With its version.
    pub(super) title: String,
}

/// What stands at a key.
#[derive(Clone, Copy)]
pub(super) enum Given<'v> {
    Nothing,
    Literal(&'v Value),
    /// Expressions among other text.
    Text,
    /// One expression, or something with expressions in it.
    Later,
}

fn takes_text(property: &Value) -> bool {
    match property.get("type") {
        Some(Value::String(name)) => name == "string",
        Some(Value::Array(names)) => names.iter().any(|name| name == "string"),
        _ => true,
    }
}

fn types(property: &Value) -> String {
    match property.get("type") {
        Some(Value::String(name)) => name.clone(),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "something else".to_owned(),
    }
}

fn signature(properties: &Map<String, Value>, required: &[&str]) -> String {
    if properties.is_empty() {
        return "none".to_owned();
    }
    let one = |name: &String| {
        if required.contains(&name.as_str()) { format!("{name} (required)") } else { name.clone() }
    };
    properties.keys().map(one).collect::<Vec<_>>().join(", ")
}
