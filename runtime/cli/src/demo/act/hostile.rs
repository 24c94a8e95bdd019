//! Act 7: a connector that tries to get out. Each attempt is denied by the gate or stopped by the sandbox.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::connect::STRANGERS_KEY;
use crate::{
    client::Body,
    commands::flow::follow,
    demo::{provider::Route, stage::Stage, summary::Denied},
    inert::inert_short,
    render::{
        run::Follow,
        style::{bad, faint, strong},
        table::Table,
    },
    view::{self, EffectResult},
};

/// How long all of it may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// The step that is allowed to call, and whose answer would hold the secret.
const READS_SECRET: &str = "read_secret";

pub(in crate::demo) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    stage.act(7, "A hostile connector tries to get out");
    let before = stage.provider.requests().len();
    let started =
        stage.client.post(&["flows", "break-out", "run"], &[], Body::Json(json!({ "data": {} }))).await?;
    let id =
        started.get("run").and_then(serde_json::Value::as_str).context("no run in the answer")?.to_owned();
    let document = follow(&stage.client, &id, PATIENCE, |_| {}).await?;
    let run: view::Run = view::read(&document)?;
    let denied: Vec<Denied> = run.steps.iter().flat_map(attempts).collect();
    for line in table(&denied).lines() {
        stage.output.text(line);
    }
    stage.output.text(&Follow::end(&run));
    stage.summary.run(&run);
    judge(stage, &run, &denied, before)?;
    stage.summary.denied = denied;
    Ok(())
}

/// What a step tried, and why it got nothing.
fn attempts(step: &view::Step) -> Vec<Denied> {
    let mut denied = Vec::new();
    for attempt in &step.attempts {
        for effect in &attempt.effects {
            if let EffectResult::Denied { reason, message } = &effect.result {
                denied.push(Denied {
                    attempt: step.path.clone(),
                    tried: format!("{} {}", effect.method, effect.url),
                    reason: reason.clone(),
                    message: message.clone(),
                });
            }
        }
        if let Some(trap) = &attempt.trap {
            denied.push(Denied {
                attempt: step.path.clone(),
                tried: "run on".to_owned(),
                reason: trap.reason.clone(),
                message: trap.message.clone(),
            });
        }
    }
    denied
}

/// One row for the attempts of a step that were denied for the same reason.
fn table(denied: &[Denied]) -> String {
    let mut table = Table::new(&["ATTEMPT", "TIMES", "DENIED BECAUSE OF", "THE FIRST OF THEM"]);
    let mut rest = denied;
    while let Some(first) = rest.first() {
        let times = rest
            .iter()
            .take_while(|next| next.attempt == first.attempt && next.reason == first.reason)
            .count();
        table.row([
            strong(first.attempt.replace('_', " ")),
            times.to_string(),
            bad(inert_short(&first.reason, 40)),
            format!(
                "{}  {}",
                inert_short(&first.tried, 60),
                faint(inert_short(first.message.lines().nth(1).unwrap_or(&first.message).trim(), 90))
            ),
        ]);
        rest = rest.get(times..).unwrap_or_default();
    }
    table.render("  ")
}

fn judge(stage: &mut Stage<'_>, run: &view::Run, denied: &[Denied], before: usize) -> Result<()> {
    let unstopped: Vec<&str> = run
        .steps
        .iter()
        .filter(|step| {
            step.path != READS_SECRET
                && step.path != "@trigger"
                && !denied.iter().any(|denied| denied.attempt == step.path)
        })
        .map(|step| step.path.as_str())
        .collect();
    stage.check(unstopped.is_empty(), "every way out was denied or stopped, each with its reason", || {
        format!("not: {unstopped:?}\n{run:?}")
    })?;
    // What it is granted is `/echo/v1/`; its own redirect is answered there, and followed nowhere.
    let requests = stage.provider.requests().split_off(before);
    let outside: Vec<String> = requests
        .iter()
        .filter(|request| request.route != Some(Route::Echo) || !request.target.starts_with("/echo/v1/"))
        .map(|request| format!("{} {}", request.method, request.target))
        .collect();
    stage.check(outside.is_empty(), "the provider saw nothing outside of what is granted", || {
        outside.join(", ")
    })?;
    let sent = requests.iter().any(|request| {
        request.headers.iter().any(|(name, value)| name == "x-api-key" && value == STRANGERS_KEY)
    });
    let secret = run
        .steps
        .iter()
        .find(|step| step.path == READS_SECRET)
        .and_then(|step| step.output.as_ref())
        .map(ToString::to_string)
        .unwrap_or_default();
    stage.check(
        sent && !secret.contains(STRANGERS_KEY) && secret.contains("[redacted]"),
        "its credential went out with its request; echoed back, it reads [redacted]",
        || format!("sent: {sent}; {secret}"),
    )?;
    stage.check(run.status == "done", "and the server runs on", || format!("{run:?}"))
}
