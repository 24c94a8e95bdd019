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
    let approve = if install.yes { "true" } else { "false" };
    let answer = client.post(&["connectors"], &[("approve", approve)], Body::Wasm(wasm)).await?;
    output.text(&render::connector::asks(&facts, &Limits::default()));
    let installed: view::Installed = view::read(&answer)?;
    if installed.status != "held" {
        output.answer(&render::connector::installed(&installed), &answer);
        return Ok(Exit::Ok);
    }
    if installed.previous.is_some() {
        output.text(&render::connector::widens(&installed));
    }
    decide(client, &installed, answer, output).await
}

async fn decide(
    client: &Client,
    installed: &view::Installed,
    held: Value,
    output: &mut Output,
) -> Result<Exit> {
    let asked = match output.format() {
        // A program that reads JSON is nobody to ask.
        Format::Json => Answer::Nobody,
        Format::Text => output.ask("Grant this?"),
    };
    match asked {
        Answer::Yes => {
            let body = Body::Json(json!({ "digest": installed.digest }));
            client.post(&["connectors", &installed.name, "approve"], &[], body).await?;
            output.text(&render::connector::installed(installed));
            Ok(Exit::Ok)
        }
        Answer::No | Answer::Nobody => {
            output.answer(&render::connector::held(&installed.name, &installed.digest), &held);
            Ok(Exit::Refused)
        }
    }
}
