//! Addresses that an operator takes out of the refusal of non-public ones, and the policy that a
//! dial is judged by.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket},
    str::FromStr,
};

use ipnet::IpNet;

use crate::address::{Special, special};

/// A block of addresses, on some ports or all, that may be called although it is not public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarveOut {
    /// The block. An IPv4 block does not hold the IPv4-mapped IPv6 addresses of its members.
    pub cidr: IpNet,
    /// The ports; none for all.
    pub ports: Option<Vec<u16>>,
}

/// A carve-out that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("carve-out `{0}` is not like `10.0.0.0/8` or `127.0.0.1/32:8080,8081`")]
pub struct CarveOutError(String);

impl CarveOut {
    fn holds(&self, address: SocketAddr) -> bool {
        let port = self.ports.as_ref().is_none_or(|ports| ports.contains(&address.port()));
        port && self.cidr.contains(&address.ip())
    }
}

/// `CIDR`, or `CIDR:port,port`.
impl FromStr for CarveOut {
    type Err = CarveOutError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = || CarveOutError(text.to_owned());
        let (address, rest) = text.split_once('/').ok_or_else(fail)?;
        let (length, ports) = match rest.split_once(':') {
            Some((length, ports)) => (length, Some(ports)),
            None => (rest, None),
        };
        let cidr = format!("{address}/{length}").parse().map_err(|_| fail())?;
        let ports = ports.map(|ports| ports.split(',').map(str::parse).collect::<Result<Vec<u16>, _>>());
        Ok(Self { cidr, ports: ports.transpose().map_err(|_| fail())? })
    }
}

impl fmt::Display for CarveOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.cidr)?;
        for (at, port) in self.ports.iter().flatten().enumerate() {
            write!(f, "{}{port}", if at == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}

/// Why an address may not be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressRefusal {
    /// Not public and not carved out.
    Special(Special),
    /// One of the host's own listeners.
    Own,
}

impl fmt::Display for AddressRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Special(special) => write!(f, "{}, {}", special.name, special.source),
            Self::Own => f.write_str("one of this server's own addresses"),
        }
    }
}

/// What may be dialled.
#[derive(Debug)]
pub(crate) struct AddressPolicy {
    pub(crate) carve_outs: Vec<CarveOut>,
    pub(crate) own: Vec<SocketAddr>,
}

impl AddressPolicy {
    /// Judges an address with the port it will be dialled at.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<(), AddressRefusal> {
        if self.is_own(address) {
            return Err(AddressRefusal::Own);
        }
        match special(address.ip()) {
            Some(found) if !self.is_carved_out(address) => Err(AddressRefusal::Special(found)),
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn is_carved_out(&self, address: SocketAddr) -> bool {
        self.carve_outs.iter().any(|carve_out| carve_out.holds(address))
    }

    /// A listener on the unspecified address answers on every address of this machine, so a
    /// carve-out never opens the server's own port.
    fn is_own(&self, address: SocketAddr) -> bool {
        let matching = self.own.iter().filter(|own| own.port() == address.port());
        matching
            .map(SocketAddr::ip)
            .any(|own| own == address.ip() || (own.is_unspecified() && is_here(address.ip())))
    }
}

/// Whether an address is one of this machine's. The kernel chooses an address of ours as the source
/// towards it; towards our own it chooses the same. No packet is sent.
fn is_here(address: IpAddr) -> bool {
    let any =
        if address.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let source = UdpSocket::bind((any, 0)).and_then(|socket| {
        socket.connect((address, 9))?;
        socket.local_addr()
    });
    address.is_loopback() || address.is_unspecified() || source.is_ok_and(|source| source.ip() == address)
}
