//! A body: all of it, or its pieces as they come.

use std::{fmt, future::poll_fn, pin::Pin};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;

use super::HttpError;

/// The pieces of a body in order. After an error comes nothing more. Dropping it gives up the rest,
/// and with it the connection that the rest would have come over.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, HttpError>> + Send>>;

/// See the module.
pub enum Body {
    /// All of it; empty for none.
    Whole(Bytes),
    /// As it comes.
    Pieces(Pieces),
}

impl Body {
    /// No body.
    #[must_use]
    pub const fn empty() -> Self {
        Self::Whole(Bytes::new())
    }

    /// Its length in bytes, where that is known.
    #[must_use]
    pub fn len(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Pieces(_) => None,
        }
    }

    /// Whether it is known to have no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == Some(0)
    }

    /// Reads it to its end. Its producer holds it to a cap.
    ///
    /// # Errors
    /// What broke it off.
    pub async fn whole(self) -> Result<Bytes, HttpError> {
        let mut pieces = match self {
            Self::Whole(bytes) => return Ok(bytes),
            Self::Pieces(pieces) => pieces,
        };
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(piece) = poll_fn(|context| pieces.as_mut().poll_next(context)).await {
            let piece = piece?;
            // A body of one piece is that piece; nothing is copied.
            if first.is_empty() && all.is_empty() {
                first = piece;
                continue;
            }
            all.extend_from_slice(&std::mem::take(&mut first));
            all.extend_from_slice(&piece);
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::empty()
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Whole(bytes.into())
    }
}

impl From<&'static str> for Body {
    fn from(text: &'static str) -> Self {
        Self::Whole(text.into())
    }
}

/// Never the bytes: they are somebody's data.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Self::Pieces(_) => f.write_str("Body(pieces)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;

    struct List(std::vec::IntoIter<Result<Bytes, HttpError>>);

    impl Stream for List {
        type Item = Result<Bytes, HttpError>;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
            Poll::Ready(self.0.next())
        }
    }

    #[track_caller]
    fn check(pieces: &[Result<&'static str, &str>], expected: Result<&str, &str>) {
        let pieces: Vec<_> = pieces
            .iter()
            .map(|piece| piece.map(Bytes::from).map_err(|why| HttpError::Interrupted(why.to_owned())))
            .collect();
        let body = Body::Pieces(Box::pin(List(pieces.into_iter())));
        let mut whole = Box::pin(body.whole());
        let Poll::Ready(whole) = whole.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing here waits");
        };
        let whole = whole.map(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
        let expected = expected.map(str::to_owned).map_err(str::to_owned);
        assert_eq!(whole.map_err(|error| error.to_string()), expected);
    }

    #[test]
    fn a_body_is_read_to_its_end_or_to_its_error() {
        check(&[], Ok(""));
        check(&[Ok("abc")], Ok("abc"));
        check(&[Ok(""), Ok("a"), Ok(""), Ok("bc")], Ok("abc"));
        check(&[Ok("ab"), Ok("cd"), Ok("")], Ok("abcd"));
        check(&[Ok("a"), Err("cut"), Ok("b")], Err("interrupted: cut"));
    }
}
