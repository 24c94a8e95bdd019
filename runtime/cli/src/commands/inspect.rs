//! `wharf inspect`: reads a connector file and runs nothing of it.

use std::path::PathBuf;

use anyhow::Result;
use wharf_model::{grant::Limits, manifest::Manifest};

use crate::{
    exit::{Exit, Fault},
    inert::inert,
    input,
    output::Output,
    render::{
        self,
        connector::Facts,
        style::{faint, strong},
        table::Table,
    },
};

/// Arguments of `wharf inspect`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf inspect slack.wasm
  wharf inspect slack.wasm --json")]
pub struct Args {
    /// The connector file.
    #[arg(value_name = "FILE.wasm")]
    file: PathBuf,
}

pub(crate) fn execute(args: &Args, output: &mut Output) -> Result<Exit> {
    let package = open(&args.file)?.0;
    let (digest, version) = (package.digest.to_string(), package.manifest.version.to_string());
    let asks = wharf_package::permissions(&package.manifest);
    let facts = Facts {
        name: &package.manifest.name,
        version: &version,
        size: package.size,
        digest: &digest,
        asks: &asks,
        imports: &package.imports,
        exports: &package.exports,
    };
    let mut text = render::connector::asks(&facts, &Limits::default());
    text.push_str(&offers(&package.manifest));
    text.push_str(&render::connector::interfaces(&facts));
    text.push_str(&format!("  {}\n  {digest}\n", faint(&package.contract)));
    let document = serde_json::json!({
        "name": package.manifest.name, "version": version, "digest": digest, "size": package.size, "contract": package.contract,
        "asks": asks, "imports": package.imports, "exports": package.exports, "manifest": package.manifest,
    });
    output.answer(&text, &document);
    Ok(Exit::Ok)
}

/// Reads a connector file; its bytes too.
pub(crate) fn open(file: &std::path::Path) -> Result<(wharf_package::Package, Vec<u8>), Fault> {
    let wasm = input::file(file)?;
    let package = wharf_package::open(&wasm).map_err(|error| {
        Fault::new(Exit::Invalid, "not-a-connector", format!("{}: {error}", file.display()))
            .fix("build it with `wharf build DIR`")
    })?;
    Ok((package, wasm))
}

fn offers(manifest: &Manifest) -> String {
    let mut table = Table::default();
    for (name, action) in &manifest.actions {
        let confirms = if action.confirms { ", confirms" } else { "" };
        table.row([
            faint("action"),
            strong(inert(name)),
            format!("{}{confirms}", action.effect.name()),
            inert(&action.title),
        ]);
    }
    for (name, trigger) in &manifest.triggers {
        let source = match &trigger.source {
            wharf_model::manifest::TriggerSource::Webhook(_) => "webhook",
            wharf_model::manifest::TriggerSource::Poll { .. } => "poll",
        };
        table.row([faint("trigger"), strong(inert(name)), source.to_owned(), inert(&trigger.title)]);
    }
    table.render("  ")
}
