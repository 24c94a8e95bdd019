//! Programs that are run: with a clean environment, for a bounded time, and gone when nobody waits
//! for them any more.

use std::{ffi::OsStr, path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::Command,
    time::timeout,
};

use super::{BuildError, environment::Environment};

/// Lines of a failed program that are shown; what matters stands at the end.
const SHOWN_LINES: usize = 120;

/// How a program ended.
pub(super) struct Ended {
    pub(super) success: bool,
    /// `exit status: 101`.
    pub(super) status: String,
    pub(super) stdout: Vec<u8>,
    /// The end of it.
    pub(super) stderr: String,
}

/// A program in a directory, without a terminal's input.
pub(super) fn program(program: impl AsRef<OsStr>, dir: &Path, environment: &Environment) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir).env_clear().envs(environment.variables().iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a program to its end; each line that it writes to stderr is handed over as it comes.
pub(super) async fn run(
    mut command: Command,
    limit: Duration,
    line: &mut (dyn FnMut(String) + Send),
) -> Result<Ended, BuildError> {
    let name = command.as_std().get_program().to_string_lossy().into_owned();
    let failed =
        |error: std::io::Error| BuildError::Program { program: name.clone(), message: error.to_string() };
    let mut child = command.spawn().map_err(failed)?;
    let (mut out, err) = (child.stdout.take(), child.stderr.take());
    let mut stdout = Vec::new();
    let mut shown = Vec::new();
    let reading_out = async {
        match &mut out {
            Some(out) => out.read_to_end(&mut stdout).await.map(drop),
            None => Ok(()),
        }
    };
    let reading_err = async {
        let Some(err) = err else { return Ok(()) };
        let mut reader = BufReader::new(err);
        let mut bytes = Vec::new();
        // By bytes: a compiler quotes source, and source may be anything.
        while reader.read_until(b'\n', &mut bytes).await? > 0 {
            let text = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            bytes.clear();
            line(text.clone());
            shown.push(text);
        }
        Ok(())
    };
    let all = async {
        let (read_out, read_err) = tokio::join!(reading_out, reading_err);
        read_out.and(read_err)?;
        child.wait().await
    };
    let status = match timeout(limit, all).await {
        Err(_) => {
            return Err(BuildError::TimedOut { program: name, seconds: limit.as_secs() });
        }
        Ok(status) => status.map_err(failed)?,
    };
    let stderr = shown.split_off(shown.len().saturating_sub(SHOWN_LINES)).join("\n");
    Ok(Ended { success: status.success(), status: status.to_string(), stdout, stderr })
}

/// Runs a program that is asked something; its stdout, or why there is none.
pub(super) async fn ask(command: Command, limit: Duration) -> Result<String, String> {
    let ended = run(command, limit, &mut |_| ()).await.map_err(|error| error.to_string())?;
    if ended.success {
        Ok(String::from_utf8_lossy(&ended.stdout).trim().to_owned())
    } else {
        let line = ended.stderr.lines().find(|line| !line.trim().is_empty());
        Err(line.unwrap_or(&ended.status).to_owned())
    }
}
