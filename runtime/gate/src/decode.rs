//! Content codings (RFC 9110, section 8.4), undone piece by piece.
//!
//! The gate asks for them itself: a secret cannot be found in an encoded body, and the cap on what a
//! connector receives is on decoded bytes. What the gate does not know is handed on as it is, unless
//! a credential went along.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use async_compression::tokio::bufread::{BrotliDecoder, GzipDecoder, ZlibDecoder};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::stream::try_unfold;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, ReadBuf};
use wharf_model::http::{HttpError, Pieces};

/// Codings of one body: one of the representation, one more of a careless proxy.
const MAX_NESTED: usize = 2;

/// Bits of a Brotli window (RFC 7932, section 9.1) that the gate gives room to: 4 MiB. Encoders take 22
/// unless they are told otherwise. The format goes to 24, and a private extension that the decoder reads
/// as well to 30: a gigabyte for each response under way, asked for by a few bytes.
const MOST_WINDOW_BITS: u8 = 22;

/// Bytes decoded at once.
const PIECE: usize = 32 * 1024;

/// A coding that the gate undoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    Deflate,
    Brotli,
}

/// How a body is encoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Codings {
    None,
    /// In the order in which they were applied.
    Known(Vec<Coding>),
    /// One that the gate cannot undo.
    Unknown(String),
}

/// What the gate asks for. Not `deflate`: servers disagree about what it is. A length, and a part of
/// a body, are of the body as it is.
pub(crate) fn accepted(method: &Method, headers: &HeaderMap) -> HeaderValue {
    let as_it_is = *method == Method::HEAD || headers.contains_key(header::RANGE);
    HeaderValue::from_static(if as_it_is { "identity" } else { "gzip, br" })
}

impl Codings {
    pub(crate) fn of(status: StatusCode, headers: &HeaderMap) -> Result<Self, HttpError> {
        let values = headers.get_all(header::CONTENT_ENCODING).iter();
        let text: Vec<String> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase()).collect();
        let names = text.iter().flat_map(|text| text.split(',')).map(str::trim);
        let names: Vec<&str> = names.filter(|name| !name.is_empty() && *name != "identity").collect();
        if names.is_empty() {
            return Ok(Self::None);
        }
        if names.len() > MAX_NESTED {
            let count = names.len();
            let problem =
                format!("encoding: the body is encoded {count} times; at most {MAX_NESTED} are undone");
            return Err(HttpError::BadResponse(problem));
        }
        let known: Option<Vec<Coding>> = names.iter().map(|name| Coding::of(name)).collect();
        match known {
            // A part of an encoded body is no encoded body.
            Some(codings) if status != StatusCode::PARTIAL_CONTENT => Ok(Self::Known(codings)),
            Some(_) | None => Ok(Self::Unknown(names.join(", ").chars().take(32).collect())),
        }
    }
}

impl Coding {
    fn of(name: &str) -> Option<Self> {
        match name {
            "gzip" | "x-gzip" => Some(Self::Gzip),
            "deflate" => Some(Self::Deflate),
            "br" => Some(Self::Brotli),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Brotli => "br",
        }
    }
}

/// The body without the coding. An empty body is one in every coding.
pub(crate) fn decoded(pieces: Pieces, coding: Coding) -> Pieces {
    let decoder = Decoder::new(coding, Source { pieces, current: Bytes::new() });
    Box::pin(try_unfold(
        (decoder, BytesMut::new(), Begun::No),
        move |(mut decoder, mut out, begun)| async move {
            let problem = |error: io::Error| broken(coding, error);
            if begun == Begun::No {
                let Some(first) = decoder.source().fill_buf().await.map_err(problem)?.first().copied() else {
                    return Ok(None);
                };
                affordable(coding, first)?;
            }
            out.reserve(PIECE);
            if decoder.read(&mut out).await.map_err(problem)? == 0 {
                return match decoder.source().fill_buf().await.map_err(problem)?.is_empty() {
                    true => Ok(None),
                    false => Err(HttpError::BadResponse(format!(
                        "encoding: bytes after the end of the {}",
                        coding.name()
                    ))),
                };
            }
            let piece = out.split().freeze();
            Ok(Some((piece, (decoder, out, Begun::Yes))))
        },
    ))
}

/// Refuses a body whose decoder would need more memory than a response is given, by its first byte.
fn affordable(coding: Coding, first: u8) -> Result<(), HttpError> {
    match coding {
        Coding::Brotli if window_bits(first).is_none_or(|bits| bits > MOST_WINDOW_BITS) => {
            Err(HttpError::BadResponse(format!(
                "encoding: the br needs a window of more than {} bytes; at most {MOST_WINDOW_BITS} window bits are \
                 undone",
                1_u32 << MOST_WINDOW_BITS
            )))
        }
        // Deflate has 32 KiB, always.
        Coding::Brotli | Coding::Gzip | Coding::Deflate => Ok(()),
    }
}

/// WBITS, the first one to seven bits of a Brotli stream, low bits first; none for the pattern that the
/// format leaves out and the extension of large windows uses.
fn window_bits(first: u8) -> Option<u8> {
    match (first & 1, (first >> 1) & 7, (first >> 4) & 7) {
        (0, _, _) => Some(16),
        (_, 0, 0) => Some(17),
        (_, 0, 1) => None,
        (_, 0, more) => Some(8 + more),
        (_, more, _) => Some(17 + more),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begun {
    No,
    Yes,
}

/// What the source said, or that the coding is broken. The decoders cannot always tell whether it is
/// damaged or cut short.
fn broken(coding: Coding, error: io::Error) -> HttpError {
    let own = error.into_inner().and_then(|inner| inner.downcast::<HttpError>().ok());
    own.map_or_else(
        || HttpError::BadResponse(format!("encoding: the {} is damaged or cut short", coding.name())),
        |own| *own,
    )
}

enum Decoder {
    Gzip(Box<GzipDecoder<Source>>),
    Deflate(Box<ZlibDecoder<Source>>),
    Brotli(Box<BrotliDecoder<Source>>),
}

impl Decoder {
    fn new(coding: Coding, source: Source) -> Self {
        match coding {
            Coding::Gzip => {
                let mut decoder = GzipDecoder::new(source);
                decoder.multiple_members(true);
                Self::Gzip(Box::new(decoder))
            }
            Coding::Deflate => Self::Deflate(Box::new(ZlibDecoder::new(source))),
            Coding::Brotli => Self::Brotli(Box::new(BrotliDecoder::new(source))),
        }
    }

    fn source(&mut self) -> &mut Source {
        match self {
            Self::Gzip(decoder) => decoder.get_mut(),
            Self::Deflate(decoder) => decoder.get_mut(),
            Self::Brotli(decoder) => decoder.get_mut(),
        }
    }

    async fn read(&mut self, out: &mut BytesMut) -> io::Result<usize> {
        match self {
            Self::Gzip(decoder) => decoder.read_buf(out).await,
            Self::Deflate(decoder) => decoder.read_buf(out).await,
            Self::Brotli(decoder) => decoder.read_buf(out).await,
        }
    }
}

/// Pieces as a decoder wants them. An error of theirs passes through it unchanged.
struct Source {
    pieces: Pieces,
    current: Bytes,
}

impl AsyncBufRead for Source {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        while this.current.is_empty() {
            match ready!(this.pieces.as_mut().poll_next(context)) {
                Some(Ok(piece)) => this.current = piece,
                Some(Err(error)) => return Poll::Ready(Err(io::Error::other(error))),
                None => return Poll::Ready(Ok(&[])),
            }
        }
        Poll::Ready(Ok(&this.current))
    }

    fn consume(mut self: Pin<&mut Self>, count: usize) {
        let count = count.min(self.current.len());
        self.current.advance(count);
    }
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let have = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = have.len().min(out.remaining());
        out.put_slice(have.get(..count).unwrap_or_default());
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}
