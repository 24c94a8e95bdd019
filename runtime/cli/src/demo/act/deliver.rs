//! Act 5: an issue is opened. The provider answers 429, then 503, then takes the message.

use anyhow::{Context as _, Result};

use crate::{
    demo::{
        delivery::Delivery,
        provider::{Fault, Route},
        stage::{Stage, WEBHOOK_SECRET},
    },
    render::style::{faint, strong},
    view,
};

/// The delivery that became a run, for those that follow.
pub(in crate::demo) struct First {
    pub(super) delivery: Delivery,
    pub(super) run: String,
}

pub(in crate::demo) async fn play(stage: &mut Stage<'_>) -> Result<First> {
    stage.act(5, "An issue is opened on GitHub");
    stage
        .provider
        .script(Route::PostMessage, [Fault::RateLimited { retry_after_secs: 1 }, Fault::Unavailable]);
    let delivery = Delivery::of(
        &stage.checkout,
        "issues.opened.json",
        "issues",
        "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    )?;
    stage.say(&format!(
        "{} {}",
        strong("POST /webhooks/triage-bugs"),
        faint("GitHub's own example, signed; the provider is told to answer 429, then 503")
    ));
    let answer = delivery.send(&stage.http, &stage.webhook("triage-bugs"), WEBHOOK_SECRET).await?;
    stage.check(
        answer.status.as_u16() == 202,
        "accepted: the event is on disk before GitHub hears so",
        || format!("{answer:?}"),
    )?;
    let run = answer.run().context("no run in the answer")?.to_owned();
    let seen = stage.follow(&run).await?;
    judge(stage, &seen)?;
    Ok(First { delivery, run })
}

fn judge(stage: &mut Stage<'_>, run: &view::Run) -> Result<()> {
    let attempts: Vec<&view::Attempt> = run
        .steps
        .iter()
        .filter(|step| step.path == "route/bug/tell")
        .flat_map(|step| &step.attempts)
        .collect();
    let statuses: Vec<Option<u16>> = attempts
        .iter()
        .map(|attempt| attempt.failure.as_ref().and_then(|failure| failure.http_status))
        .collect();
    stage.check(run.status == "done", "the run is done", || format!("{run:?}"))?;
    stage.check(
        statuses == [Some(429), Some(503), None],
        "one 429 honoured, one 503 retried, then posted",
        || format!("{attempts:?}"),
    )?;
    let waited = match attempts.as_slice() {
        [limited, retried, ..] => retried.started_at.saturating_sub(limited.started_at),
        _ => 0,
    };
    stage.check(waited >= 1_000, "it waited the second that the provider asked for", || {
        format!("{waited} ms")
    })?;
    let messages = stage.provider.messages();
    let told = messages
        .first()
        .map(|message| format!("{} #bugs  {}", strong("Slack has"), crate::inert::inert(&message.text)));
    stage.say(&told.unwrap_or_default());
    let fits = matches!(messages.as_slice(), [one] if one.channel == "C024BE91L" && one.text.contains("Spelling error in the README file") && one.key.is_some());
    stage.check(
        fits,
        "one message, in the channel that the label chose, with the step's idempotency key",
        || format!("{messages:?}"),
    )
}
