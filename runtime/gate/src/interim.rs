//! Interim responses (1xx), counted: a server may send them for ever without ever answering.
//!
//! Over HTTP/1.1 the client reports each. Over HTTP/2 it drops them unseen, so there the frames are
//! counted as they come off the socket, before anything else looks at them.

use std::{
    collections::HashMap,
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::Notify,
};

/// Interim responses before the one that counts. Real servers send one or two.
pub(crate) const MAX: usize = 32;

/// Counts the interim responses of one request over HTTP/1.1.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    seen: AtomicUsize,
    flooded: Notify,
}

impl Watch {
    /// Watches the response of a request.
    pub(crate) fn over<B>(request: &mut http::Request<B>) -> Arc<Self> {
        let watch = Arc::new(Self::default());
        let counter = Arc::clone(&watch);
        hyper::ext::on_informational(request, move |_| {
            if counter.seen.fetch_add(1, Ordering::Relaxed) >= MAX {
                counter.flooded.notify_one();
            }
        });
        watch
    }

    /// Comes back when there are too many.
    pub(crate) async fn flooded(&self) {
        self.flooded.notified().await;
    }
}

/// Set once a connection had too many of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flooded(Arc<AtomicBool>);

impl Flooded {
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Frame types and a flag (RFC 9113, section 6).
const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const END_STREAM: u8 = 0x1;

const FRAME_HEAD: usize = 9;

/// Blocks of fields that a stream may have besides the interim ones: the response's and the trailers.
const FINAL: usize = 2;

/// Streams that are remembered. Those that the gate broke off are never heard of again.
const MAX_STREAMS: usize = 1024;

/// An HTTP/2 connection whose inbound frames are counted. It fails to read when a stream has too many heads.
pub(crate) struct Counted<T> {
    io: T,
    frames: Frames,
    flooded: Flooded,
}

#[derive(Debug, Default)]
struct Frames {
    head: [u8; FRAME_HEAD],
    filled: usize,
    payload: usize,
    heads: HashMap<u32, usize>,
}

impl<T> Counted<T> {
    pub(crate) fn new(io: T, flooded: Flooded) -> Self {
        Self { io, frames: Frames::default(), flooded }
    }
}

impl Frames {
    /// Takes bytes as they came; false when a stream has too many heads.
    fn take(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            let skipped = self.payload.min(bytes.len());
            self.payload -= skipped;
            bytes = bytes.get(skipped..).unwrap_or_default();
            let wanted = (FRAME_HEAD - self.filled).min(bytes.len());
            let (taken, rest) = bytes.split_at(wanted);
            if let Some(space) = self.head.get_mut(self.filled..self.filled + wanted) {
                space.copy_from_slice(taken);
            }
            self.filled += wanted;
            bytes = rest;
            if self.filled == FRAME_HEAD {
                self.filled = 0;
                if !self.frame() {
                    return false;
                }
            }
        }
        true
    }

    fn frame(&mut self) -> bool {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        self.payload = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        let stream = u32::from_be_bytes(stream) & 0x7fff_ffff;
        let ends = kind == RST_STREAM || (matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0);
        if kind == HEADERS {
            if self.heads.len() >= MAX_STREAMS {
                self.heads.clear();
            }
            let heads = self.heads.entry(stream).or_default();
            *heads += 1;
            if *heads > MAX + FINAL {
                return false;
            }
        }
        if ends {
            self.heads.remove(&stream);
        }
        true
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        let new = buffer.filled().get(before..).unwrap_or_default();
        if self.frames.take(new) {
            return Poll::Ready(Ok(()));
        }
        self.flooded.0.store(true, Ordering::Relaxed);
        Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, "too many interim responses")))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
