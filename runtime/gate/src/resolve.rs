//! From a host to addresses that may be dialled: all of a name's addresses are judged, and a name
//! with one that is refused is refused whole, so that no failover reaches it.
//!
//! The dialer dials exactly what this hands out; there is no second look-up between check and dial.
//! Literals go the same way: whatever a host's spelling was, what is judged is the address.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use tokio::sync::Semaphore;

use crate::{
    carve_out::{AddressPolicy, AddressRefusal},
    config::{GateConfig, GateConfigError},
    dial::DialError,
};

/// Look-ups under way at once, all accounts together: each holds a thread until the system's resolver
/// gives up, and a hostile name server answers nobody.
const LOOKUPS: usize = 64;

/// Where addresses come from.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// The system's resolver.
    System,
    /// Answers of a test; see [`crate::script`]. Not in the product at all.
    #[cfg(any(test, debug_assertions))]
    Scripted(crate::script::Script),
}

impl Lookup {
    /// The production resolver, unless this is a test's build and a test says otherwise.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn of_this_process(config: &mut GateConfig) -> Result<Self, GateConfigError> {
        Ok(crate::script::of_this_process(config)?.map_or(Self::System, Self::Scripted))
    }

    /// The production resolver.
    #[cfg(not(any(test, debug_assertions)))]
    pub(crate) fn of_this_process(_config: &mut GateConfig) -> Result<Self, GateConfigError> {
        Ok(Self::System)
    }

    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
            #[cfg(any(test, debug_assertions))]
            Self::Scripted(script) => script.addresses(name, port),
        }
    }

    /// Where an address is dialled: there.
    pub(crate) fn dialled(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        match self {
            Self::System => Ok(address),
            #[cfg(any(test, debug_assertions))]
            Self::Scripted(script) => script.dial(address),
        }
    }
}

/// A host has an address that may not be dialled.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{name}` resolves to an address that is not public")]
pub(crate) struct AddressRefused {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) refusal: AddressRefusal,
}

/// The resolver of a gate.
#[derive(Debug)]
pub(crate) struct Resolver {
    pub(crate) lookup: Lookup,
    policy: Arc<AddressPolicy>,
    room: Semaphore,
}

impl Resolver {
    pub(crate) fn new(lookup: Lookup, policy: Arc<AddressPolicy>) -> Self {
        Self { lookup, policy, room: Semaphore::new(LOOKUPS) }
    }

    /// The addresses of a host that a connector calls, each of them judged.
    pub(crate) async fn checked(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        let addresses = self.addresses(host, port).await?;
        for address in &addresses {
            if let Err(refusal) = self.policy.check(*address) {
                let refused = AddressRefused { name: host.to_owned(), address: *address, refusal };
                return Err(DialError::Refused(refused));
            }
        }
        Ok(addresses)
    }

    /// The addresses of a host that the operator configured; at least one.
    pub(crate) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, DialError> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, port)]);
        }
        let addresses = match self.room.acquire().await {
            Ok(_room) => self.lookup.addresses(host, port).await.map_err(DialError::Lookup)?,
            Err(closed) => return Err(DialError::Lookup(io::Error::other(closed))),
        };
        if addresses.is_empty() {
            let nothing = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
            return Err(DialError::Lookup(nothing));
        }
        Ok(addresses)
    }
}
