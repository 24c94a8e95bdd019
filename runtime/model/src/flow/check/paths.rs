//! Whether the fields that expressions name are in the schema of the event or of the step's output.
//!
//! What is surprising: a schema that does not close itself (`additionalProperties: false`) may leave fields
//! out, so a field that it does not list is a warning there, and an error where it is closed.

use serde_json::{Map, Value};

use super::{Catalog, Flow, On, Problem, Step, StepKind, action_of, suggest};
use crate::flow::{PlacedUse, ScheduleBinding};

/// The problems of all expressions.
pub(super) fn check(flow: &Flow, catalog: &Catalog<'_>) -> Vec<Problem> {
    let fire = ScheduleBinding::event_schema();
    let event = match &flow.on {
        On::Trigger(binding) => catalog
            .connectors
            .get(&binding.connector)
            .and_then(|manifest| manifest.triggers.get(&binding.trigger))
            .map(|trigger| Source {
                schema: &trigger.event,
                of: format!("an event of {}/{}", binding.connector, binding.trigger),
            }),
        On::Schedule(_) => Some(Source { schema: &fire, of: "a fire of a schedule".to_owned() }),
        On::Manual(binding) => binding
            .input
            .as_ref()
            .map(|(schema, _)| Source { schema, of: "the input of the flow".to_owned() }),
        On::Webhook(_) | On::Flow(_) => None,
    };
    let steps = flow.all_steps();
    let uses = steps.iter().flat_map(|step| &step.uses).filter(|used| !used.reference.tested);
    uses.filter_map(|used| match used.reference.root.as_str() {
        "event" => follow(event.as_ref()?, "event", &used.reference.fields, used),
        "steps" => {
            let (id, fields) = used.reference.fields.split_first()?;
            let source = output(steps.iter().find(|step| step.id == *id)?, catalog)?;
            follow(&source, &format!("steps.{id}"), fields, used)
        }
        _ => None,
    })
    .collect()
}

struct Source<'s> {
    schema: &'s Value,
    of: String,
}

fn output<'c>(step: &Step, catalog: &Catalog<'c>) -> Option<Source<'c>> {
    let StepKind::Action(call) = &step.kind else {
        return None;
    };
    let (_, action) = action_of(step, catalog)?;
    // A list in pages is the whole list by the time that another step sees it.
    (!action.paged).then(|| Source {
        schema: &action.output,
        of: format!("the output of {}/{}", call.connector, call.action),
    })
}

/// Goes down the fields as far as the schema tells what there is.
fn follow(source: &Source<'_>, root: &str, fields: &[String], used: &PlacedUse) -> Option<Problem> {
    let mut at = source.schema;
    let mut path = root.to_owned();
    for field in fields {
        let schema = resolve(source.schema, at)?;
        let properties = schema.get("properties")?.as_object()?;
        if open_otherwise(schema) {
            return None;
        }
        match properties.get(field) {
            Some(next) => at = next,
            None => return Some(unknown(schema, properties, &path, field, source, used)),
        }
        path = format!("{path}.{field}");
    }
    None
}

fn unknown(
    schema: &Map<String, Value>,
    properties: &Map<String, Value>,
    path: &str,
    field: &str,
    source: &Source<'_>,
    used: &PlacedUse,
) -> Problem {
    let closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let message = format!("`{path}` has no `{field}`");
    let problem = if closed {
        Problem::error(used.span, message)
    } else {
        Problem::warning(used.span, format!("{message} in its schema"))
    };
    let known: Vec<&str> = properties.keys().map(String::as_str).take(20).collect();
    let known = if known.is_empty() { "nothing".to_owned() } else { known.join(", ") };
    problem
        .did_you_mean(suggest(field, properties.keys().map(String::as_str)))
        .note(format!("fields of `{path}` in {}: {known}", source.of))
}

/// Other keywords may add fields that `properties` does not list.
fn open_otherwise(schema: &Map<String, Value>) -> bool {
    ["anyOf", "oneOf", "allOf", "if", "patternProperties", "unevaluatedProperties"]
        .iter()
        .any(|key| schema.contains_key(*key))
        || schema.get("additionalProperties").is_some_and(Value::is_object)
}

/// The schema itself, or what it refers to within the same document.
fn resolve<'s>(root: &'s Value, schema: &'s Value) -> Option<&'s Map<String, Value>> {
    let mut at = schema.as_object()?;
    // A chain of references, or a circle of them, is not followed forever.
    for _ in 0..16 {
        let Some(reference) = at.get("$ref") else {
            return Some(at);
        };
        at = root.pointer(reference.as_str()?.strip_prefix('#')?)?.as_object()?;
    }
    None
}
