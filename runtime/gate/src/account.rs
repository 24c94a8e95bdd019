//! Whose connections these are: what shares sockets and TLS sessions with itself and nobody else.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use sha2::{Digest as _, Sha256};

use crate::credential::Credentials;

/// An account of the connection pool: a project's connection, or a connector without one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    /// Of one [`crate::Authority`] and its clones.
    Own(u64),
    /// Of everything that the same name was given to.
    Named {
        name: Arc<str>,
        /// Of its secrets: a name that is given to another account of the provider starts anew.
        secrets: [u8; 32],
    },
}

impl Account {
    /// One that nobody shares.
    pub(crate) fn own() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self::Own(NEXT.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn named(name: &str, secrets: Option<&Credentials>) -> Self {
        let mut hash = Sha256::new();
        for (slot, secret) in secrets.iter().flat_map(|credentials| &credentials.slots) {
            for part in [slot.as_bytes(), secret.expose()] {
                hash.update((part.len() as u64).to_le_bytes());
                hash.update(part);
            }
        }
        Self::Named { name: Arc::from(name), secrets: hash.finalize().into() }
    }
}
