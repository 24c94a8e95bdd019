//! What the provider remembers.

use serde::Serialize;

use super::Route;

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Position in order of arrival, from 0.
    pub seq: usize,
    /// The method.
    pub method: String,
    /// Path and query as sent.
    pub target: String,
    /// The headers in order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's exact bytes.
    pub body: Vec<u8>,
    /// The operation, if the provider knows it.
    pub route: Option<Route>,
    /// The status it was answered with; none while it is held or after a reset.
    pub answered: Option<u16>,
}

/// A Slack message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// The channel's id.
    pub channel: String,
    /// The text.
    pub text: String,
    /// Slack's id of the message.
    pub ts: String,
    /// `metadata.event_payload.key`: the idempotency key that the connector wrote along.
    pub key: Option<String>,
    /// The whole `metadata` as JSON text.
    #[serde(skip)]
    pub metadata: Option<String>,
    /// The thread it answers to.
    pub thread_ts: Option<String>,
}

/// A GitHub issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// `owner/name`.
    pub repository: String,
    /// The number in its repository.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The body, in Markdown.
    pub body: String,
    /// Names of labels.
    pub labels: Vec<String>,
    /// When it was last changed, RFC 3339 in UTC with whole seconds.
    pub updated_at: String,
}

/// A comment on a GitHub issue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Comment {
    /// `owner/name`.
    pub repository: String,
    /// The issue's number.
    pub issue: u64,
    /// GitHub's id of the comment.
    pub id: u64,
    /// The body, in Markdown.
    pub body: String,
}
