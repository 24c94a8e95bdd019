//! `wharf run`: what happened, and once more.

use anyhow::Result;
use clap::Subcommand;
use serde_json::{Value, json};

use crate::{
    client::{Body, Client, Target},
    exit::{Exit, Fault},
    inert::inert,
    input,
    output::Output,
    render::{
        self,
        run::Depth,
        style::{strong, typed},
    },
    view,
};

/// Arguments of `wharf run`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf run list --flow triage-bugs
  wharf run show 01JD7Z6T5K3V9Q2M4N8P0R1S2T
  wharf run list --status dead --json")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// The newest runs first.
    #[command(after_help = "EXAMPLES
  wharf run list
  wharf run list --flow triage-bugs --status done --limit 5")]
    List {
        /// Of this flow.
        #[arg(long, value_name = "FLOW")]
        flow: Option<String>,
        /// In this status.
        #[arg(long, value_name = "STATUS")]
        status: Option<String>,
        /// Older than this run: the `next` of an earlier list.
        #[arg(long, value_name = "CURSOR")]
        before: Option<String>,
        /// How many.
        #[arg(long, default_value = "20", value_parser = clap::value_parser!(u16).range(1..=200))]
        limit: u16,
    },
    /// One run with its steps, attempts and what they cost.
    #[command(after_help = "EXAMPLES
  wharf run show 01JD7Z6T5K3V9Q2M4N8P0R1S2T
  wharf run show 01JD7Z6T5K3V9Q2M4N8P0R1S2T --effects")]
    Show {
        /// The run's id.
        run: String,
        /// Show every effect and log line too.
        #[arg(long)]
        effects: bool,
    },
    /// Answer an approval that a run waits for; exits 0 when the answer is stored.
    #[command(after_help = "EXAMPLES
  wharf run approve 01JD7Z6T5K3V9Q2M4N8P0R1S2T ask
  wharf run approve 01JD7Z6T5K3V9Q2M4N8P0R1S2T ask --data '{\"amount\": 5}'
  wharf run approve 01JD7Z6T5K3V9Q2M4N8P0R1S2T ask --reject")]
    Approve {
        /// The run's id.
        run: String,
        /// The path of the step that waits, as `wharf run show --json` has it.
        step: String,
        /// Reject instead.
        #[arg(long)]
        reject: bool,
        /// What is filled in: JSON, @FILE, or - for standard input.
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
    /// Send a run a signal that one of its steps waits for, now or later.
    #[command(after_help = "EXAMPLES
  wharf run signal 01JD7Z6T5K3V9Q2M4N8P0R1S2T payment-received --data @payment.json")]
    Signal {
        /// The run's id.
        run: String,
        /// The signal's name.
        name: String,
        /// What comes with it: JSON, @FILE, or - for standard input.
        #[arg(long, value_name = "JSON")]
        data: Option<String>,
    },
    /// Run the same event again, on the flow's current version; exits 0 when the new run is stored.
    #[command(after_help = "EXAMPLES
  wharf run replay 01JD7Z6T5K3V9Q2M4N8P0R1S2T")]
    Replay {
        /// The run's id.
        run: String,
    },
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let client = Client::new(&args.target)?;
    match args.what {
        What::List { flow, status, before, limit } => {
            let limit = limit.to_string();
            let given = [
                ("flow", flow.as_deref()),
                ("status", status.as_deref()),
                ("before", before.as_deref()),
                ("limit", Some(&limit)),
            ];
            let query: Vec<(&str, &str)> =
                given.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
            let answer = client.get(&["runs"], &query).await?;
            output.answer(&render::list::runs(&view::items(&answer)?), &answer);
        }
        What::Show { run, effects } => {
            let answer = client.get(&["runs", &run], &[]).await?;
            let depth = if effects { Depth::Everything } else { Depth::Steps };
            output.answer(&render::run::run(&view::read(&answer)?, depth), &answer);
        }
        What::Approve { run, step, reject, data } => {
            let body = json!({ "step": step, "approved": !reject, "data": given(data.as_deref())? });
            let answer = client.post(&["runs", &run, "approve"], &[], Body::Json(body)).await?;
            let told = if reject { "rejected" } else { "approved" };
            output.answer(&format!("{} {told}\n", strong(inert(&step))), &answer);
        }
        What::Signal { run, name, data } => {
            let body = json!({ "name": name, "data": given(data.as_deref())? });
            let answer = client.post(&["runs", &run, "signal"], &[], Body::Json(body)).await?;
            output.answer(&format!("{} sent\n", strong(inert(&name))), &answer);
        }
        What::Replay { run } => {
            let answer = client.post(&["runs", &run, "replay"], &[], Body::None).await?;
            output.answer(&replayed(&answer), &answer);
        }
    }
    Ok(Exit::Ok)
}

/// The value of `--data`; null without it.
fn given(data: Option<&str>) -> Result<Value, Fault> {
    data.map_or(Ok(Value::Null), input::json)
}

/// The new run, and how to watch it.
pub(crate) fn replayed(answer: &Value) -> String {
    let run = render::list::cell(answer, "run");
    format!("{} started\n  watch it   {}\n", strong(&run), typed(format!("wharf run show {run}")))
}
