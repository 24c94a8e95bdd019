//! The work that every side does: an event of 1,000 bytes of JSON becomes ten fields. One file for
//! native Rust, the Wharf guest and the Extism guest, so that what differs is the sandbox alone.

use serde::{Deserialize, Serialize};

/// What a provider sends; what is not mapped is skipped.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    id: String,
    action: String,
    sender: Person,
    repository: Repository,
    issue: Issue,
}

#[derive(Debug, Deserialize)]
struct Person {
    login: String,
    url: String,
}

#[derive(Debug, Deserialize)]
struct Repository {
    full_name: String,
}

#[derive(Debug, Deserialize)]
struct Issue {
    number: u64,
    title: String,
    body: String,
    html_url: String,
    created_at: String,
    labels: Vec<Label>,
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

/// What a flow goes on with.
#[derive(Debug, Serialize)]
pub(crate) struct Mapped {
    id: String,
    kind: String,
    number: u64,
    title: String,
    text: String,
    labels: Vec<String>,
    author: String,
    profile: String,
    link: String,
    opened: String,
}

/// The mapping.
pub(crate) fn map(event: Event) -> Mapped {
    let Event { id, action, sender, repository, issue } = event;
    Mapped {
        id,
        kind: format!("issue.{action}"),
        number: issue.number,
        title: format!("[{}#{}] {}", repository.full_name, issue.number, issue.title),
        text: issue.body,
        labels: issue.labels.into_iter().map(|label| label.name).collect(),
        author: sender.login,
        profile: sender.url,
        link: issue.html_url,
        opened: issue.created_at,
    }
}
