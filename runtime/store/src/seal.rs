//! Secrets at rest: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03) under a data key of each
//! secret's own, which the master key wraps.
//!
//! What a secret belongs to is authenticated with it, so that a row moved to another connection,
//! slot or version opens as little as a row with a flipped bit.

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use zeroize::Zeroizing;

use crate::{
    error::StoreError,
    key::{KEY_BYTES, MasterKey, fill},
};

const NONCE_BYTES: usize = 24;
const WRAP: &str = "wharf secret wrapping 1";
const CHECK: &[u8] = b"wharf master key check 1";

/// Wraps data keys. Derived from the master key, which need not stay in memory.
pub(crate) struct Sealer(Zeroizing<[u8; KEY_BYTES]>);

/// A secret as it lies in the database; each part starts with its nonce.
pub(crate) struct Sealed {
    pub(crate) wrapped_key: Vec<u8>,
    pub(crate) sealed: Vec<u8>,
}

/// What a secret belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Binding<'a> {
    pub(crate) connector: &'a str,
    pub(crate) connection: &'a str,
    pub(crate) method: &'a str,
    pub(crate) slot: &'a str,
    pub(crate) version: u64,
}

/// It does not open: changed, cut, moved, or sealed with another key.
#[derive(Debug)]
pub(crate) struct Tampered;

impl Sealer {
    pub(crate) fn new(master: &MasterKey) -> Self {
        Self(master.derive(WRAP))
    }

    pub(crate) fn seal(&self, binding: Binding<'_>, secret: &[u8]) -> Result<Sealed, StoreError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        fill(key.as_mut_slice())?;
        Ok(Sealed {
            wrapped_key: encrypt(&self.0, key.as_slice(), &binding.bytes("key"))?,
            sealed: encrypt(&key, secret, &binding.bytes("value"))?,
        })
    }

    pub(crate) fn open(&self, binding: Binding<'_>, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Tampered> {
        let unwrapped = decrypt(&self.0, &sealed.wrapped_key, &binding.bytes("key"))?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if unwrapped.len() != KEY_BYTES {
            return Err(Tampered);
        }
        key.copy_from_slice(&unwrapped);
        decrypt(&key, &sealed.sealed, &binding.bytes("value"))
    }

    /// What tells later that a master key is the right one.
    pub(crate) fn check_value(&self) -> Result<Vec<u8>, StoreError> {
        encrypt(&self.0, CHECK, CHECK)
    }

    /// Whether `value` was made with this key.
    pub(crate) fn accepts(&self, value: &[u8]) -> bool {
        decrypt(&self.0, value, CHECK).is_ok_and(|text| text.as_slice() == CHECK)
    }
}

impl Binding<'_> {
    /// Each part with its length, so that no two bindings have the same bytes.
    fn bytes(&self, part: &str) -> Vec<u8> {
        let mut bytes = b"wharf secret 1".to_vec();
        for text in [part, self.connector, self.connection, self.method, self.slot] {
            bytes.extend_from_slice(&(text.len() as u64).to_le_bytes());
            bytes.extend_from_slice(text.as_bytes());
        }
        bytes.extend_from_slice(&self.version.to_le_bytes());
        bytes
    }
}

fn encrypt(key: &[u8; KEY_BYTES], message: &[u8], bound: &[u8]) -> Result<Vec<u8>, StoreError> {
    let mut nonce = [0; NONCE_BYTES];
    fill(&mut nonce)?;
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), Payload { msg: message, aad: bound })
        .map_err(|_| StoreError::Invalid { what: "secret", reason: "too long to encrypt".to_owned() })?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &[u8; KEY_BYTES], sealed: &[u8], bound: &[u8]) -> Result<Zeroizing<Vec<u8>>, Tampered> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(Tampered)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), Payload { msg: sealed, aad: bound })
        .map(Zeroizing::new)
        .map_err(|_| Tampered)
}
