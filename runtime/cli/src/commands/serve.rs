//! `wharf serve`: reads the configuration, sets up logs and traces, and runs the server to its end.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::json;
use wharf_sandbox::WorkerCommand;
use wharf_server::{
    Config, ServeOptions, Stopped,
    config::{Override, Source, from_env},
};

use crate::{
    exit::{Exit, Fault},
    input::pair,
    output::Output,
    render::style::{faint, good, strong, typed},
    telemetry,
};

/// Read when it is there and no other file is named.
const USUAL_FILE: &str = "wharf.toml";

/// Arguments of `wharf serve`.
#[derive(clap::Args, Debug)]
#[command(after_help = "EXAMPLES
  wharf serve
  wharf serve --config wharf.toml --listen 0.0.0.0:8484
  wharf serve --data-dir /var/lib/wharf --watch connectors --set webhooks.max-body-bytes=262144

A flag wins over the environment (WHARF_LISTEN, WHARF_WEBHOOKS_MAX_BODY_BYTES, …), which wins over the file; docs/reference/config.md lists
every setting. WHARF_MASTER_KEY, 64 hexadecimal digits, takes the place of master.key in the data directory.
SIGTERM and Ctrl-C let what is under way finish; a second one stops at once, and runs go on after the next start.")]
pub struct Args {
    /// The configuration file; without it, wharf.toml if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// The database, the keys and the cache of compiled connectors.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// A folder whose .wasm files are kept installed.
    #[arg(long, value_name = "DIR")]
    watch: Option<String>,
    /// Let connectors reach addresses of this block although they are not public: `127.0.0.1/32:9000`; may be repeated.
    #[arg(long, value_name = "CIDR[:PORTS]")]
    allow_private: Vec<wharf_gate::CarveOut>,
    /// `text` or `json`.
    #[arg(long, value_name = "FORMAT")]
    log: Option<String>,
    /// Any other setting; may be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
}

pub(crate) async fn execute(args: Args, output: &mut Output) -> Result<Exit> {
    let config = config(&args)?;
    let _telemetry = telemetry::start(&config.report)?;
    let data_dir = config.data_dir.clone();
    let program = std::env::current_exe().context("the path of this program is not known")?;
    let options = ServeOptions {
        compile_worker: Some(WorkerCommand::new(program, ["__compile"])),
        master_key: handed_master_key()?,
    };
    let running = wharf_server::serve(config, options).await?;
    let server = format!("http://{}", running.addr());
    let key_file = running.admin_key().map(|key| key.file.clone());
    output.answer(
        &greeting(&server, &data_dir, key_file.as_deref()),
        &json!({ "server": server, "data_dir": data_dir, "admin_key_file": data_dir.join("admin.key"), "first_start": key_file.is_some() }),
    );
    match running.until_stopped().await? {
        Stopped::Drained => Ok(Exit::Ok),
        Stopped::Forced => Ok(Exit::Failed),
    }
}

fn greeting(server: &str, data_dir: &Path, key_file: Option<&Path>) -> String {
    let mut text = format!(
        "{} on {}  {}\n",
        good("wharf serves"),
        strong(server),
        faint(format!("data in {}", data_dir.display()))
    );
    if let Some(file) = key_file {
        text.push_str(&format!("  an admin key was made   {}\n", file.display()));
    }
    text.push_str(&format!(
        "  try it   {}\n",
        typed(format!("wharf connector list --server {server} --data-dir {}", data_dir.display()))
    ));
    text
}

/// The variable that holds the master key.
const MASTER_KEY: &str = "WHARF_MASTER_KEY";
/// The descriptor of the pipe that holds it, in the process that serves.
const MASTER_KEY_PIPE: &str = "WHARF_MASTER_KEY_PIPE";

/// Begins this process anew without the master key in its environment, which anybody who may look at
/// the process can read as long as it lives. The key goes through a pipe.
///
/// # Errors
/// The pipe cannot be made, or the program cannot be started again.
pub(crate) fn take_master_key_out() -> Result<()> {
    use std::{io::Write as _, os::unix::process::CommandExt as _};
    let Some(key) = std::env::var_os(MASTER_KEY) else {
        return Ok(());
    };
    let (reader, mut writer) = std::io::pipe().context("no pipe for the master key")?;
    // Less than a pipe holds, or it is no key anyway.
    let key = key.to_string_lossy();
    writer.write_all(key.as_bytes().get(..256).unwrap_or(key.as_bytes()).as_ref())?;
    drop(writer);
    rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty()).context("the pipe of the master key")?;
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&reader).to_string();
    let mut arguments = std::env::args_os();
    let name = arguments.next().unwrap_or_default();
    let error = std::process::Command::new(std::env::current_exe()?)
        .arg0(name)
        .args(arguments)
        .env_remove(MASTER_KEY)
        .env(MASTER_KEY_PIPE, descriptor)
        .exec();
    Err(error).context("this program cannot be started again without the master key in its environment")
}

/// The master key that [`take_master_key_out`] handed over; the pipe is empty then.
fn handed_master_key() -> Result<Option<String>> {
    let Ok(descriptor) = std::env::var(MASTER_KEY_PIPE) else {
        return Ok(None);
    };
    let descriptor: u32 = descriptor.parse().context("WHARF_MASTER_KEY_PIPE is none of yours to set")?;
    let key =
        std::fs::read_to_string(format!("/dev/fd/{descriptor}")).context("the pipe of the master key")?;
    Ok(Some(key))
}

/// The configuration with which a server of this data directory runs, for commands beside it.
pub(crate) fn located(file: Option<&Path>, data_dir: Option<&str>) -> Result<Config, Fault> {
    let flag = |value: &str| Override {
        key: "data-dir".to_owned(),
        value: value.to_owned(),
        origin: "--data-dir".to_owned(),
    };
    load(file, data_dir.map(flag).into_iter().collect())
}

fn config(args: &Args) -> Result<Config, Fault> {
    load(args.config.as_deref(), flags(args)?)
}

fn load(file: Option<&Path>, flags: Vec<Override>) -> Result<Config, Fault> {
    let (name, text) = match file {
        Some(file) => (file.to_owned(), Some(read(file)?)),
        None => (PathBuf::from(USUAL_FILE), std::fs::read_to_string(USUAL_FILE).ok()),
    };
    let name = name.display().to_string();
    let source = text.as_deref().map(|text| Source { name: &name, text });
    let mut overrides = from_env(std::env::vars());
    overrides.extend(flags);
    Config::load(source, &overrides).map_err(|error| {
        Fault::new(Exit::Usage, "config", error.to_string())
            .fix("docs/reference/config.md lists every setting with its default")
    })
}

fn read(file: &Path) -> Result<String, Fault> {
    std::fs::read_to_string(file)
        .map_err(|error| Fault::usage(format!("cannot read {}: {error}", file.display())))
}

/// The flags as overrides, in the order of the help.
fn flags(args: &Args) -> Result<Vec<Override>, Fault> {
    let flag = |key: &str, flag: &str, value: String| Override {
        key: key.to_owned(),
        value,
        origin: flag.to_owned(),
    };
    let mut overrides = Vec::new();
    for (key, name, value) in [
        ("listen", "--listen", &args.listen),
        ("data-dir", "--data-dir", &args.data_dir),
        ("connectors.watch", "--watch", &args.watch),
        ("report.log", "--log", &args.log),
    ] {
        overrides.extend(value.clone().map(|value| flag(key, name, value)));
    }
    if !args.allow_private.is_empty() {
        let tables: Vec<String> = args.allow_private.iter().map(table).collect();
        overrides.push(flag("egress.carve-outs", "--allow-private", format!("[{}]", tables.join(", "))));
    }
    for setting in &args.set {
        let (key, value) = pair("--set", setting)?;
        overrides.push(flag(key, "--set", value.to_owned()));
    }
    Ok(overrides)
}

/// A carve-out as the configuration file writes it.
fn table(carve_out: &wharf_gate::CarveOut) -> String {
    let ports = carve_out.ports.as_ref().map(|ports| format!(", ports = {ports:?}")).unwrap_or_default();
    format!("{{ cidr = \"{}\"{ports} }}", carve_out.cidr)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        args: Args,
    }

    #[test]
    fn flags_win_and_are_named() {
        let line = [
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--allow-private",
            "127.0.0.1/32:9000,9001",
            "--set",
            "drain-seconds=3",
        ];
        let args = Line::try_parse_from(line).unwrap().args;
        let config = Config::load(None, &flags(&args).unwrap()).unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:0");
        assert_eq!(config.drain.as_secs(), 3);
        assert_eq!(config.carve_outs.len(), 1);
        let wrong = Line::try_parse_from(["serve", "--set", "drain-secs=3"]).unwrap().args;
        assert!(Config::load(None, &flags(&wrong).unwrap()).unwrap_err().to_string().starts_with("--set: "));
    }
}
