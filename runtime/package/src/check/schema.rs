//! JSON Schemas (2020-12) of inputs, outputs, settings and events. Patterns must be regular
//! expressions that run in linear time: they will judge data from strangers.

use jsonschema::PatternOptions;
use serde_json::Value;

use super::{Findings, Ground, Pointer, listed};

/// Says which loader fills a property's choices.
const LOADER_KEYWORD: &str = "x-options";

/// A schema of an object.
pub(super) fn object(findings: &mut Findings, at: &Pointer, schema: &Value) {
    if schema.get("type").and_then(Value::as_str) != Some("object") {
        findings.report(
            &at.at("type"),
            "not the schema of an object",
            "say \"type\": \"object\"; a single value becomes one property",
        );
    }
    any(findings, at, schema);
}

/// A schema of anything.
pub(super) fn any(findings: &mut Findings, at: &Pointer, schema: &Value) {
    if !schema.is_object() {
        findings.report(at, "not a JSON Schema", "write an object; {} allows everything");
        return;
    }
    if let Err(error) = jsonschema::draft202012::meta::validate(schema) {
        let problem = format!("not a JSON Schema: {}", brief(&error.to_string()));
        findings.report(&at.join(error.instance_path().as_str()), problem, "see JSON Schema 2020-12");
        return;
    }
    let compiled = jsonschema::draft202012::options()
        .offline()
        .with_pattern_options(PatternOptions::regex())
        .build(schema);
    if let Err(error) = compiled {
        let problem = format!("a schema that cannot be used: {}", brief(&error.to_string()));
        let fix = "refer only to `$defs` of the same schema, and use patterns without look-around and back-references";
        findings.report(&at.join(error.instance_path().as_str()), problem, fix);
    }
}

/// Reports loaders that a schema names and the manifest does not list.
pub(super) fn loaders(findings: &mut Findings, ground: &Ground<'_>, at: &Pointer, schema: &Value) {
    match schema {
        Value::Object(members) => {
            for (key, member) in members {
                let at = at.at(key);
                match (key.as_str(), member) {
                    (LOADER_KEYWORD, Value::String(loader)) => known_loader(findings, ground, &at, loader),
                    // A property may bear the keyword's name; then it is a schema and no text.
                    _ => loaders(findings, ground, &at, member),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                loaders(findings, ground, &at.index(index), item);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn known_loader(findings: &mut Findings, ground: &Ground<'_>, at: &Pointer, loader: &str) {
    if !ground.manifest.options.iter().any(|known| known == loader) {
        let fix =
            format!("name one of {}, or list it under /options", listed(ground.manifest.options.iter()));
        findings.report(at, format!("no option loader `{loader}`"), fix);
    }
}

fn brief(text: &str) -> String {
    text.chars().take(200).collect()
}
