//! A connection's secrets: used here, seen nowhere else.
//!
//! A [`plan::Plan`] is a manifest's placement made ready for one connection; it changes an
//! [`outgoing::Outgoing`] request after everything has been decided, and is the last to do so.

mod aws;
mod digest;
pub(crate) mod field;
mod jwt;
mod oauth1;
mod outgoing;
mod plan;
mod problem;
mod render;
mod signature;
mod text;

use std::{collections::BTreeMap, fmt};

use hmac::Hmac;
use subtle::ConstantTimeEq as _;
use wharf_model::manifest::HashAlgorithm;
use zeroize::Zeroizing;

pub(crate) use self::{
    outgoing::Outgoing,
    plan::{Minted, Plan, basic},
    problem::PlaceError,
    render::Now,
};

/// A secret value. It has no way to be printed, and its memory is cleared when it is dropped.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes a value in.
    #[must_use]
    pub fn new(value: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(value.into()))
    }

    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// What a connection holds for one auth method.
#[derive(Debug)]
pub struct Credentials {
    /// The auth method's name in the manifest.
    pub method: String,
    /// The values by slot.
    pub slots: BTreeMap<String, Secret>,
}

/// The connection holds nothing in the slot; the same answer for a slot that nobody declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the connection holds nothing in that slot")]
pub struct UnknownSlot;

impl Credentials {
    /// The value in a slot; an empty value counts as none, so that no empty `Authorization` is sent.
    pub(crate) fn get(&self, slot: &str) -> Result<&Secret, UnknownSlot> {
        self.slots.get(slot).filter(|secret| !secret.expose().is_empty()).ok_or(UnknownSlot)
    }

    /// The keyed hash of `data` with the secret in `slot` (RFC 2104).
    ///
    /// # Errors
    /// When there is no secret in the slot.
    pub fn hmac(&self, slot: &str, algorithm: HashAlgorithm, data: &[u8]) -> Result<Vec<u8>, UnknownSlot> {
        Ok(keyed(algorithm, self.get(slot)?.expose(), &[data]))
    }
}

/// The keyed hash of `parts`, one after the other.
fn keyed(algorithm: HashAlgorithm, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    match algorithm {
        HashAlgorithm::Sha1 => mac::<Hmac<sha1::Sha1>>(key, parts),
        HashAlgorithm::Sha256 => mac::<Hmac<sha2::Sha256>>(key, parts),
        HashAlgorithm::Sha512 => mac::<Hmac<sha2::Sha512>>(key, parts),
    }
}

/// HMAC takes keys of every length, so its constructor never fails; an empty hash would verify nothing.
fn mac<M: hmac::Mac + hmac::digest::KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let Ok(mut mac) = <M as hmac::Mac>::new_from_slice(key) else {
        return Vec::new();
    };
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// Why a connector may not use a slot in that way.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SlotRefusal {
    /// See [`UnknownSlot`].
    #[error(transparent)]
    Unknown(#[from] UnknownSlot),
    /// The manifest does not declare that use, or the operator has not granted it; names the line that would.
    #[error("{0}")]
    Denied(String),
}

/// Compares in time that depends on the lengths only.
#[must_use]
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
mod tests;
