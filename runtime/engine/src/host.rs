//! What a connector's call reaches: the gate, the journal, its own state. The one implementation of
//! `sandbox::Host` that touches the world.
//!
//! Exchanges of one call may run side by side. Which write of the step a request is, is decided when
//! it begins; the rest belongs to the exchange itself.

mod record;
mod write;

use std::{collections::BTreeMap, future::ready, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::sync::Mutex;
use wharf_gate::{Authority, Gate, Scope, SlotRefusal};
use wharf_model::{
    http::HttpRequest,
    journal::Write,
    manifest::{EffectClass, HashAlgorithm},
    time::Timestamp,
};
use wharf_sandbox::{CredentialError, Exchange, Host, StoreError, StoreScope};
use wharf_store::{By, Store, StoreOp};

pub(crate) use record::{Record, Recorder};
use write::Sending;

use crate::{clock, state::Buffer, tail::Tail};

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
    /// Bytes of scratch files; 0 gives no directory.
    pub(crate) scratch_bytes: u64,
    /// None outside of a run: nothing is journaled there.
    pub(crate) writing: Option<Writing>,
    pub(crate) buffer: Buffer,
    pub(crate) record: Arc<Recorder>,
    /// The time that the step sees, which stands still from attempt to attempt.
    pub(crate) now: Timestamp,
    pub(crate) seed: [u8; 32],
    pub(crate) reveals: Reveals,
}

/// Where the reveal of a secret is written down.
pub(crate) struct Reveals {
    pub(crate) store: Store,
    /// The connector, and the connection if there is one.
    pub(crate) subject: String,
    pub(crate) run: String,
    pub(crate) step: String,
}

impl StepHost {
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

    /// The first reveal of a slot in a run is in the audit log before the connector has the value.
    async fn audit_reveal(&self, slot: &str) -> Result<(), CredentialError> {
        let seen = match &self.writing {
            Some(writing) => writing.tail.lock().await.reveal(slot),
            None => false,
        };
        if seen {
            return Ok(());
        }
        let written = self.reveals.store.record(
            By::new("system", clock::now()),
            "secret.reveal",
            self.reveals.subject.clone(),
            serde_json::json!({ "slot": slot, "run": self.reveals.run, "step": self.reveals.step }),
        );
        written.await.map_err(|error| {
            CredentialError::Denied(format!("not revealed: the audit log cannot be written: {error}"))
        })
    }

    /// What a connector keeps is stored as it is, so no secret may be in it.
    fn keeps_no_secret(&self, value: &[u8]) -> Result<(), StoreError> {
        if self.authority.redactor().finds(value) {
            return Err(StoreError::Denied("a secret of the connection stands in the value".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Host for StepHost {
    fn http(&mut self, request: HttpRequest) -> Exchange {
        let (place, underway) = self.record.begin();
        let (method, url) = (request.method.clone(), request.url.clone());
        let authorised = match self.gate.authorise(&self.authority, &self.keyed_scope(), request) {
            Ok(authorised) => authorised,
            Err(error) => {
                place.tell(Gate::refused(&self.authority, &method, &url, &error));
                return Box::pin(ready(Err(error)));
            }
        };
        let Some(writing) = self.writing.as_mut().filter(|_| authorised.is_write()) else {
            let exchange = self.gate.perform(authorised, place);
            return Box::pin(async move {
                let _underway = underway;
                exchange.await
            });
        };
        let ordinal = writing.next_ordinal;
        writing.next_ordinal += 1;
        let sending = Sending {
            gate: self.gate.clone(),
            effect: self.effect,
            ordinal,
            earlier: writing.earlier.get(&ordinal).cloned(),
            step: writing.step.clone(),
            attempt: writing.attempt,
            now: self.now,
            tail: Arc::clone(&writing.tail),
            underway,
        };
        Box::pin(sending.perform(authorised, place))
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn seed(&self) -> [u8; 32] {
        self.seed
    }

    fn scratch_bytes(&self) -> u64 {
        self.scratch_bytes
    }

    fn granted_scopes(&self) -> Vec<String> {
        self.scopes.clone()
    }

    fn has_slot(&self, slot: &str) -> bool {
        self.authority.has_slot(slot)
    }

    fn hmac(&self, slot: &str, algorithm: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, CredentialError> {
        self.authority.hmac(slot, algorithm, data).map_err(refused)
    }

    fn verify(
        &self,
        slot: &str,
        algorithm: HashAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, CredentialError> {
        self.authority.verify(slot, algorithm, data, signature).map_err(refused)
    }

    async fn reveal(&mut self, slot: &str) -> Result<Vec<u8>, CredentialError> {
        let secret = self.authority.reveal(slot).map_err(refused)?.to_vec();
        self.audit_reveal(slot).await?;
        Ok(secret)
    }

    async fn store_get(&mut self, scope: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.buffer.get(scope, key, clock::now()).await
    }

    async fn store_put(
        &mut self,
        scope: StoreScope,
        key: &str,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        self.keeps_no_secret(&value)?;
        let expires_at = ttl_ms.map(|ttl| clock::now().after(Duration::from_millis(ttl)));
        self.buffer.set(scope, key, StoreOp::Put { value, expires_at })
    }

    async fn store_swap(
        &mut self,
        scope: StoreScope,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.keeps_no_secret(&value)?;
        self.buffer.swap(scope, key, expected, (value, clock::now())).await
    }

    async fn store_delete(&mut self, scope: StoreScope, key: &str) -> Result<(), StoreError> {
        self.buffer.set(scope, key, StoreOp::Delete)
    }
}

fn refused(refusal: SlotRefusal) -> CredentialError {
    match refusal {
        SlotRefusal::Unknown(_) => CredentialError::UnknownSlot,
        SlotRefusal::Denied(message) => CredentialError::Denied(message),
    }
}
