//! HTTP clients, one for each account; the least used dropped at a bound, the unused after a while.
//!
//! A client owns its connections and its TLS sessions. Two accounts never share either: a response
//! that a provider smuggled into one's connection cannot reach the other. An account that is worked
//! out anew, because a grant changed or a version, finds its client again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;
use tokio_rustls::TlsConnector;

use crate::{
    account::Account,
    client::Client,
    config::GateConfig,
    dial::Dialer,
    resolve::Resolver,
    tls::{ClientTls, TlsMaterialError, Trust},
};

/// A client that nobody used for so long has no connection any more; its TLS sessions go with it.
const UNUSED: Duration = Duration::from_secs(600);

/// The clients of one gate.
#[derive(Debug)]
pub(crate) struct Pool {
    config: GateConfig,
    trust: Trust,
    resolver: Arc<Resolver>,
    clients: Mutex<HashMap<Key, Entry>>,
}

/// Who shares a client: one account, with the same TLS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    account: Account,
    tls: [u8; 32],
}

struct Entry {
    client: Client,
    used: Instant,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entry").field("used", &self.used).finish_non_exhaustive()
    }
}

impl Pool {
    pub(crate) fn new(config: GateConfig, trust: Trust, resolver: Arc<Resolver>) -> Self {
        Self { config, trust, resolver, clients: Mutex::default() }
    }

    /// The client of an account.
    pub(crate) fn client(&self, account: &Account, tls: &ClientTls) -> Result<Client, TlsMaterialError> {
        let now = Instant::now();
        let key = Key { account: account.clone(), tls: tls.fingerprint };
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = clients.get_mut(&key) {
            entry.used = now;
            return Ok(entry.client.clone());
        }
        forget(&mut clients, now);
        if clients.len() >= self.config.max_clients {
            let oldest = clients.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            oldest.map(|key| clients.remove(&key));
        }
        let client = self.build(tls)?;
        clients.insert(key, Entry { client: client.clone(), used: now });
        Ok(client)
    }

    fn build(&self, tls: &ClientTls) -> Result<Client, TlsMaterialError> {
        let dialer = Dialer {
            resolver: Arc::clone(&self.resolver),
            proxy: self.config.egress_proxy.clone(),
            tls: TlsConnector::from(Arc::new(self.trust.config(tls)?)),
            timeout: self.config.connect_timeout,
            #[cfg(debug_assertions)]
            network: self.config.network.clone(),
        };
        Ok(Client::new(&self.config, dialer))
    }

    #[cfg(test)]
    pub(crate) fn len_after(&self, elapsed: Duration) -> usize {
        let mut clients = self.clients.lock().unwrap();
        forget(&mut clients, Instant::now() + elapsed);
        clients.len()
    }
}

fn forget(clients: &mut HashMap<Key, Entry>, now: Instant) {
    clients.retain(|_, entry| now.duration_since(entry.used) < UNUSED);
}
