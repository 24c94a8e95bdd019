//! The table of addresses, carve-outs, and the server's own listeners.

use std::net::{IpAddr, SocketAddr};

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
