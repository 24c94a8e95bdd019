//! The `wharf` command: parsing, asking, printing. What it prints is made by pure functions in
//! [`render`]; what it knows about the world it learns from a server's API, or from the sandbox.

pub mod args;
pub mod build;
pub mod client;
mod clock;
pub mod commands;
pub mod demo;
pub mod exit;
pub mod inert;
pub mod input;
pub mod output;
pub mod render;
mod telemetry;
pub mod view;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use exit::{Exit, Fault};
use output::{Format, Output};

/// The process, from its command line to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let mut output = Output::new(if cli.json { Format::Json } else { Format::Text });
    match run(cli.command, &mut output) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let fault = fault(&error);
            output.json(&fault.to_json());
            if output.format() == Format::Text {
                output.note(&render::problem::fault(&fault));
            }
            fault.exit.into()
        }
    }
}

fn run(command: Command, output: &mut Output) -> anyhow::Result<Exit> {
    if matches!(command, Command::Compile) {
        // Before any thread is started: the worker puts limits on its whole process.
        return commands::compile();
    }
    if matches!(command, Command::Serve(_)) {
        // Before any thread is started, too: it may begin the process anew.
        commands::serve::take_master_key_out()?;
    }
    install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(commands::execute(command, output));
    // A blocking read of stdin must not keep a finished command from ending.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    outcome
}

/// The fault in an error's chain, or one made of its whole text.
fn fault(error: &anyhow::Error) -> Fault {
    error
        .downcast_ref::<Fault>()
        .cloned()
        .unwrap_or_else(|| Fault::new(Exit::Failed, "failed", format!("{error:#}")))
}

/// Makes `ring` the process's provider of cryptography, once: rustls is built without a default one.
pub(crate) fn install_crypto() {
    // It fails only where it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
