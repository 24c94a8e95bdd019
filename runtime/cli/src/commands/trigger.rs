//! `wharf trigger`: flows that the server starts by itself.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    client::{Body, Client, Target},
    exit::Exit,
    input,
    output::Output,
    render, view,
};

/// Arguments of `wharf trigger`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf trigger list
  wharf trigger show watch-issues
  wharf trigger poll watch-issues")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Flows with a schedule or a trigger that is polled, and when each is due.
    #[command(after_help = "EXAMPLES
  wharf trigger list
  wharf trigger list --json")]
    List,
    /// One: the fires to come, or where its poll stands and why it fails.
    #[command(after_help = "EXAMPLES
  wharf trigger show watch-issues")]
    Show {
        /// The flow.
        flow: String,
    },
    /// Poll now; exits 1 if that fails.
    #[command(after_help = "EXAMPLES
  wharf trigger poll watch-issues")]
    Poll {
        /// The flow.
        flow: String,
    },
    /// Have the next poll, which is at once, begin elsewhere. What was taken in before starts nothing again.
    #[command(after_help = "EXAMPLES
  wharf trigger reset watch-issues --to-first
  wharf trigger reset watch-issues --cursor @cursor.json")]
    Reset {
        /// The flow.
        flow: String,
        /// Where: JSON in the connector's own terms (see `wharf trigger show`), `@file`, or `-` for stdin.
        #[arg(long, value_name = "JSON", conflicts_with = "to_first")]
        cursor: Option<String>,
        /// As the first poll did.
        #[arg(long, required_unless_present = "cursor")]
        to_first: bool,
    },
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let client = Client::new(&args.target)?;
    match args.what {
        What::List => {
            let answer = client.get(&["triggers"], &[]).await?;
            output.answer(&render::trigger::list(&view::items(&answer)?), &answer);
        }
        What::Show { flow } => {
            let answer = client.get(&["triggers", &flow], &[]).await?;
            output.answer(&render::trigger::shown(&answer), &answer);
        }
        What::Poll { flow } => {
            let answer = client.post(&["triggers", &flow, "poll"], &[], Body::None).await?;
            output.answer(&render::trigger::polled(&answer), &answer);
            if answer.get("failure").is_some_and(|failure| !failure.is_null()) {
                return Ok(Exit::Failed);
            }
        }
        What::Reset { flow, cursor, to_first: _ } => {
            let cursor = cursor.map(|cursor| input::json(&cursor)).transpose()?.unwrap_or(Value::Null);
            let body = Body::Json(json!({ "cursor": cursor }));
            let answer = client.post(&["triggers", &flow, "reset"], &[], body).await?;
            output.answer(&render::trigger::shown(&answer), &answer);
        }
    }
    Ok(Exit::Ok)
}
