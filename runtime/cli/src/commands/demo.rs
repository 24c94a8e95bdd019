//! `wharf demo`: the whole of it, live, on this machine.

use anyhow::Result;

use crate::{demo, exit::Exit, output::Output};

/// Arguments of `wharf demo`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf demo
  wharf demo --keep
  wharf demo --json

It needs a source checkout, because it builds the connectors; it talks to nobody but itself.
It exits 0 when every act of the story went as told, and 1 naming the first that did not.")]
pub struct Args {
    /// Leave the server up at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let ending = if args.keep { demo::Ending::Keep } else { demo::Ending::Stop };
    demo::play(ending, output).await?;
    Ok(Exit::Ok)
}
