//! The end: what the provider has to say, and where to look next.

use std::{path::Path, time::Duration};

use anyhow::Result;

use crate::{
    demo::{Ending, stage::Stage},
    inert::inert_short,
    render::{
        style::{faint, good, strong, typed},
        table::Table,
    },
};

pub(in crate::demo) async fn play(mut stage: Stage<'_>, took: Duration, ending: Ending) -> Result<()> {
    stage.act(9, "The provider's own log");
    let messages = stage.provider.messages();
    let mut table = Table::new(&["MESSAGE", "CHANNEL", "IDEMPOTENCY KEY", "TEXT"]);
    for message in &messages {
        table.row([
            message.ts.clone(),
            message.channel.clone(),
            inert_short(message.key.as_deref().unwrap_or("-"), 16),
            inert_short(&message.text, 90),
        ]);
    }
    stage.output.text(&table.render("  "));
    let mut keys: Vec<_> = messages.iter().map(|message| &message.key).collect();
    keys.sort();
    keys.dedup();
    let once = messages.len() == 2 && keys.len() == 2;
    stage.check(once, "two issues, two messages: a 429, a 503, a redelivery and a kill -9 later", || {
        format!("{messages:?}")
    })?;
    stage.summary.ok = true;
    stage.summary.messages = messages;
    stage.summary.seconds = took.as_secs_f64();
    let checks = stage.summary.checks();
    stage.output.text(&format!(
        "\n{} {checks} checks held, {:.1} s after the build",
        good("Done."),
        took.as_secs_f64()
    ));
    match ending {
        Ending::Stop => stop(stage).await,
        Ending::Keep => keep(stage).await,
    }
}

async fn stop(stage: Stage<'_>) -> Result<()> {
    stage.output.text(&next());
    stage.output.json(&stage.summary);
    stage.server.stop().await
}

async fn keep(mut stage: Stage<'_>) -> Result<()> {
    let server = format!("http://{}", stage.server.addr);
    stage.summary.server = Some(server.clone());
    stage.summary.data_dir = Some(stage.data_dir().display().to_string());
    let program = stage.launch.program.display().to_string();
    stage.output.text(&look(&server, stage.data_dir(), &program));
    stage.output.json(&stage.summary);
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        ended = stage.server.ended() => return ended,
    }
    // Ctrl-C reaches the server too, as a member of the terminal's group; then it is stopping already.
    let _ = stage.server.stop().await;
    drop(stage.dir);
    Ok(())
}

/// Where to look next, without a server.
fn next() -> String {
    let mut table = Table::default();
    for (what, line) in [
        ("keep it up and look around", "cargo run -- demo --keep"),
        ("the flow that ran", "examples/triage-bugs.yaml"),
        ("a connector in Rust", "plugins/slack/src/lib.rs"),
        ("write your own", "cargo run -- build PATH, then: cargo run -- call FILE.wasm ACTION --input '{}'"),
        ("run it for real", "cargo run --release -- serve"),
    ] {
        table.row([faint(what), typed(line)]);
    }
    format!("\n{}\n{}", strong("Where to look next"), table.render("  "))
}

/// Where to look while the server is up.
fn look(server: &str, data_dir: &Path, program: &str) -> String {
    let mut table = Table::default();
    for (what, line) in [
        ("its runs", format!("{program} run list")),
        ("one of them", format!("{program} run show RUN --effects")),
        ("what is granted", format!("{program} connector show slack")),
        ("metrics", format!("curl {server}/metrics")),
        (
            "the API",
            format!(
                "curl -H \"Authorization: Bearer $(cat {}/admin.key)\" {server}/api/v1/openapi.json",
                data_dir.display()
            ),
        ),
    ] {
        table.row([faint(what), typed(line)]);
    }
    format!(
        "\n{} {}\n  {}\n{}",
        strong("The server stays up"),
        faint("until Ctrl-C; in another terminal:"),
        typed(format!("export WHARF_SERVER={server} WHARF_DATA_DIR={}", data_dir.display())),
        table.render("  ")
    )
}
