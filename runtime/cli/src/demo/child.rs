//! `wharf serve` as a process of its own, so that `kill -9` is a real one.

use std::{
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// How long a server may take to start: it loads every connector.
const START: Duration = Duration::from_secs(60);
/// How long it may take to stop; it drains for a few seconds at most.
const STOP: Duration = Duration::from_secs(15);

/// How a server is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program: this one.
    pub program: PathBuf,
    /// Its data.
    pub data_dir: PathBuf,
    /// Where its log goes.
    pub log: PathBuf,
    /// Where it listens; port 0 for a free one.
    pub listen: SocketAddr,
    /// What connectors may reach on this machine.
    pub provider: SocketAddr,
    /// Variables for its environment, besides the caller's without `WHARF_`.
    pub env: Vec<(String, String)>,
}

/// A running server; dropping it kills it.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Kept open: a server that prints to a closed pipe would be none the wiser, but the next line may matter.
    _stdout: BufReader<ChildStdout>,
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its process id.
    pub pid: u32,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Errors
    /// It ends, or does not say where it listens; with the end of its log.
    pub async fn start(launch: &Launch) -> Result<Self> {
        let mut child =
            command(launch)?.spawn().with_context(|| format!("cannot start {}", launch.program.display()))?;
        let pid = child.id().context("the server ended at once")?;
        let mut stdout = BufReader::new(child.stdout.take().context("the server has no stdout")?);
        let mut line = String::new();
        match timeout(START, stdout.read_line(&mut line)).await {
            Ok(Ok(1..)) => {}
            Ok(Ok(0)) | Ok(Err(_)) => {
                bail!("the server did not start:\n{}\n{}", line, tail(&launch.log))
            }
            Err(_) => bail!("the server did not start within {} s:\n{}", START.as_secs(), tail(&launch.log)),
        }
        let addr = address(&line)
            .with_context(|| format!("the server did not start: {}\n{}", line.trim(), tail(&launch.log)))?;
        Ok(Self { child, _stdout: stdout, addr, pid })
    }

    /// `kill -9`: the process has no chance to do anything.
    ///
    /// # Errors
    /// It had ended before.
    pub async fn kill(&mut self) -> Result<()> {
        self.child.kill().await.context("the server could not be killed")
    }

    /// `SIGTERM`, and waits for the end.
    ///
    /// # Errors
    /// It does not end in time, or not well.
    pub async fn stop(mut self) -> Result<()> {
        let pid = i32::try_from(self.pid).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, Signal::TERM).context("the server could not be told to stop")?;
        let status = timeout(STOP, self.child.wait())
            .await
            .with_context(|| format!("the server did not stop within {} s", STOP.as_secs()))??;
        if !status.success() {
            bail!("the server stopped with {status}");
        }
        Ok(())
    }

    /// Waits until the process ends by itself.
    ///
    /// # Errors
    /// It cannot be waited for.
    pub async fn ended(&mut self) -> Result<()> {
        let status = self.child.wait().await?;
        bail!("the server ended: {status}")
    }
}

/// The command line and environment of a server.
fn command(launch: &Launch) -> Result<Command> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(&launch.log)
        .with_context(|| format!("{}", launch.log.display()))?;
    let mut command = Command::new(&launch.program);
    // The user's own settings and wharf.toml are for the user's own server.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("WHARF_") {
            command.env_remove(name);
        }
    }
    command
        .envs(launch.env.iter().map(|(name, value)| (name, value)))
        .args(["--json", "serve", "--log", "json"])
        .args(["--set", "drain-seconds=5"])
        .arg("--listen")
        .arg(launch.listen.to_string())
        .arg("--data-dir")
        .arg(&launch.data_dir)
        .arg("--allow-private")
        .arg(format!("{}/32:{}", launch.provider.ip(), launch.provider.port()))
        .current_dir(launch.log.parent().unwrap_or(Path::new(".")))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true);
    Ok(command)
}

/// The address in the first line of `wharf serve --json`.
fn address(line: &str) -> Option<SocketAddr> {
    let started: Value = serde_json::from_str(line).ok()?;
    started.get("server")?.as_str()?.strip_prefix("http://")?.parse().ok()
}

/// The last lines of a log.
pub(super) fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(10);
    lines.get(from..).unwrap_or_default().join("\n")
}
