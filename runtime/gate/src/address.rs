//! Which addresses are public, from the IANA registries.
//!
//! Everything that a registry does not call globally reachable is special, and so is everything
//! that carries another address inside (mapped, translated, tunnelled): a check of the outer
//! address would say nothing about the inner one. Blocks of protocol assignments count as a whole,
//! although a few anycast services in them are reachable: no provider's API lives there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

mod table;

/// A block of addresses that are not public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Special {
    /// The registry's name for it, in lower case.
    pub name: &'static str,
    /// Where it is defined.
    pub source: &'static str,
}

/// The special block that an address lies in; none for a public address.
#[must_use]
pub fn special(address: IpAddr) -> Option<Special> {
    match address {
        IpAddr::V4(address) => special_v4(address),
        IpAddr::V6(address) => special_v6(address),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<Special> {
    let bits = address.to_bits();
    let block = table::V4.iter().find(|block| {
        let (network, length) = block.0;
        let shift = 32 - length;
        (bits ^ Ipv4Addr::from_octets(network).to_bits()).checked_shr(shift).unwrap_or(0) == 0
    });
    block.map(|block| Special { name: block.1, source: block.2 })
}

fn special_v6(address: Ipv6Addr) -> Option<Special> {
    let bits = address.to_bits();
    let block = table::V6.iter().find(|block| {
        let (network, length) = block.0;
        let shift = 128 - length;
        (bits ^ Ipv6Addr::from_segments(network).to_bits()).checked_shr(shift).unwrap_or(0) == 0
    });
    if let Some(block) = block {
        return Some(Special { name: block.1, source: block.2 });
    }
    if matches!((bits >> 32) & 0xffff_ffff, 0x0000_5efe | 0x0200_5efe) {
        return Some(Special { name: "ISATAP", source: "RFC 5214" });
    }
    // Only 2000::/3 is given out as global unicast; the rest of the space is nobody's.
    (bits >> 125 != 1).then_some(Special { name: "not global unicast", source: "IANA IPv6 address space" })
}
