//! Expressions: a total language. Whatever is written, rendering ends within its bounds, text that
//! comes out of data is not looked at again, and what an expression does not name does not come out.
//!
//! Input: a line with the template, JSON or else a string; then the event's JSON.

use serde_json::{Value, json};
use wharf_model::template::{Condition, Scope, Template};

use crate::first_line;

/// The only thing that `steps` holds.
const HELD: &str = "s3nt1nel";

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Some((source, event)) = first_line(data) else { return };
    let value: Value = serde_json::from_str(source).unwrap_or_else(|_| source.into());
    let event: Value = serde_json::from_slice(event).unwrap_or_else(|_| {
        json!({ "text": "${steps.held.value}", "list": [1, "${event}", null], "n": 3.5, "deep": { "a": { "b": true } } })
    });
    let held = json!({ "value": HELD });
    let scope = Scope::new(&event, [("held", &held)], "run-1", "flow");
    let clean = !event.to_string().contains(HELD) && !source.contains(HELD);
    match Template::parse(&value) {
        Ok(template) => {
            assert_eq!(template.source(), &value);
            let named = template.uses();
            if let Ok(rendered) = template.render(&scope) {
                let size = rendered.to_string().len();
                assert!(size <= 64 << 20, "{size} bytes came out of {}", source.len());
                if clean && !source.contains("steps") {
                    assert!(!rendered.to_string().contains(HELD), "{source} was expanded twice");
                }
                if named.is_empty() && !source.contains("${") {
                    assert_eq!(rendered, value, "text without an expression was changed");
                }
                assert_eq!(template.render(&scope), Ok(rendered), "rendering twice gives two values");
            }
        }
        Err(invalid) => {
            assert!(!invalid.is_empty());
            for problem in &invalid {
                let at = value.pointer(&problem.path).unwrap_or_else(|| panic!("{problem:?} is nowhere"));
                // A problem of a key is reported where its value stands, whatever that is.
                let length = at.as_str().map_or(0, |text| text.chars().count());
                assert!(problem.start + problem.len <= length, "{problem:?} in {at}");
            }
        }
    }
    if let Ok(condition) = Condition::parse(source) {
        let _ = condition.holds(&scope);
    }
}
