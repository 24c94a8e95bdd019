//! One write of a step, through the journal.
//!
//! Surprising: a write of an earlier attempt is answered from the journal and not sent again, and a
//! write that may not be repeated is durable as an intent before its first byte leaves. Its response
//! is read to its end before the connector sees any of it, because that is what is journaled.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::sync::{Mutex, OwnedMutexGuard};
use wharf_gate::{Authorised, Gate, Place};
use wharf_model::{
    effect::{Effect, EffectResult, WriteKey, WriteOutcome},
    http::{Body, Field, HttpError, HttpResponse},
    journal::{Answer, Entry, Write},
    manifest::EffectClass,
    time::Timestamp,
};
use wharf_store::RunState;

use super::record::Underway;
use crate::{crash, run::DriveError, tail::Tail};

/// A write that has its place in the step.
pub(super) struct Sending {
    pub(super) gate: Gate,
    pub(super) effect: EffectClass,
    pub(super) ordinal: u32,
    /// What an earlier attempt wrote at this place.
    pub(super) earlier: Option<Write>,
    pub(super) step: String,
    pub(super) attempt: u32,
    /// The time that the attempt sees.
    pub(super) now: Timestamp,
    pub(super) tail: Arc<Mutex<Tail>>,
    pub(super) underway: Underway,
}

impl Sending {
    pub(super) async fn perform(
        self,
        mut authorised: Authorised,
        place: Place,
    ) -> Result<HttpResponse, HttpError> {
        let key = match authorised.write_key(self.ordinal).await {
            Ok(key) => key,
            Err(error) => {
                place.tell(authorised.refused(&error));
                return Err(error);
            }
        };
        match &self.earlier {
            None => self.send(authorised, place, key).await,
            Some(Write { key: earlier, answer: Some(answer) }) if *earlier == key => {
                place.tell(journaled(&authorised, answer));
                decode(answer)
            }
            Some(_) => {
                let message = format!(
                    "write {} of this attempt ({} {}) is not the one that an earlier attempt made",
                    key.ordinal,
                    authorised.method(),
                    without_query(authorised.url())
                );
                self.underway.ambiguous(message.clone());
                Err(HttpError::Ambiguous(message))
            }
        }
    }

    /// A first write at this place: intent, send, answer.
    async fn send(
        mut self,
        authorised: Authorised,
        place: Place,
        key: WriteKey,
    ) -> Result<HttpResponse, HttpError> {
        let repeatable = self.effect.resendable();
        if !repeatable {
            self.intend(key).await?;
        }
        crash::point("send-before");
        let result = whole(self.gate.perform(authorised, place).await).await;
        crash::point("send-after");
        let outcome = match &result {
            Ok((head, _)) => WriteOutcome::of(head.status),
            Err(error) if error.may_have_been_applied() => WriteOutcome::Unknown,
            Err(_) => WriteOutcome::Refused,
        };
        let step = self.step.clone();
        match (outcome, &result) {
            (WriteOutcome::Applied, Ok((head, body))) => {
                self.journal(Entry::WriteAnswered { step, key, response: encode(head, body) }).await;
                self.underway.answered(key);
            }
            (WriteOutcome::Refused, _) if !repeatable => {
                self.journal(Entry::WriteRefused { step, key }).await;
            }
            // Unknown: the intent stays unanswered, or the write may simply be sent again.
            (WriteOutcome::Applied | WriteOutcome::Refused | WriteOutcome::Unknown, _) => {}
        }
        result.map(|(head, body)| HttpResponse { body: Body::Whole(body), ..head })
    }

    /// Makes the intent durable before the first byte leaves. The commit is a task of its own: the
    /// exchange may be dropped at any time, and a commit cut in half would leave the tail unsure of
    /// what the store holds.
    async fn intend(&self, key: WriteKey) -> Result<(), HttpError> {
        let tail = Arc::clone(&self.tail).lock_owned().await;
        if self.underway.is_late() {
            return Err(HttpError::Unreachable("not sent: the call is over".to_owned()));
        }
        let intent =
            Entry::WriteIntended { step: self.step.clone(), attempt: self.attempt, at: self.now, key };
        let refused = Entry::WriteRefused { step: self.step.clone(), key };
        let unsent =
            |why: &str| HttpError::Unreachable(format!("not sent: its intent could not be stored: {why}"));
        match tokio::spawn(commit_intent(tail, intent, refused)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(unsent(&error.to_string())),
            Err(error) => Err(unsent(&error.to_string())),
        }
    }

    /// Journals what became of the write, unless the attempt has been journaled without it.
    async fn journal(&self, entry: Entry) {
        let mut tail = self.tail.lock().await;
        if !self.underway.is_late() {
            tail.push(entry);
        }
    }
}

/// `refused` takes the intent back if it cannot be stored.
async fn commit_intent(
    mut tail: OwnedMutexGuard<Tail>,
    intent: Entry,
    refused: Entry,
) -> Result<(), DriveError> {
    tail.push(intent);
    let committed = tail.commit(RunState::Claimed).await;
    if committed.is_err() {
        tail.push(refused);
    }
    committed
}

/// The head of a response and all of its body.
async fn whole(result: Result<HttpResponse, HttpError>) -> Result<(HttpResponse, bytes::Bytes), HttpError> {
    let mut head = result?;
    let body = std::mem::take(&mut head.body).whole().await?;
    Ok((head, body))
}

/// The effect of a write that an earlier attempt made.
fn journaled(authorised: &Authorised, answer: &Answer) -> Effect {
    Effect {
        method: authorised.method().to_owned(),
        url: without_query(authorised.url()).to_owned(),
        result: EffectResult::Journaled(answer.status),
        micros: 0,
        sent_bytes: 0,
        received_bytes: 0,
        would_deny: None,
    }
}

/// A query may say more than a record should.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn encode(head: &HttpResponse, body: &[u8]) -> Answer {
    Answer {
        status: head.status,
        headers: head
            .headers
            .iter()
            .map(|field| (field.name.clone(), BASE64_STANDARD.encode(&field.value)))
            .collect(),
        body: BASE64_STANDARD.encode(body),
    }
}

fn decode(answer: &Answer) -> Result<HttpResponse, HttpError> {
    let bytes = |text: &str| {
        BASE64_STANDARD
            .decode(text)
            .map_err(|_| HttpError::Ambiguous("the journaled answer of this write cannot be read".to_owned()))
    };
    let headers = answer.headers.iter().map(|(name, value)| Ok(Field::new(name.clone(), bytes(value)?)));
    Ok(HttpResponse {
        status: answer.status,
        headers: headers.collect::<Result<_, HttpError>>()?,
        body: bytes(&answer.body)?.into(),
    })
}
