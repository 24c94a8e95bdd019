//! From a name to addresses that may be dialled: all of a name's addresses are judged, and a name
//! with one that is refused is refused whole, so that no failover reaches it.
//!
//! The HTTP client dials exactly what this hands out; there is no second look-up between check and dial.

use std::{io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{
    carve_out::{AddressPolicy, AddressRefusal},
    config::{GateConfig, GateConfigError},
};

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

    /// Where the checked address is dialled: there.
    fn dialled(&self, address: SocketAddr) -> io::Result<SocketAddr> {
        match self {
            Self::System => Ok(address),
            #[cfg(any(test, debug_assertions))]
            Self::Scripted(script) => script.dial(address),
        }
    }
}

/// A name resolves to an address that may not be dialled.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{name}` resolves to an address that is not public")]
pub(crate) struct AddressRefused {
    pub(crate) name: String,
    pub(crate) address: SocketAddr,
    pub(crate) refusal: AddressRefusal,
}

/// The resolver of one client. A client serves one port, because a carve-out is for an address and a
/// port and the hook is told the name alone.
#[derive(Clone, Debug)]
pub(crate) struct CheckedResolver {
    pub(crate) lookup: Lookup,
    pub(crate) policy: Arc<AddressPolicy>,
    pub(crate) port: u16,
}

impl CheckedResolver {
    async fn checked(
        self,
        name: String,
    ) -> Result<Vec<SocketAddr>, Box<dyn std::error::Error + Send + Sync>> {
        let addresses = self.lookup.addresses(&name, self.port).await?;
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address").into());
        }
        for address in &addresses {
            if let Err(refusal) = self.policy.check(*address) {
                return Err(AddressRefused { name, address: *address, refusal }.into());
            }
        }
        let dialled: io::Result<_> =
            addresses.into_iter().map(|address| self.lookup.dialled(address)).collect();
        Ok(dialled?)
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.checked(name.as_str().to_owned()).await?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}
