//! The admin API's client: one request, one JSON answer, and errors that say what to do.
//!
//! It never goes through a proxy: an API key for a server next door must not travel to another one.

use std::{path::PathBuf, time::Duration};

use clap::Args;
pub use reqwest::Method;
use reqwest::{RequestBuilder, StatusCode, Url};
use serde_json::Value;

use crate::exit::{Exit, Fault, Problems};

/// Which server, and as whom.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The server's address.
    #[arg(
        long,
        global = true,
        env = "WHARF_SERVER",
        value_name = "URL",
        default_value = "http://127.0.0.1:8484",
        help_heading = "Server"
    )]
    pub server: String,
    /// The API key; without it, `admin.key` in the data directory is read.
    #[arg(
        long,
        global = true,
        env = "WHARF_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        help_heading = "Server"
    )]
    pub api_key: Option<String>,
    /// The server's data directory, if it is on this machine.
    #[arg(
        long,
        global = true,
        env = "WHARF_DATA_DIR",
        value_name = "DIR",
        default_value = "wharf-data",
        help_heading = "Server"
    )]
    pub data_dir: PathBuf,
}

/// A server and a key for it.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    key: String,
    key_from: String,
}

/// What goes along with a request.
#[derive(Debug)]
pub enum Body {
    /// Nothing.
    None,
    /// A JSON document.
    Json(Value),
    /// A flow file.
    Yaml(String),
    /// A connector file.
    Wasm(Vec<u8>),
}

impl Client {
    /// Finds the key; sends nothing yet.
    ///
    /// # Errors
    /// The address is no URL, or there is no key anywhere.
    pub fn new(target: &Target) -> Result<Self, Fault> {
        let base = base(&target.server)?;
        let (key, key_from) = key(target)?;
        Self::with_key(base, key, key_from)
    }

    /// A client with this key.
    ///
    /// # Errors
    /// The address is no URL.
    pub fn at(server: &str, key: &str) -> Result<Self, Fault> {
        Self::with_key(base(server)?, key.to_owned(), "the caller".to_owned())
    }

    fn with_key(base: Url, key: String, key_from: String) -> Result<Self, Fault> {
        crate::install_crypto();
        let builder = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(Duration::from_secs(5))
            // A flow that is waited for, a connector that is compiled: long, and not for ever.
            .timeout(Duration::from_secs(120))
            .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")));
        // Without TLS there is no need to look for this machine's certificates, and to fail over it.
        let builder =
            if base.scheme() == "http" { builder.tls_certs_only(std::iter::empty()) } else { builder };
        let http = builder.build().map_err(|error| {
            Fault::new(Exit::Failed, "http-client", format!("cannot set up HTTP: {error}"))
        })?;
        Ok(Self { http, base, key, key_from })
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Value, Fault> {
        self.send(Method::GET, path, query, Body::None).await
    }

    /// `POST`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn post(&self, path: &[&str], query: &[(&str, &str)], body: Body) -> Result<Value, Fault> {
        self.send(Method::POST, path, query, body).await
    }

    /// `PUT` of a JSON document.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn put(&self, path: &[&str], body: Value) -> Result<Value, Fault> {
        self.send(Method::PUT, path, &[], Body::Json(body)).await
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn delete(&self, path: &[&str]) -> Result<Value, Fault> {
        self.send(Method::DELETE, path, &[], Body::None).await
    }

    /// Sends a request to `/api/v1/` and the segments of `path`; an empty answer is `null`.
    ///
    /// # Errors
    /// No answer, or one that is no success: with the server's own words and fix.
    pub async fn send(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Body,
    ) -> Result<Value, Fault> {
        let request =
            with_body(self.http.request(method, self.url(path, query)?), body).bearer_auth(&self.key);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = response.bytes().await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            return if body.is_empty() {
                Ok(Value::Null)
            } else {
                serde_json::from_slice(&body).map_err(|error| self.alien(status, &error))
            };
        }
        Err(self.refused(status, serde_json::from_slice(&body).unwrap_or(Value::Null)))
    }

    fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, Fault> {
        // `.` and `..` as a segment would walk up the path; no name of ours is either.
        if let Some(bad) = path.iter().find(|segment| matches!(**segment, "" | "." | "..")) {
            return Err(Fault::usage(format!("`{bad}` is no name")));
        }
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(["api", "v1"]).extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    fn unreachable(&self, error: &reqwest::Error) -> Fault {
        // The outermost message repeats the URL; the innermost says what happened.
        let mut cause: &dyn std::error::Error = error;
        while let Some(source) = cause.source() {
            cause = source;
        }
        Fault::new(Exit::Unreachable, "unreachable", format!("no answer from {}: {cause}", self.server()))
            .fix("start one with `wharf serve`, or name another with --server URL or WHARF_SERVER")
    }

    fn alien(&self, status: StatusCode, error: &serde_json::Error) -> Fault {
        Fault::new(
            Exit::Failed,
            "alien-answer",
            format!("{} answered {status} without JSON ({error})", self.server()),
        )
        .fix("check that --server names a wharf server of this version")
    }

    /// The server's error body as a fault.
    fn refused(&self, status: StatusCode, mut body: Value) -> Fault {
        let error = body.get_mut("error").map(Value::take).unwrap_or_default();
        let text = |name: &str| error.get(name).and_then(Value::as_str).map(str::to_owned);
        let code = text("code").unwrap_or_else(|| format!("http-{}", status.as_u16()));
        if status == StatusCode::UNAUTHORIZED {
            return Fault::new(
                Exit::Unauthorized,
                &code,
                format!("{} refuses the API key from {}", self.server(), self.key_from),
            )
            .fix("set WHARF_API_KEY, or --data-dir to the directory of that server");
        }
        let exit = match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Exit::NotFound,
            StatusCode::FORBIDDEN | StatusCode::CONFLICT => Exit::Refused,
            StatusCode::BAD_REQUEST
            | StatusCode::UNPROCESSABLE_ENTITY
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::PAYLOAD_TOO_LARGE => Exit::Invalid,
            _ => Exit::Failed,
        };
        let message = text("message").unwrap_or_else(|| format!("{} answered {status}", self.server()));
        let mut fault = Fault::new(exit, &code, message);
        fault.fix = text("fix");
        if let Some(list) = error.get("problems").filter(|problems| problems.is_array()) {
            let rendered = text("rendered");
            fault.detail = problems(list).filter(|_| rendered.is_none());
            let list = list.clone();
            fault.problems = Some(Box::new(Problems { rendered, list }));
        }
        if let (Exit::Failed, Some(id)) = (exit, text("request_id")) {
            fault.detail = Some(format!("  request {id}; the server's log says more"));
        }
        fault
    }
}

/// Problems without a rendering of the server's own, one a line.
fn problems(list: &Value) -> Option<String> {
    let problems = list.as_array()?;
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| match problem.get("message").and_then(Value::as_str).or_else(|| problem.as_str()) {
            Some(message) => format!("  {}", crate::inert::inert(message)),
            None => format!("  {}", crate::inert::inert(&problem.to_string())),
        })
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn with_body(request: RequestBuilder, body: Body) -> RequestBuilder {
    match body {
        Body::None => request,
        Body::Json(value) => request.header("content-type", "application/json").body(value.to_string()),
        Body::Yaml(text) => request.header("content-type", "text/yaml").body(text),
        Body::Wasm(bytes) => request.header("content-type", "application/wasm").body(bytes),
    }
}

fn base(server: &str) -> Result<Url, Fault> {
    let wrong = |why: String| {
        Fault::usage(format!("--server `{server}`: {why}")).fix("--server http://127.0.0.1:8484")
    };
    let url = Url::parse(server).map_err(|error| wrong(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(wrong("not an http or https address".to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the key goes into --api-key, not into the address".to_owned()));
    }
    Ok(url)
}

/// The key and where it was found.
fn key(target: &Target) -> Result<(String, String), Fault> {
    if let Some(key) = &target.api_key {
        return Ok((key.trim().to_owned(), "--api-key or WHARF_API_KEY".to_owned()));
    }
    let file = target.data_dir.join("admin.key");
    match std::fs::read_to_string(&file) {
        Ok(key) => Ok((key.trim().to_owned(), file.display().to_string())),
        Err(error) => Err(Fault::new(
            Exit::Unauthorized,
            "no-api-key",
            format!(
                "no API key: --api-key and WHARF_API_KEY are not set, and {} cannot be read ({error})",
                file.display()
            ),
        )
        .fix("set WHARF_API_KEY, or --data-dir to the server's data directory")),
    }
}

#[cfg(test)]
mod tests;
