//! Act 6: what must not become a run: a repetition, a forgery, an event that nobody asked for.

use anyhow::Result;

use super::deliver::First;
use crate::demo::{
    delivery::Delivery,
    stage::{Stage, WEBHOOK_SECRET},
};

pub(in crate::demo) async fn play(stage: &mut Stage<'_>, first: &First) -> Result<()> {
    stage.act(6, "Deliveries that must not become runs");
    let url = stage.webhook("triage-bugs");
    let before = stage.count_runs().await?;

    let again = first.delivery.send(&stage.http, &url, WEBHOOK_SECRET).await?;
    let known = again.status.as_u16() == 200 && again.duplicate() && again.run() == Some(first.run.as_str());
    stage.check(known, "the same delivery again: recognised, answered with the run it became", || {
        format!("{again:?}")
    })?;

    let forged =
        Delivery { guid: "00000000-cc78-11e3-81ab-4c9367dc0958".to_owned(), ..first.delivery.clone() };
    let answer = forged.send(&stage.http, &url, "not-the-secret").await?;
    stage.check(answer.status.as_u16() == 401, "a forged signature: 401, nothing stored", || {
        format!("{answer:?}")
    })?;

    let ping = Delivery::of(&stage.checkout, "ping.json", "ping", "11111111-cc78-11e3-81ab-4c9367dc0958")?;
    let answer = ping.send(&stage.http, &url, WEBHOOK_SECRET).await?;
    stage.check(
        answer.status.is_success() && answer.run().is_none(),
        "GitHub's ping: acknowledged, and no run",
        || format!("{answer:?}"),
    )?;

    let (after, messages) = (stage.count_runs().await?, stage.provider.messages().len());
    stage.check(after == before && messages == 1, "still one run and one message", || {
        format!("{before} runs before, {after} after, {messages} messages")
    })
}
