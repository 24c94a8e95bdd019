//! A connection's secrets: used here, seen nowhere else.

use std::{collections::BTreeMap, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::Hmac;
use http::{HeaderName, HeaderValue, header};
use subtle::ConstantTimeEq as _;
use url::Url;
use wharf_model::manifest::Placement;
use zeroize::{Zeroize as _, Zeroizing};

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

/// A keyed hash's function; the same cases as `hmac-algorithm` in `wit/credentials.wit`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HmacAlgorithm {
    /// HMAC-SHA-256 (RFC 2104, FIPS 180-4); 32 bytes.
    Sha256,
    /// HMAC-SHA-512; 64 bytes.
    Sha512,
    /// HMAC-SHA-1; 20 bytes. For providers that know nothing better.
    Sha1,
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

    /// The keyed hash of `data` with the secret in `slot`.
    ///
    /// # Errors
    /// When there is no secret in the slot.
    pub fn hmac(&self, slot: &str, algorithm: HmacAlgorithm, data: &[u8]) -> Result<Vec<u8>, UnknownSlot> {
        let key = self.get(slot)?.expose();
        match algorithm {
            HmacAlgorithm::Sha256 => keyed::<Hmac<sha2::Sha256>>(key, data),
            HmacAlgorithm::Sha512 => keyed::<Hmac<sha2::Sha512>>(key, data),
            HmacAlgorithm::Sha1 => keyed::<Hmac<sha1::Sha1>>(key, data),
        }
    }
}

/// HMAC takes keys of every length, so the error of the trait never comes.
fn keyed<M: hmac::Mac + hmac::digest::KeyInit>(key: &[u8], data: &[u8]) -> Result<Vec<u8>, UnknownSlot> {
    let mut mac = <M as hmac::Mac>::new_from_slice(key).map_err(|_| UnknownSlot)?;
    mac.update(data);
    Ok(mac.finalize().into_bytes().to_vec())
}

/// Compares in time that depends on the lengths only.
#[must_use]
pub fn constant_time_equal(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

/// A credential on its way into a request.
pub(crate) enum Placed {
    /// As a header; marked sensitive, so that neither logs nor HPACK tables keep it.
    Header(HeaderName, HeaderValue),
    /// As a query parameter.
    Query(String, Zeroizing<String>),
}

/// Why a credential cannot be placed; never a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlaceError {
    #[error("the connection holds nothing in the slot `{0}`")]
    Empty(String),
    #[error("the value in the slot `{0}` cannot stand in a request there")]
    Unfit(String),
}

impl Placed {
    pub(crate) fn make(placement: &Placement, credentials: &Credentials) -> Result<Self, PlaceError> {
        let value = |slot: &String| {
            credentials.get(slot).map(Secret::expose).map_err(|UnknownSlot| PlaceError::Empty(slot.clone()))
        };
        match placement {
            Placement::Bearer { slot } => {
                Ok(Self::Header(header::AUTHORIZATION, sensitive(&[b"Bearer ", value(slot)?], slot)?))
            }
            Placement::Basic { user, password } => {
                let encoded =
                    basic(credentials, user, password).ok_or_else(|| PlaceError::Empty(user.clone()))?;
                Ok(Self::Header(header::AUTHORIZATION, sensitive(&[b"Basic ", encoded.as_bytes()], user)?))
            }
            Placement::Header { name, prefix, slot } => {
                let parsed =
                    HeaderName::from_bytes(name.as_bytes()).map_err(|_| PlaceError::Unfit(slot.clone()))?;
                Ok(Self::Header(parsed, sensitive(&[prefix.as_bytes(), value(slot)?], slot)?))
            }
            Placement::Query { name, slot } => {
                let text = std::str::from_utf8(value(slot)?).map_err(|_| PlaceError::Unfit(slot.clone()))?;
                Ok(Self::Query(name.clone(), Zeroizing::new(text.to_owned())))
            }
        }
    }

    /// Puts it into a request. A guest may not name the parameter, but a redirect may have.
    pub(crate) fn put(self, url: &mut Url, headers: &mut http::HeaderMap) {
        match self {
            Self::Header(name, value) => {
                headers.insert(name, value);
            }
            Self::Query(name, value) => {
                if url.query_pairs().any(|(own, _)| own == name.as_str()) {
                    let kept: Vec<(String, String)> =
                        url.query_pairs().into_owned().filter(|(own, _)| *own != name).collect();
                    url.query_pairs_mut().clear().extend_pairs(kept);
                }
                url.query_pairs_mut().append_pair(&name, &value);
            }
        }
    }
}

/// `user:password` in base64; one of the two may be empty (RFC 7617, section 2), not both.
pub(crate) fn basic(credentials: &Credentials, user: &str, password: &str) -> Option<Zeroizing<String>> {
    let part = |slot| credentials.get(slot).map_or(&[] as &[u8], Secret::expose);
    let (user, password) = (part(user), part(password));
    if (user.is_empty() && password.is_empty()) || user.contains(&b':') {
        return None;
    }
    let pair = Zeroizing::new([user, b":", password].concat());
    Some(Zeroizing::new(STANDARD.encode(pair.as_slice())))
}

fn sensitive(parts: &[&[u8]], slot: &str) -> Result<HeaderValue, PlaceError> {
    let mut bytes = parts.concat();
    let value = HeaderValue::from_bytes(&bytes);
    bytes.zeroize();
    let mut value = value.map_err(|_| PlaceError::Unfit(slot.to_owned()))?;
    value.set_sensitive(true);
    Ok(value)
}
