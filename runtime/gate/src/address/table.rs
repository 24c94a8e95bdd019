//! The blocks of the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and what
//! updated it), of the multicast registries, and of the ways to put an IPv4 address into an IPv6 one.

/// A network, its length, its name, its source.
pub(super) type Block<N> = ((N, u32), &'static str, &'static str);

#[rustfmt::skip]
pub(super) const V4: &[Block<[u8; 4]>] = &[
    (([0, 0, 0, 0], 8), "this network", "RFC 791"),
    (([10, 0, 0, 0], 8), "private use", "RFC 1918"),
    (([100, 64, 0, 0], 10), "shared address space", "RFC 6598"),
    (([127, 0, 0, 0], 8), "loopback", "RFC 1122"),
    (([169, 254, 0, 0], 16), "link local", "RFC 3927"),
    (([172, 16, 0, 0], 12), "private use", "RFC 1918"),
    (([192, 0, 0, 0], 24), "protocol assignments", "RFC 6890"),
    (([192, 0, 2, 0], 24), "documentation", "RFC 5737"),
    (([192, 31, 196, 0], 24), "AS112", "RFC 7535"),
    (([192, 52, 193, 0], 24), "AMT", "RFC 7450"),
    (([192, 88, 99, 0], 24), "6to4 relay anycast", "RFC 7526"),
    (([192, 168, 0, 0], 16), "private use", "RFC 1918"),
    (([192, 175, 48, 0], 24), "AS112", "RFC 7534"),
    (([198, 18, 0, 0], 15), "benchmarking", "RFC 2544"),
    (([198, 51, 100, 0], 24), "documentation", "RFC 5737"),
    (([203, 0, 113, 0], 24), "documentation", "RFC 5737"),
    (([224, 0, 0, 0], 4), "multicast", "RFC 5771"),
    (([255, 255, 255, 255], 32), "limited broadcast", "RFC 8190"),
    (([240, 0, 0, 0], 4), "reserved", "RFC 1112"),
];

#[rustfmt::skip]
pub(super) const V6: &[Block<[u16; 8]>] = &[
    (([0, 0, 0, 0, 0, 0, 0, 0], 128), "unspecified", "RFC 4291"),
    (([0, 0, 0, 0, 0, 0, 0, 1], 128), "loopback", "RFC 4291"),
    (([0, 0, 0, 0, 0, 0xffff, 0, 0], 96), "IPv4-mapped", "RFC 4291"),
    (([0, 0, 0, 0, 0, 0, 0, 0], 96), "IPv4-compatible", "RFC 4291"),
    (([0, 0, 0, 0, 0xffff, 0, 0, 0], 96), "IPv4-translated (SIIT)", "RFC 2765"),
    (([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96), "NAT64", "RFC 6052"),
    (([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48), "local NAT64", "RFC 8215"),
    (([0x100, 0, 0, 0, 0, 0, 0, 0], 64), "discard only", "RFC 6666"),
    (([0x100, 0, 0, 1, 0, 0, 0, 0], 64), "dummy prefix", "RFC 9780"),
    (([0x2001, 0, 0, 0, 0, 0, 0, 0], 32), "Teredo", "RFC 4380"),
    (([0x2001, 2, 0, 0, 0, 0, 0, 0], 48), "benchmarking", "RFC 5180"),
    (([0x2001, 0x10, 0, 0, 0, 0, 0, 0], 28), "ORCHID", "RFC 4843"),
    (([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28), "ORCHIDv2", "RFC 7343"),
    (([0x2001, 0, 0, 0, 0, 0, 0, 0], 23), "protocol assignments", "RFC 2928"),
    (([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32), "documentation", "RFC 3849"),
    (([0x2002, 0, 0, 0, 0, 0, 0, 0], 16), "6to4", "RFC 3056"),
    (([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48), "AS112", "RFC 7534"),
    (([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20), "documentation", "RFC 9637"),
    (([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16), "segment routing", "RFC 9602"),
    (([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7), "unique local", "RFC 4193"),
    (([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10), "link local", "RFC 4291"),
    (([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10), "site local", "RFC 3879"),
    (([0xff00, 0, 0, 0, 0, 0, 0, 0], 8), "multicast", "RFC 4291"),
];
