//! One call of the connector: what it is part of, and where HTTP requests begin.

use serde::de::DeserializeOwned;

use crate::bindings::wharf::connector::types::{Context, Mode};
use crate::failure::{Failure, Result};
use crate::http::Request;

/// What the host says about the call, and the way to HTTP.
#[derive(Clone, Debug)]
pub struct Call {
    context: Context,
    page: Option<String>,
    auth: Option<String>,
}

impl Call {
    /// A call in this context whose requests carry the auth method `auth` unless they say otherwise.
    #[must_use]
    pub fn new(context: Context, auth: Option<&str>) -> Self {
        Self { context, page: None, auth: auth.map(str::to_owned) }
    }

    /// The same call, continuing a list at `page`.
    #[must_use]
    pub fn at_page(mut self, page: Option<String>) -> Self {
        self.page = page;
        self
    }

    /// The same call with another auth method on its requests.
    #[must_use]
    pub fn with_auth(mut self, method: &str) -> Self {
        self.auth = Some(method.to_owned());
        self
    }

    /// All that the host says.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Stable across attempts, crashes and replays; unique to the run and step.
    #[must_use]
    pub fn idempotency_key(&self) -> &str {
        &self.context.idempotency_key
    }

    /// Counts from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.context.attempt
    }

    /// Why the host calls.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.context.mode
    }

    /// Where to continue a list: [`crate::Page::next`] of the page before. None for the first page.
    #[must_use]
    pub fn page(&self) -> Option<&str> {
        self.page.as_deref()
    }

    /// The connection's settings that are not secret.
    ///
    /// # Errors
    /// `configuration-invalid` when they are not of this shape.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T> {
        let text = match self.context.connection.trim() {
            "" => "{}",
            text => text,
        };
        serde_json::from_str(text)
            .map_err(|error| Failure::configuration(format_args!("the connection's settings: {error}")))
    }

    /// A GET request.
    pub fn get(&self, url: impl Into<String>) -> Request {
        self.request("GET", url)
    }

    /// A POST request.
    pub fn post(&self, url: impl Into<String>) -> Request {
        self.request("POST", url)
    }

    /// A PUT request.
    pub fn put(&self, url: impl Into<String>) -> Request {
        self.request("PUT", url)
    }

    /// A PATCH request.
    pub fn patch(&self, url: impl Into<String>) -> Request {
        self.request("PATCH", url)
    }

    /// A DELETE request.
    pub fn delete(&self, url: impl Into<String>) -> Request {
        self.request("DELETE", url)
    }

    /// A request with any method, an upper-case token.
    pub fn request(&self, method: impl Into<String>, url: impl Into<String>) -> Request {
        Request::new(method, url).maybe_auth(self.auth.clone())
    }
}

impl Context {
    /// A context for unit tests: first attempt of a live run, fixed ids, no settings.
    #[must_use]
    pub fn for_test() -> Self {
        Self {
            run: "run-1".into(),
            step: "step-1".into(),
            attempt: 1,
            mode: Mode::Live,
            idempotency_key: "key-1".into(),
            deadline: u64::MAX,
            trace_parent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into(),
            connection: "{}".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Call, Context};
    use crate::FailureClass;

    #[wharf::input]
    struct Settings {
        #[serde(rename = "api-url", default)]
        api_url: String,
    }

    #[test]
    fn settings_are_read() {
        let read = |connection: &str| {
            let context = Context { connection: connection.into(), ..Context::for_test() };
            Call::new(context, None).settings::<Settings>()
        };
        assert_eq!(read("").unwrap().api_url, "");
        assert_eq!(read(r#"{"api-url":"https://a"}"#).unwrap().api_url, "https://a");
        assert_eq!(read("[").unwrap_err().class, FailureClass::ConfigurationInvalid);
    }
}
