//! The connector of the benches: the mapping, and an action that does nothing. It reaches nothing; its
//! one secret is for deliveries to the flow bench, which are signed.

#[path = "../../mapping.rs"]
mod mapping;

use std::borrow::Cow;

use mapping::{Event, Mapped};
use wharf::prelude::*;
use wharf::schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// Takes any object: a schema of each field would cost nothing in a call and say nothing here.
impl JsonSchema for Event {
    fn schema_name() -> Cow<'static, str> {
        "Event".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

impl JsonSchema for Mapped {
    fn schema_name() -> Cow<'static, str> {
        "Mapped".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

/// Nothing.
#[output]
struct Nothing {}

/// Map an event to ten fields.
#[action(effect = "read")]
fn map(_call: &Call, input: Event) -> Result<Mapped> {
    Ok(mapping::map(input))
}

/// Do nothing.
#[action(effect = "read")]
fn empty(_call: &Call, _input: NoInput) -> Result<Nothing> {
    Ok(Nothing {})
}

struct Bench;

impl Connector for Bench {
    fn manifest() -> Manifest {
        Manifest::new("bench", env!("CARGO_PKG_VERSION"), "Bench")
            .auth("signed", Auth::new("Signed deliveries").slot("secret", "Secret"))
    }

    fn actions() -> Actions {
        actions![map, empty]
    }
}

wharf::connector!(Bench: actions);
