//! HTTP clients, one for each authority and port, the least used dropped at a bound.
//!
//! A client owns its connections and its TLS sessions. Two accounts never share either: a response
//! that a provider smuggled into one's connection cannot reach the other.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use reqwest::{Client, redirect, retry};
use rustls::{ClientConfig, client::Resumption};

use crate::{
    carve_out::AddressPolicy,
    config::GateConfig,
    resolve::{CheckedResolver, Lookup},
};

/// Servers close idle connections, some after 5 seconds; a request that crosses such a close has an
/// unknown outcome, so the gate closes first.
const IDLE: Duration = Duration::from_secs(4);

const USER_AGENT: &str = concat!("wharf/", env!("CARGO_PKG_VERSION"));

/// The clients of one gate.
#[derive(Debug)]
pub(crate) struct Pool {
    tls: ClientConfig,
    lookup: Lookup,
    policy: Arc<AddressPolicy>,
    connect_timeout: Duration,
    max_headers: usize,
    max_header_bytes: usize,
    max_clients: usize,
    clients: Mutex<Clients>,
}

#[derive(Debug, Default)]
struct Clients {
    by_key: HashMap<(u64, u16), Entry>,
    clock: u64,
}

#[derive(Debug)]
struct Entry {
    client: Client,
    used: u64,
}

impl Pool {
    pub(crate) fn new(
        config: &GateConfig,
        tls: ClientConfig,
        lookup: Lookup,
        policy: Arc<AddressPolicy>,
    ) -> Self {
        Self {
            tls,
            lookup,
            policy,
            connect_timeout: config.connect_timeout,
            max_headers: config.max_response_headers,
            max_header_bytes: config.max_response_header_bytes,
            max_clients: config.max_clients,
            clients: Mutex::default(),
        }
    }

    /// The client of an authority for a port.
    pub(crate) fn client(&self, authority: u64, port: u16) -> reqwest::Result<Client> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        clients.clock += 1;
        let now = clients.clock;
        if let Some(entry) = clients.by_key.get_mut(&(authority, port)) {
            entry.used = now;
            return Ok(entry.client.clone());
        }
        let client = self.build(port)?;
        if clients.by_key.len() >= self.max_clients {
            let oldest = clients.by_key.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| *key);
            oldest.map(|key| clients.by_key.remove(&key));
        }
        clients.by_key.insert((authority, port), Entry { client: client.clone(), used: now });
        Ok(client)
    }

    fn build(&self, port: u16) -> reqwest::Result<Client> {
        let mut tls = self.tls.clone();
        // A cloned configuration shares its session store; sessions stay with the authority.
        tls.resumption = Resumption::in_memory_sessions(16);
        let resolver =
            CheckedResolver { lookup: self.lookup.clone(), policy: Arc::clone(&self.policy), port };
        Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(resolver)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .user_agent(USER_AGENT)
            .connect_timeout(self.connect_timeout)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(8)
            .http1_max_headers(self.max_headers)
            .http2_max_header_list_size(u32::try_from(self.max_header_bytes).unwrap_or(u32::MAX))
            .tcp_nodelay(true)
            .build()
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.clients.lock().unwrap().by_key.len()
    }
}
