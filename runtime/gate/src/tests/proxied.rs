//! The operator's egress proxy: it sees what was checked and nothing else, and the environment's is never used.

use std::sync::{Arc, Mutex};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

use super::bed::{A, A2, ANY, Bed, GOOD, authority, get, log, reply, signed};
use crate::{EgressProxy, GateConfig, Secret};

const URL: &str = "https://api.allowed.test/v1/x";
const LOGIN: &str = "wharf:pr0xy-p4ssw0rd-b41d";

/// A proxy that records what it is asked, and answers with `answer`, or, without one, tunnels to `to`.
struct Proxy {
    address: std::net::SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    async fn start(answer: Option<&'static str>, to: Arc<Mutex<Option<std::net::SocketAddr>>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self { address: listener.local_addr().unwrap(), asked: Arc::default() };
        let asked = Arc::clone(&proxy.asked);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (asked, to) = (Arc::clone(&asked), Arc::clone(&to));
                tokio::spawn(async move {
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        match stream.read_u8().await {
                            Ok(byte) => head.push(byte),
                            Err(_) => return,
                        }
                    }
                    asked.lock().unwrap().push(String::from_utf8(head).unwrap());
                    let text = answer.unwrap_or("HTTP/1.1 200 Connection established\r\n\r\n");
                    stream.write_all(text.as_bytes()).await.unwrap();
                    let to = *to.lock().unwrap();
                    if let (None, Some(to)) = (answer, to) {
                        let mut onward = TcpStream::connect(to).await.unwrap();
                        let _ = copy_bidirectional(&mut stream, &mut onward).await;
                    }
                });
            }
        });
        proxy
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

/// A bed behind the proxy, whose tunnels lead to A.
async fn behind(answer: Option<&'static str>) -> (Bed, Proxy) {
    let to = Arc::default();
    let proxy = Proxy::start(answer, Arc::clone(&to)).await;
    let egress: EgressProxy = "http://proxy.internal:3128".parse().unwrap();
    let egress = egress.with_login(&Secret::new(format!("{LOGIN}\n"))).unwrap();
    let config = GateConfig { egress_proxy: Some(egress), ..GateConfig::default() };
    let bed = Bed::with(config, GOOD, |_, _| reply(200, "a")).await;
    *to.lock().unwrap() = Some(bed.a.address);
    // The operator's choice, and not public.
    bed.script.name("proxy.internal", &[&["10.0.0.1"]]);
    bed.script.lead("10.0.0.1:3128", proxy.address);
    (bed, proxy)
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_checked_address() {
    let (bed, proxy) = behind(None).await;
    let authority = authority(&[A]);
    for _ in 0..2 {
        assert_eq!(bed.send(&authority, signed(URL)).await.verdict, "200");
    }
    let login = STANDARD.encode(LOGIN);
    let connect = format!(
        "CONNECT 93.184.216.34:443 HTTP/1.1\r\nHost: 93.184.216.34:443\r\nProxy-Authorization: Basic {login}\r\n\r\n"
    );
    assert_eq!(proxy.asked(), [connect]);
    // The provider sees its own name and nothing of the proxy.
    let request = bed.a.requests().pop().unwrap().to_ascii_lowercase();
    assert!(request.contains("\r\nhost: api.allowed.test\r\n") && !request.contains("proxy"), "{request}");
    assert!(request.starts_with("get /v1/x http/1.1\r\n"), "{request}");
    let log = log();
    assert!(!log.contains(&login) && !log.contains("pr0xy-p4ssw0rd"), "the login is in the log");
}

#[tokio::test]
async fn hc_13_to_18_the_proxy_never_sees_a_refused_target() {
    let (bed, proxy) = behind(None).await;
    let authority = authority(&[ANY]);
    bed.script.name("in.allowed.test", &[&["127.0.0.1"]]);
    bed.script.name("mixed.allowed.test", &[&["93.184.216.34", "169.254.169.254"]]);
    for (url, expected) in [
        ("http://127.0.0.1/", "ip"),
        ("http://2852039166/", "ip"),
        ("http://[::1]/", "ip"),
        ("https://in.allowed.test/", "ip"),
        ("https://mixed.allowed.test/", "ip"),
        ("https://unknown.allowed.test/", "unreachable"),
    ] {
        assert_eq!(bed.send(&authority, get(url)).await.verdict, expected, "{url}");
    }
    assert_eq!(proxy.asked(), [""; 0]);
    // A name that changes its answer between two connections: the proxy gets the address of each check.
    bed.script.name("api.allowed.test", &[&["93.184.216.34"], &["127.0.0.1"]]);
    let other = super::bed::authority(&[A]);
    assert_eq!(bed.send(&authority, get(URL)).await.verdict, "200");
    assert_eq!(bed.send(&other, get(URL)).await.verdict, "ip");
    assert_eq!(proxy.asked().len(), 1);
}

#[tokio::test]
async fn plain_http_goes_through_a_tunnel_too() {
    let (bed, proxy) = behind(None).await;
    bed.script.name("plain.allowed.test", &[&["93.184.216.40"]]);
    // A speaks TLS and hangs up; what matters is how the proxy was asked.
    let _ = bed.send(&authority(&[ANY]), get("http://plain.allowed.test:8080/v1/x")).await;
    assert!(proxy.asked()[0].starts_with("CONNECT 93.184.216.40:8080 HTTP/1.1\r\n"), "{:?}", proxy.asked());
}

#[tokio::test]
async fn a_proxy_that_does_not_open_is_an_unreachable_provider() {
    for (answer, expected) in [
        ("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", "credentials (407)"),
        ("HTTP/1.1 403 Forbidden\r\ncontent-length: 4\r\n\r\nno!\n", "answered 403"),
        ("HTTP/1.1 502 Bad Gateway\r\n\r\n", "answered 502"),
        ("HTTP/1.1 100 Continue\r\n\r\n", "does not speak HTTP"),
        ("HTTP/1.1 2000 OK\r\n\r\n", "does not speak HTTP"),
        ("SSH-2.0-OpenSSH_9.6\r\n\r\n", "does not speak HTTP"),
        // Bytes of a response that no provider can have sent.
        ("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "does not speak HTTP"),
    ] {
        let (bed, proxy) = behind(Some(answer)).await;
        let sent = bed.send(&authority(&[A, A2]), signed(URL)).await;
        assert_eq!(sent.verdict, "unreachable", "{answer}: {:?}", sent.result);
        let error = sent.error();
        assert!(error.contains(expected) && !error.contains("10.0.0.1"), "{answer}: {error}");
        assert_eq!((proxy.asked().len(), bed.hits()), (1, [0; 4]));
    }
}

#[test]
fn proxies_are_read_and_say_nothing_of_their_login() {
    for good in
        ["http://proxy.internal:3128", "http://proxy.internal", "http://10.0.0.1:8080/", "http://[fd00::1]:1"]
    {
        let proxy: EgressProxy = good.parse().unwrap();
        let shown = format!("{:?}", proxy.with_login(&Secret::new(LOGIN)).unwrap());
        assert!(!shown.contains("wharf") && !shown.contains("Basic"), "{shown}");
    }
    for bad in [
        "",
        "proxy:3128",
        "https://proxy.internal",
        "socks5://p:1",
        "http://p:0",
        "http://p/x",
        "http://p/?x",
    ] {
        assert!(bad.parse::<EgressProxy>().is_err(), "{bad}");
    }
    for secret in ["http://user:pr0xy@p:1", "http://user:pr0xy@p:99999", "socks5://user:pr0xy@p:1"] {
        let error = secret.parse::<EgressProxy>().unwrap_err().to_string();
        assert!(!error.contains("pr0xy"), "{error}");
    }
    let proxy: EgressProxy = "http://p:1".parse().unwrap();
    for bad in ["", "user", ":password", "a:b\r\nX: y", "a:\u{0}"] {
        assert!(proxy.clone().with_login(&Secret::new(bad)).is_err(), "{bad:?}");
    }
}
