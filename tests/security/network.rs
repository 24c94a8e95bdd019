//! The network that the cases play in: names, addresses, and who really answers there.
//!
//! Nothing real is ever reached: names and dials are scripted (`runtime/gate/src/script.rs`), and
//! whatever leads to nobody leads to M, so that a way around the policy shows as a hit.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpSocket},
};

use super::mock::{Mock, Script, always, ok};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/../gate/src/tests/fixtures/", $name))
    };
}

const GOOD: &[u8] = fixture!("good.pem");
const CA: &[u8] = fixture!("ca.pem");

/// A, which is granted and gets the secret.
pub(crate) const A: &str = "93.184.216.34:443";
/// A2, which is granted and gets no secret.
pub(crate) const A2: &str = "93.184.216.35:443";

/// Who answers at which address. Everything else is M's.
const HOSTS: &[(&str, Host)] = &[
    (A, Host::A),
    (A2, Host::A2),
    ("93.184.216.36:443", Host::S),
    ("93.184.216.99:443", Host::Nobody),
    ("93.184.216.41:443", Host::Bad(fixture!("expired.pem"))),
    ("93.184.216.42:443", Host::Bad(fixture!("wrong-name.pem"))),
    ("93.184.216.43:443", Host::Bad(fixture!("self-signed.pem"))),
    ("93.184.216.44:443", Host::OldTls),
];

enum Host {
    A,
    A2,
    S,
    /// Refuses the connection.
    Nobody,
    /// TLS with this certificate.
    Bad(&'static [u8]),
    /// Answers each greeting with TLS 1.0.
    OldTls,
}

/// Names and their answers in turn; the last answer stays.
const NAMES: &[(&str, &[&[&str]])] = &[
    ("api.allowed.test", &[&["93.184.216.34"]]),
    ("a.allowed.test", &[&["93.184.216.34"]]),
    ("a.b.allowed.test", &[&["93.184.216.34"]]),
    ("api2.allowed.test", &[&["93.184.216.35"]]),
    ("allowed.test", &[&["93.184.216.36"]]),
    ("xapi.allowed.test", &[&["93.184.216.36"]]),
    ("evilallowed.test", &[&["93.184.216.36"]]),
    ("api.allowed.test.sink.denied.test", &[&["93.184.216.36"]]),
    ("sink.denied.test", &[&["93.184.216.36"]]),
    ("xn--pi-6kc.allowed.test", &[&["93.184.216.36"]]),
    ("expired.allowed.test", &[&["93.184.216.41"]]),
    ("other-name.allowed.test", &[&["93.184.216.42"]]),
    ("self-signed.allowed.test", &[&["93.184.216.43"]]),
    ("old-tls.allowed.test", &[&["93.184.216.44"]]),
    // Inside, under a public name: one at a time.
    ("in-0.allowed.test", &[&["127.0.0.1"]]),
    ("in-1.allowed.test", &[&["10.0.0.5"]]),
    ("in-2.allowed.test", &[&["172.16.0.1"]]),
    ("in-3.allowed.test", &[&["192.168.1.1"]]),
    ("in-4.allowed.test", &[&["169.254.169.254"]]),
    ("in-5.allowed.test", &[&["100.64.0.1"]]),
    ("in-6.allowed.test", &[&["0.0.0.0"]]),
    ("in-7.allowed.test", &[&["::1"]]),
    ("in-8.allowed.test", &[&["fc00::1"]]),
    ("in-9.allowed.test", &[&["::ffff:169.254.169.254"]]),
    ("in-10.allowed.test", &[&["64:ff9b::a9fe:a9fe"]]),
    ("in-11.allowed.test", &[&["2002:7f00:1::"]]),
    // Public and inside in one answer; the public one refuses the connection.
    ("mixed.allowed.test", &[&["93.184.216.99", "127.0.0.1"]]),
    ("mixed-2.allowed.test", &[&["93.184.216.34", "169.254.169.254"]]),
    // Public once, inside from then on.
    ("rebinding.allowed.test", &[&["93.184.216.34"], &["127.0.0.1"]]),
];

/// The servers of one group of cases.
pub(crate) struct Network {
    pub(crate) a: Mock,
    pub(crate) a2: Mock,
    /// Never granted. It listens in plain text too, as the proxy that the environment names.
    pub(crate) s: Mock,
    pub(crate) proxy: Mock,
    /// Metadata services and everything else inside.
    pub(crate) m: Mock,
    bad: Vec<Mock>,
    /// The file that the server reads.
    pub(crate) script: PathBuf,
    record: PathBuf,
    /// Bound and not listened on.
    _nobody: TcpSocket,
}

impl Network {
    /// Starts the servers and writes the script into `dir`.
    pub(crate) async fn start(dir: &Path) -> Self {
        let nobody = TcpSocket::new_v4().unwrap();
        nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let mut network = Self {
            a: Mock::tls(GOOD).await,
            a2: Mock::tls(GOOD).await,
            s: Mock::tls(GOOD).await,
            proxy: Mock::plain().await,
            m: Mock::plain().await,
            bad: Vec::new(),
            script: dir.join("network.json"),
            record: dir.join("dials.txt"),
            _nobody: nobody,
        };
        let mut dial = Map::new();
        for (address, host) in HOSTS {
            let leads = network.leads(host).await;
            dial.insert((*address).to_owned(), json!(leads));
        }
        let resolve: Map<String, Value> =
            NAMES.iter().map(|(name, answers)| ((*name).to_owned(), json!(answers))).collect();
        let roots = dir.join("roots.pem");
        fs::write(&roots, CA).unwrap();
        fs::write(&network.record, "").unwrap();
        let script = json!({
            "resolve": resolve, "dial": dial, "elsewhere": network.m.address,
            "roots": roots, "record": network.record,
        });
        fs::write(&network.script, script.to_string()).unwrap();
        network
    }

    async fn leads(&mut self, host: &Host) -> SocketAddr {
        match host {
            Host::A => self.a.address,
            Host::A2 => self.a2.address,
            Host::S => self.s.address,
            Host::Nobody => self._nobody.local_addr().unwrap(),
            Host::Bad(certificate) => {
                let mock = Mock::tls(certificate).await;
                let address = mock.address;
                self.bad.push(mock);
                address
            }
            Host::OldTls => old_tls().await,
        }
    }

    /// Forgets what came; A answers by `script`, the others as always.
    pub(crate) fn play(&self, script: Script) {
        self.a.play(script);
        for (mock, says) in [(&self.a2, "a2"), (&self.s, "s"), (&self.proxy, "proxy"), (&self.m, "m")] {
            mock.play(always(ok(says)));
        }
        for mock in &self.bad {
            mock.play(always(ok("bad")));
        }
        fs::write(&self.record, "").unwrap();
    }

    /// Addresses that the gate let somebody dial, as the policy saw them, in order.
    pub(crate) fn dials(&self) -> Vec<String> {
        let record = fs::read_to_string(&self.record).unwrap();
        record.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
    }

    /// Requests that A, A2, S and M got; whatever reached a server with a bad certificate, the proxy, or
    /// M without a request counts as M's.
    pub(crate) fn hits(&self) -> [usize; 4] {
        let bad: usize = self.bad.iter().map(Mock::hits).sum();
        let inside = self.m.connections().max(self.m.hits());
        [
            self.a.hits(),
            self.a2.hits(),
            self.s.hits().max(self.s.connections()),
            inside + bad + self.proxy.connections(),
        ]
    }
}

/// A server that speaks TLS 1.0 and nothing newer: `ServerHello` of that version to every greeting.
async fn old_tls() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = vec![0x16, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
            hello.extend_from_slice(&[7; 32]);
            // No session, TLS_RSA_WITH_AES_128_CBC_SHA, no compression.
            hello.extend_from_slice(&[0, 0, 0x2f, 0]);
            let _ = stream.write_all(&hello).await;
            let _ = stream.shutdown().await;
        }
    });
    address
}
