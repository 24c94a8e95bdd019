//! Act 4: accounts are connected and asked who they are; a flow is applied.

use anyhow::Result;
use serde_json::{Value, json};

use crate::{
    client::Body,
    demo::{
        provider::{GITHUB_TOKEN, SLACK_TOKEN},
        stage::{Stage, WEBHOOK_SECRET},
    },
    render::{self, connector::identity, style::faint},
};

/// The credential of the hostile connector's account: what it would love to read.
pub(super) const STRANGERS_KEY: &str = "the-key-nobody-may-read";

pub(in crate::demo) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    stage.act(4, "Connect accounts and apply a flow");
    let github = json!({ "name": "acme-github", "connector": "github", "settings": { "api-url": stage.provider.github_url() },
        "secrets": { "token": GITHUB_TOKEN, "webhook-secret": WEBHOOK_SECRET } });
    let slack = json!({ "name": "acme-slack", "connector": "slack", "settings": { "api-url": stage.provider.slack_url() },
        "secrets": { "token": SLACK_TOKEN } });
    let stranger = json!({ "name": "stranger", "connector": "hostile", "settings": { "api-url": stage.provider.echo_url() },
        "secrets": { "key": STRANGERS_KEY } });
    for connection in [&github, &slack, &stranger] {
        stage.client.post(&["connections"], &[], Body::Json(connection.clone())).await?;
    }
    for name in ["acme-github", "acme-slack"] {
        let tested = stage.client.post(&["connections", name, "test"], &[], Body::None).await?;
        let identity_of = tested.get("identity").cloned().unwrap_or_default();
        let scopes: Vec<String> = identity_of
            .get("scopes")
            .and_then(|scopes| serde_json::from_value(scopes.clone()).ok())
            .unwrap_or_default();
        let told = identity(name, &render::list::cell(&identity_of, "label"), &scopes);
        stage.say(&told);
        stage.check(
            tested.get("ok").and_then(Value::as_bool) == Some(true),
            &format!("the credential of {name} works, and the connector never saw it"),
            || tested.to_string(),
        )?;
    }
    apply(
        stage,
        "triage-bugs.yaml",
        std::fs::read_to_string(stage.checkout.path("examples/triage-bugs.yaml"))?,
    )
    .await?;
    apply(stage, "break-out.yaml", include_str!("../hostile.yaml").to_owned()).await
}

async fn apply(stage: &mut Stage<'_>, file: &str, source: String) -> Result<()> {
    if file == "triage-bugs.yaml" {
        for line in source.lines() {
            stage.say(&faint(line));
        }
    }
    let applied = stage.client.post(&["flows"], &[("file", file)], Body::Yaml(source)).await?;
    for line in render::flow::applied(stage.client.server(), &applied).lines() {
        stage.output.text(&format!("  {line}"));
    }
    Ok(())
}
