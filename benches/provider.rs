//! A provider that costs little beside the client that calls it: it reads a request to its end and
//! answers 1,000 bytes of JSON, on as many kept connections as the client opens.
//!
//! The bench runs it as a process of its own (its own binary again), so that the CPU of one side can be
//! told from the other's.

use std::{
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::EVENT;

/// What the bench's binary is called with to be the provider.
pub const SERVE: &str = "serve-provider";

/// A provider in a process of its own, which ends with this value.
#[derive(Debug)]
pub struct Provider {
    /// Where it listens.
    pub addr: SocketAddr,
    child: Child,
}

impl Provider {
    /// Starts this very program as the provider.
    ///
    /// # Errors
    /// It does not start, or does not say where it listens.
    pub fn start() -> Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg(SERVE)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the provider")?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("the provider's output")?).read_line(&mut line)?;
        let addr = line.trim().parse().with_context(|| format!("the provider said `{}`", line.trim()))?;
        Ok(Self { addr, child })
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        // It also ends with its standard input; a bench that is over has nothing to report here.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Serves until the standard input ends; says first where.
///
/// # Errors
/// No socket.
pub async fn serve(say: impl FnOnce(SocketAddr)) -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    say(listener.local_addr()?);
    let accept = async {
        loop {
            let (stream, _) = listener.accept().await?;
            tokio::spawn(answer(stream));
        }
    };
    // A read from the standard input blocks its thread for ever, which is what a thread is for.
    let ended = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
    tokio::select! {
        accepted = accept => accepted,
        _ = ended => Ok(()),
    }
}

async fn answer(mut stream: TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let response = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{EVENT}",
        EVENT.len()
    );
    let mut buffer = vec![0; 16 << 10];
    let mut filled = 0;
    loop {
        let read = stream.read(buffer.get_mut(filled..).unwrap_or_default()).await?;
        ensure!(read > 0, "the client closed");
        filled += read;
        while let Some(length) = whole_request(buffer.get(..filled).unwrap_or_default()) {
            buffer.copy_within(length..filled, 0);
            filled -= length;
            stream.write_all(response.as_bytes()).await?;
        }
        ensure!(filled < buffer.len(), "a request of more than {} bytes", buffer.len());
    }
}

/// The bytes of the first request, if it is all there.
fn whole_request(bytes: &[u8]) -> Option<usize> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(bytes.get(..head)?).ok()?;
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let whole = head + length.unwrap_or(0);
    (bytes.len() >= whole).then_some(whole)
}
