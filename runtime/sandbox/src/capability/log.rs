//! Lines in the step's log. Fields that are not a JSON object are kept as text under `text`, so
//! that whoever reads the log can rely on objects.

use wasmtime::component::Linker;
use wharf_model::call::LogLevel;

use super::{direct, interface};
use crate::{bindings::log::Level, state::State};

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    let mut log = interface(linker, "log")?;
    direct(&mut log, "log.write", |state, (level, message, fields): (Level, String, String)| {
        // Parsing is work too: nothing that would be dropped is parsed.
        if state.log.room() > 0 {
            state.log.push(level_of(level), &message, &object(fields));
        }
        Ok(())
    })
}

fn object(fields: String) -> String {
    let is_object = fields.trim_start().starts_with('{')
        && serde_json::from_str::<&serde_json::value::RawValue>(&fields).is_ok();
    if fields.is_empty() || is_object { fields } else { serde_json::json!({ "text": fields }).to_string() }
}

fn level_of(level: Level) -> LogLevel {
    match level {
        Level::Debug => LogLevel::Debug,
        Level::Info => LogLevel::Info,
        Level::Warn => LogLevel::Warn,
        Level::Error => LogLevel::Error,
    }
}
