//! Act 8: the power goes while a message is on its way. The run goes on after the restart, asks the
//! provider what became of the message, and does not send it twice.

use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::timeout;

use crate::{
    demo::{
        child::Server,
        delivery::Delivery,
        provider::{Fault, Route},
        stage::{Stage, WEBHOOK_SECRET},
    },
    render::style::{bad, strong},
};

/// How long the message may take to reach the provider.
const PATIENCE: Duration = Duration::from_secs(20);

pub(in crate::demo) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    stage.act(8, "kill -9 in the middle of a post");
    stage.provider.script(Route::PostMessage, [Fault::Hold]);
    let delivery = Delivery::of(
        &stage.checkout,
        "issues.opened.enterprise-server.json",
        "issues",
        "9d8a1f40-cc78-11e3-81ab-4c9367dc0958",
    )?;
    let answer = delivery.send(&stage.http, &stage.webhook("triage-bugs"), WEBHOOK_SECRET).await?;
    let run = answer.run().context("no run in the answer")?.to_owned();
    timeout(PATIENCE, stage.provider.held()).await.context("the message never reached the provider")?;
    stage.say("the provider has the message, and has not answered yet");

    let pid = stage.server.pid;
    restart(stage).await?;
    let told = format!(
        "{} {pid}  {} {}",
        bad("kill -9"),
        strong("wharf serve"),
        format_args!("again, process {}, on the same data", stage.server.pid)
    );
    stage.say(&told);

    let seen = stage.follow(&run).await?;
    let confirmed = seen
        .steps
        .iter()
        .flat_map(|step| &step.attempts)
        .any(|attempt| attempt.kind == "confirm" && attempt.outcome == "applied");
    stage.check(seen.status == "done", "the run went on where its journal ended", || format!("{seen:?}"))?;
    stage.check(
        confirmed,
        "it asked the provider, found its message by the idempotency key, and took the answer",
        || format!("{seen:?}"),
    )?;
    let posted = stage.provider.messages().iter().filter(|message| message.channel == "C061EG9T2").count();
    stage.check(posted == 1, "one message for this issue, not two", || format!("{posted} messages"))
}

/// Kills the server where it stands and starts another one in its place.
async fn restart(stage: &mut Stage<'_>) -> Result<()> {
    stage.server.kill().await?;
    // Whatever the provider would answer now, nobody is there to hear it.
    stage.provider.release();
    stage.server = Server::start(&stage.launch).await?;
    Ok(())
}
