//! Act 1: connectors are built from source, as an author builds them.

use std::path::Path;

use anyhow::Result;
use tokio::time::Instant;

use crate::{
    build::{self, BuildOptions, Built, Progress},
    demo::{checkout::Checkout, stage::heading},
    exit::{Exit, Fault},
    inert::inert,
    output::Output,
    render::{
        style::{faint, good, strong},
        units::{bytes, micros},
    },
};

/// The crates; the last one is not to be trusted.
const CRATES: [&str; 4] = ["plugins/http", "plugins/github", "plugins/slack", "tests/guests/hostile"];

pub(in crate::demo) async fn play(
    checkout: &Checkout,
    dir: &Path,
    output: &mut Output,
) -> Result<Vec<Built>> {
    heading(output, 1, "Build the connectors");
    let mut all = Vec::new();
    for name in CRATES {
        let file = format!("{}.wasm", name.rsplit('/').next().unwrap_or(name));
        let options =
            BuildOptions { dir: checkout.path(name), out: Some(dir.join(file)), ..BuildOptions::default() };
        let began = Instant::now();
        let watched = output.watched();
        let outcome = build::build(options, &mut |progress| tell(&progress, watched, output)).await;
        let built =
            outcome.map_err(|error| Fault::new(Exit::Failed, "build-failed", format!("{name}: {error}")))?;
        let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        output.text(&format!(
            "  {} {} {} · {} · {} {}",
            good("✓"),
            strong(&built.name),
            built.version,
            bytes(built.size),
            micros(took),
            faint(format!("{}, {} imports", built.toolchain, built.imports.len())),
        ));
        all.push(built);
    }
    Ok(all)
}

/// Progress goes to stderr: a first build compiles the connectors' dependencies.
fn tell(progress: &Progress, watched: bool, output: &mut Output) {
    match progress {
        Progress::Installing(command) => output.note(&format!("  {} {}", faint("runs"), inert(command))),
        Progress::Compiling(name) => output.note(&faint(format!("    compiling {}", inert(name)))),
        Progress::Line(line) if watched => output.note(&faint(format!("    {}", inert(line)))),
        Progress::Line(_) | Progress::Toolchain(_) | Progress::Describing | Progress::Sealed(_) => {}
    }
}
