//! One HTTP request, made of exactly what the program says: nothing here repairs or refuses.

use wharf::bindings::wharf::connector::http::{self, Body, DeniedBy, Error, Payload, Redirects};
use wharf::bindings::wharf::connector::types::Field;
use wharf::prelude::*;

use crate::text::{bytes, text};

/// Bytes asked for at once, unless the program says otherwise.
const PIECE: u64 = 64 * 1024;

/// More of a body is counted and not shown.
const SHOWN: usize = 4096;

/// Sends the request of a step. With `read: 0` the body is left as it is and kept open.
///
/// # Errors
/// A step that is no request.
pub(crate) fn send(step: &Value, kept: &mut Vec<Body>) -> Result<Value> {
    match http::send(&request(step)?) {
        Ok(response) => {
            let headers: Vec<_> = response.headers.iter().map(shown).collect();
            let mut seen = json!({ "status": response.status, "headers": headers });
            match step.get("read").and_then(Value::as_u64) {
                Some(0) => kept.push(response.body),
                most => read(&response.body, most.unwrap_or(PIECE), &mut seen),
            }
            Ok(seen)
        }
        Err(error) => Ok(refused(error)),
    }
}

fn request(step: &Value) -> Result<http::Request> {
    let optional = |name: &str| step.get(name).filter(|value| !value.is_null());
    let headers = optional("headers").and_then(Value::as_array).into_iter().flatten();
    let headers = headers.map(|pair| Ok(Field { name: text(&pair[0])?, value: bytes(&pair[1])? }));
    let payload = match optional("body") {
        Some(body) => Payload::Bytes(bytes(body)?),
        None => Payload::Empty,
    };
    Ok(http::Request {
        method: optional("method").map_or(Ok("GET".into()), text)?,
        url: text(&step["url"])?,
        headers: headers.collect::<Result<_>>()?,
        payload,
        auth: optional("auth").map(text).transpose()?,
        timeout_ms: optional("timeout").and_then(Value::as_u64).and_then(|ms| u32::try_from(ms).ok()),
        redirects: if optional("follow").is_some() { Redirects::Follow } else { Redirects::Manual },
    })
}

fn shown(field: &Field) -> Value {
    json!([field.name, String::from_utf8_lossy(&field.value)])
}

fn read(body: &Body, piece: u64, seen: &mut Value) {
    let piece = u32::try_from(piece).unwrap_or(u32::MAX);
    let (mut shown, mut length) = (Vec::new(), 0_u64);
    loop {
        match body.read(piece) {
            Ok(bytes) if bytes.is_empty() => break,
            Ok(bytes) => {
                length += bytes.len() as u64;
                let room = SHOWN.saturating_sub(shown.len()).min(bytes.len());
                shown.extend_from_slice(bytes.get(..room).unwrap_or_default());
            }
            Err(error) => {
                seen["read_error"] = refused(error);
                break;
            }
        }
    }
    seen["length"] = json!(length);
    seen["body"] = json!(String::from_utf8_lossy(&shown));
}

/// What the host says instead of an answer.
fn refused(error: Error) -> Value {
    let (case, message) = match error {
        Error::Denied(denial) => {
            let by = match denial.by {
                DeniedBy::Manifest => "manifest",
                DeniedBy::Grant => "grant",
                DeniedBy::Ceiling => "ceiling",
                DeniedBy::Address => "address",
            };
            return json!({ "error": "denied", "by": by, "reason": denial.reason, "message": denial.message });
        }
        Error::InvalidRequest(text) => ("invalid-request", text),
        Error::CredentialUnavailable(text) => ("credential-unavailable", text),
        Error::BudgetExhausted(text) => ("budget-exhausted", text),
        Error::Unreachable(text) => ("unreachable", text),
        Error::Tls(text) => ("tls", text),
        Error::Timeout(text) => ("timeout", text),
        Error::Interrupted(text) => ("interrupted", text),
        Error::BadResponse(text) => ("bad-response", text),
        Error::Ambiguous(text) => ("ambiguous", text),
    };
    json!({ "error": case, "message": message })
}
