//! The steps of a program. Each leaves one entry: what the host let the connector see.

use wharf::credentials::{self, HmacAlgorithm};
use wharf::prelude::*;
use wharf::store::{self, Scope};

use crate::{send::send, text::text};

/// Runs the steps in order.
///
/// # Errors
/// A step that is none; a store that fails; the failure that a step asks for.
pub(crate) fn run(steps: &[Value]) -> Result<Vec<Value>> {
    let mut kept = Vec::new();
    let mut seen = Vec::new();
    for step in steps {
        let times = step.get("times").and_then(Value::as_u64).unwrap_or(1);
        if times == 1 {
            seen.push(once(step, &mut kept)?);
            continue;
        }
        // Many are counted by what they are, not listed.
        let mut counts: Vec<(Value, u64)> = Vec::new();
        for _ in 0..times {
            let one = once(step, &mut kept)?;
            let same = json!([one.get("status"), one.get("error"), one.get("reason"), one.get("read_error")]);
            match counts.iter_mut().find(|(known, _)| *known == same) {
                Some((_, count)) => *count += 1,
                None => counts.push((same, 1)),
            }
        }
        seen.push(json!({ "counts": counts }));
    }
    Ok(seen)
}

fn once(step: &Value, kept: &mut Vec<wharf::bindings::wharf::connector::http::Body>) -> Result<Value> {
    match step.get("do").and_then(Value::as_str).unwrap_or_default() {
        "send" => send(step, kept),
        "log" => {
            let line = text(&step["text"])?;
            log::info!("{line}");
            Ok(Value::Null)
        }
        "field" => {
            let value = text(&step["text"])?;
            log::info!("a field"; "value" => value);
            Ok(Value::Null)
        }
        "say" => text(&step["text"]).map(Value::String),
        "fail" => Err(Failure::new(FailureClass::InvalidInput, text(&step["text"])?)),
        "has" => Ok(json!(credentials::has(&text(&step["slot"])?))),
        "reveal" => Ok(match credentials::reveal(&text(&step["slot"])?) {
            Ok(_) => json!("revealed"),
            Err(_) => json!("refused"),
        }),
        "hmac" => {
            let (slot, data) = (text(&step["slot"])?, text(&step["data"])?);
            Ok(match credentials::hmac(&slot, HmacAlgorithm::Sha256, data.as_bytes()) {
                Ok(hash) => json!({ "hash": hash }),
                Err(failure) => json!({ "error": failure.message }),
            })
        }
        "put" => {
            store::put(Scope::Connection, &text(&step["key"])?, &text(&step["value"])?)?;
            Ok(Value::Null)
        }
        "get" => {
            let value: Option<String> = store::get(Scope::Connection, &text(&step["key"])?)?;
            Ok(json!(value))
        }
        other => Err(Failure::new(FailureClass::InvalidInput, format!("no step `{other}`"))),
    }
}
