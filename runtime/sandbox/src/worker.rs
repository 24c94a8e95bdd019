//! Compiling in a process of its own, because a compile cannot be cancelled: limits of CPU and
//! address space are the kernel's, and what is left over is killed.
//!
//! On stdin: magic, CPU seconds, address space, length (each 8 bytes, little-endian) and the
//! component. On stdout: one byte for how it went, a length and the artifact or a message. A worker
//! that says nothing has run into a limit.

use std::{
    io::{self, Read, Write},
    process::Stdio,
    time::Duration,
};

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
    time::timeout,
};

use crate::{
    config::WorkerCommand,
    engine::{self, Flavour},
    load::LoadError,
};

/// How a request begins, by engine.
const MAGIC: [(Flavour, [u8; 8]); 2] = [(Flavour::Plain, *b"wharf-c1"), (Flavour::Concurrent, *b"wharf-c3")];
pub(crate) const COMPILED: u8 = 0;
const REFUSED: u8 = 1;

/// An artifact is some three times as large as its component; more is no artifact.
const MAX_ARTIFACT: u64 = 512 << 20;
/// Nor does any component have more bytes than this, whatever is configured.
const MAX_COMPONENT: u64 = 256 << 20;

/// From a worker's last byte to its end.
const LAST_BREATH: Duration = Duration::from_secs(2);

/// Why a worker could not do its work; it exits with a failure.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// Started by hand, or by another version.
    #[error("this process compiles connectors for `wharf serve`; it expects one on its stdin")]
    Protocol,
    /// The parent went away.
    #[error("pipe: {0}")]
    Pipe(#[from] io::Error),
    /// The limits could not be set, so nothing was compiled.
    #[error("limits: {0}")]
    Limits(String),
    /// The engine does not start.
    #[error("{0}")]
    Engine(String),
}

/// The body of the compile worker: reads one component, limits itself, compiles, writes.
///
/// # Errors
/// When the pipe breaks, the limits cannot be set, or the input is not from a parent.
pub fn compile_worker(input: impl Read, output: impl Write) -> Result<(), WorkerError> {
    serve(input, output, limit)
}

/// The worker without its limits, which would hold for a test process too.
pub(crate) fn serve(
    mut input: impl Read,
    mut output: impl Write,
    limit: impl FnOnce(u64, u64) -> Result<(), WorkerError>,
) -> Result<(), WorkerError> {
    let mut magic = [0; 8];
    input.read_exact(&mut magic).map_err(|_| WorkerError::Protocol)?;
    let flavour = MAGIC.iter().find(|(_, known)| *known == magic).map(|(flavour, _)| *flavour);
    let flavour = flavour.ok_or(WorkerError::Protocol)?;
    let (cpu, memory, length) = (number(&mut input)?, number(&mut input)?, number(&mut input)?);
    if length > MAX_COMPONENT {
        return Err(WorkerError::Protocol);
    }
    // The engine first: it belongs to the worker, the rest to the component.
    let engine = engine::compiler(flavour).map_err(|error| WorkerError::Engine(error.to_string()))?;
    limit(cpu, memory)?;
    let mut component = Vec::new();
    input.take(length).read_to_end(&mut component)?;
    let (status, answer) = match engine.precompile_component(&component) {
        Ok(artifact) => (COMPILED, artifact),
        Err(error) => (REFUSED, format!("{error:#}").into_bytes()),
    };
    output.write_all(&[status])?;
    output.write_all(&(answer.len() as u64).to_le_bytes())?;
    output.write_all(&answer)?;
    output.flush()?;
    Ok(())
}

fn number(input: &mut impl Read) -> Result<u64, WorkerError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes).map_err(|_| WorkerError::Protocol)?;
    Ok(u64::from_le_bytes(bytes))
}

fn limit(cpu_seconds: u64, address_space: u64) -> Result<(), WorkerError> {
    let set = |resource, most: u64| {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|error| WorkerError::Limits(error.to_string()))
    };
    set(Resource::Cpu, cpu_seconds)?;
    set(Resource::As, address_space)?;
    set(Resource::Core, 0)?;
    // No file can be opened and no socket made: the three that are open are the last ones. What a
    // bug of the compiler could do is to write to its pipe.
    set(Resource::Nofile, 3)?;
    set(Resource::Fsize, 0)?;
    // Calls go first. A host that forbids it compiles at normal priority.
    let _ = nice(19);
    Ok(())
}

/// Compiles in a worker. What does not end in time is killed.
pub(crate) async fn compile(
    command: &WorkerCommand,
    flavour: Flavour,
    component: &[u8],
) -> Result<Vec<u8>, LoadError> {
    let host = |what: &str, error: io::Error| LoadError::Host(format!("compile worker: {what}: {error}"));
    let mut child = Command::new(&command.program)
        .args(&command.args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| host(&command.program.display().to_string(), error))?;
    // A worker that only waits for the CPU may take longer than its CPU seconds, not for ever.
    let patience = Duration::from_secs(command.cpu_seconds.saturating_mul(4).saturating_add(10));
    let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
    let talk = async {
        if let Some(mut stdin) = stdin {
            // A worker that died closes the pipe; what it said, or did not, tells the rest.
            let _ = send(&mut stdin, command, flavour, component).await;
        }
        match stdout {
            Some(stdout) => receive(stdout).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    };
    let answer = timeout(patience, talk).await;
    // It has said all it had to say; how it ends says why, if it was nothing.
    let ended = match answer {
        Ok(_) => timeout(LAST_BREATH, child.wait()).await.ok(),
        Err(_) => None,
    };
    let status = match ended {
        Some(status) => status,
        None => {
            let _ = child.start_kill();
            child.wait().await
        }
    }
    .map_err(|error| host("wait", error))?;
    match answer {
        Err(_) => Err(LoadError::CompileBudget(format!("no result after {} s", patience.as_secs()))),
        Ok(Ok((COMPILED, artifact))) => Ok(artifact),
        Ok(Ok((REFUSED, text))) => {
            Err(LoadError::Malformed(crate::inert::inert(&String::from_utf8_lossy(&text))))
        }
        Ok(Ok(_)) => Err(LoadError::Host("compile worker: not a wharf compile worker".into())),
        Ok(Err(_)) => Err(silent(status, command)),
    }
}

/// A worker that ended without an answer: a signal is the kernel's, a code its own.
fn silent(status: std::process::ExitStatus, command: &WorkerCommand) -> LoadError {
    use std::os::unix::process::ExitStatusExt as _;
    match status.signal() {
        Some(_) => LoadError::CompileBudget(format!(
            "over {} s of CPU or {} MiB of memory ({status})",
            command.cpu_seconds,
            command.address_space >> 20
        )),
        None => {
            LoadError::Host(format!("compile worker `{}` ended with {status}", command.program.display()))
        }
    }
}

pub(crate) async fn send(
    stdin: &mut (impl AsyncWriteExt + Unpin),
    command: &WorkerCommand,
    flavour: Flavour,
    component: &[u8],
) -> io::Result<()> {
    for (known, magic) in MAGIC {
        if known == flavour {
            stdin.write_all(&magic).await?;
        }
    }
    for number in [command.cpu_seconds, command.address_space, component.len() as u64] {
        stdin.write_all(&number.to_le_bytes()).await?;
    }
    stdin.write_all(component).await?;
    stdin.flush().await
}

pub(crate) async fn receive(mut stdout: impl AsyncReadExt + Unpin) -> io::Result<(u8, Vec<u8>)> {
    let status = stdout.read_u8().await?;
    let length = stdout.read_u64_le().await?;
    if length > MAX_ARTIFACT {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let mut answer = Vec::new();
    stdout.take(length).read_to_end(&mut answer).await?;
    if answer.len() as u64 == length {
        Ok((status, answer))
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}
