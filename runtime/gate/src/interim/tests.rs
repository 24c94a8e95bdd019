//! Heads counted in frames, however they are cut; and what passes through uncounted.

use std::task::Waker;

use super::*;

/// A frame with a payload of `length` bytes that read like heads of the same stream.
fn frame(kind: u8, flags: u8, stream: u32, length: usize) -> Vec<u8> {
    let [_, length_bytes @ ..] = u32::try_from(length).unwrap().to_be_bytes();
    let mut bytes = [&length_bytes[..], &[kind, flags]].concat();
    bytes.extend(stream.to_be_bytes());
    bytes.extend([0, 0, 0, HEADERS, 0, 0, 0, 0, 1].iter().cycle().take(length));
    bytes
}

/// What the frames are judged, cut into pieces of every size.
#[track_caller]
fn check(bytes: &[u8], expected: bool) {
    for size in [1, 2, 3, 8, 9, 10, 64, bytes.len().max(1)] {
        let mut frames = Frames::default();
        assert_eq!(bytes.chunks(size).all(|piece| frames.take(piece)), expected, "pieces of {size}");
    }
}

#[test]
fn heads_are_counted_for_each_stream() {
    let heads = |stream, count| frame(HEADERS, 0x4, stream, 7).repeat(count);
    check(&[], true);
    check(&heads(1, MAX + FINAL), true);
    check(&heads(1, MAX + FINAL + 1), false);
    check(&[heads(1, MAX), heads(3, MAX), heads(1, FINAL), heads(3, FINAL)].concat(), true);
    check(&[heads(1, MAX), heads(3, MAX), heads(1, FINAL + 1)].concat(), false);
    // The reserved bit is not part of the number.
    check(&[heads(1, MAX + FINAL), heads(0x8000_0001, 1)].concat(), false);
    // Other frames do not count, whatever their payload looks like.
    check(&[frame(DATA, 0, 1, 255).repeat(100), heads(1, 2)].concat(), true);
    for length in [0x100, 0x1_0000, 0x1_0203, 0x2_0909] {
        let data = frame(DATA, 0, 1, length);
        check(&[data.clone(), heads(1, MAX + FINAL)].concat(), true);
        check(&[data, heads(1, MAX + FINAL + 1)].concat(), false);
    }
}

#[test]
fn a_stream_that_ended_is_forgotten() {
    for end in [frame(DATA, END_STREAM, 1, 3), frame(HEADERS, END_STREAM, 1, 0), frame(RST_STREAM, 0, 1, 4)] {
        let half = frame(HEADERS, 0, 1, 0).repeat(MAX);
        check(&[half.clone(), end.clone(), half.clone()].concat(), true);
    }
    let many: Vec<u8> = (0..3000).flat_map(|n| frame(HEADERS, 0, 2 * n + 1, 0)).collect();
    check(&many, true);
}

/// Hands out what it has been given to read, and notes what is asked of it.
#[derive(Default)]
struct Recorder {
    inbound: Vec<u8>,
    calls: Vec<&'static str>,
    vectored: bool,
}

impl AsyncRead for Recorder {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        buffer.put_slice(&std::mem::take(&mut self.inbound));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Recorder {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.calls.push("write");
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.calls.push("flush");
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.calls.push("shutdown");
        Poll::Ready(Ok(()))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.calls.push("vectored");
        Poll::Ready(Ok(pieces.iter().map(|piece| piece.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        self.vectored
    }
}

#[test]
fn what_is_written_passes_and_what_is_read_is_counted() {
    let mut context = Context::from_waker(Waker::noop());
    for vectored in [false, true] {
        let flooded = Flooded::default();
        let mut counted = Counted::new(Recorder { vectored, ..Recorder::default() }, flooded.clone());
        assert_eq!(counted.is_write_vectored(), vectored);
        let mut io = Pin::new(&mut counted);
        assert!(matches!(io.as_mut().poll_write(&mut context, b"abc"), Poll::Ready(Ok(3))));
        let pieces = [io::IoSlice::new(b"ab"), io::IoSlice::new(b"cde")];
        assert!(matches!(io.as_mut().poll_write_vectored(&mut context, &pieces), Poll::Ready(Ok(5))));
        assert!(matches!(io.as_mut().poll_flush(&mut context), Poll::Ready(Ok(()))));
        assert!(matches!(io.as_mut().poll_shutdown(&mut context), Poll::Ready(Ok(()))));
        assert_eq!(io.io.calls, ["write", "vectored", "flush", "shutdown"]);
        // What stood in the buffer before is not the peer's.
        let mut space = [0; 4096];
        for (count, fits) in [(MAX + FINAL, true), (1, false)] {
            io.io.inbound = frame(HEADERS, 0, 1, 0).repeat(count);
            let mut buffer = ReadBuf::new(&mut space);
            buffer.put_slice(&frame(HEADERS, 0, 1, 0).repeat(MAX));
            let read = io.as_mut().poll_read(&mut context, &mut buffer);
            assert_eq!(matches!(read, Poll::Ready(Ok(()))), fits);
            assert_eq!(flooded.is_set(), !fits);
        }
    }
}
