//! What each command does: read the command line, ask the server or the sandbox, print the answer.

pub mod audit;
pub mod build;
pub mod call;
pub mod connection;
pub mod connector;
pub mod dead_letter;
pub mod demo;
pub mod doctor;
pub mod flow;
pub mod inspect;
pub mod run;
pub mod secrets;
pub mod serve;
pub mod trigger;

use anyhow::Result;

use crate::{args::Command, exit::Exit, output::Output};

/// Runs a command to its end.
pub(crate) async fn execute(command: Command, output: &mut Output) -> Result<Exit> {
    match command {
        Command::Serve(args) => serve::execute(args, output).await,
        Command::Build(args) => build::execute(args, output).await,
        Command::Inspect(args) => inspect::execute(&args, output),
        Command::Call(args) => call::execute(args, output).await,
        Command::Connector(args) => connector::execute(args, output).await,
        Command::Connection(args) => connection::execute(args, output).await,
        Command::Flow(args) => flow::execute(args, output).await,
        Command::Trigger(args) => trigger::execute(args, output).await,
        Command::Run(args) => run::execute(args, output).await,
        Command::DeadLetter(args) => dead_letter::execute(args, output).await,
        Command::Audit(args) => audit::execute(args, output).await,
        Command::Secrets(args) => secrets::execute(args, output),
        Command::Doctor(args) => doctor::execute(args, output).await,
        Command::Demo(args) => demo::execute(args, output).await,
        // Done in `crate::run`, before a runtime was made.
        Command::Compile => compile(),
    }
}

/// The body of the process that compiles for the sandbox.
pub(crate) fn compile() -> Result<Exit> {
    wharf_sandbox::compile_worker(std::io::stdin().lock(), std::io::stdout().lock())?;
    Ok(Exit::Ok)
}
