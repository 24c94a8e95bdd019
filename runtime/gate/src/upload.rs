//! A request's body that is sent as it comes: counted, capped, and remembered when it fails. The
//! library below tells such a failure as one of the connection.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures_util::{Stream, TryStreamExt as _, stream::try_unfold};
use wharf_model::http::{HttpError, Pieces};

use crate::authorise::too_large;

/// What became of a body on its way out.
#[derive(Clone, Default)]
pub(crate) struct Upload {
    failure: Arc<Mutex<Option<HttpError>>>,
}

impl Upload {
    /// The body, with its bytes added to `sent` as they are taken.
    pub(crate) fn watch(
        &self,
        pieces: Pieces,
        sent: Arc<AtomicU64>,
    ) -> impl Stream<Item = Result<Bytes, HttpError>> + Send + use<> {
        let own = self.clone();
        pieces
            .inspect_ok(move |piece| {
                sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
            })
            .inspect_err(move |error| {
                *own.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone());
            })
    }

    /// Why it broke off, if it did.
    pub(crate) fn failure(&self) -> Option<HttpError> {
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// No more bytes than the cap.
pub(crate) fn capped(pieces: Pieces, limit: u64) -> Pieces {
    Box::pin(try_unfold((pieces, 0), move |(mut pieces, read)| async move {
        let Some(piece) = pieces.try_next().await? else {
            return Ok(None);
        };
        let read = piece.len() as u64 + read;
        if read > limit { Err(too_large(read, limit)) } else { Ok(Some((piece, (pieces, read)))) }
    }))
}
