//! `wharf secrets`: the master key that wraps every secret at rest.

use std::path::PathBuf;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;
use wharf_server::secrets::{Keys, Progress, rotate};

use crate::{
    commands::serve,
    exit::{Exit, Fault},
    output::Output,
    render::{
        style::{good, strong},
        units::plural,
    },
};

/// Arguments of `wharf secrets`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf secrets rotate
  wharf secrets rotate --data-dir /var/lib/wharf")]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Seal every secret anew under a new master key. Stop the server first; what is cut off goes on where it was.
    #[command(after_help = "EXAMPLES
  wharf secrets rotate
  wharf secrets rotate --config wharf.toml
  wharf secrets rotate --new-key-file /etc/wharf/master.key.2

Without --new-key-file the new key takes the place of the one in the configured file, and the old one is gone.
With it, or where WHARF_MASTER_KEY holds the key, both are yours to keep: start the server with the new one.")]
    Rotate(Rotate),
}

#[derive(clap::Args, Debug)]
struct Rotate {
    /// The configuration file; without it, wharf.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The server's data directory.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// The new key, 64 hexadecimal digits; made if it is not there.
    #[arg(long, value_name = "FILE")]
    new_key_file: Option<PathBuf>,
}

pub(crate) fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let What::Rotate(args) = args.what;
    let config = serve::located(args.config.as_deref(), args.data_dir.as_deref())?;
    let given = std::env::var("WHARF_MASTER_KEY").ok();
    let keys = match (given, args.new_key_file) {
        (None, None) => Keys::File,
        (Some(old), Some(new)) => Keys::Given { old, new },
        (None, Some(new)) => Keys::Given { old: read(&config.master_key_file())?, new },
        (Some(_), None) => {
            return Err(Fault::usage("WHARF_MASTER_KEY holds the key of now; where does the new one go?")
                .fix("wharf secrets rotate --new-key-file FILE")
                .into());
        }
    };
    let mut total = 0;
    let watched = output.watched();
    let rotated = rotate(&config, &keys, &mut |step| match step {
        Progress::Begun { secrets } => total = secrets,
        Progress::Sealed { secrets } if watched => output.note(&format!("{secrets} of {total}")),
        Progress::KeyMade
        | Progress::Sealed { .. }
        | Progress::Switched
        | Progress::Cleaned
        | Progress::KeyMoved => {}
    })
    .map_err(|error| Fault::new(Exit::Failed, "not-rotated", error.to_string()))?;
    let mut text = format!(
        "{} {} sealed anew under master key {}; the old key opens nothing any more\n",
        good("ok"),
        plural(rotated.secrets, "secret"),
        strong(rotated.generation)
    );
    if rotated.damaged > 0 {
        let damaged = plural(rotated.damaged, "secret");
        text.push_str(&format!("  {damaged} did not open and must be entered again\n"));
    }
    let key_file = match &keys {
        Keys::File => config.master_key_file(),
        Keys::Given { new, .. } => new.clone(),
    };
    output.answer(
        &text,
        &json!({ "secrets": rotated.secrets, "damaged": rotated.damaged, "generation": rotated.generation, "key_file": key_file }),
    );
    Ok(Exit::Ok)
}

fn read(file: &std::path::Path) -> Result<String, Fault> {
    std::fs::read_to_string(file)
        .map_err(|error| Fault::usage(format!("cannot read the master key {}: {error}", file.display())))
}
