//! What a guest prints becomes lines of the step's log: whole lines, inert, capped.
//!
//! A line without an end is kept until the call is over, and a very long one is cut in two.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};
use wharf_model::call::LogLevel;

use crate::{
    log::Log,
    state::{Debt, State},
};

/// The longest line that is waited for; a longer one is cut in two.
const MAX_LINE: usize = 8 << 10;

/// Lines without an end yet, by stream.
#[derive(Clone, Default)]
pub(crate) struct Printed {
    pub(super) stdout: Partial,
    pub(super) stderr: Partial,
}

pub(super) type Partial = Arc<Mutex<Vec<u8>>>;

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

/// A stream whose lines become lines of the log.
#[derive(Clone)]
pub(super) struct Lines {
    pub(super) level: LogLevel,
    pub(super) log: Log,
    pub(super) partial: Partial,
    pub(super) debt: Debt,
}

impl Lines {
    fn take(&self, bytes: &[u8]) {
        self.debt.moved(bytes.len() as u64);
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
