//! Deliveries as GitHub sends them: its headers, its signature, its published example bodies.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};
use hmac::{Hmac, Mac as _};
use reqwest::StatusCode;
use serde_json::Value;
use sha2::Sha256;

use super::checkout::Checkout;

/// Where the example bodies are; `NOTICE.md` says where they come from.
const FIXTURES: &str = "tests/fixtures/github";

/// A delivery.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// `X-GitHub-Delivery`.
    pub guid: String,
    /// `X-GitHub-Event`.
    pub event: &'static str,
    /// The body's exact bytes.
    pub body: Vec<u8>,
}

/// What the webhook address answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// The run that the delivery became, or is a repetition of.
    #[must_use]
    pub fn run(&self) -> Option<&str> {
        self.body.get("run").and_then(Value::as_str)
    }

    /// Whether it is known already.
    #[must_use]
    pub fn duplicate(&self) -> bool {
        self.body.get("duplicate").and_then(Value::as_bool) == Some(true)
    }
}

impl Delivery {
    /// The delivery of an example body, unmodified.
    ///
    /// # Errors
    /// The file is not there.
    pub fn of(checkout: &Checkout, file: &str, event: &'static str, guid: &str) -> Result<Self> {
        let path = checkout.path(FIXTURES).join(file);
        let body = fs::read(&path).with_context(|| format!("{}", path.display()))?;
        Ok(Self { guid: guid.to_owned(), event, body })
    }

    /// `sha256=` and the HMAC of the body, as GitHub documents it for `X-Hub-Signature-256`.
    ///
    /// # Errors
    /// Never: HMAC takes keys of every length.
    pub fn signature(&self, secret: &str) -> Result<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())?;
        mac.update(&self.body);
        Ok(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
    }

    /// Sends it, signed with `secret`.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(&self, http: &reqwest::Client, url: &str, secret: &str) -> Result<Answer> {
        let signature = self.signature(secret)?;
        let response = http
            .post(url)
            .timeout(Duration::from_secs(20))
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/044aadd")
            .header("x-github-delivery", &self.guid)
            .header("x-github-event", self.event)
            .header("x-github-hook-id", "292430182")
            .header("x-hub-signature-256", signature)
            .body(self.body.clone())
            .send()
            .await
            .with_context(|| format!("no answer from {url}"))?;
        let status = response.status();
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, body })
    }
}

#[cfg(test)]
mod tests {
    use super::Delivery;

    /// The example in GitHub's documentation, "Validating webhook deliveries".
    #[test]
    fn signs_as_github_does() {
        let delivery = Delivery { guid: String::new(), event: "", body: b"Hello, World!".to_vec() };
        assert_eq!(
            delivery.signature("It's a Secret to Everybody").unwrap(),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
    }
}
