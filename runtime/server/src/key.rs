//! API keys: 32 random bytes behind `wharf_`, known to the server by their SHA-256 only.
//!
//! Fast hashing is right here: the keys are random and long, so there is nothing to guess that a
//! slow hash would protect, and a wrong key must cost the server as good as nothing.

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::time::Instant;
use wharf_model::{digest::Digest, time::Timestamp};
use wharf_store::{By, Store, StoreError};

const PREFIX: &str = "wharf_";
const BYTES: usize = 32;
/// A revoked key works this long at most; until then the store is not asked.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Keys that are remembered.
const MOST: usize = 1024;
/// The last use of a key is noted this often.
const NOTED: Duration = Duration::from_secs(60);

/// A key that was just made: the only time its text exists on the server.
pub(crate) struct FreshKey {
    /// What the client sends.
    pub(crate) text: String,
    /// What the server keeps.
    pub(crate) hash: Digest,
}

impl FreshKey {
    /// A new random key.
    pub(crate) fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        let text = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
        let hash = Digest::of(text.as_bytes());
        Ok(Self { text, hash })
    }
}

/// The hash of what a client sent, if it has the form of a key.
pub(crate) fn parse(text: &str) -> Option<Digest> {
    let bytes = URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?;
    (bytes.len() == BYTES).then(|| Digest::of(text.as_bytes()))
}

/// The keys that are accepted, as the store has them.
///
/// Looking up a hash leaks nothing by its timing: whoever chooses a text does not choose its hash.
pub(crate) struct Keys {
    store: Store,
    known: RwLock<Vec<Known>>,
}

/// A key that the store vouched for.
struct Known {
    hash: Digest,
    id: String,
    until: Instant,
}

impl Keys {
    pub(crate) fn new(store: Store) -> Self {
        Self { store, known: RwLock::default() }
    }

    /// Whether there is any key that works.
    pub(crate) async fn any(&self) -> Result<bool, StoreError> {
        Ok(self.store.api_keys().await?.iter().any(|key| key.revoked_at.is_none()))
    }

    /// Keeps the hash of a new key.
    pub(crate) async fn add(&self, key: &FreshKey, label: &str, now: Timestamp) -> Result<(), StoreError> {
        let id = key.hash.short();
        let by = By { actor: "system".to_owned(), now };
        self.store.add_api_key(id, label.to_owned(), key.hash, by).await
    }

    /// The id of the key with this hash.
    pub(crate) async fn find(&self, hash: Digest, now: Timestamp) -> Result<Option<String>, StoreError> {
        if let Some(id) = self.remembered(hash) {
            return Ok(Some(id));
        }
        let Some(key) = self.store.find_api_key(hash).await? else {
            return Ok(None);
        };
        self.remember(hash, &key.id);
        if key.last_used_at.is_none_or(|at| now.since(at) >= NOTED)
            && let Err(error) = self.store.touch_api_key(key.id.clone(), now).await
        {
            tracing::warn!(%error, "the last use of an API key was not noted");
        }
        Ok(Some(key.id))
    }

    fn remembered(&self, hash: Digest) -> Option<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        known.iter().find(|known| known.hash == hash && known.until > now).map(|known| known.id.clone())
    }

    fn remember(&self, hash: Digest, id: &str) {
        let now = Instant::now();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|known| known.hash != hash && known.until > now);
        if known.len() < MOST {
            known.push(Known { hash, id: id.to_owned(), until: now + REMEMBERED });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FreshKey, parse};

    #[test]
    fn only_the_whole_key_has_its_hash() {
        let key = FreshKey::generate().unwrap();
        assert_eq!(parse(&key.text), Some(key.hash));
        assert_eq!(key.text.len(), 49);
        for wrong in [
            String::new(),
            "wharf_".to_owned(),
            "null".to_owned(),
            "admin".to_owned(),
            key.text[..48].to_owned(),
            format!("{}\n", key.text),
            format!("{}=", key.text),
            key.text.replacen("wharf_", "WHARF_", 1),
            "A".repeat(1 << 20),
        ] {
            assert_eq!(parse(&wrong), None, "{wrong}");
        }
        assert_ne!(parse(&FreshKey::generate().unwrap().text), Some(key.hash));
    }
}
