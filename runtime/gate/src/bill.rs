//! What one hop cost and came to, told once: when its response has been read to the end, when it
//! failed, or when whoever read it gave it up.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use tokio::time::Instant;
use wharf_model::{
    effect::{Effect, EffectResult},
    http::{Body, HttpError, HttpResponse, Pieces},
};

use crate::{
    authorise::Authorised,
    authority::Authority,
    effects::Place,
    refusal::{Failed, clean},
};

/// See the module.
pub(crate) struct Bill {
    place: Arc<Place>,
    authority: Authority,
    effect: Effect,
    start: Instant,
    /// Counted while a body is sent.
    sent: Arc<AtomicU64>,
    told: bool,
}

impl Bill {
    pub(crate) fn open(place: &Arc<Place>, request: &Authorised) -> Self {
        let authority = request.authority.clone();
        let effect = Effect {
            method: request.method().to_owned(),
            url: authority.redactor().text(&request.target.display()).into_owned(),
            result: EffectResult::Failed("interrupted: given up before it was answered".to_owned()),
            micros: 0,
            sent_bytes: 0,
            received_bytes: 0,
            would_deny: request.trial.found(authority.redactor()),
        };
        place.open(&effect);
        let sent = Arc::new(AtomicU64::new(request.body.len().unwrap_or(0)));
        Self { place: Arc::clone(place), authority, effect, start: Instant::now(), sent, told: false }
    }

    /// Counts bytes of the request's body.
    pub(crate) fn sent(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent)
    }

    /// The hop is answered; its body may still be on its way.
    pub(crate) fn answered(mut self, response: HttpResponse) -> HttpResponse {
        self.effect.result = EffectResult::Status(response.status);
        let body = match response.body {
            Body::Whole(bytes) => {
                self.effect.received_bytes = bytes.len() as u64;
                Body::Whole(bytes)
            }
            Body::Pieces(pieces) => {
                self.place.open(&self.effect);
                Body::Pieces(Box::pin(Told { open: Some((pieces, self)) }))
            }
        };
        HttpResponse { body, ..response }
    }

    /// The hop has no usable answer.
    pub(crate) fn failed(mut self, failed: &Failed) {
        if !failed.error.may_have_been_applied() {
            self.sent.store(0, Ordering::Relaxed);
        }
        self.effect.result = failed.result();
    }

    fn tell(&mut self) {
        if std::mem::replace(&mut self.told, true) {
            return;
        }
        let effect = &mut self.effect;
        effect.micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        effect.sent_bytes = self.sent.load(Ordering::Relaxed);
        let connector = self.authority.inner.connector.as_str();
        tracing::debug!(connector, method = effect.method, url = effect.url, micros = effect.micros, result = ?effect.result, "effect");
        self.place.tell(effect.clone());
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        self.tell();
    }
}

/// A body whose reading is accounted for.
struct Told {
    open: Option<(Pieces, Bill)>,
}

impl Stream for Told {
    type Item = Result<Bytes, HttpError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some((pieces, bill)) = &mut self.open else {
            return Poll::Ready(None);
        };
        match pieces.as_mut().poll_next(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(piece))) => {
                bill.effect.received_bytes += piece.len() as u64;
                Poll::Ready(Some(Ok(piece)))
            }
            Poll::Ready(Some(Err(error))) => {
                let error = clean(error, bill.authority.redactor());
                bill.effect.result = EffectResult::Failed(error.to_string());
                self.open = None;
                Poll::Ready(Some(Err(error)))
            }
            Poll::Ready(None) => {
                self.open = None;
                Poll::Ready(None)
            }
        }
    }
}
