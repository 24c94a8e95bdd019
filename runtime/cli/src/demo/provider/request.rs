//! A request with its parts at hand.

use bytes::Bytes;
use hyper::http::request::Parts;
use serde_json::Value;

use super::{Recorded, Route};

/// A request that was read whole.
pub(super) struct Asked {
    pub(super) method: String,
    pub(super) path: String,
    target: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Asked {
    pub(super) fn new(parts: &Parts, body: Bytes) -> Self {
        let target = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
        // The base does not matter: a URL is wanted only for its query parser.
        let query = reqwest::Url::parse("http://provider.invalid")
            .ok()
            .and_then(|base| base.join(&target).ok())
            .map_or_else(Vec::new, |url| {
                url.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
            });
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect();
        Self {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            target,
            query,
            headers,
            body,
        }
    }

    pub(super) fn record(&self, seq: usize, route: Option<Route>) -> Recorded {
        Recorded {
            seq,
            method: self.method.clone(),
            target: self.target.clone(),
            headers: self.headers.clone(),
            body: self.body.to_vec(),
            route,
            answered: None,
        }
    }

    /// The headers in order.
    pub(super) fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The token of `Authorization: Bearer`, if that header is there exactly once.
    pub(super) fn bearer(&self) -> Option<&str> {
        if self.headers.iter().filter(|(name, _)| name == "authorization").count() != 1 {
            return None;
        }
        self.header("authorization")?.strip_prefix("Bearer ")
    }

    /// Whether the body says that it is JSON.
    pub(super) fn says_json(&self) -> bool {
        self.header("content-type").is_some_and(|value| {
            value.split(';').next().is_some_and(|kind| kind.trim() == "application/json")
        })
    }

    /// The body as a JSON object.
    pub(super) fn object(&self) -> Option<Value> {
        serde_json::from_slice(&self.body).ok().filter(Value::is_object)
    }

    /// A parameter of the query.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every parameter of the query, in order.
    pub(super) fn parameters(&self) -> impl Iterator<Item = &(String, String)> {
        self.query.iter()
    }

    /// A number in the query, or `otherwise`.
    pub(super) fn number(&self, name: &str, otherwise: usize) -> usize {
        self.parameter(name).and_then(|value| value.parse().ok()).unwrap_or(otherwise)
    }

    /// The path's segment at this position, from 0.
    pub(super) fn segment(&self, position: usize) -> &str {
        self.path.split('/').skip(1).nth(position).unwrap_or_default()
    }
}
