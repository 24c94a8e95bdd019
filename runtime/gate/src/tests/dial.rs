//! Names and dials: what is dialled is what was checked, and nothing of the environment matters.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket},
};

use super::bed::{A, ANY, After, Bed, GOOD, Mock, authority, get, reply, signed};
use crate::GateConfig;

#[tokio::test]
async fn hc_16_a_name_that_resolves_inside_is_refused() {
    for address in [
        "127.0.0.1",
        "10.0.0.5",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fc00::1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
    ] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        bed.script.name("api.allowed.test", &[&[address]]);
        let sent = bed.send(&authority(&[A]), signed("https://api.allowed.test/v1/")).await;
        assert_eq!(sent.verdict, "ip", "{address}: {:?}", sent.result);
        // The guest does not learn the address, the operator does.
        assert!(!sent.error().contains(address), "{}", sent.error());
        assert!(format!("{:?}", sent.effect.result).contains("carve-outs"), "{:?}", sent.effect);
        assert_eq!((bed.hits(), bed.m.connections()), ([0; 4], 0));
    }
}

#[tokio::test]
async fn hc_17_no_failover_to_an_inside_address() {
    for answer in [["93.184.216.34", "127.0.0.1"], ["127.0.0.1", "93.184.216.34"]] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        bed.script.name("api.allowed.test", &[&answer]);
        assert_eq!(bed.send(&authority(&[A]), get("https://api.allowed.test/v1/")).await.verdict, "ip");
        assert_eq!((bed.hits(), bed.a.connections(), bed.m.connections()), ([0; 4], 0, 0));
    }
}

#[tokio::test]
async fn hc_18_each_dial_is_checked_again() {
    let bed = Bed::new(|_, _| (reply(200, "a").0, After::Close)).await;
    bed.script.name("api.allowed.test", &[&["93.184.216.34"], &["127.0.0.1"]]);
    let authority = authority(&[A]);
    assert_eq!(bed.send(&authority, get("https://api.allowed.test/v1/")).await.verdict, "200");
    // The mock closes; wait until the client has seen it, so that the next request dials.
    let verdict = bed.send(&authority, get("https://api.allowed.test/v1/")).await.verdict;
    assert!(matches!(verdict.as_str(), "ip" | "interrupted"), "{verdict}");
    assert_eq!(bed.send(&authority, get("https://api.allowed.test/v1/")).await.verdict, "ip");
    assert_eq!((bed.a.hits(), bed.m.connections()), (1, 0));
}

#[tokio::test]
async fn names_and_dials_that_fail_were_not_applied() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[ANY]);
    bed.script.name("empty.allowed.test", &[&[]]);
    // A port that is taken and not listened on refuses, and nobody else gets it meanwhile.
    let deaf = TcpSocket::new_v4().unwrap();
    deaf.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    bed.script.name("dead.allowed.test", &[&["93.184.216.99"]]);
    bed.script.lead("93.184.216.99:443", deaf.local_addr().unwrap());
    for name in ["unknown", "empty", "dead"] {
        let sent = bed.send(&authority, get(&format!("https://{name}.allowed.test/"))).await;
        assert_eq!(sent.verdict, "unreachable", "{name}: {:?}", sent.result);
        assert_eq!(sent.effect.sent_bytes, 0);
    }
    assert_eq!(bed.hits(), [0; 4]);
}

#[tokio::test]
async fn hc_37_tls_is_always_verified() {
    let certificates: [(&str, &[u8]); 3] = [
        ("wrong name", include_bytes!("fixtures/wrong-name.pem")),
        ("expired", include_bytes!("fixtures/expired.pem")),
        ("self-signed", include_bytes!("fixtures/self-signed.pem")),
    ];
    for (name, certificate) in certificates {
        let bed = Bed::with(GateConfig::default(), certificate, |_, _| reply(200, "a")).await;
        let sent = bed.send(&authority(&[A]), signed("https://api.allowed.test/v1/")).await;
        assert_eq!(sent.verdict, "tls", "{name}: {:?}", sent.result);
        assert_eq!(bed.a.hits(), 0);
    }
    // Plain text where TLS was asked for.
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    bed.script.lead("93.184.216.34:443", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        let mut received = Vec::new();
        let _ = stream.read_to_end(&mut received).await;
        received
    });
    let sent = bed.send(&authority(&[A]), signed("https://api.allowed.test/v1/")).await;
    assert_eq!(sent.verdict, "tls", "{:?}", sent.result);
    assert!(!String::from_utf8_lossy(&server.await.unwrap()).contains("v1"));
}

/// Runs the test below once more, in a process with every proxy variable set to S.
#[tokio::test]
async fn hc_28_the_environment_names_no_proxy() {
    let s = Mock::plain(|_, _| reply(200, "s")).await;
    let mut command = tokio::process::Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "tests::dial::hc_28_in_the_child", "--nocapture"]);
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "Http_Proxy",
        "FTP_PROXY",
        "CGI_HTTP_PROXY",
        "SOCKS_PROXY",
        "RSYNC_PROXY",
    ] {
        command.env(name, format!("http://{}", s.address));
    }
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    assert_eq!(s.connections(), 0);
}

#[tokio::test]
async fn hc_28_in_the_child() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    assert_eq!(bed.send(&authority(&[A]), signed("https://api.allowed.test/v1/")).await.verdict, "200");
    assert_eq!(bed.hits(), [1, 0, 0, 0]);
}

#[tokio::test]
async fn hc_40_accounts_share_no_connection() {
    // The forged second response is left over on P's connection.
    let bed = Bed::new(|number, _| {
        let mut bytes = reply(200, "mine").0;
        if number == 0 {
            bytes.extend_from_slice(&reply(200, "forged").0);
        }
        (bytes, After::Keep)
    })
    .await;
    let (p, q) = (authority(&[A]), authority(&[A]));
    for who in [&p, &q, &p] {
        assert_eq!(bed.send(who, get("https://api.allowed.test/v1/")).await.body(), "mine");
    }
    assert_eq!(bed.a.connections(), 3);
}

#[tokio::test]
async fn clients_are_bounded() {
    let config = GateConfig { max_clients: 2, ..GateConfig::default() };
    let bed = Bed::with(config, GOOD, |_, _| reply(200, "a")).await;
    for _ in 0..5 {
        assert_eq!(bed.send(&authority(&[A]), get("https://api.allowed.test/v1/")).await.verdict, "200");
    }
    assert_eq!(bed.gate.clients(), 2);
}
