//! Faults that can be scripted, and the routes they are scripted for.

/// An operation of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Slack `chat.postMessage`.
    PostMessage,
    /// Slack `conversations.list`.
    ListChannels,
    /// Slack `conversations.history`.
    History,
    /// Slack `conversations.replies`.
    Replies,
    /// Slack `auth.test`.
    AuthTest,
    /// GitHub `POST /repos/{owner}/{repo}/issues`.
    CreateIssue,
    /// GitHub `GET /repos/{owner}/{repo}/issues`.
    ListIssues,
    /// GitHub `POST /repos/{owner}/{repo}/issues/{number}/comments`.
    Comment,
    /// GitHub `GET /repos/{owner}/{repo}/issues/{number}/comments`.
    ListComments,
    /// GitHub `GET /user`.
    User,
    /// Anything under the part that answers with what it was asked.
    Echo,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// 429 with `Retry-After` in seconds; nothing is applied.
    RateLimited {
        /// The value of `Retry-After`.
        retry_after_secs: u64,
    },
    /// 503; nothing is applied.
    Unavailable,
    /// 200 with `{"ok": false, "error": …}`, as Slack refuses; nothing is applied.
    NotOk(&'static str),
    /// Applied, and the connection closed without an answer.
    ResetAfterApply,
    /// Not applied, and the connection closed without an answer.
    ResetBeforeApply,
    /// Applied at once, answered only after `release`.
    Hold,
}

impl Route {
    /// The route of a request, by method and path without the query.
    pub(super) fn of(method: &str, path: &str) -> Option<Self> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        match (method, segments.as_slice()) {
            ("POST", ["slack", "api", "chat.postMessage"]) => Some(Self::PostMessage),
            ("GET" | "POST", ["slack", "api", "conversations.list"]) => Some(Self::ListChannels),
            ("GET" | "POST", ["slack", "api", "conversations.history"]) => Some(Self::History),
            ("GET" | "POST", ["slack", "api", "conversations.replies"]) => Some(Self::Replies),
            ("GET" | "POST", ["slack", "api", "auth.test"]) => Some(Self::AuthTest),
            ("POST", ["github", "repos", _, _, "issues"]) => Some(Self::CreateIssue),
            ("GET", ["github", "repos", _, _, "issues"]) => Some(Self::ListIssues),
            ("POST", ["github", "repos", _, _, "issues", _, "comments"]) => Some(Self::Comment),
            ("GET", ["github", "repos", _, _, "issues", _, "comments"]) => Some(Self::ListComments),
            ("GET", ["github", "user"]) => Some(Self::User),
            (_, ["echo", ..]) => Some(Self::Echo),
            _ => None,
        }
    }
}
