//! The address classifier, against a table of first and last addresses that was written from the
//! registries once more, and against arithmetic on the addresses that carry another one inside.
//!
//! Input: an address in text, or 4 or 16 bytes; a leading byte below 16 puts the 4 bytes after it into
//! one of the known wrappings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use wharf_gate::{CarveOut, special};

/// What an address must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Must {
    /// Never dialled.
    Refuse,
    /// A registry calls it reachable, and no provider lives there: either is right.
    Either,
}

/// IANA IPv4 Special-Purpose Address Registry, and the multicast space.
const V4: &[(&str, &str, Must)] = &[
    ("0.0.0.0", "0.255.255.255", Must::Refuse),
    ("10.0.0.0", "10.255.255.255", Must::Refuse),
    ("100.64.0.0", "100.127.255.255", Must::Refuse),
    ("127.0.0.0", "127.255.255.255", Must::Refuse),
    ("169.254.0.0", "169.254.255.255", Must::Refuse),
    ("172.16.0.0", "172.31.255.255", Must::Refuse),
    ("192.0.0.0", "192.0.0.8", Must::Refuse),
    ("192.0.0.9", "192.0.0.10", Must::Either),
    ("192.0.0.11", "192.0.0.255", Must::Refuse),
    ("192.0.2.0", "192.0.2.255", Must::Refuse),
    ("192.31.196.0", "192.31.196.255", Must::Either),
    ("192.52.193.0", "192.52.193.255", Must::Either),
    ("192.88.99.0", "192.88.99.255", Must::Either),
    ("192.168.0.0", "192.168.255.255", Must::Refuse),
    ("192.175.48.0", "192.175.48.255", Must::Either),
    ("198.18.0.0", "198.19.255.255", Must::Refuse),
    ("198.51.100.0", "198.51.100.255", Must::Refuse),
    ("203.0.113.0", "203.0.113.255", Must::Refuse),
    ("224.0.0.0", "255.255.255.255", Must::Refuse),
];

/// IANA IPv6 Special-Purpose Address Registry within 2000::/3; outside of it everything is refused.
const V6: &[(&str, &str, Must)] = &[
    ("2001::", "2001::ffff:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
    ("2001:1::", "2001:1:ffff:ffff:ffff:ffff:ffff:ffff", Must::Either),
    ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
    ("2001:2:1::", "2001:f:ffff:ffff:ffff:ffff:ffff:ffff", Must::Either),
    ("2001:10::", "2001:1f:ffff:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
    ("2001:20::", "2001:3f:ffff:ffff:ffff:ffff:ffff:ffff", Must::Either),
    ("2001:40::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
    ("2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", Must::Either),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", Must::Refuse),
];

/// How an IPv4 address is put into an IPv6 one; `1.2.3.4` stands for its bytes.
const WRAPPINGS: &[(&str, u32)] = &[
    ("::", 0),
    ("::ffff:0:0", 0),
    ("::ffff:0:0:0", 0),
    ("64:ff9b::", 0),
    ("64:ff9b:1::", 0),
    ("64:ff9b:1:ffff:ffff:ffff::", 0),
    ("2002::", 80),
    ("2001::", 0),
    ("2a00::5efe:0:0", 0),
    ("2a00::200:5efe:0:0", 0),
];

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    for address in addresses(data) {
        check(address);
        for near in neighbours(address) {
            check(near);
        }
    }
    if let Ok(text) = std::str::from_utf8(data) {
        carve_out(text);
    }
}

fn addresses(data: &[u8]) -> Vec<IpAddr> {
    let text = std::str::from_utf8(data).ok().and_then(|text| text.trim().parse().ok());
    let mut found: Vec<IpAddr> = text.into_iter().collect();
    if let Some(octets) = data.first_chunk::<4>() {
        found.push((*octets).into());
    }
    if let Some(octets) = data.first_chunk::<16>() {
        found.push((*octets).into());
    }
    if let Some([kind, a, b, c, d]) = data.first_chunk::<5>()
        && let Some((network, shift)) = WRAPPINGS.get(usize::from(*kind))
    {
        let inner = u128::from(Ipv4Addr::new(*a, *b, *c, *d).to_bits()) << shift;
        let network = network.parse::<Ipv6Addr>().map_or(0, Ipv6Addr::to_bits);
        let wrapped = Ipv6Addr::from_bits(network | inner);
        assert!(special(wrapped.into()).is_some(), "{wrapped} carries {a}.{b}.{c}.{d} and is called public");
        found.push(wrapped.into());
    }
    found
}

/// A table goes wrong at its edges.
fn neighbours(address: IpAddr) -> [IpAddr; 2] {
    match address {
        IpAddr::V4(v4) => {
            let bits = v4.to_bits();
            [bits.wrapping_sub(1), bits.wrapping_add(1)].map(|bits| Ipv4Addr::from_bits(bits).into())
        }
        IpAddr::V6(v6) => {
            let bits = v6.to_bits();
            [bits.wrapping_sub(1), bits.wrapping_add(1)].map(|bits| Ipv6Addr::from_bits(bits).into())
        }
    }
}

fn check(address: IpAddr) {
    let found = special(address);
    match expected(address) {
        Some(Must::Refuse) => assert!(found.is_some(), "{address} is called public"),
        None => assert!(found.is_none(), "{address} is called {found:?}"),
        Some(Must::Either) => {}
    }
}

fn expected(address: IpAddr) -> Option<Must> {
    let table = match address {
        IpAddr::V4(_) => V4,
        IpAddr::V6(v6) => match v6.segments() {
            [..=0x1fff | 0x4000.., ..] => return Some(Must::Refuse),
            // RFC 5214, section 6.1: an IPv4 address behind either form of the identifier is ISATAP's.
            [_, _, _, _, 0x0000 | 0x0200, 0x5efe, ..] => return Some(Must::Refuse),
            _ => V6,
        },
    };
    let within = |first: &str, last: &str| {
        first.parse::<IpAddr>().is_ok_and(|first| first <= address)
            && last.parse::<IpAddr>().is_ok_and(|last| address <= last)
    };
    table.iter().find(|(first, last, _)| within(first, last)).map(|(.., must)| *must)
}

/// What is written back means the same.
fn carve_out(text: &str) {
    if let Ok(carve_out) = text.parse::<CarveOut>() {
        let again: CarveOut =
            carve_out.to_string().parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
        assert_eq!(again, carve_out, "{text:?}");
    }
}

/// The oracle's own table: every line parses, in order, without overlap; every edge is right.
///
/// # Panics
/// When it is not so.
pub fn check_table() {
    let lines = |table: &[(&str, &str, Must)]| -> Vec<(IpAddr, IpAddr)> {
        table.iter().map(|(first, last, _)| (first.parse().unwrap(), last.parse().unwrap())).collect()
    };
    for table in [lines(V4), lines(V6)] {
        for (first, last) in &table {
            assert!(first <= last, "{first} {last}");
            for edge in [first, last] {
                check(*edge);
                neighbours(*edge).into_iter().for_each(check);
            }
        }
        assert!(table.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
