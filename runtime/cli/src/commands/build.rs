//! `wharf build`: what the build does, told as it goes.

use std::path::PathBuf;

use anyhow::Result;

use crate::{
    build::{self, BuildOptions, Install, Progress},
    exit::{Exit, Fault},
    inert::inert,
    output::{Format, Output},
    render::{
        connector::{self, Facts},
        style::{faint, good},
    },
};

/// Arguments of `wharf build`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf build
  wharf build plugins/slack --out slack.wasm
  wharf build fetch.component.wasm
  wharf build plugins/slack --no-install --json")]
pub struct Args {
    /// The connector's crate, or a component made by another toolchain.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// The file to write, or a directory for it; without it, NAME-VERSION.wasm here.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Where cargo puts its files; without it, where it does for that crate.
    #[arg(long, value_name = "DIR")]
    target_dir: Option<PathBuf>,
    /// Install nothing: if a part of the toolchain is missing, say which.
    #[arg(long)]
    no_install: bool,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let options = BuildOptions {
        dir: args.dir,
        out: args.out,
        target_dir: args.target_dir,
        install: if args.no_install { Install::Never } else { Install::Allowed },
        ..BuildOptions::default()
    };
    let watched = output.watched() && output.format() == Format::Text;
    let built = build::build(options, &mut |progress| {
        if let Some(line) = told(&progress, watched) {
            output.note(&line);
        }
    })
    .await
    .map_err(|error| Fault::new(Exit::Failed, "build-failed", error.to_string()))?;
    output.answer(&summary(&built), &built);
    Ok(Exit::Ok)
}

/// A line of progress; cargo's own lines only for somebody who watches.
fn told(progress: &Progress, watched: bool) -> Option<String> {
    match progress {
        Progress::Toolchain(name) => Some(format!("{} {}", faint("with"), inert(name))),
        Progress::Installing(command) => Some(format!("{} {}", faint("runs"), inert(command))),
        Progress::Compiling(name) => Some(format!("{} {}", faint("compiles"), inert(name))),
        Progress::Line(line) => watched.then(|| format!("  {}", faint(inert(line)))),
        Progress::Describing => Some(faint("describes itself, in an empty sandbox")),
        Progress::Sealed(_) => None,
    }
}

/// What was built.
pub(crate) fn summary(built: &build::Built) -> String {
    let digest = built.digest.to_string();
    let facts = Facts {
        name: &built.name,
        version: &built.version,
        size: built.size,
        digest: &digest,
        asks: &built.permissions,
        imports: &built.imports,
        exports: &built.exports,
    };
    format!(
        "{} {}\n{}{}",
        good("built"),
        built.file.display(),
        connector::asks(&facts, &wharf_model::grant::Limits::default()),
        connector::interfaces(&facts)
    )
}
