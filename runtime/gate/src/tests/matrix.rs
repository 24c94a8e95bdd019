//! The egress matrix: every spelling of a host, with every inside address, by every route. Nothing is
//! dialled but the one public address, whatever the combination.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use wharf_model::http::{HttpRequest, Redirects};

use super::bed::{ANY, Bed, authority, get, redirect, reply};
use crate::Authority;

/// Of `in.allowed.test`, and of what only looks like it. `{}` is the path.
const SPELLINGS: &str = r"
    https://in.allowed.test{}
    HTTPS://IN.ALLOWED.TEST{}
    https://In.Allowed.Test{}
    https://in.allowed.test.{}
    https://in.allowed.test:443{}
    https://in.allowed.test:0443{}
    https://in.allowed.test:8443{}
    https://in.allowed.test:{}
    https:in.allowed.test{}
    https:/in.allowed.test{}
    https:///in.allowed.test{}
    https:\\in.allowed.test{}
    https:\/in.allowed.test{}
    https://in.allowed.test\{}
    https://in%2eallowed%2etest{}
    https://%69n.allowed.test{}
    https://in.allowed.t%65st{}
    https://ｉｎ.allowed.test{}
    https://in.ａｌｌｏｗｅｄ.test{}
    https://in。allowed。test{}
    https://in．allowed．test{}
    https://in｡allowed｡test{}
    https://in.al<soft-hyphen>lowed.test{}
    https://ⓘⓝ.allowed.test{}
    https://𝐢𝐧.allowed.test{}
    https://in.allowed.test{}?a=//x
    https://in.allowed.test{}#@x
    https://in.allowed.test?{}
    https://in.allowed.test#{}
    https://in.allowed.test/..{}
    https://in.allowed.test/%2e%2e{}
    https://in.allowed.test//{}
    https://in.allowed.test/x/../{}
    http://in.allowed.test{}
    HTTP://IN.allowed.test:80{}
    http://in.allowed.test:8080{}
    http://in.allowed.test:443{}
    https://xn--in-.allowed.test{}
    https://x@in.allowed.test{}
    https://x:y@in.allowed.test:443{}
    https://in.allowed.test@in.allowed.test{}
    https://:@in.allowed.test{}
    https://in.allowed.test%00{}
    https://in.allowed.test%2f{}
    https://in.allowed.test%5c{}
    https://in..allowed.test{}
";

const INSIDE: &str = "
    0.0.0.0 0.1.2.3 10.0.0.5 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.8.8.8 169.254.169.254
    169.254.0.1 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1
    198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
    :: ::1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:169.254.169.254 ::ffff:0:127.0.0.1 64:ff9b::a9fe:a9fe
    64:ff9b:1::7f00:1 100::1 2001::1 2001:db8::1 2002:a9fe:a9fe:: 2002:7f00:1:: 3fff::1 5f00::1 fc00::1
    fd00:ec2::254 fe80::1 fec0::1 ff02::1 2606:4700::5efe:7f00:1
";

const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

const PUBLIC: &str = "93.184.216.34";

/// The ways to write an address into a URL.
fn literals(address: IpAddr) -> Vec<String> {
    let v4 = |address: Ipv4Addr| {
        let bits = address.to_bits();
        let [a, b, c, d] = address.octets();
        let wide = |text: String| -> String {
            text.chars().map(|c| char::from_u32(u32::from(c) + 0xfee0).unwrap()).collect()
        };
        vec![
            format!("{address}"),
            format!("{address}."),
            format!("{bits}"),
            format!("{bits:#x}"),
            format!("0{bits:o}"),
            format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            format!("{a}.{}", bits & 0xff_ffff),
            format!("{a:#X}.{b}.{}", bits & 0xffff),
            format!("{a}%2e{b}%2e{c}%2e{d}"),
            wide(format!("{a}.{b}.{c}.{d}")),
            format!("{a}。{b}。{c}。{d}"),
            format!("[::ffff:{address}]"),
            format!("[::ffff:{:x}:{:x}]", bits >> 16, bits & 0xffff),
            format!("[0:0:0:0:0:FFFF:{address}]"),
            format!("[64:ff9b::{address}]"),
            format!("[2002:{:x}:{:x}::]", bits >> 16, bits & 0xffff),
        ]
    };
    match address {
        IpAddr::V4(address) => v4(address),
        IpAddr::V6(address) => {
            let long: Vec<String> = address.segments().iter().map(|part| format!("{part:04X}")).collect();
            let [.., a, b] = address.segments();
            let octets = [a.to_be_bytes(), b.to_be_bytes()].concat();
            let tail = octets.iter().map(u8::to_string).collect::<Vec<_>>().join(".");
            let front = long.iter().take(6).cloned().collect::<Vec<_>>().join(":");
            vec![format!("[{address}]"), format!("[{}]", long.join(":")), format!("[{front}:{tail}]")]
        }
    }
}

struct Matrix {
    bed: Bed,
    authority: Authority,
    /// What A answers next: a redirect, or 200.
    answer: Arc<Mutex<Option<(u16, String)>>>,
    tried: usize,
}

impl Matrix {
    async fn new() -> Self {
        let answer: Arc<Mutex<Option<(u16, String)>>> = Arc::default();
        let next = Arc::clone(&answer);
        let bed = Bed::new(move |_, _| match &*next.lock().unwrap() {
            Some((status, location)) => redirect(*status, location),
            None => reply(200, "a"),
        })
        .await;
        Self { bed, authority: authority(&[ANY]), answer, tried: 0 }
    }

    /// Sends, and finds that nothing inside was dialled.
    async fn send(&mut self, request: HttpRequest, what: &str) -> String {
        self.tried += 1;
        let sent = self.bed.send(&self.authority, request).await;
        for address in self.bed.script.take_dialled() {
            assert_eq!(address.ip().to_string(), PUBLIC, "{what}: {sent:?}");
        }
        assert_eq!(self.bed.m.connections(), 0, "{what}: {sent:?}");
        sent.verdict
    }

    async fn directly(&mut self, url: &str, what: &str) {
        *self.answer.lock().unwrap() = None;
        let verdict = self.send(get(url), what).await;
        assert_ne!(verdict, "200", "{what}: {url}");
    }

    /// Directly, and as the location of each kind of redirect.
    async fn by_every_way(&mut self, url: &str, what: &str) {
        self.directly(url, what).await;
        for status in STATUSES {
            *self.answer.lock().unwrap() = Some((status, url.to_owned()));
            let first = get("https://api.allowed.test/v1/x");
            let request = HttpRequest { redirects: Redirects::Follow, ..first };
            let verdict = self.send(request, what).await;
            assert_ne!(verdict, "200", "{what}: {status} to {url}");
        }
    }
}

#[tokio::test]
async fn hc_13_to_20_no_combination_reaches_an_inside_address() {
    let _quiet = tracing::subscriber::set_default(tracing::subscriber::NoSubscriber::default());
    let spellings = SPELLINGS.replace("<soft-hyphen>", "\u{ad}");
    let spellings: Vec<&str> = spellings.split_whitespace().collect();
    let inside: Vec<&str> = INSIDE.split_whitespace().collect();
    assert!(spellings.len() >= 40 && inside.len() >= 35);
    let mut matrix = Matrix::new().await;
    for address in &inside {
        for literal in literals(address.parse().unwrap()) {
            for port in [":80", ":8080"] {
                matrix.directly(&format!("http://{literal}{port}/"), address).await;
            }
            matrix.by_every_way(&format!("http://{literal}/"), address).await;
            matrix.by_every_way(&format!("https://{literal}/"), address).await;
        }
        for spelling in &spellings {
            let url = spelling.replace("{}", "/v1/");
            matrix.bed.script.name("in.allowed.test", &[&[address]]);
            matrix.by_every_way(&url, address).await;
            for mixed in [[PUBLIC, address], [address, PUBLIC]] {
                matrix.bed.script.name("in.allowed.test", &[&mixed]);
                matrix.directly(&url, address).await;
            }
        }
        keep_alive(&mut matrix, address).await;
    }
    // As many as the parts make; the issue asks for 4,000.
    let literals: usize = inside.iter().map(|address| literals(address.parse().unwrap()).len()).sum();
    let ways = 1 + STATUSES.len();
    let expected = literals * (2 * ways + 2) + inside.len() * (spellings.len() * (ways + 2) + 3);
    assert_eq!(matrix.tried, expected);
    assert!(matrix.tried >= 4_000, "{}", matrix.tried);
    println!("{} combinations, and none reached an address inside", matrix.tried);
}

/// A connection that was checked serves on, also when its name has moved inside; a new one is refused.
async fn keep_alive(matrix: &mut Matrix, address: &str) {
    let url = "https://api.allowed.test/v1/x";
    *matrix.answer.lock().unwrap() = None;
    matrix.bed.script.name("api.allowed.test", &[&[PUBLIC], &[address]]);
    matrix.authority = authority(&[ANY]);
    for (who, expected) in [("first", "200"), ("reused", "200")] {
        assert_eq!(matrix.send(get(url), who).await, expected, "{who} {address}");
        // The connection goes back to the pool in a task of its own.
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
    }
    matrix.authority = authority(&[ANY]);
    assert_eq!(matrix.send(get(url), "another account").await, "ip", "{address}");
    matrix.bed.script.name("api.allowed.test", &[&[PUBLIC]]);
}
