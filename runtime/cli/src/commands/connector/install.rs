//! Installing and upgrading. The server decides what is held; the command shows it and asks.

use anyhow::Result;
use serde_json::{Value, json};
use wharf_model::grant::Limits;

use super::FileArg;
use crate::{
    client::{Body, Client},
    exit::{Exit, Fault},
    input,
    output::{Answer, Format, Output},
    render::{self, connector::Facts},
    view,
};

/// Arguments of `install` and `upgrade`.
#[derive(clap::Args, Debug)]
pub(crate) struct Install {
    #[command(flatten)]
    file: FileArg,
    /// Grant what it asks for without being asked.
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    also: Also,
}

/// What needs a yes of its own, whoever is asked.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(crate) struct Also {
    /// Take it although it is older than the version in use.
    #[arg(long)]
    pub(crate) downgrade: bool,
    /// Let it call any public address, if it asks for that.
    #[arg(long)]
    pub(crate) any_host: bool,
}

/// What must be there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expect {
    /// Nothing.
    Any,
    /// An earlier version.
    Installed,
}

pub(crate) async fn execute(
    client: &Client,
    install: &Install,
    expect: Expect,
    output: &mut Output,
) -> Result<Exit> {
    let wasm = input::file(&install.file.file)?;
    // Read here first: a file that is no connector need not travel.
    let package = wharf_package::open(&wasm).map_err(|error| {
        Fault::new(Exit::Invalid, "not-a-connector", format!("{}: {error}", install.file.file.display()))
            .fix("build it with `wharf build DIR`")
    })?;
    if expect == Expect::Installed {
        client.get(&["connectors", &package.manifest.name], &[]).await?;
    }
    let digest = package.digest.to_string();
    let asks = wharf_package::permissions(&package.manifest);
    let version = package.manifest.version.to_string();
    let facts = Facts {
        name: &package.manifest.name,
        version: &version,
        size: package.size,
        digest: &digest,
        asks: &asks,
        ..Facts::default()
    };
    let said = |yes: bool| if yes { "true" } else { "false" };
    let query = [
        ("approve", said(install.yes)),
        ("downgrade", said(install.also.downgrade)),
        ("any_host", said(install.also.any_host)),
    ];
    let answer = client.post(&["connectors"], &query, Body::Wasm(wasm)).await?;
    output.text(&render::connector::asks(&facts, &Limits::default()));
    let installed: view::Installed = view::read(&answer)?;
    if installed.previous.is_some() {
        output.text(&render::connector::changes(&installed));
    }
    if installed.status != "held" {
        output.answer(&render::connector::installed(&installed), &answer);
        return Ok(Exit::Ok);
    }
    decide(client, &installed, install.also, answer, output).await
}

async fn decide(
    client: &Client,
    installed: &view::Installed,
    also: Also,
    held: Value,
    output: &mut Output,
) -> Result<Exit> {
    let asked = match output.format() {
        // A program that reads JSON is nobody to ask.
        Format::Json => Answer::Nobody,
        Format::Text => output.ask("Grant this?"),
    };
    let any_host = match asked {
        Answer::Yes if installed.any_host && !also.any_host => {
            output.ask("That lets it call any public address of the internet. Grant that, too?")
        }
        answer => answer,
    };
    match any_host {
        Answer::Yes => {
            let body = Body::Json(json!({
                "digest": installed.digest, "review": installed.review,
                "downgrade": also.downgrade, "any_host": installed.any_host,
            }));
            client.post(&["connectors", &installed.name, "approve"], &[], body).await?;
            output.text(&render::connector::installed(installed));
            Ok(Exit::Ok)
        }
        Answer::No | Answer::Nobody => {
            output.answer(&render::connector::held(&installed.name, &held_version(installed, also)), &held);
            Ok(Exit::Refused)
        }
    }
}

/// What was held, as a list of held versions shows it.
fn held_version(installed: &view::Installed, also: Also) -> view::Held {
    view::Held {
        version: installed.version.clone(),
        digest: installed.digest.clone(),
        changes: Vec::new(),
        downgrade: also.downgrade,
        any_host: installed.any_host,
        review: installed.review.clone(),
    }
}
