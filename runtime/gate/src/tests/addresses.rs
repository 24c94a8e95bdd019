//! The table of addresses, carve-outs, and the server's own listeners.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::{CarveOut, carve_out::AddressPolicy, special};

/// The first address, the last, and the block they lie in.
const SPECIAL: &str = "
0.0.0.0 0.255.255.255 this network
10.0.0.0 10.255.255.255 private use
100.64.0.0 100.127.255.255 shared address space
127.0.0.0 127.255.255.255 loopback
169.254.0.0 169.254.255.255 link local
172.16.0.0 172.31.255.255 private use
192.0.0.0 192.0.0.255 protocol assignments
192.0.2.0 192.0.2.255 documentation
192.31.196.0 192.31.196.255 AS112
192.52.193.0 192.52.193.255 AMT
192.88.99.0 192.88.99.255 6to4 relay anycast
192.168.0.0 192.168.255.255 private use
192.175.48.0 192.175.48.255 AS112
198.18.0.0 198.19.255.255 benchmarking
198.51.100.0 198.51.100.255 documentation
203.0.113.0 203.0.113.255 documentation
224.0.0.0 239.255.255.255 multicast
240.0.0.0 255.255.255.254 reserved
255.255.255.255 255.255.255.255 limited broadcast
:: :: unspecified
::1 ::1 loopback
::2 ::ffff:ffff IPv4-compatible
::ffff:0:0 ::ffff:ffff:ffff IPv4-mapped
::ffff:8.8.8.8 ::ffff:169.254.169.254 IPv4-mapped
::ffff:0:0:0 ::ffff:0:ffff:ffff IPv4-translated (SIIT)
64:ff9b:: 64:ff9b::a9fe:a9fe NAT64
64:ff9b:1:: 64:ff9b:1:ffff:ffff:ffff:ffff:ffff local NAT64
100:: 100::ffff:ffff:ffff:ffff discard only
100:0:0:1:: 100:0:0:1:ffff:ffff:ffff:ffff dummy prefix
2001:: 2001:0:ffff:ffff:ffff:ffff:ffff:ffff Teredo
2001:1:: 2001:1::3 protocol assignments
2001:2:: 2001:2:0:ffff:ffff:ffff:ffff:ffff benchmarking
2001:10:: 2001:1f:ffff:ffff:ffff:ffff:ffff:ffff ORCHID
2001:20:: 2001:2f:ffff:ffff:ffff:ffff:ffff:ffff ORCHIDv2
2001:db8:: 2001:db8:ffff:ffff:ffff:ffff:ffff:ffff documentation
2002:: 2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff 6to4
2001:470::5efe:7f00:1 2606:4700::200:5efe:a9fe:a9fe ISATAP
2620:4f:8000:: 2620:4f:8000:ffff:ffff:ffff:ffff:ffff AS112
3fff:: 3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff documentation
4000:: 5eff:ffff:: not global unicast
5f00:: 5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff segment routing
fc00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff unique local
fd00:ec2::254 fd00:ec2::254 unique local
fe80:: febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff link local
fec0:: feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff site local
ff00:: ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff multicast
e000:: fbff:ffff:: not global unicast
";

#[test]
fn every_special_block_is_refused_at_both_ends() {
    for line in SPECIAL.trim().lines() {
        let mut words = line.splitn(3, ' ');
        let ends = [words.next().unwrap(), words.next().unwrap()];
        let name = words.next();
        for address in ends {
            let found = special(address.parse::<IpAddr>().unwrap()).map(|special| special.name);
            assert_eq!(found, name, "{address}");
        }
    }
}

const PUBLIC: &str = "
    1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 93.184.216.34 100.63.255.255 100.128.0.0 126.255.255.255
    128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 192.0.1.0 192.0.3.0 192.167.255.255
    192.169.0.0 198.17.255.255 198.20.0.0 223.255.255.255 2000:: 2001:200:: 2001:4860:4860::8888 2001:db7:ffff::
    2003:: 2606:4700::1111 3ffe:ffff:: 3fff:1000::
";

#[test]
fn neighbours_of_special_blocks_are_public() {
    for address in PUBLIC.split_whitespace() {
        assert_eq!(special(address.parse::<IpAddr>().unwrap()), None, "{address}");
    }
}

/// The public space as the gaps between what is not: the first and the last address of each gap.
const GAPS_V4: &str = "
    1.0.0.0-9.255.255.255 11.0.0.0-100.63.255.255 100.128.0.0-126.255.255.255 128.0.0.0-169.253.255.255
    169.255.0.0-172.15.255.255 172.32.0.0-191.255.255.255 192.0.1.0-192.0.1.255 192.0.3.0-192.31.195.255
    192.31.197.0-192.52.192.255 192.52.194.0-192.88.98.255 192.88.100.0-192.167.255.255
    192.169.0.0-192.175.47.255 192.175.49.0-198.17.255.255 198.20.0.0-198.51.99.255
    198.51.101.0-203.0.112.255 203.0.114.0-223.255.255.255
";

const GAPS_V6: &str = "
    2000::-2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2001:200::-2001:db7:ffff:ffff:ffff:ffff:ffff:ffff
    2001:db9::-2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff 2003::-2620:4f:7fff:ffff:ffff:ffff:ffff:ffff
    2620:4f:8001::-3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff 3fff:1000::-3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff
";

/// Address by address as numbers, with no network and no length in it.
fn is_in_a_gap(address: IpAddr) -> bool {
    let number = |address: IpAddr| match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    };
    let gaps = if address.is_ipv4() { GAPS_V4 } else { GAPS_V6 };
    gaps.split_whitespace().any(|gap| {
        let (first, last) = gap.split_once('-').unwrap();
        (number(first.parse().unwrap())..=number(last.parse().unwrap())).contains(&number(address))
    })
}

#[test]
fn hc_13_to_16_an_independent_table_agrees_at_every_border_and_between() {
    let mut asked = Vec::new();
    for end in GAPS_V4.split_whitespace().flat_map(|gap| gap.split('-')) {
        let bits = end.parse::<Ipv4Addr>().unwrap().to_bits();
        asked.extend(
            [bits.wrapping_sub(1), bits, bits.wrapping_add(1)].map(|b| IpAddr::from(Ipv4Addr::from_bits(b))),
        );
    }
    for end in GAPS_V6.split_whitespace().flat_map(|gap| gap.split('-')) {
        let bits = end.parse::<Ipv6Addr>().unwrap().to_bits();
        asked.extend(
            [bits.wrapping_sub(1), bits, bits.wrapping_add(1)].map(|b| IpAddr::from(Ipv6Addr::from_bits(b))),
        );
    }
    // A multiplicative walk through both spaces; in IPv6 half of it under 2000::/3.
    let mut seed = 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835_u128;
    for turn in 0..20_000_u32 {
        seed =
            seed.wrapping_mul(0x2360_ed05_1fc6_5da4_4385_df64_9fcc_f645).wrapping_add(u128::from(turn) | 1);
        let [.., a, b, c, d] = (seed >> 64).to_be_bytes();
        asked.push(IpAddr::from([a, b, c, d]));
        let bits = if turn % 2 == 0 { seed } else { (seed >> 3) | (1 << 125) };
        asked.push(IpAddr::from(Ipv6Addr::from_bits(bits)));
    }
    for address in asked {
        assert_eq!(special(address).is_none(), is_in_a_gap(address), "{address}");
    }
}

#[test]
fn hc_15_no_embedding_of_an_inside_address_is_public() {
    for inside in ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.0.1", "8.8.8.8"] {
        let bits = inside.parse::<Ipv4Addr>().unwrap().to_bits();
        let (high, low) = (bits >> 16, bits & 0xffff);
        for embedded in [
            format!("::{inside}"),
            format!("::ffff:{inside}"),
            format!("::ffff:0:{inside}"),
            format!("64:ff9b::{inside}"),
            format!("64:ff9b:1::{inside}"),
            format!("64:ff9b:1:ffff:{high:x}:{low:x}::"),
            format!("2002:{high:x}:{low:x}::1"),
            format!("2001:0:{high:x}:{low:x}::1"),
            format!("2001::{:x}:{:x}", !high & 0xffff, !low & 0xffff),
            format!("2606:4700::5efe:{inside}"),
        ] {
            assert!(special(embedded.parse().unwrap()).is_some(), "{embedded}");
        }
    }
}

#[test]
fn carve_outs_are_for_an_address_and_a_port() {
    let policy = AddressPolicy {
        carve_outs: ["127.0.0.1/32:8080,8081", "10.0.0.0/8", "fd00::/8:443"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect(),
        own: vec![
            "0.0.0.0:8081".parse().unwrap(),
            "10.9.9.9:9000".parse().unwrap(),
            "93.184.216.34:8443".parse().unwrap(),
        ],
    };
    for (address, allowed) in [
        ("127.0.0.1:8080", true),
        ("127.0.0.1:8081", false),
        ("10.1.2.3:8081", true),
        ("127.0.0.1:80", false),
        ("127.0.0.2:8080", false),
        ("10.1.2.3:22", true),
        ("10.9.9.9:9000", false),
        ("10.9.9.9:9001", true),
        ("[fd00::1]:443", true),
        ("[fd00::1]:80", false),
        ("[::ffff:127.0.0.1]:8080", false),
        ("[::ffff:10.0.0.1]:80", false),
        ("93.184.216.34:443", true),
        ("93.184.216.34:8443", false),
    ] {
        assert_eq!(policy.check(address.parse::<SocketAddr>().unwrap()).is_ok(), allowed, "{address}");
    }
}

#[test]
fn carve_outs_are_read_and_written() {
    for text in ["10.0.0.0/8", "127.0.0.1/32:8080,8081", "::1/128:80"] {
        assert_eq!(text.parse::<CarveOut>().unwrap().to_string(), text);
    }
    for text in [
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "10.0.0.0/33",
        "10.0.0.0/8:",
        "10.0.0.0/8:x",
        "10.0.0.0/8:70000",
        "localhost/8",
    ] {
        assert!(text.parse::<CarveOut>().is_err(), "{text}");
    }
}
