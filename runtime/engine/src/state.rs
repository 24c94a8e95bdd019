//! A connector's own state as one call sees it: what is stored, under what the call has written.
//!
//! Nothing is stored here. The writes go with the step's outcome, in its transaction, so that a
//! failed attempt leaves none; each carries what the call saw, so that two steps at once cannot
//! both succeed on the same old value.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use wharf_model::{flow::ActionCall, time::Timestamp};
use wharf_sandbox::{StoreError, StoreScope};
use wharf_store::{Expected, Store, StoreOp, StoreWrite};

/// The host's names for the two scopes of a call; a connector never chooses them.
#[derive(Clone)]
pub(crate) struct Scopes {
    connection: String,
    flow: String,
}

impl Scopes {
    pub(crate) fn new(connector: &str, connection: Option<&str>, flow: &str) -> Self {
        Self {
            connection: format!("{connector}/connection/{}", connection.unwrap_or_default()),
            flow: format!("{connector}/flow/{flow}"),
        }
    }

    pub(crate) fn of(action: &ActionCall, flow: &str) -> Self {
        Self::new(&action.connector, action.connection.as_deref(), flow)
    }

    fn name(&self, scope: StoreScope) -> &str {
        match scope {
            StoreScope::Connection => &self.connection,
            StoreScope::Flow => &self.flow,
        }
    }
}

/// The writes of one call over the stored state. Clones share them.
#[derive(Clone)]
pub(crate) struct Buffer {
    store: Store,
    scopes: Scopes,
    quota_bytes: u64,
    written: Arc<Mutex<BTreeMap<(String, String), Change>>>,
}

#[derive(Clone)]
struct Change {
    /// What must still be stored when the step settles.
    expected: Expected,
    op: StoreOp,
}

impl Buffer {
    pub(crate) fn new(store: Store, scopes: Scopes, quota_bytes: u64) -> Self {
        Self { store, scopes, quota_bytes, written: Arc::default() }
    }

    pub(crate) async fn get(
        &self,
        scope: StoreScope,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.granted()?;
        let place = (self.scopes.name(scope).to_owned(), key.to_owned());
        if let Some(change) = self.lock().get(&place) {
            return Ok(match &change.op {
                StoreOp::Put { value, .. } => Some(value.clone()),
                StoreOp::Delete => None,
            });
        }
        let (scope, key) = place;
        self.store.kv_get(scope, key, now).await.map_err(|error| StoreError::Unavailable(error.to_string()))
    }

    pub(crate) fn set(&self, scope: StoreScope, key: &str, op: StoreOp) -> Result<(), StoreError> {
        self.change(scope, key, Expected::Any, op)
    }

    pub(crate) async fn swap(
        &self,
        scope: StoreScope,
        key: &str,
        expected: Option<Vec<u8>>,
        (value, now): (Vec<u8>, Timestamp),
    ) -> Result<bool, StoreError> {
        if self.get(scope, key, now).await? != expected {
            return Ok(false);
        }
        let expected = expected.map_or(Expected::Absent, Expected::Value);
        self.change(scope, key, expected, StoreOp::Put { value, expires_at: None })?;
        Ok(true)
    }

    fn change(
        &self,
        scope: StoreScope,
        key: &str,
        expected: Expected,
        op: StoreOp,
    ) -> Result<(), StoreError> {
        self.granted()?;
        let mut written = self.lock();
        let place = (self.scopes.name(scope).to_owned(), key.to_owned());
        // A second write rests on what the first one expected of the store.
        let expected = written.get(&place).map_or(expected, |change| change.expected.clone());
        written.insert(place, Change { expected, op });
        let held: usize = written.iter().map(|((_, key), change)| key.len() + size(&change.op)).sum();
        if held as u64 > self.quota_bytes {
            return Err(StoreError::QuotaExceeded(self.quota_bytes));
        }
        Ok(())
    }

    fn granted(&self) -> Result<(), StoreError> {
        if self.quota_bytes == 0 {
            return Err(StoreError::Denied(
                "the manifest asks for no store, or it is not granted; the author adds `store`, you approve the upgrade".to_owned(),
            ));
        }
        Ok(())
    }

    /// What the call has written, for the step's transaction.
    pub(crate) fn into_writes(self) -> Vec<StoreWrite> {
        let written = std::mem::take(&mut *self.lock());
        let quota_bytes = self.quota_bytes;
        let write = |((scope, key), change): ((String, String), Change)| StoreWrite {
            scope,
            key,
            expected: change.expected,
            op: change.op,
            quota_bytes,
        };
        written.into_iter().map(write).collect()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<(String, String), Change>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn size(op: &StoreOp) -> usize {
    match op {
        StoreOp::Put { value, .. } => value.len(),
        StoreOp::Delete => 0,
    }
}
