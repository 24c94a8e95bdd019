//! What the probe is told to do, and a word for what it saw.

use serde_json::{Value, json};

/// A step of the probe's program. `{m}` in a text is the port at which M really listens on loopback.
#[derive(Clone, Debug)]
pub(crate) struct Step(Value);

/// `GET` without a credential.
pub(crate) fn get(url: impl Into<Value>) -> Step {
    Step(json!({ "do": "send", "url": url.into() }))
}

/// `GET` with the connection's credential.
pub(crate) fn signed(url: impl Into<Value>) -> Step {
    get(url).with("auth", "key")
}

/// `POST` of a body.
pub(crate) fn post(url: impl Into<Value>, body: impl Into<Value>) -> Step {
    get(url).with("method", "POST").with("body", body)
}

/// Any other step.
pub(crate) fn step(what: &str, members: Value) -> Step {
    let mut step = members;
    step["do"] = json!(what);
    Step(step)
}

impl Step {
    pub(crate) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0[name] = value.into();
        self
    }

    pub(crate) fn header(mut self, name: impl Into<Value>, value: impl Into<Value>) -> Self {
        let pair = json!([name.into(), value.into()]);
        match self.0["headers"].as_array_mut() {
            Some(headers) => headers.push(pair),
            None => self.0["headers"] = json!([pair]),
        }
        self
    }

    /// Follow redirects.
    pub(crate) fn following(self) -> Self {
        self.with("follow", true)
    }

    pub(crate) fn json(&self, m: &str) -> Value {
        serde_json::from_str(&self.0.to_string().replace("{m}", m)).unwrap()
    }
}

/// A text that stands nowhere in the input: the probe puts it together.
pub(crate) fn hidden(text: &str) -> Value {
    let half = text.len() / 2;
    json!({ "join": [text[..half], text[half..]] })
}

/// A text around a hidden one.
pub(crate) fn around(before: &str, secret: &str, after: &str) -> Value {
    json!({ "join": [before, hidden(secret), after] })
}

/// Each URL without a credential, and the same verdict.
pub(crate) fn all<'a>(urls: impl IntoIterator<Item = &'a str>, verdict: &str) -> Vec<(Step, String)> {
    urls.into_iter().map(|url| (get(url), verdict.to_owned())).collect()
}

/// Each step with its verdict.
pub(crate) fn each<const N: usize>(steps: [(Step, &str); N]) -> Vec<(Step, String)> {
    steps.map(|(step, verdict)| (step, verdict.to_owned())).into()
}

/// `200`, `ip` for a denial, `bad-response/its message` for other errors, `200+timeout/…` for one inside
/// the body, and for many `100x200 20xbudget-exhausted`.
pub(crate) fn word(seen: &Value) -> String {
    if let Some(counts) = seen["counts"].as_array() {
        let one = |pair: &Value| {
            let first = pair[0].as_array().unwrap().iter().find(|part| !part.is_null());
            let name = first.map_or("nothing".to_owned(), |part| match part {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            format!("{}x{name}", pair[1])
        };
        return counts.iter().map(one).collect::<Vec<_>>().join(" ");
    }
    let error = |seen: &Value| match seen["error"].as_str() {
        Some("denied") => Some(seen["reason"].as_str().unwrap_or("?").to_owned()),
        Some(case) => Some(format!("{case}/{}", seen["message"].as_str().unwrap_or_default())),
        None => None,
    };
    match (&seen["status"], error(seen), error(&seen["read_error"])) {
        (_, Some(word), _) => word,
        (status, None, Some(word)) => format!("{status}+{word}"),
        (Value::Null, None, None) => seen.to_string(),
        (status, None, None) => status.to_string(),
    }
}
