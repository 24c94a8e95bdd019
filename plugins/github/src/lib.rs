//! GitHub: issues and pull requests as events; create, comment and list issues.
//!
//! What is surprising: one delivery of GitHub's is an event of several triggers. `issue-opened` means one
//! kind, `issues` all of them; the host runs [`Connector::receive`] for each trigger that a flow uses.

mod api;
mod changes;
mod deliveries;
mod issues;

use api::Settings;
use issues::{comment, create_issue, list_issues};
use wharf::connector::Settings as TriggerSettings;
use wharf::prelude::*;

struct GitHub;

impl Connector for GitHub {
    const AUTH: Option<&'static str> = Some("token");

    fn manifest() -> Manifest {
        let manifest = Manifest::new("github", env!("CARGO_PKG_VERSION"), "GitHub")
            .description("Issues and pull requests as events; create, comment and list issues.")
            .license("MIT OR Apache-2.0")
            .homepage("https://docs.github.com/rest")
            .egress(&["GET", "POST"], "{connection.api-url}/")
            .settings::<Settings>()
            .auth(
                "token",
                Auth::new("Access token")
                    .slot("token", "Personal access token")
                    .optional_slot("webhook-secret", "Secret of the webhook")
                    .bearer("token"),
            );
        changes::declare(deliveries::declare(manifest))
    }

    fn actions() -> Actions {
        actions![create_issue, comment, list_issues]
    }

    fn validate(call: &Call, _method: &str) -> Result<Identity> {
        #[output]
        struct User {
            login: String,
            id: u64,
            html_url: Option<String>,
        }
        let mut response = api::request(call, "GET", &["user"])?.send()?.error_for_status()?;
        let user: User = response.json()?;
        let scopes = response.header("x-oauth-scopes").unwrap_or_default();
        Ok(Identity {
            account: Some(user.id.to_string()),
            scopes: scopes
                .split(',')
                .map(|scope| scope.trim().to_owned())
                .filter(|scope| !scope.is_empty())
                .collect(),
            metadata: json!({ "login": user.login, "url": user.html_url }),
            ..Identity::new(user.login)
        })
    }

    fn poll(
        call: &Call,
        trigger: &str,
        settings: &TriggerSettings,
        origin: &Origin,
        limit: u32,
    ) -> Result<Batch> {
        changes::poll(call, trigger, settings, origin, limit)
    }

    fn receive(
        _call: &Call,
        trigger: &str,
        settings: &TriggerSettings,
        delivery: &HttpMessage,
    ) -> Result<Vec<Event>> {
        deliveries::receive(trigger, settings, delivery)
    }
}

wharf::connector!(GitHub: actions, confirmation, connections, deliveries, polling);
