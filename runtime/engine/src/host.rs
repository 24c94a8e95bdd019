//! What a connector's call reaches: the gate, the journal, its own state. The one implementation of
//! `sandbox::Host` that touches the world.
//!
//! Surprising: a write of an earlier attempt is answered from the journal and not sent again, and a
//! write that may not be repeated is durable as an intent before its first byte leaves.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio::sync::Mutex;
use wharf_gate::{Authorised, Authority, Gate, Scope};
use wharf_model::{
    effect::{Effect, EffectResult, WriteKey, WriteOutcome},
    http::{Field, HttpError, HttpRequest, HttpResponse},
    journal::{Answer, Entry, Write},
    manifest::EffectClass,
    time::Timestamp,
};
use wharf_sandbox::{CredentialError, HmacAlgorithm, Host, StoreError, StoreScope};
use wharf_store::{RunState, StoreOp};

use crate::{crash, state::Buffer, tail::Tail};

/// What the engine learns from a call besides its result.
#[derive(Default)]
pub(crate) struct Record {
    /// Everything that went through the gate, in order.
    pub(crate) effects: Vec<Effect>,
    /// The write that the connector was last answered, until another effect follows it.
    pub(crate) last_answered: Option<WriteKey>,
    /// Why the step must stop: a write that is not the one of the attempt before.
    pub(crate) ambiguous: Option<String>,
}

/// A step that writes: its journal, and what its earlier attempts wrote.
pub(crate) struct Writing {
    pub(crate) step: String,
    pub(crate) attempt: u32,
    pub(crate) tail: Arc<Mutex<Tail>>,
    pub(crate) earlier: BTreeMap<u32, Write>,
    /// The step's idempotency key.
    key: String,
    next_ordinal: u32,
}

impl Writing {
    pub(crate) fn new(
        (step, attempt): (String, u32),
        tail: Arc<Mutex<Tail>>,
        earlier: BTreeMap<u32, Write>,
        key: String,
    ) -> Self {
        Self { step, attempt, tail, earlier, key, next_ordinal: 0 }
    }
}

/// The host of one call.
pub(crate) struct StepHost {
    pub(crate) gate: Gate,
    pub(crate) authority: Authority,
    pub(crate) scope: Scope,
    pub(crate) effect: EffectClass,
    /// The scopes that the provider granted.
    pub(crate) scopes: Vec<String>,
    /// None outside of a run: nothing is journaled there.
    pub(crate) writing: Option<Writing>,
    pub(crate) buffer: Buffer,
    pub(crate) record: Arc<std::sync::Mutex<Record>>,
    pub(crate) now: Timestamp,
    pub(crate) seed: [u8; 32],
}

impl StepHost {
    /// Sends what the gate has allowed; a write through the journal.
    async fn perform(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (method, url) = (request.method.clone(), request.url.clone());
        let authorised = match self.gate.authorise(&self.authority, &self.keyed_scope(), request) {
            Ok(authorised) => authorised,
            Err(error) => {
                self.record(Gate::refused(&self.authority, &method, &url, &error));
                return Err(error);
            }
        };
        let Some(writing) = self.writing.as_mut().filter(|_| authorised.is_write()) else {
            let (result, effect) = self.gate.perform(authorised).await;
            self.record(effect);
            return result;
        };
        let key = authorised.write_key(writing.next_ordinal);
        writing.next_ordinal += 1;
        match writing.earlier.get(&key.ordinal).cloned() {
            None => self.write(authorised, key).await,
            Some(Write { key: earlier, answer: Some(answer) }) if earlier == key => {
                self.record(journaled(&authorised, &answer));
                decode(&answer)
            }
            Some(_) => {
                let message = format!(
                    "write {} of this attempt ({} {}) is not the one that an earlier attempt made",
                    key.ordinal,
                    authorised.method(),
                    place(authorised.url())
                );
                self.with_record(|record| record.ambiguous = Some(message.clone()));
                Err(HttpError::Ambiguous(message))
            }
        }
    }

    /// The scope with the idempotency key of the next write: the step's own for the first, which is
    /// what the connector sees too, and one derived from it for each further write.
    fn keyed_scope(&self) -> Scope {
        match &self.writing {
            None => self.scope.clone(),
            Some(Writing { key, next_ordinal: 0, .. }) => self.scope.clone().with_key(key.clone()),
            Some(Writing { key, next_ordinal, .. }) => {
                self.scope.clone().with_key(format!("{key}-{next_ordinal}"))
            }
        }
    }

    /// A first write at this ordinal: intent, send, answer.
    async fn write(&mut self, authorised: Authorised, key: WriteKey) -> Result<HttpResponse, HttpError> {
        let repeatable = self.effect.resendable();
        if !repeatable {
            self.intend(key).await?;
        }
        crash::point("send-before");
        let (result, effect) = self.gate.perform(authorised).await;
        crash::point("send-after");
        self.record(effect);
        let outcome = match &result {
            Ok(response) => WriteOutcome::of(response.status),
            Err(error) if error.may_have_been_applied() => WriteOutcome::Unknown,
            Err(_) => WriteOutcome::Refused,
        };
        let Some(writing) = &self.writing else {
            return result;
        };
        let step = writing.step.clone();
        match (outcome, &result) {
            (WriteOutcome::Applied, Ok(response)) => {
                writing.tail.lock().await.push(Entry::WriteAnswered {
                    step,
                    key,
                    response: encode(response),
                });
                self.with_record(|record| record.last_answered = Some(key));
            }
            (WriteOutcome::Refused, _) if !repeatable => {
                writing.tail.lock().await.push(Entry::WriteRefused { step, key });
            }
            // Unknown: the intent stays unanswered, or the write may simply be sent again.
            (WriteOutcome::Applied | WriteOutcome::Refused | WriteOutcome::Unknown, _) => {}
        }
        result
    }

    /// Makes the intent durable before the first byte leaves.
    async fn intend(&self, key: WriteKey) -> Result<(), HttpError> {
        let Some(writing) = &self.writing else {
            return Ok(());
        };
        let mut tail = writing.tail.lock().await;
        tail.push(Entry::WriteIntended { step: writing.step.clone(), attempt: writing.attempt, key });
        match tail.commit(RunState::Claimed).await {
            Ok(()) => Ok(()),
            Err(error) => {
                tail.push(Entry::WriteRefused { step: writing.step.clone(), key });
                Err(HttpError::Unreachable(format!("not sent: its intent could not be stored: {error}")))
            }
        }
    }

    fn record(&self, effect: Effect) {
        self.with_record(|record| {
            record.effects.push(effect);
            record.last_answered = None;
        });
    }

    fn with_record(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// The effect of a write that an earlier attempt made.
fn journaled(authorised: &Authorised, answer: &Answer) -> Effect {
    Effect {
        method: authorised.method().to_owned(),
        url: place(authorised.url()).to_owned(),
        result: EffectResult::Journaled(answer.status),
        micros: 0,
        sent_bytes: 0,
        received_bytes: 0,
        would_deny: None,
    }
}

/// A URL without its query, which may say more than a record should.
fn place(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn encode(response: &HttpResponse) -> Answer {
    Answer {
        status: response.status,
        headers: response
            .headers
            .iter()
            .map(|field| (field.name.clone(), BASE64_STANDARD.encode(&field.value)))
            .collect(),
        body: BASE64_STANDARD.encode(&response.body),
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

#[async_trait]
impl Host for StepHost {
    async fn http(&mut self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.perform(request).await
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn seed(&self) -> [u8; 32] {
        self.seed
    }

    fn granted_scopes(&self) -> Vec<String> {
        self.scopes.clone()
    }

    fn has_slot(&self, slot: &str) -> bool {
        self.authority.has_slot(slot)
    }

    fn hmac(&self, slot: &str, algorithm: HmacAlgorithm, data: &[u8]) -> Result<Vec<u8>, CredentialError> {
        let algorithm = match algorithm {
            HmacAlgorithm::Sha256 => wharf_gate::HmacAlgorithm::Sha256,
            HmacAlgorithm::Sha512 => wharf_gate::HmacAlgorithm::Sha512,
            HmacAlgorithm::Sha1 => wharf_gate::HmacAlgorithm::Sha1,
        };
        self.authority.hmac(slot, algorithm, data).map_err(|_| CredentialError::UnknownSlot)
    }

    async fn store_get(&mut self, scope: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.buffer.get(scope, key, self.now).await
    }

    async fn store_put(
        &mut self,
        scope: StoreScope,
        key: &str,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        let expires_at = ttl_ms.map(|ttl| self.now.after(Duration::from_millis(ttl)));
        self.buffer.set(scope, key, StoreOp::Put { value, expires_at })
    }

    async fn store_swap(
        &mut self,
        scope: StoreScope,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.buffer.swap(scope, key, expected, (value, self.now)).await
    }

    async fn store_delete(&mut self, scope: StoreScope, key: &str) -> Result<(), StoreError> {
        self.buffer.set(scope, key, StoreOp::Delete)
    }
}
