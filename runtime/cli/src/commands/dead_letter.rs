//! `wharf dead-letter`: what failed for good, and waits for a person.

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::run::replayed;
use crate::{
    client::{Body, Client, Target},
    exit::Exit,
    output::Output,
    render::{
        self,
        style::{good, typed},
    },
    view,
};

/// Arguments of `wharf dead-letter`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf dead-letter list
  wharf dead-letter replay 01JD7Z6T5K3V9Q2M4N8P0R1S2T
  wharf dead-letter discard 01JD7Z6T5K3V9Q2M4N8P0R1S2T --reason 'the channel is gone'")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Those that wait for a person, newest first.
    #[command(after_help = "EXAMPLES
  wharf dead-letter list
  wharf dead-letter list --status discarded --json")]
    List {
        /// `open`, `replayed` or `discarded`.
        #[arg(long, default_value = "open")]
        status: String,
        /// How many.
        #[arg(long, default_value = "20", value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
    },
    /// One, with the run that died.
    #[command(after_help = "EXAMPLES
  wharf dead-letter show 01JD7Z6T5K3V9Q2M4N8P0R1S2T")]
    Show {
        /// Its id.
        id: String,
    },
    /// Send the run on its way again, from the step where it died.
    #[command(after_help = "EXAMPLES
  wharf dead-letter replay 01JD7Z6T5K3V9Q2M4N8P0R1S2T")]
    Replay {
        /// Its id.
        id: String,
    },
    /// Close it without running anything.
    #[command(after_help = "EXAMPLES
  wharf dead-letter discard 01JD7Z6T5K3V9Q2M4N8P0R1S2T --reason 'the channel is gone'")]
    Discard {
        /// Its id.
        id: String,
        /// Why, for whoever looks later.
        #[arg(long)]
        reason: String,
    },
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let client = Client::new(&args.target)?;
    match args.what {
        What::List { status, limit } => {
            let answer =
                client.get(&["dead-letters"], &[("status", &status), ("limit", &limit.to_string())]).await?;
            output.answer(&render::list::dead_letters(&view::items(&answer)?), &answer);
        }
        What::Show { id } => {
            let answer = client.get(&["dead-letters", &id], &[]).await?;
            output.text(&render::list::dead_letters(std::slice::from_ref(&answer)));
            output.text(&format!("  {}", crate::inert::inert_lines(&render::list::cell(&answer, "message"))));
            let run = render::list::cell(&answer, "run");
            if !run.is_empty() {
                output.text(&format!("  its run   {}", typed(format!("wharf run show {run}"))));
            }
            output.json(&answer);
        }
        What::Replay { id } => {
            let answer = client.post(&["dead-letters", &id, "replay"], &[], Body::None).await?;
            output.answer(&replayed(&answer), &answer);
        }
        What::Discard { id, reason } => {
            let answer = client
                .post(&["dead-letters", &id, "discard"], &[], Body::Json(json!({ "reason": reason })))
                .await?;
            output.answer(&format!("{} discarded", good("ok")), &answer);
        }
    }
    Ok(Exit::Ok)
}
