//! A request, built step by step. A mistake on the way (a path segment `..`, a body that does not
//! serialize) is kept and comes out of [`Request::send`]: the chain stays one expression.

use core::fmt::Display;

use serde::Serialize;

use super::{Error, Field, Intent, Redirects, Response, encode, failure};
use crate::bindings::wharf::connector::http as host;
use crate::failure::{Failure, Result};

/// A request that is not sent yet.
#[must_use = "a request does nothing before `send`"]
#[derive(Clone, Debug)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<Field>,
    payload: host::Payload,
    auth: Option<String>,
    timeout_ms: Option<u32>,
    redirects: Redirects,
    intent: Intent,
    mistake: Option<Failure>,
}

impl Request {
    /// A request without body or credential. `method` is an upper-case token, `url` absolute.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        let method = method.into();
        Self {
            intent: Intent::of_method(&method),
            method,
            url: url.into(),
            headers: Vec::new(),
            payload: host::Payload::Empty,
            auth: None,
            timeout_ms: None,
            redirects: Redirects::Manual,
            mistake: None,
        }
    }

    /// Appends segments to the URL's path, each encoded so that it stays one. Before [`Self::query`].
    pub fn path<T: AsRef<str>>(mut self, segments: impl IntoIterator<Item = T>) -> Self {
        for text in segments {
            match encode::segment(text.as_ref()) {
                Ok(segment) => {
                    if !self.url.ends_with('/') {
                        self.url.push('/');
                    }
                    self.url.push_str(&segment);
                }
                Err(mistake) => return self.mistaken(mistake),
            }
        }
        self
    }

    /// Adds a query parameter, encoded.
    pub fn query(mut self, name: &str, value: impl Display) -> Self {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str(&encode::form([(name, value.to_string().as_str())]));
        self
    }

    /// Adds a query parameter when there is a value.
    pub fn maybe_query(self, name: &str, value: Option<impl Display>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Adds a header. The host refuses `Authorization`, `Host` and others that are its own.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push(Field { name: name.into(), value: value.into() });
        self
    }

    /// A JSON body, with its `Content-Type`.
    pub fn json(self, value: &(impl Serialize + ?Sized)) -> Self {
        match serde_json::to_vec(value) {
            Ok(bytes) => self.body("application/json", bytes),
            Err(error) => self.mistaken(Failure::defect(format_args!("the request body: {error}"))),
        }
    }

    /// A form body (`application/x-www-form-urlencoded`).
    pub fn form<'a>(self, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        self.body("application/x-www-form-urlencoded", encode::form(pairs))
    }

    /// A body of these bytes, with this `Content-Type` unless a header has set one before.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.payload = host::Payload::Bytes(bytes.into());
        self.with_content_type(content_type)
    }

    /// A body that the host streams from a blob.
    pub fn blob(mut self, content_type: &str, id: impl Into<String>) -> Self {
        self.payload = host::Payload::Blob(id.into());
        self.with_content_type(content_type)
    }

    /// The connection's auth method whose credential the host places.
    pub fn auth(mut self, method: impl Into<String>) -> Self {
        self.auth = Some(method.into());
        self
    }

    /// Sends no credential.
    pub fn anonymous(mut self) -> Self {
        self.auth = None;
        self
    }

    pub(crate) fn maybe_auth(mut self, method: Option<String>) -> Self {
        self.auth = method;
        self
    }

    /// Stop waiting for the complete response after this many milliseconds; the host's limit holds too.
    pub fn timeout_ms(mut self, milliseconds: u32) -> Self {
        self.timeout_ms = Some(milliseconds);
        self
    }

    /// Follow up to 5 redirects, each judged by the host like a first request.
    pub fn follow_redirects(mut self) -> Self {
        self.redirects = Redirects::Follow;
        self
    }

    /// Says that the request changes nothing though its method is not safe, such as a search by POST.
    /// For the SDK's judgement of failures; what the host allows is in the manifest (`reads`).
    pub fn reading(mut self) -> Self {
        self.intent = Intent::Read;
        self
    }

    /// Whether it may change something.
    #[must_use]
    pub fn intent(&self) -> Intent {
        self.intent
    }

    /// Sends it and waits for the response's head. Any status is a response.
    ///
    /// # Errors
    /// What kept a response from coming, under the class of [`super::failure`].
    pub fn send(self) -> Result<Response> {
        let intent = self.intent;
        self.try_send()?.map_err(|error| failure(error, intent))
    }

    /// As [`Self::send`], with the host's own error inside.
    ///
    /// # Errors
    /// The outer one is a mistake in building the request; nothing was sent.
    pub fn try_send(self) -> Result<core::result::Result<Response, Error>> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let intent = self.intent;
        let answer = host::send(&host::Request {
            method: self.method,
            url: self.url,
            headers: self.headers,
            payload: self.payload,
            auth: self.auth,
            timeout_ms: self.timeout_ms,
            redirects: self.redirects,
        });
        Ok(answer.map(|response| Response::new(response.status, response.headers, response.body, intent)))
    }

    /// Sends it, takes a status that is not 2xx for a failure, and reads the answer as JSON.
    ///
    /// # Errors
    /// As [`Self::send`], [`Response::error_for_status`] and [`Response::json`].
    pub fn fetch<T: serde::de::DeserializeOwned>(self) -> Result<T> {
        self.send()?.error_for_status()?.json()
    }

    fn with_content_type(self, content_type: &str) -> Self {
        match super::header(&self.headers, "content-type") {
            Some(_) => self,
            None => self.header("content-type", content_type),
        }
    }

    fn mistaken(mut self, mistake: Failure) -> Self {
        self.mistake.get_or_insert(mistake);
        self
    }
}

/// `GET https://…`, for a log line: without headers and body.
impl Display for Request {
    fn fmt(&self, out: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(out, "{} {}", self.method, self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::Request;
    use crate::FailureClass;

    #[test]
    fn urls_are_built() {
        let request = Request::new("GET", "https://a.example/v1/")
            .path(["repos", "acme/x", "issues"])
            .query("q", "a b")
            .query("n", 2)
            .maybe_query("none", None::<&str>);
        assert_eq!(request.url, "https://a.example/v1/repos/acme%2Fx/issues?q=a%20b&n=2");
    }

    #[test]
    fn mistakes_come_out_of_send() {
        let failure = Request::new("GET", "https://a.example").path([".."]).send().unwrap_err();
        assert_eq!(failure.class, FailureClass::InvalidInput);
    }

    #[test]
    fn content_type_is_set_once() {
        let request = Request::new("POST", "https://a.example")
            .header("Content-Type", "application/vnd.x+json")
            .json(&1);
        assert_eq!(request.headers.len(), 1);
    }
}
