//! What a call may ask of the world. The engine implements [`Host`] with gate and journal, the
//! harness with a cassette.
//!
//! It is a `dyn` trait, so that everything that is generic over wasm types is compiled in this
//! crate once. What a host does not offer it refuses: the default methods do.
//!
//! An HTTP exchange belongs to whoever polls it and not to the host, so that several run at once
//! and a body is read while the next request is under way.

use std::{fmt, pin::Pin};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::Stream;
use wharf_model::{
    http::{HttpError, HttpRequest, HttpResponse},
    manifest::HashAlgorithm,
    time::Timestamp,
};

/// An HTTP exchange under way. It does nothing unless it is polled; dropping it, or the body of its
/// response, breaks the exchange off.
pub type Exchange = Pin<Box<dyn Future<Output = Result<HttpResponse, HttpError>> + Send>>;

/// What a call may ask of its host. The limits of the call hold before and after each method.
#[async_trait]
pub trait Host: Send {
    /// Begins an HTTP exchange. What depends on the order of requests is done when this returns:
    /// whether it may be made, and its place among the writes of the call. The bytes of a body are
    /// within the limits as far as they have come.
    fn http(&mut self, request: HttpRequest) -> Exchange;

    /// The time that the step sees: the same for each attempt.
    fn now(&self) -> Timestamp;

    /// Seeds the step's randomness: the same for each attempt, unique to the step.
    fn seed(&self) -> [u8; 32];

    /// Bytes that this call's scratch directory may hold; none has none.
    fn scratch_bytes(&self) -> u64 {
        0
    }

    /// The scopes that the provider granted to the connection.
    fn granted_scopes(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether the connection holds a credential in this slot.
    fn has_slot(&self, slot: &str) -> bool {
        let _ = slot;
        false
    }

    /// The keyed hash of `data` with the secret in `slot`.
    fn hmac(&self, slot: &str, algorithm: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, CredentialError> {
        let _ = (slot, algorithm, data);
        Err(CredentialError::UnknownSlot)
    }

    /// Whether `signature` is that hash, in constant time.
    fn verify(
        &self,
        slot: &str,
        algorithm: HashAlgorithm,
        data: &[u8],
        signature: &[u8],
    ) -> Result<bool, CredentialError> {
        let _ = (slot, algorithm, data, signature);
        Err(CredentialError::UnknownSlot)
    }

    /// The secret in `slot`, where the manifest asks for it and the operator has granted it by name. A
    /// host that keeps an audit log writes to it first.
    async fn reveal(&mut self, slot: &str) -> Result<Vec<u8>, CredentialError> {
        let _ = slot;
        Err(CredentialError::UnknownSlot)
    }

    /// Reads an entry. The key has been checked: 1 to 512 bytes without control characters.
    async fn store_get(&mut self, scope: StoreScope, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let _ = (scope, key);
        Err(StoreError::not_offered())
    }

    /// Replaces an entry; it expires after `ttl_ms` milliseconds.
    async fn store_put(
        &mut self,
        scope: StoreScope,
        key: &str,
        value: Vec<u8>,
        ttl_ms: Option<u64>,
    ) -> Result<(), StoreError> {
        let _ = (scope, key, value, ttl_ms);
        Err(StoreError::not_offered())
    }

    /// Writes `value` when the entry is still `expected` (none: absent); whether it did.
    async fn store_swap(
        &mut self,
        scope: StoreScope,
        key: &str,
        expected: Option<Vec<u8>>,
        value: Vec<u8>,
    ) -> Result<bool, StoreError> {
        let _ = (scope, key, expected, value);
        Err(StoreError::not_offered())
    }

    /// Removes an entry; one that is not there is no error.
    async fn store_delete(&mut self, scope: StoreScope, key: &str) -> Result<(), StoreError> {
        let _ = (scope, key);
        Err(StoreError::not_offered())
    }

    /// Opens a blob to be read from its beginning.
    async fn blob_open(&mut self, id: &str) -> Result<Blob, BlobError> {
        let _ = id;
        Err(BlobError::not_offered())
    }

    /// Keeps a blob; returns its id.
    async fn blob_write(
        &mut self,
        name: &str,
        content_type: &str,
        content: Bytes,
    ) -> Result<String, BlobError> {
        let _ = (name, content_type, content);
        Err(BlobError::not_offered())
    }
}

/// Why a credential cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The manifest declares no such slot, or the connection holds nothing in it.
    #[error("unknown slot")]
    UnknownSlot,
    /// The manifest does not declare it, or the operator has not granted it.
    #[error("denied: {0}")]
    Denied(String),
}

/// Who shares an entry of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StoreScope {
    /// All calls for one connection.
    Connection,
    /// All runs of one flow.
    Flow,
}

/// Why the store did nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// Not in the manifest, or not granted.
    #[error("denied: {0}")]
    Denied(String),
    /// Empty, longer than 512 bytes, or with a control character.
    #[error("invalid key")]
    InvalidKey,
    /// Over this many bytes.
    #[error("over the quota of {0} bytes")]
    QuotaExceeded(u64),
    /// Not now.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl StoreError {
    fn not_offered() -> Self {
        Self::Denied("this host offers no store".into())
    }
}

/// What is known of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobInfo {
    /// A file name, for a person.
    pub name: String,
    /// Media type (RFC 9110, section 8.3).
    pub content_type: String,
    /// In bytes.
    pub size: u64,
}

/// A blob that is open. Its reader pulls the pieces, and the host reads no further than that.
pub struct Blob {
    /// What is known of it.
    pub info: BlobInfo,
    /// Its content in order. After an error comes nothing more.
    pub pieces: BlobPieces,
}

/// The content of a blob in order.
pub type BlobPieces = Pin<Box<dyn Stream<Item = Result<Bytes, BlobError>> + Send>>;

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blob").field("info", &self.info).finish_non_exhaustive()
    }
}

/// Why there is no blob.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BlobError {
    /// Not in the manifest, or not granted.
    #[error("denied: {0}")]
    Denied(String),
    /// No blob of this run or connection has the id.
    #[error("no such blob")]
    NotFound,
    /// Over this many bytes.
    #[error("over the quota of {0} bytes")]
    QuotaExceeded(u64),
    /// Not now.
    #[error("unavailable: {0}")]
    Unavailable(String),
}

impl BlobError {
    fn not_offered() -> Self {
        Self::Denied("this host offers no blobs".into())
    }
}
