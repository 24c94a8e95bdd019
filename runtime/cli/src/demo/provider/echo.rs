//! A service that says aloud what it was sent, and redirects wherever it is told to: what a
//! connector that wants out would look for.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Reply, request::Asked};

pub(super) fn apply(asked: &Asked) -> Reply {
    if let Some(place) = asked.parameter("to").filter(|_| asked.path.ends_with("/redirect")) {
        return Reply::new(StatusCode::FOUND, Value::Null).header("location", place.to_owned());
    }
    Reply::new(
        StatusCode::OK,
        json!({ "method": asked.method, "path": asked.path, "headers": asked.headers() }),
    )
}
