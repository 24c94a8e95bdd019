//! `wharf doctor`: which protections are active on this machine.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use wharf_sandbox::WorkerCommand;
use wharf_server::doctor::{Finding, Inside, Level, data, machine, process};

use crate::{
    client::{Client, Target},
    clock,
    commands::serve,
    exit::Exit,
    output::Output,
    render, view,
};

/// Arguments of `wharf doctor`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf doctor
  wharf doctor --config wharf.toml --json

Looks at the machine, at the data directory, and, where a server runs and there is a key for it, at that server's
process. Changes nothing. Exits with 1 if a protection is not active; a warning is a matter of choice.")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// The configuration file; without it, wharf.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let data_dir = args.target.data_dir.display().to_string();
    let config = serve::located(args.config.as_deref(), Some(&data_dir))?;
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let now = clock::now();
    let mut found = machine(&WorkerCommand::new(program, ["__compile"]), now).await;
    found.extend(data(&config, std::env::var("WHARF_MASTER_KEY").ok().as_deref(), now));
    let mut findings: Vec<view::Finding> = found.iter().map(as_view).collect();
    let server = match asked(&args.target).await {
        Ok(answer) => {
            findings.extend(view::read::<view::Doctor>(&answer)?.findings);
            Ok(args.target.server.clone())
        }
        Err(why) => {
            findings.extend(process(&config, Inside::Command).iter().map(as_view));
            Err(why)
        }
    };
    let text = render::doctor::show(&findings, server.as_ref().map(String::as_str));
    let (server, why) = (server.as_ref().ok(), server.as_ref().err());
    output.answer(&text, &json!({ "server": server, "no_server": why, "findings": findings }));
    let failed = findings.iter().any(|finding| finding.level == Level::Fail.name());
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

/// What the server says of itself, or why it does not.
async fn asked(target: &Target) -> Result<Value, String> {
    let client = Client::new(target).map_err(|fault| fault.to_string())?;
    client.get(&["doctor"], &[]).await.map_err(|fault| fault.to_string())
}

fn as_view(finding: &Finding) -> view::Finding {
    view::Finding {
        check: finding.check.to_owned(),
        level: finding.level.name().to_owned(),
        found: finding.found.clone(),
        protects: finding.protects.to_owned(),
        rule: finding.rule.to_owned(),
        fix: finding.fix.clone(),
    }
}
