//! `wharf connector`: what is installed, and what it may do.

mod grant;
pub(crate) use grant::{LimitFlags, egress, roots, slot};
mod install;
mod permissions;

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use crate::{
    client::{Body, Client, Target},
    exit::Exit,
    inert::inert,
    output::{Answer, Output},
    render::{
        self,
        style::{good, strong},
    },
    view,
};

/// Arguments of `wharf connector`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf connector install slack.wasm
  wharf connector show slack
  wharf connector grant slack --fuel 2G --egress 'POST https://slack.com/api/'")]
pub struct Args {
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
#[expect(clippy::large_enum_variant, reason = "parsed once a process")]
enum What {
    /// Install a connector file; shows what it asks for and asks you. Without a terminal it is held (exit 3), unless --yes.
    #[command(after_help = "EXAMPLES
  wharf connector install slack.wasm
  wharf connector install slack.wasm --yes --json")]
    Install(install::Install),
    /// Install a newer version of a connector; what it asks for beyond the old one is shown and asked.
    #[command(after_help = "EXAMPLES
  wharf connector upgrade slack.wasm")]
    Upgrade(install::Install),
    /// The connectors that are installed.
    #[command(after_help = "EXAMPLES
  wharf connector list
  wharf connector list --json")]
    List,
    /// What a connector offers, asks for and is granted.
    #[command(after_help = "EXAMPLES
  wharf connector show slack")]
    Show {
        /// The connector.
        name: String,
    },
    /// Change what a connector may do and use up. What is not named stays as it is.
    #[command(after_help = "EXAMPLES
  wharf connector grant slack --egress 'GET,POST https://slack.com/api/'
  wharf connector grant slack --no-egress https://slack.com/api/
  wharf connector grant slack --fuel 2G --deadline 60s --memory 128MiB
  wharf connector grant slack --root @private-ca.pem
  wharf connector grant slack --no-egress https://slack.com/api/ --report-only
  wharf connector grant slack --enforce")]
    Grant(grant::Change),
    /// What a connector may do, what is tried out, and what it was denied.
    #[command(after_help = "EXAMPLES
  wharf connector permissions slack
  wharf connector permissions slack --history")]
    Permissions {
        /// The connector.
        name: String,
        /// Every version of the grant, with who gave it and when.
        #[arg(long)]
        history: bool,
    },
    /// Let a held version in, with what it asks for anew.
    #[command(after_help = "EXAMPLES
  wharf connector approve slack
  wharf connector approve slack --digest \"$DIGEST\"")]
    Approve {
        /// The connector.
        name: String,
        /// The version's digest, as `held` tells it; without it, the one that is held.
        #[arg(long)]
        digest: Option<String>,
        #[command(flatten)]
        also: install::Also,
    },
    /// Turn a held version away.
    #[command(after_help = "EXAMPLES
  wharf connector reject slack")]
    Reject {
        /// The connector.
        name: String,
        /// The version's digest; without it, the one that is held.
        #[arg(long)]
        digest: Option<String>,
    },
    /// Take a connector out of use; refused while a flow needs it. Runs in flight keep their version.
    #[command(after_help = "EXAMPLES
  wharf connector remove slack --yes")]
    Remove {
        /// The connector.
        name: String,
        /// Do not ask.
        #[arg(long)]
        yes: bool,
    },
}

/// What `install` needs to know, for the parser.
#[derive(clap::Args, Debug)]
pub(crate) struct FileArg {
    /// The connector file.
    #[arg(value_name = "FILE.wasm")]
    pub(crate) file: PathBuf,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let client = Client::new(&args.target)?;
    match args.what {
        What::Install(install) => install::execute(&client, &install, install::Expect::Any, output).await,
        What::Upgrade(install) => {
            install::execute(&client, &install, install::Expect::Installed, output).await
        }
        What::List => {
            let answer = client.get(&["connectors"], &[]).await?;
            output.answer(&render::connector::list(&view::items(&answer)?), &answer);
            Ok(Exit::Ok)
        }
        What::Show { name } => {
            let answer = client.get(&["connectors", &name], &[]).await?;
            output.answer(&render::connector::show(&view::read(&answer)?), &answer);
            Ok(Exit::Ok)
        }
        What::Grant(change) => grant::execute(&client, &change, output).await,
        What::Permissions { name, history } => permissions::execute(&client, &name, history, output).await,
        What::Approve { name, digest, also } => {
            let held = held(&client, &name, digest).await?;
            output.text(&render::connector::held_changes(&held));
            let body = json!({
                "digest": held.digest, "review": Some(held.review).filter(|review| !review.is_empty()),
                "downgrade": also.downgrade, "any_host": also.any_host,
            });
            let answer = client.post(&["connectors", &name, "approve"], &[], Body::Json(body)).await?;
            output.answer(&render::connector::show(&view::read(&answer)?), &answer);
            Ok(Exit::Ok)
        }
        What::Reject { name, digest } => {
            let held = held(&client, &name, digest).await?;
            let body = Body::Json(json!({ "digest": held.digest }));
            let answer = client.post(&["connectors", &name, "reject"], &[], body).await?;
            output.answer(&render::connector::show(&view::read(&answer)?), &answer);
            Ok(Exit::Ok)
        }
        What::Remove { name, yes } => remove(&client, &name, yes, output).await,
    }
}

/// The version that waits: the only one, or the one of this digest. One that is not held has nothing to show.
async fn held(client: &Client, name: &str, digest: Option<String>) -> Result<view::Held> {
    let connector: view::Connector = view::read(&client.get(&["connectors", name], &[]).await?)?;
    let fault = |code: &str, exit, message: String| crate::exit::Fault::new(exit, code, message);
    let mut held = connector.held;
    if let Some(digest) = digest {
        let known = held.into_iter().find(|held| held.digest == digest);
        return Ok(known.unwrap_or_else(|| view::Held { digest, ..view::Held::default() }));
    }
    match (held.pop(), held.is_empty()) {
        (None, _) => {
            let message = format!("no version of `{name}` waits for approval");
            Err(fault("nothing-held", Exit::NotFound, message).into())
        }
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            held.push(last);
            let versions: Vec<String> =
                held.iter().map(|held| format!("{} --digest {}", held.version, held.digest)).collect();
            let message = format!("several versions of `{name}` wait: {}", versions.join(", "));
            Err(fault("several-held", Exit::Refused, message).fix("name one by --digest").into())
        }
    }
}

async fn remove(client: &Client, name: &str, yes: bool, output: &mut Output) -> Result<Exit> {
    if !yes {
        match output.ask(&format!("Remove {}?", strong(inert(name)))) {
            Answer::Yes => {}
            Answer::No => return Ok(Exit::Refused),
            Answer::Nobody => {
                return Err(crate::exit::Fault::new(
                    Exit::Refused,
                    "not-confirmed",
                    format!("nobody is there to confirm the removal of `{name}`"),
                )
                .fix(format!("wharf connector remove {name} --yes"))
                .into());
            }
        }
    }
    let answer = client.delete(&["connectors", name]).await?;
    output.answer(&format!("{} {} removed", good("ok"), strong(inert(name))), &answer);
    Ok(Exit::Ok)
}
