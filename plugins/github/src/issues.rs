//! Creating, commenting and listing issues.
//!
//! GitHub has no idempotency keys. A hidden marker with the key goes into the text of what is created, and
//! a write of unknown outcome is looked for by it. HTML comments are not shown, but anybody can read them:
//! the key is no secret.

use crate::api;
use wharf::clock;
use wharf::prelude::*;
use wharf::serde::de::DeserializeOwned;

/// Pages of 100 to look through for a marker before giving up.
const PAGES: usize = 5;

/// Milliseconds by which GitHub's clock may be behind the host's.
const SKEW: u64 = 5 * 60 * 1000;

/// An issue to create.
#[input]
pub(crate) struct CreateIssue {
    /// The repository, as owner/name.
    #[field(title = "Repository")]
    repository: String,
    /// The title.
    #[field(title = "Title")]
    title: String,
    /// The text, in Markdown.
    #[serde(default)]
    #[field(multiline, title = "Text")]
    body: String,
    /// Names of labels.
    #[serde(default)]
    #[field(title = "Labels")]
    labels: Vec<String>,
    /// Names of users to assign.
    #[serde(default)]
    #[field(title = "Assignees")]
    assignees: Vec<String>,
}

/// An issue.
#[output]
pub(crate) struct Issue {
    /// The number within the repository.
    number: u64,
    /// The title.
    title: String,
    /// `open` or `closed`.
    state: String,
    /// Where a person reads it.
    url: String,
    /// The author's login.
    author: String,
    /// Names of the labels.
    labels: Vec<String>,
}

/// An issue, as GitHub gives it.
#[output]
pub(crate) struct Found {
    pub(crate) number: u64,
    title: String,
    state: String,
    html_url: String,
    user: Option<User>,
    #[serde(default)]
    labels: Vec<Label>,
    body: Option<String>,
    /// There when it is a pull request, which GitHub lists among issues.
    pub(crate) pull_request: Option<Value>,
    pub(crate) updated_at: Option<String>,
}

#[output]
struct User {
    login: String,
}

#[output]
struct Label {
    name: String,
}

impl From<Found> for Issue {
    fn from(found: Found) -> Self {
        Self {
            number: found.number,
            title: found.title,
            state: found.state,
            url: found.html_url,
            // Issues of deleted accounts have no user; GitHub shows them as this one.
            author: found.user.map_or_else(|| "ghost".into(), |user| user.login),
            labels: found.labels.into_iter().map(|label| label.name).collect(),
        }
    }
}

/// Create an issue.
#[action(effect = "unsafe-write", scopes = ["repo"], confirm = find_issue)]
pub(crate) fn create_issue(call: &Call, input: CreateIssue) -> Result<Issue> {
    let path = api::in_repository(&input.repository, &["issues"])?;
    let found: Found = api::request(call, "POST", &path)?
        .json(&json!({
            "title": input.title,
            "body": marked(&input.body, call.idempotency_key()),
            "labels": input.labels,
            "assignees": input.assignees,
        }))
        .fetch()?;
    Ok(found.into())
}

fn find_issue(call: &Call, input: CreateIssue) -> Result<Verdict<Issue>> {
    let path = api::in_repository(&input.repository, &["issues"])?;
    let first = api::request(call, "GET", &path)?
        .query("state", "all")
        .query("sort", "created")
        .query("direction", "desc");
    find(call, first, |found: &Found| found.body.as_deref())
}

/// A comment to write.
#[input]
pub(crate) struct Comment {
    /// The repository, as owner/name.
    #[field(title = "Repository")]
    repository: String,
    /// The number of the issue or pull request.
    #[field(title = "Number")]
    number: u64,
    /// The text, in Markdown.
    #[field(multiline, title = "Text")]
    body: String,
}

/// A comment that was written.
#[output]
pub(crate) struct Commented {
    /// GitHub's id.
    id: u64,
    /// Where a person reads it.
    url: String,
}

/// A comment, as GitHub gives it.
#[output]
struct FoundComment {
    id: u64,
    html_url: String,
    body: Option<String>,
}

impl From<FoundComment> for Commented {
    fn from(found: FoundComment) -> Self {
        Self { id: found.id, url: found.html_url }
    }
}

/// Comment on an issue or pull request.
#[action(effect = "unsafe-write", scopes = ["repo"], confirm = find_comment)]
pub(crate) fn comment(call: &Call, input: Comment) -> Result<Commented> {
    let number = input.number.to_string();
    let path = api::in_repository(&input.repository, &["issues", &number, "comments"])?;
    let found: FoundComment = api::request(call, "POST", &path)?
        .json(&json!({ "body": marked(&input.body, call.idempotency_key()) }))
        .fetch()?;
    Ok(found.into())
}

fn find_comment(call: &Call, input: Comment) -> Result<Verdict<Commented>> {
    let number = input.number.to_string();
    let path = api::in_repository(&input.repository, &["issues", &number, "comments"])?;
    let first = api::request(call, "GET", &path)?;
    find(call, first, |found: &FoundComment| found.body.as_deref())
}

/// Which issues to list.
#[input]
pub(crate) struct ListIssues {
    /// The repository, as owner/name.
    #[field(title = "Repository")]
    repository: String,
    /// Open issues unless it says otherwise.
    #[serde(default)]
    #[field(title = "State")]
    state: State,
    /// Only issues that have all of these labels.
    #[serde(default)]
    #[field(title = "Labels")]
    labels: Vec<String>,
}

/// The state of issues to list.
#[input]
#[derive(Default)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    #[default]
    Open,
    Closed,
    All,
}

/// List the issues of a repository.
#[action(effect = "read", scopes = ["repo"])]
pub(crate) fn list_issues(call: &Call, input: ListIssues) -> Result<Page<Issue>> {
    let request = match call.page() {
        Some(url) => api::page(call, url)?,
        None => {
            let path = api::in_repository(&input.repository, &["issues"])?;
            let state = match input.state {
                State::Open => "open",
                State::Closed => "closed",
                State::All => "all",
            };
            let labels = input.labels.join(",");
            api::request(call, "GET", &path)?
                .query("state", state)
                .query("per_page", 100)
                .maybe_query("labels", Some(labels).filter(|labels| !labels.is_empty()))
        }
    };
    let mut response = request.send()?.error_for_status()?;
    let found: Vec<Found> = response.json()?;
    Ok(Page {
        items: found.into_iter().filter(|found| found.pull_request.is_none()).map(Issue::from).collect(),
        next: response.next_link(),
    })
}

/// Looks for what carries this step's marker, among what changed since the step began.
fn find<T: DeserializeOwned, A: From<T>>(
    call: &Call,
    first: wharf::Request,
    text: fn(&T) -> Option<&str>,
) -> Result<Verdict<A>> {
    let marker = marker(call.idempotency_key());
    let since = clock::to_rfc3339(clock::now_ms().saturating_sub(SKEW));
    let mut request = first.query("since", since).query("per_page", 100);
    for _ in 0..PAGES {
        let mut response = request.send()?.error_for_status()?;
        let page: Vec<T> = response.json()?;
        let carries = |item: &T| text(item).is_some_and(|text| text.contains(&marker));
        if let Some(item) = page.into_iter().find(carries) {
            return Ok(Verdict::Applied(item.into()));
        }
        match response.next_link() {
            Some(next) => request = api::page(call, &next)?,
            None => return Ok(Verdict::NotApplied),
        }
    }
    Ok(Verdict::Unknown)
}

fn marker(key: &str) -> String {
    format!("<!-- wharf:{key} -->")
}

fn marked(body: &str, key: &str) -> String {
    format!("{body}\n\n{}", marker(key)).trim_start().to_owned()
}

#[cfg(test)]
mod tests {
    use super::{marked, marker};

    #[test]
    fn texts_are_marked() {
        assert_eq!(marked("Hi", "k1"), "Hi\n\n<!-- wharf:k1 -->");
        assert_eq!(marked("", "k1"), marker("k1"));
    }
}
