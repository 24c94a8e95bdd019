//! The cases about names and redirects once more with nothing scripted: the system's resolver, real
//! sockets at public and inside addresses, and a small name server, in a network namespace of its own.
//!
//! The parent test runs the child test in new network and mount namespaces, where `/etc/resolv.conf`
//! names the child's server. Where the machine does not allow that, the parent says so and passes.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::Command,
    sync::{Arc, Mutex},
};

use tokio::net::UdpSocket;
use wharf_model::http::{HttpRequest, Redirects};

use super::bed::{A, ANY, After, CA, GOOD, Mock, authority, exchange, get, redirect, reply, signed, writes};
use crate::{Authority, Gate, GateConfig, resolve::Lookup};

const INSIDE_NAMESPACE: &str = "WHARF_TEST_IN_NAMESPACE";

const URL: &str = "https://api.allowed.test/v1/";

/// A and S; everything else stands for M, which listens on each of them.
const PUBLIC: [&str; 2] = ["93.184.216.34", "93.184.216.36"];
const INSIDE: [&str; 9] = [
    "127.0.0.1",
    "10.0.0.5",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "::1",
    "fc00::1",
];

/// Brings up the loopback with every address, binds the resolver's configuration, runs the child. Without
/// `nodad` an IPv6 address is tentative until the kernel finds the time, and nobody can listen on it.
const SCRIPT: &str = r#"
set -e
mount --bind "$1" /etc/resolv.conf
ip link set lo up
for address in $2; do
    case $address in
        *:*) ip -6 address add "$address/128" dev lo nodad ;;
        *) ip -4 address add "$address/32" dev lo ;;
    esac
done
exec "$3" --exact tests::namespace::hc_16_to_20_in_the_child --nocapture
"#;

#[test]
fn hc_16_to_20_in_a_network_namespace() {
    let may = Command::new("unshare").args(["--net", "--mount", "sh", "-c", "ip link set lo up"]).output();
    match may {
        Ok(output) if output.status.success() => {}
        Ok(output) => {
            println!("skipped: no namespaces here: {}", String::from_utf8_lossy(&output.stderr).trim());
            return;
        }
        Err(error) => {
            println!("skipped: unshare: {error}");
            return;
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let resolv = folder.path().join("resolv.conf");
    std::fs::write(&resolv, "nameserver 127.0.0.1\noptions timeout:2 attempts:2\n").unwrap();
    let on_the_loopback = ["127.0.0.1", "0.0.0.0", "::1"];
    let addresses: Vec<&str> =
        PUBLIC.iter().chain(&INSIDE).copied().filter(|address| !on_the_loopback.contains(address)).collect();
    let output = Command::new("unshare")
        .args(["--net", "--mount", "sh", "-c", SCRIPT, "sh"])
        .arg(&resolv)
        .arg(addresses.join(" "))
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE_NAMESPACE, "1")
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}\n{err}");
    assert!(out.contains("1 passed") && out.contains("in the namespace: 24 requests"), "{out}");
}

/// What `api.allowed.test` resolves to, for now.
type Answer = Arc<Mutex<Vec<IpAddr>>>;

/// A name server (RFC 1035) that knows one name and has no patience for others.
async fn name_server(answer: Answer) {
    let socket = UdpSocket::bind("127.0.0.1:53").await.unwrap();
    tokio::spawn(async move {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query).await {
            let addresses = answer.lock().unwrap().clone();
            let _ = socket.send_to(&respond(&query[..length], &addresses), from).await;
        }
    });
}

fn respond(query: &[u8], addresses: &[IpAddr]) -> Vec<u8> {
    let name_ends = 12 + query[12..].iter().position(|byte| *byte == 0).unwrap() + 1;
    let question = &query[12..name_ends + 4];
    let wants_v6 = question[question.len() - 4..] == [0, 28, 0, 1];
    let known = question.starts_with(b"\x03api\x07allowed\x04test\x00");
    let records: Vec<&IpAddr> =
        addresses.iter().filter(|address| known && address.is_ipv6() == wants_v6).collect();
    let code = if known { 0x80 } else { 0x83 };
    let mut response =
        [&query[..2], &[0x84, code, 0, 1, 0, u8::try_from(records.len()).unwrap(), 0, 0, 0, 0]].concat();
    response.extend(question);
    for address in records {
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let kind = if wants_v6 { 28 } else { 1 };
        // The name of the question, class IN, a time to live of nothing.
        response.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 0, 0, u8::try_from(octets.len()).unwrap()]);
        response.extend(octets);
    }
    response
}

/// The gate as it is in production, with A and M where they would be.
struct World {
    gate: Gate,
    answer: Answer,
    a: Mock,
    s: Mock,
    m: Vec<Mock>,
    location: Arc<Mutex<Option<String>>>,
    sent: usize,
}

impl World {
    async fn new() -> Self {
        let answer = Answer::default();
        name_server(Arc::clone(&answer)).await;
        let location: Arc<Mutex<Option<String>>> = Arc::default();
        let next = Arc::clone(&location);
        let a = Mock::tls_at("93.184.216.34:443", GOOD, move |_, _| match &*next.lock().unwrap() {
            Some(location) => redirect(302, location),
            None => (reply(200, "a").0, After::Close),
        })
        .await;
        let s = Mock::tls_at("93.184.216.36:443", GOOD, |_, _| reply(200, "s")).await;
        let mut m = Vec::new();
        for address in INSIDE.iter().filter(|address| **address != "0.0.0.0") {
            let host = if address.contains(':') { format!("[{address}]") } else { (*address).to_owned() };
            for port in [80, 443] {
                m.push(Mock::plain_at(&format!("{host}:{port}")).await);
            }
        }
        let config = GateConfig { extra_roots: vec![CA.to_vec()], ..GateConfig::default() };
        let gate = Gate::with_lookup(config, Lookup::System).unwrap();
        Self { gate, answer, a, s, m, location, sent: 0 }
    }

    fn resolves_to(&self, addresses: &[&str]) {
        *self.answer.lock().unwrap() = addresses.iter().map(|address| address.parse().unwrap()).collect();
    }

    /// The verdict; M is never even dialled, S neither.
    async fn send(&mut self, authority: &Authority, request: HttpRequest) -> String {
        self.sent += 1;
        let verdict = exchange(&self.gate, authority, &writes(), request).await.verdict;
        assert_eq!(self.m.iter().map(Mock::connections).sum::<usize>() + self.s.connections(), 0);
        verdict
    }
}

#[tokio::test]
async fn hc_16_to_20_in_the_child() {
    if std::env::var_os(INSIDE_NAMESPACE).is_none() {
        return;
    }
    let mut world = World::new().await;
    world.resolves_to(&["93.184.216.34"]);
    assert_eq!(world.send(&authority(&[A]), signed(URL)).await, "200");
    // HC-16: names that resolve inside.
    let embedded = ["::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:7f00:1::"];
    for address in INSIDE.iter().chain(&embedded) {
        world.resolves_to(&[address]);
        assert_eq!(world.send(&authority(&[A]), signed(URL)).await, "ip", "{address}");
    }
    // HC-17: one of several.
    for addresses in [["93.184.216.34", "127.0.0.1"], ["10.0.0.5", "93.184.216.34"], ["93.184.216.34", "::1"]]
    {
        world.resolves_to(&addresses);
        assert_eq!(world.send(&authority(&[A]), signed(URL)).await, "ip", "{addresses:?}");
    }
    // HC-18: another answer for the next connection.
    let rebound = authority(&[A]);
    world.resolves_to(&["93.184.216.34"]);
    assert_eq!(world.send(&rebound, signed(URL)).await, "200");
    world.resolves_to(&["127.0.0.1"]);
    assert_eq!(world.send(&authority(&[A]), signed(URL)).await, "ip");
    // HC-19 and HC-20: where A redirects to is judged, followed or not.
    world.resolves_to(&["93.184.216.34"]);
    for (location, rules, expected) in [
        ("https://sink.denied.test/", &[A] as &[&str], "host"),
        ("https://169.254.169.254/latest/meta-data/", &[A, ANY], "ip"),
        ("https://2852039166/", &[A, ANY], "ip"),
    ] {
        *world.location.lock().unwrap() = Some(location.to_owned());
        assert_eq!(world.send(&authority(rules), signed(URL)).await, "302", "{location}");
        let following = HttpRequest { redirects: Redirects::Follow, ..get(URL) };
        assert_eq!(world.send(&authority(rules), following).await, expected, "{location}");
    }
    println!("in the namespace: {} requests, {} reached the provider", world.sent, world.a.hits());
}

#[test]
fn the_name_server_answers_in_the_family_that_was_asked() {
    let query =
        |name: &[u8], kind: u8| [&[7, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name, &[0, 0, kind, 0, 1]].concat();
    let both = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
    let api = b"\x03api\x07allowed\x04test";
    assert!(respond(&query(api, 1), &both).ends_with(&[0, 4, 127, 0, 0, 1]));
    assert!(
        respond(&query(api, 28), &both).ends_with(&[0, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    );
    assert_eq!(respond(&query(b"\x03api\x04evil", 1), &both)[3], 0x83);
}
