//! From a name to addresses that may be dialled: all of a name's addresses are judged, and a name
//! with one that is refused is refused whole, so that no failover reaches it.
//!
//! The HTTP client dials exactly what this hands out; there is no second look-up between check and dial.

use std::{io, net::SocketAddr, sync::Arc};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::carve_out::{AddressPolicy, AddressRefusal};

/// Where addresses come from.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// The system's resolver.
    System,
    /// Answers of a test. Not in the product at all.
    #[cfg(test)]
    Scripted(crate::tests::Script),
}

impl Lookup {
    async fn addresses(&self, name: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        match self {
            Self::System => Ok(tokio::net::lookup_host((name, port)).await?.collect()),
            #[cfg(test)]
            Self::Scripted(script) => script.addresses(name, port),
        }
    }

    /// Where the checked address is dialled: there.
    fn dialled(&self, address: SocketAddr) -> SocketAddr {
        match self {
            Self::System => address,
            #[cfg(test)]
            Self::Scripted(script) => script.dialled(address),
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
        Ok(addresses.into_iter().map(|address| self.lookup.dialled(address)).collect())
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
