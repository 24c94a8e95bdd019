//! `wharf flow`: files in, runs out.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    client::{Body, Client, Target},
    exit::{Exit, Fault},
    input,
    output::Output,
    render::{self, run::Follow},
    view,
};

/// How often a run is looked at.
const LOOK: Duration = Duration::from_millis(40);

/// Arguments of `wharf flow`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf flow validate examples/triage-bugs.yaml
  wharf flow apply examples/triage-bugs.yaml
  wharf flow run nightly-report --data '{\"day\": \"2026-11-21\"}' --wait")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Check files and make them the current version; exits 7 and shows the place if one is wrong.
    #[command(after_help = "EXAMPLES
  wharf flow apply examples/triage-bugs.yaml")]
    Apply {
        /// Flow files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Check files against the installed connectors and change nothing.
    #[command(after_help = "EXAMPLES
  wharf flow validate examples/triage-bugs.yaml")]
    Validate {
        /// Flow files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// The flows and where their deliveries go.
    #[command(after_help = "EXAMPLES
  wharf flow list
  wharf flow list --json")]
    List,
    /// One flow and its source.
    #[command(after_help = "EXAMPLES
  wharf flow show triage-bugs")]
    Show {
        /// The flow.
        flow: String,
    },
    /// Start a run with an event of your own.
    #[command(after_help = "EXAMPLES
  wharf flow run nightly-report
  wharf flow run nightly-report --input @event.json --wait
  wharf flow run nightly-report --data - --key 2026-11-21 < event.json")]
    Run {
        /// The flow.
        flow: String,
        /// The event: JSON, `@file`, or `-` for stdin.
        #[arg(long, visible_alias = "input", default_value = "{}", value_name = "JSON")]
        data: String,
        /// The same key starts one run, however often it is sent.
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// Wait for the end and show it; exits 1 unless it is done.
        #[arg(long)]
        wait: bool,
    },
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let client = Client::new(&args.target)?;
    match args.what {
        What::Apply { files } => {
            for (name, source) in read(&files)? {
                let answer = client.post(&["flows"], &[("file", &name)], Body::Yaml(source)).await?;
                output.answer(&render::flow::applied(client.server(), &answer), &answer);
            }
        }
        What::Validate { files } => {
            for (name, source) in read(&files)? {
                let answer =
                    client.post(&["flows", "validate"], &[("file", &name)], Body::Yaml(source)).await?;
                output.answer(&render::flow::valid(&name), &answer);
            }
        }
        What::List => {
            let answer = client.get(&["flows"], &[]).await?;
            output.answer(&render::list::flows(&view::items(&answer)?), &answer);
        }
        What::Show { flow } => {
            let answer = client.get(&["flows", &flow], &[]).await?;
            output.text(&render::list::flows(std::slice::from_ref(&answer)));
            output.text(&render::trigger::next_fires(&answer));
            if let Some(source) = answer.get("source").and_then(Value::as_str) {
                output.text(&format!("\n{}", crate::inert::inert_lines(source)));
            }
            output.json(&answer);
        }
        What::Run { flow, data, key, wait } => {
            let body = json!({ "data": input::json(&data)?, "dedupe_key": key });
            let answer = client.post(&["flows", &flow, "run"], &[], Body::Json(body)).await?;
            if wait {
                return self::wait(&client, &render::list::cell(&answer, "run"), output).await;
            }
            output.answer(&render::flow::started(&answer), &answer);
        }
    }
    Ok(Exit::Ok)
}

/// Names without directories, as errors show them, and sources.
fn read(files: &[PathBuf]) -> Result<Vec<(String, String)>, Fault> {
    files
        .iter()
        .map(|path| {
            let source = String::from_utf8(input::file(path)?)
                .map_err(|_| Fault::usage(format!("{} is not UTF-8 text", path.display())))?;
            let name = path
                .file_name()
                .map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
            Ok((name, source))
        })
        .collect()
}

/// Shows a run as it goes, to its end.
async fn wait(client: &Client, run: &str, output: &mut Output) -> Result<Exit> {
    let answer = follow(client, run, Duration::from_secs(3600), |line| output.text(line)).await?;
    let shown: view::Run = view::read(&answer)?;
    output.answer(&Follow::end(&shown), &answer);
    Ok(if shown.status == "done" { Exit::Ok } else { Exit::Failed })
}

/// Asks until a run has ended, at most for `patience`, and then for how it stands. Hands every line
/// that is news to `tell`.
///
/// # Errors
/// The server does not answer.
pub async fn follow(
    client: &Client,
    run: &str,
    patience: Duration,
    mut tell: impl FnMut(&str),
) -> Result<Value, Fault> {
    let mut told = Follow::default();
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let answer = client.get(&["runs", run], &[]).await?;
        let seen: view::Run = view::read(&answer)?;
        for line in told.news(&seen) {
            tell(&line);
        }
        if seen.finished_at.is_some() || tokio::time::Instant::now() >= deadline {
            return Ok(answer);
        }
        tokio::time::sleep(LOOK).await;
    }
}
