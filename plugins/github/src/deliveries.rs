//! Deliveries of GitHub's webhooks, made into events.
//!
//! The host has verified the signature and dropped kinds that no trigger means, by the `X-GitHub-Event`
//! header. Which of a kind a trigger means stands in the table [`TRIGGERS`].

use wharf::clock::parse_rfc3339;
use wharf::connector::Settings;
use wharf::manifest::{Trigger, Webhook};
use wharf::prelude::*;

/// What GitHub calls the kind of a delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Issues,
    PullRequests,
}

/// Name, title, kind, and the one `action` that is meant; none means all, or those of the settings.
const TRIGGERS: [(&str, &str, Kind, Option<&str>); 12] = [
    ("issue-opened", "An issue was opened", Kind::Issues, Some("opened")),
    ("issue-edited", "An issue was edited", Kind::Issues, Some("edited")),
    ("issue-labeled", "An issue got a label", Kind::Issues, Some("labeled")),
    ("issue-assigned", "An issue was assigned", Kind::Issues, Some("assigned")),
    ("issue-closed", "An issue was closed", Kind::Issues, Some("closed")),
    ("issue-reopened", "An issue was reopened", Kind::Issues, Some("reopened")),
    ("issues", "Something happened to an issue", Kind::Issues, None),
    ("pull-request-opened", "A pull request was opened", Kind::PullRequests, Some("opened")),
    ("pull-request-updated", "A pull request got commits", Kind::PullRequests, Some("synchronize")),
    ("pull-request-labeled", "A pull request got a label", Kind::PullRequests, Some("labeled")),
    ("pull-request-closed", "A pull request was closed or merged", Kind::PullRequests, Some("closed")),
    ("pull-requests", "Something happened to a pull request", Kind::PullRequests, None),
];

impl Kind {
    /// The value of `X-GitHub-Event`.
    fn header(self) -> &'static str {
        match self {
            Self::Issues => "issues",
            Self::PullRequests => "pull_request",
        }
    }
}

/// What a flow sets for a trigger of one action.
#[input]
struct Watch {
    /// Only this repository, as owner/name.
    #[field(title = "Repository")]
    repository: Option<String>,
}

/// What a flow sets for a trigger of a whole kind.
#[input]
struct WatchActions {
    /// Only this repository, as owner/name.
    #[field(title = "Repository")]
    repository: Option<String>,
    /// Only these, such as opened and closed; all when there are none.
    #[serde(default)]
    #[field(title = "Actions")]
    actions: Vec<String>,
}

/// Something that happened to an issue.
#[output]
struct IssueEvent {
    /// What happened: opened, edited, labeled, …
    action: String,
    /// The number within the repository.
    number: u64,
    /// The title.
    title: String,
    /// The text in Markdown; empty when there is none.
    body: String,
    /// The author's login.
    author: String,
    /// Names of all its labels.
    labels: Vec<String>,
    /// The name of the label that was added or removed.
    label: Option<String>,
    /// Logins of the assignees.
    assignees: Vec<String>,
    /// `open` or `closed`.
    state: String,
    /// Where a person reads it.
    url: String,
    /// The repository, as owner/name.
    repository: String,
    /// The login of who did it.
    sender: String,
}

/// Something that happened to a pull request.
#[output]
struct PullRequestEvent {
    /// What happened: opened, synchronize, labeled, closed, …
    action: String,
    /// The number within the repository.
    number: u64,
    /// The title.
    title: String,
    /// The text in Markdown; empty when there is none.
    body: String,
    /// The author's login.
    author: String,
    /// Names of all its labels.
    labels: Vec<String>,
    /// The name of the label that was added or removed.
    label: Option<String>,
    /// `open` or `closed`.
    state: String,
    /// Whether it is a draft.
    draft: bool,
    /// Whether it was merged.
    merged: bool,
    /// The branch to merge into.
    base: String,
    /// The branch to merge.
    head: String,
    /// Where a person reads it.
    url: String,
    /// The repository, as owner/name.
    repository: String,
    /// The login of who did it.
    sender: String,
}

/// A delivery, as GitHub sends it.
#[output]
struct Delivery {
    action: String,
    issue: Option<Thing>,
    pull_request: Option<Thing>,
    label: Option<Named>,
    repository: Repository,
    sender: Option<User>,
}

/// An issue or a pull request.
#[output]
struct Thing {
    number: u64,
    title: String,
    body: Option<String>,
    state: String,
    html_url: String,
    user: Option<User>,
    #[serde(default)]
    labels: Vec<Named>,
    #[serde(default)]
    assignees: Vec<User>,
    updated_at: Option<String>,
    draft: Option<bool>,
    merged: Option<bool>,
    base: Option<Branch>,
    head: Option<Branch>,
}

#[output]
struct Repository {
    full_name: String,
}

#[output]
struct User {
    login: String,
}

#[output]
struct Named {
    name: String,
}

#[output]
struct Branch {
    #[serde(rename = "ref")]
    name: String,
}

/// Declares all triggers.
pub(crate) fn declare(manifest: Manifest) -> Manifest {
    TRIGGERS.iter().fold(manifest, |manifest, (name, title, kind, action)| {
        let webhook = Webhook::hmac_sha256("x-hub-signature-256", "sha256=", "webhook-secret")
            .delivery_id("x-github-delivery")
            .only("x-github-event", &[kind.header()]);
        let trigger = match (kind, action) {
            (Kind::Issues, Some(_)) => Trigger::webhook::<Watch, IssueEvent>(title, webhook),
            (Kind::Issues, None) => Trigger::webhook::<WatchActions, IssueEvent>(title, webhook),
            (Kind::PullRequests, Some(_)) => Trigger::webhook::<Watch, PullRequestEvent>(title, webhook),
            (Kind::PullRequests, None) => Trigger::webhook::<WatchActions, PullRequestEvent>(title, webhook),
        };
        manifest.trigger(name, trigger.auth(&["token"]))
    })
}

/// The event in a delivery, if the trigger means it.
pub(crate) fn receive(trigger: &str, settings: &Settings, message: &HttpMessage) -> Result<Vec<Event>> {
    let Some((_, _, kind, action)) = TRIGGERS.iter().find(|(name, ..)| *name == trigger) else {
        return Err(Failure::defect(format_args!("no trigger `{trigger}`")));
    };
    if message.header("x-github-event") != Some(kind.header()) {
        return Ok(Vec::new());
    }
    let watch: WatchActions = settings.parse()?;
    let delivery: Delivery = message.json()?;
    let meant = match action {
        Some(action) => delivery.action == *action,
        None => watch.actions.is_empty() || watch.actions.contains(&delivery.action),
    };
    // GitHub does not tell the case of names apart.
    let here = watch.repository.is_none_or(|name| name.eq_ignore_ascii_case(&delivery.repository.full_name));
    if meant && here {
        event(*kind, delivery, message.header("x-github-delivery")).map(|event| vec![event])
    } else {
        Ok(Vec::new())
    }
}

fn event(kind: Kind, delivery: Delivery, id: Option<&str>) -> Result<Event> {
    let (thing, member) = match kind {
        Kind::Issues => (delivery.issue, "issue"),
        Kind::PullRequests => (delivery.pull_request, "pull_request"),
    };
    let thing =
        thing.ok_or_else(|| Failure::schema_mismatch(format_args!("the delivery has no `{member}`")))?;
    let repository = delivery.repository.full_name;
    let subject = format!("{repository}#{}", thing.number);
    let updated_at = thing.updated_at.unwrap_or_default();
    let id = match id {
        Some(id) => id.to_owned(),
        None => format!("{subject}:{}:{updated_at}", delivery.action),
    };
    let author = login(thing.user);
    let sender = login(delivery.sender);
    let body = thing.body.unwrap_or_default();
    let labels = thing.labels.into_iter().map(|label| label.name).collect();
    let label = delivery.label.map(|label| label.name);
    let event = match kind {
        Kind::Issues => Event::new(
            id,
            &IssueEvent {
                action: delivery.action,
                number: thing.number,
                title: thing.title,
                body,
                author,
                labels,
                label,
                assignees: thing.assignees.into_iter().map(|user| user.login).collect(),
                state: thing.state,
                url: thing.html_url,
                repository,
                sender,
            },
        ),
        Kind::PullRequests => Event::new(
            id,
            &PullRequestEvent {
                action: delivery.action,
                number: thing.number,
                title: thing.title,
                body,
                author,
                labels,
                label,
                state: thing.state,
                draft: thing.draft.unwrap_or_default(),
                merged: thing.merged.unwrap_or_default(),
                base: thing.base.map(|branch| branch.name).unwrap_or_default(),
                head: thing.head.map(|branch| branch.name).unwrap_or_default(),
                url: thing.html_url,
                repository,
                sender,
            },
        ),
    };
    Ok(event?.at_ms(parse_rfc3339(&updated_at)).ordered_by(subject))
}

/// A login; deleted accounts show as GitHub shows them.
fn login(user: Option<User>) -> String {
    user.map_or_else(|| "ghost".into(), |user| user.login)
}

#[cfg(test)]
mod tests;
