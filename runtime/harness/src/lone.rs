//! The host of a single call without a server: the gate, and a store that lasts as long as the call.
//!
//! Nothing is journaled: a call by hand is no run, and is not repeated.

use std::{collections::HashMap, future::ready};

use async_trait::async_trait;
use wharf_gate::{Authority, Effects, Gate, Scope, SlotRefusal};
use wharf_model::{http::HttpRequest, manifest::HashAlgorithm, time::Timestamp};
use wharf_sandbox::{CredentialError, Exchange, Host, StoreError, StoreScope};

/// See the module.
pub struct LoneHost {
    /// The door out.
    pub gate: Gate,
    /// What the connector may do.
    pub authority: Authority,
    /// What this call may do of it.
    pub scope: Scope,
    /// Fills as the call goes on.
    pub effects: Effects,
    /// What the connector keeps; gone with the host.
    pub store: HashMap<(StoreScope, String), Vec<u8>>,
    /// Bytes that it may keep; 0 offers no store.
    pub store_max_bytes: u64,
    /// Bytes of scratch files; 0 gives no directory.
    pub scratch_bytes: u64,
    /// The time that the call sees.
    pub now: Timestamp,
    /// Seeds the call's randomness.
    pub seed: [u8; 32],
}

impl LoneHost {
    fn put(&mut self, key: (StoreScope, String), value: Vec<u8>) -> Result<(), StoreError> {
        let others: usize = self
            .store
            .iter()
            .filter(|(known, _)| **known != key)
            .map(|(known, value)| known.1.len() + value.len())
            .sum();
        if (others + key.1.len() + value.len()) as u64 > self.store_max_bytes {
            return Err(StoreError::QuotaExceeded(self.store_max_bytes));
        }
        self.store.insert(key, value);
        Ok(())
    }

    fn offers_store(&self) -> Result<(), StoreError> {
        if self.store_max_bytes == 0 {
            return Err(StoreError::Denied("the manifest asks for no store".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Host for LoneHost {
    fn http(&mut self, request: HttpRequest) -> Exchange {
        let place = self.effects.begin();
        let (method, url) = (request.method.clone(), request.url.clone());
        match self.gate.authorise(&self.authority, &self.scope, request) {
            Ok(authorised) => Box::pin(self.gate.perform(authorised, place)),
            Err(error) => {
                place.tell(Gate::refused(&self.authority, &method, &url, &error));
                Box::pin(ready(Err(error)))
            }
        }
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
        self.authority.reveal(slot).map(<[u8]>::to_vec).map_err(refused)
    }

    async fn store_get(&mut self, scope: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.offers_store()?;
        Ok(self.store.get(&(scope, key.to_owned())).cloned())
    }

    async fn store_put(
        &mut self,
        scope: StoreScope,
        key: &str,
        value: Vec<u8>,
        _ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        // No entry outlives the call, so none expires within it.
        self.offers_store()?;
        self.put((scope, key.to_owned()), value)
    }

    async fn store_swap(
        &mut self,
        scope: StoreScope,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        self.offers_store()?;
        let key = (scope, key.to_owned());
        if self.store.get(&key) != expected.as_ref() {
            return Ok(false);
        }
        self.put(key, value)?;
        Ok(true)
    }

    async fn store_delete(&mut self, scope: StoreScope, key: &str) -> Result<(), StoreError> {
        self.offers_store()?;
        self.store.remove(&(scope, key.to_owned()));
        Ok(())
    }
}

fn refused(refusal: SlotRefusal) -> CredentialError {
    match refusal {
        SlotRefusal::Unknown(_) => CredentialError::UnknownSlot,
        SlotRefusal::Denied(message) => CredentialError::Denied(message),
    }
}
