//! WASI 0.2 with nothing behind it, for components whose toolchain links it: no files, no sockets,
//! no environment, no arguments, an empty stdin. What is printed goes to the step's log.
//!
//! Clock and randomness are the step's, like those of the contract. The monotonic clock ticks a
//! microsecond with each reading: a call sees the same times on every attempt, and a loop that
//! waits for time to pass still ends.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::{
    Deterministic, HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};
use wharf_model::call::LogLevel;

use crate::{
    log::Log,
    state::{State, stream},
};

/// Random bytes of a call, after which they repeat: enough to seed hash maps and name things.
const RANDOM_BYTES: usize = 16 << 10;

/// The longest line that is waited for; a longer one is cut in two.
const MAX_LINE: usize = 8 << 10;

pub(crate) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

impl WasiView for State {
    /// Each host function of WASI comes through here first, so here it is counted and priced.
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.owe(crate::price::WASI);
        let seed = self.host.as_deref().map_or([0; 32], crate::Host::seed);
        let now = self.host.as_deref().map_or_else(Default::default, crate::Host::now);
        let (log, printed) = (&self.log, &self.printed);
        let ctx = self.wasi.get_or_insert_with(|| context(seed, Duration::from_millis(now.0), log, printed));
        WasiCtxView { ctx, table: &mut self.table }
    }
}

fn context(seed: [u8; 32], now: Duration, log: &Log, printed: &Printed) -> WasiCtx {
    let bytes = |purpose: &str| {
        let mut bytes = vec![0; RANDOM_BYTES];
        stream(seed, purpose).fill(&mut bytes);
        bytes
    };
    let mut word = [0; 16];
    stream(seed, "wasi insecure seed").fill(&mut word);
    let mut builder = WasiCtxBuilder::new();
    builder
        .secure_random(Deterministic::new(bytes("wasi random")))
        .insecure_random(Deterministic::new(bytes("wasi insecure random")))
        .insecure_random_seed(u128::from_le_bytes(word))
        .max_random_size(RANDOM_BYTES as u64)
        .wall_clock(StepClock(now))
        .monotonic_clock(Readings(AtomicU64::new(0)))
        .stdout(Lines { level: LogLevel::Info, log: log.clone(), partial: printed.stdout.clone() })
        .stderr(Lines { level: LogLevel::Warn, log: log.clone(), partial: printed.stderr.clone() });
    builder.build()
}

/// Lines without an end yet, by stream.
#[derive(Clone, Default)]
pub(crate) struct Printed {
    stdout: Partial,
    stderr: Partial,
}

type Partial = Arc<Mutex<Vec<u8>>>;

/// Logs what was printed without a line's end.
pub(crate) fn flush(state: &State) {
    for (partial, level) in [(&state.printed.stdout, LogLevel::Info), (&state.printed.stderr, LogLevel::Warn)]
    {
        let rest = std::mem::take(&mut *partial.lock().unwrap_or_else(PoisonError::into_inner));
        if !rest.is_empty() {
            state.log.push(level, &String::from_utf8_lossy(&rest), "");
        }
    }
}

struct StepClock(Duration);

impl HostWallClock for StepClock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        self.0
    }
}

struct Readings(AtomicU64);

impl HostMonotonicClock for Readings {
    fn resolution(&self) -> u64 {
        1_000
    }

    fn now(&self) -> u64 {
        self.0.fetch_add(1_000, Ordering::Relaxed)
    }
}

/// A stream whose lines become lines of the log.
#[derive(Clone)]
struct Lines {
    level: LogLevel,
    log: Log,
    partial: Partial,
}

impl Lines {
    fn take(&self, bytes: &[u8]) {
        // Once the log is full nothing is looked at: a flood costs the host next to nothing.
        if self.log.room() == 0 {
            return;
        }
        let mut partial = self.partial.lock().unwrap_or_else(PoisonError::into_inner);
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            let (text, ended) = piece.strip_suffix(b"\n").map_or((piece, false), |text| (text, true));
            for chunk in text.chunks(MAX_LINE) {
                partial.extend_from_slice(chunk);
                if partial.len() >= MAX_LINE {
                    self.log.push(self.level, &String::from_utf8_lossy(&std::mem::take(&mut *partial)), "");
                }
            }
            if ended {
                self.log.push(self.level, &String::from_utf8_lossy(&std::mem::take(&mut *partial)), "");
            }
        }
    }
}

impl IsTerminal for Lines {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Lines {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Lines {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}
