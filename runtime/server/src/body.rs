//! Reading a request's body: never more than was agreed, never longer than a peer deserves, and never
//! more than there is room for.
//!
//! Memory is counted as bytes arrive, not as a peer announces them: a thousand slow peers that
//! promise a megabyte each hold a thousand times what they sent, and nobody else is turned away.

use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Room for the bodies that are being read and handled.
#[derive(Clone, Debug)]
pub(crate) struct Room(Arc<Semaphore>);

/// A whole body, and the room it takes until it is dropped.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Vec<u8>,
    held: Option<OwnedSemaphorePermit>,
}

/// How much of a body is read, and how long that may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    pub(crate) bytes: usize,
    pub(crate) within: Duration,
}

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// Longer than the allowance; reading stopped there.
    TooLarge(usize),
    /// A `Content-Encoding`: a body that grows when it is unpacked is not wanted.
    Encoded,
    /// Not all there in time.
    Slow(Duration),
    /// The connection broke.
    Broken,
    /// Other bodies take all the room.
    NoRoom,
}

impl Room {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Unread> {
        let bytes = u32::try_from(bytes).map_err(|_| Unread::NoRoom)?;
        Arc::clone(&self.0).try_acquire_many_owned(bytes).map_err(|_| Unread::NoRoom)
    }
}

/// What can be refused by the headers alone, before a byte of the body is waited for.
pub(crate) fn precheck(headers: &HeaderMap, most: usize) -> Result<(), Unread> {
    let encoded = headers
        .get_all(header::CONTENT_ENCODING)
        .iter()
        .any(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    if encoded {
        return Err(Unread::Encoded);
    }
    let announced = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(Unread::TooLarge(most));
    }
    Ok(())
}

/// The whole body.
pub(crate) async fn read(body: Body, allowance: Allowance, room: &Room) -> Result<Whole, Unread> {
    tokio::time::timeout(allowance.within, collect(body, allowance.bytes, room))
        .await
        .unwrap_or(Err(Unread::Slow(allowance.within)))
}

async fn collect(mut body: Body, most: usize, room: &Room) -> Result<Whole, Unread> {
    let mut whole = Whole { bytes: Vec::new(), held: None };
    while let Some(frame) = body.frame().await {
        // Trailers are of no use to anybody.
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        if data.len() > most - whole.bytes.len() {
            return Err(Unread::TooLarge(most));
        }
        let permit = room.take(data.len())?;
        match &mut whole.held {
            Some(held) => held.merge(permit),
            None => whole.held = Some(permit),
        }
        whole.bytes.extend_from_slice(&data);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::body::{Body, Bytes};
    use http::{HeaderMap, HeaderValue, header};

    use super::{Allowance, Room, Unread, precheck, read};

    #[tokio::test]
    async fn reads_up_to_the_allowance_and_the_room() {
        let allowance = Allowance { bytes: 8, within: Duration::from_secs(1) };
        for (length, space, expected) in
            [(0, 8, Ok(0)), (8, 8, Ok(8)), (9, 99, Err(Unread::TooLarge(8))), (8, 7, Err(Unread::NoRoom))]
        {
            let room = Room::new(space);
            let read = read(Body::from(vec![0; length]), allowance, &room).await;
            assert_eq!(read.as_ref().map(|whole| whole.bytes.len()).map_err(|error| *error), expected);
            drop(read);
            assert!(room.take(space).is_ok(), "the room is free again");
        }
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let within = Duration::ZERO;
        let read = read(Body::from_stream(endless()), Allowance { bytes: 8, within }, &Room::new(8)).await;
        assert_eq!(read.map(|whole| whole.bytes), Err(Unread::Slow(within)));
    }

    /// One byte, then nothing, for ever.
    fn endless() -> impl futures_util::Stream<Item = Result<Bytes, std::io::Error>> + Send {
        use futures_util::StreamExt as _;
        futures_util::stream::iter([Ok(Bytes::from_static(b"x"))]).chain(futures_util::stream::pending())
    }

    #[test]
    fn refuses_by_the_headers() {
        for (name, value, expected) in [
            (header::CONTENT_LENGTH, "8", Ok(())),
            (header::CONTENT_LENGTH, "9", Err(Unread::TooLarge(8))),
            (header::CONTENT_LENGTH, "18446744073709551615", Err(Unread::TooLarge(8))),
            (header::CONTENT_ENCODING, "gzip", Err(Unread::Encoded)),
            (header::CONTENT_ENCODING, "Identity", Ok(())),
        ] {
            let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
            assert_eq!(precheck(&headers, 8), expected, "{value}");
        }
    }
}
