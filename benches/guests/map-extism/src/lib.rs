//! The mapping as an Extism plugin, with its own development kit and the allocator that it comes with.

#[path = "../../mapping.rs"]
mod mapping;

use extism_pdk::{FnResult, plugin_fn};

/// JSON text of an event in, JSON text of ten fields out.
#[plugin_fn]
pub fn map(event: String) -> FnResult<String> {
    let event = serde_json::from_str(&event)?;
    Ok(serde_json::to_string(&mapping::map(event))?)
}

/// Does nothing.
#[plugin_fn]
pub fn empty(_: String) -> FnResult<String> {
    Ok("{}".to_owned())
}
