//! Connections: who shares one, which HTTP is spoken on it, and who is recognised by a certificate.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use wharf_model::{grant::Grant, http::Redirects, manifest::Manifest};

use super::{
    bed::{A, A2, Bed, CA, GOOD, Http2, Mock, SENTINEL, authority, build, get, redirect, reply, signed},
    mock::acceptor,
};
use crate::{Authority, AuthorityError, CertificateAuthority, Credentials, GateConfig, Secret};

const URL: &str = "https://api.allowed.test/v1/x";
const OTHER: &[u8] = include_bytes!("fixtures/other.pem");
const OTHER_CA: &str = include_str!("fixtures/other-ca.pem");
const CLIENT: &str = include_str!("fixtures/client.pem");

/// Connections go back to their pool in a task of their own.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

fn of_account(name: &str, token: &str) -> Authority {
    build(&[A], &json!({ "kind": "bearer", "slot": "t" }), &[("t", token)]).of_account(name)
}

#[tokio::test]
async fn hc_40_an_account_that_is_worked_out_anew_finds_its_connections_and_nobody_else_does() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    for (authority, connections) in [
        (of_account("connection a", "token-one"), 1),
        (of_account("connection a", "token-one"), 1),
        (of_account("connection b", "token-one"), 2),
        (of_account("connection a", "token-two"), 3),
        (authority(&[A]), 4),
        (authority(&[A]), 5),
        (of_account("connection a", "token-one"), 5),
    ] {
        assert_eq!(bed.send(&authority, signed(URL)).await.verdict, "200");
        settle().await;
        assert_eq!(bed.a.connections(), connections);
    }
    assert_eq!(bed.gate.clients(), 5);
}

#[tokio::test]
async fn clients_that_nobody_uses_are_forgotten() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    for name in ["a", "b", "c"] {
        assert_eq!(bed.send(&of_account(name, "token-one"), get(URL)).await.verdict, "200");
    }
    for (seconds, left) in [(0, 3), (500, 3), (601, 0)] {
        assert_eq!(bed.gate.clients_after(std::time::Duration::from_secs(seconds)), left);
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_server_chooses_it_and_shares_one_connection() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let h2 = Http2::start().await;
    bed.script.lead("93.184.216.34:443", h2.address);
    let authority = authority(&[A]);
    for _ in 0..3 {
        let sent = bed.send(&authority, get(URL)).await;
        assert!(sent.body().starts_with("HTTP/2.0 https://api.allowed.test/v1/x "), "{}", sent.body());
    }
    assert_eq!(h2.connections(), 1);
}

/// A server of HTTP/2 that answers whatever comes with these frames, after its settings.
async fn raw_http2(frames: Vec<u8>) -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let tls = acceptor(GOOD, b"h2", None);
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = tls.accept(stream).await else { continue };
            let settings = [0, 0, 0, 4, 0, 0, 0, 0, 0];
            let _ = stream.write_all(&settings).await;
            // The request's HEADERS are in what follows the preface and the settings.
            let mut seen = Vec::new();
            let mut buffer = [0; 4096];
            while !seen.windows(5).any(|window| matches!(window, [_, 1, 4 | 5, 0, 0])) {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(count) => seen.extend_from_slice(&buffer[..count]),
                }
            }
            let _ = stream.write_all(&frames).await;
            let _ = stream.flush().await;
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        }
    });
    address
}

/// HEADERS of stream 1 with a status of three digits, not indexed (RFC 7541, section 6.2.2), and more.
fn head(status: &str, more: &[u8], flags: u8) -> Vec<u8> {
    let mut block = vec![0x08, 3];
    block.extend(status.bytes());
    block.extend(more);
    let length = u32::try_from(block.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], 1, flags, 0, 0, 0, 1];
    frame.extend(block);
    frame
}

#[tokio::test]
async fn hc_36_interim_responses_over_http_2_are_counted_too() {
    let hint = head("103", &[], 4);
    let end = head("200", &[], 5);
    for (count, expected) in [(0, "200"), (32, "200"), (100, "bad-response"), (100_000, "bad-response")] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        let address = raw_http2([hint.repeat(count), end.clone()].concat()).await;
        bed.script.lead("93.184.216.34:443", address);
        let sent = bed.send(&authority(&[A]), get(URL)).await;
        assert_eq!(sent.verdict, expected, "{count}: {:?}", sent.result);
        if expected != "200" {
            assert!(sent.error().contains("protocol: more than 32 interim responses"), "{}", sent.error());
        }
    }
}

#[tokio::test]
async fn hc_35_games_with_http_2_frames_end_the_exchange() {
    // A literal field: its name, its value, each with a length of one byte.
    let field = |name: &[u8], value: &[u8]| {
        let (n, v) = (u8::try_from(name.len()).unwrap(), u8::try_from(value.len()).unwrap());
        [&[0x00, n], name, &[v], value].concat()
    };
    let data = |flags: u8, payload: &[u8]| {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, 0, flags, 0, 0, 0, 1], payload].concat()
    };
    let push = [vec![0, 0, 9, 5, 4, 0, 0, 0, 1], vec![0, 0, 0, 2, 0x08, 3, b'2', b'0', b'0']].concat();
    let large = field(b"x-a", &[b'a'; 120]).repeat(1000);
    for (name, frames) in [
        ("a field with capitals", head("200", &field(b"X-A", b"1"), 5)),
        ("connection", head("200", &field(b"connection", b"close"), 5)),
        ("transfer-encoding", head("200", &field(b"transfer-encoding", b"chunked"), 5)),
        ("a line end in a value", head("200", &field(b"x-a", b"a\r\nb: c"), 5)),
        ("no status at all", vec![0, 0, 0, 1, 5, 0, 0, 0, 1]),
        ("a push", push),
        (
            "more body than declared",
            [head("200", &field(b"content-length", b"3"), 4), data(1, b"abcd")].concat(),
        ),
        (
            "less body than declared",
            [head("200", &field(b"content-length", b"9"), 4), data(1, b"abcd")].concat(),
        ),
        ("a body before its head", data(1, b"abcd")),
        ("120 KB of fields", head("200", &large, 5)),
        ("a frame larger than allowed", vec![1, 0, 0, 0, 0, 0, 0, 0, 1]),
        ("not HTTP/2", b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()),
    ] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        bed.script.lead("93.184.216.34:443", raw_http2(frames).await);
        let sent = bed.send(&authority(&[A]), signed(URL)).await;
        assert!(
            matches!(sent.verdict.as_str(), "interrupted" | "bad-response"),
            "{name}: {} {:?}",
            sent.verdict,
            sent.result
        );
    }
}

/// Says of itself that TLS 1.0 is all it speaks: by an alert, or by a hello of that version.
#[tokio::test]
async fn hc_37_tls_1_0_is_not_spoken() {
    let mut hello = vec![22, 3, 1, 0, 42, 2, 0, 0, 38, 3, 1];
    hello.extend([7; 32]);
    hello.extend([0, 0, 0x2f, 0]);
    for answer in [vec![21, 3, 1, 0, 2, 2, 70], hello] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        bed.script.lead("93.184.216.34:443", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut hello = [0; 2048];
            let count = stream.read(&mut hello).await.unwrap();
            stream.write_all(&answer).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
            hello[..count].to_vec()
        });
        let sent = bed.send(&authority(&[A]), signed(URL)).await;
        assert_eq!(sent.verdict, "tls", "{:?}", sent.result);
        let hello = server.await.unwrap();
        // The versions that the client offers (RFC 8446, section 4.2.1): 1.3 and 1.2, nothing else.
        assert!(hello.windows(9).any(|window| window == [0, 43, 0, 5, 4, 3, 4, 3, 3]), "{hello:02x?}");
    }
}

/// A connector with a client certificate for A, in the slots `certificate` and `key`.
fn recognised(certificate: &str, key: &str, roots: &[&str]) -> Result<Authority, AuthorityError> {
    let manifest: Manifest = serde_json::from_value(json!({
        "name": "p", "version": "1.0.0", "title": "P",
        "egress": [
            { "url": "https://api.allowed.test/v1/", "methods": ["GET"] },
            { "url": "https://api2.allowed.test/", "methods": ["GET"] },
            { "url": "http://api.allowed.test/v1/", "methods": ["GET"] },
        ],
        "auth": { "key": {
            "title": "Key", "slots": { "certificate": { "title": "C" }, "key": { "title": "K" } },
            "client-certificate": { "certificate": "certificate", "key": "key" },
            "audience": ["https://api.allowed.test/", "http://api.allowed.test/"],
        } },
    }))
    .unwrap();
    let roots = roots.iter().map(|root| (*root).to_owned()).collect();
    let grant = Grant { egress: manifest.egress.clone(), roots, ..Grant::default() };
    let slots = [("certificate", certificate), ("key", key)];
    let slots = slots.map(|(slot, value)| (slot.to_owned(), Secret::new(value))).into();
    let credentials = Credentials { method: "key".to_owned(), slots };
    Authority::new("p", &manifest, &grant, None, Some(credentials))
}

#[tokio::test]
async fn a_client_certificate_is_shown_to_its_audience_and_only_with_the_credential() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let mutual = Mock::mutual(GOOD, OTHER_CA.as_bytes()).await;
    bed.script.lead("93.184.216.34:443", mutual.address);
    bed.script.lead("93.184.216.35:443", mutual.address);
    let authority = recognised(CLIENT, CLIENT, &[]).unwrap();
    for (request, expected) in [
        (signed(URL), "200"),
        (get(URL), "tls"),
        (signed(URL), "200"),
        (signed("https://api2.allowed.test/"), "secret-binding"),
        (get("https://api2.allowed.test/"), "tls"),
        (signed("http://api.allowed.test/v1/x"), "insecure-credential"),
    ] {
        let (url, auth) = (request.url.clone(), request.auth.clone());
        let sent = bed.send(&authority, request).await;
        assert_eq!(sent.verdict, expected, "{url} {auth:?}: {:?}", sent.result);
    }
    assert_eq!(mutual.hits(), 2);
}

#[tokio::test]
async fn a_client_certificate_does_not_follow_a_redirect_elsewhere() {
    let bed = Bed::new(|_, _| redirect(302, "https://api2.allowed.test/")).await;
    let mutual = Mock::mutual(GOOD, OTHER_CA.as_bytes()).await;
    bed.script.lead("93.184.216.35:443", mutual.address);
    let mut request = signed(URL);
    request.redirects = Redirects::Follow;
    assert_eq!(bed.send(&recognised(CLIENT, CLIENT, &[]).unwrap(), request).await.verdict, "tls");
    assert_eq!((bed.a.hits(), mutual.hits()), (1, 0));
}

#[tokio::test]
async fn a_grant_trusts_an_authority_for_its_connector_alone() {
    let bed = Bed::with(GateConfig::default(), OTHER, |_, _| reply(200, "a")).await;
    let without = recognised(CLIENT, CLIENT, &[]).unwrap().of_account("one");
    let with = recognised(CLIENT, CLIENT, &[OTHER_CA]).unwrap().of_account("one");
    for (authority, expected) in [(&without, "tls"), (&with, "200"), (&without, "tls")] {
        assert_eq!(bed.send(authority, get(URL)).await.verdict, expected);
    }
    assert_eq!(bed.send(&authority(&[A, A2]), get(URL)).await.verdict, "tls");
}

#[test]
fn authorities_are_taken_out_of_their_files_one_by_one() {
    let ours = str::from_utf8(CA).unwrap();
    let other = "sha256:d851ec3e9cc4d443840f8d3abf7fa37a2fed24374a4ade10563f0436de315f23";
    let read = |pem: &str| CertificateAuthority::read(pem).unwrap();
    // Whatever else is in the file stays behind: words, and above all a key.
    let file = format!("words\n{OTHER_CA}{CLIENT}{ours}");
    let roots = read(&file);
    assert_eq!(roots.len(), 3);
    assert_eq!((roots[0].fingerprint.to_string().as_str(), roots[0].pem.as_str()), (other, OTHER_CA));
    assert!(file.contains("PRIVATE KEY") && roots.iter().all(|root| !root.pem.contains("PRIVATE KEY")));
    for root in &roots {
        assert_eq!(read(&root.pem), std::slice::from_ref(root));
    }
    let many = [ours; 65];
    let error = CertificateAuthority::read_all(many).unwrap_err().to_string();
    assert!(error.contains("65 certificates; at most 64"), "{error}");
    assert_eq!(CertificateAuthority::read_all([""; 0]), Ok(Vec::new()));
}

#[test]
fn tls_material_that_cannot_be_used_is_named_and_not_shown() {
    let ca = OTHER_CA;
    let other = std::str::from_utf8(OTHER).unwrap();
    for (certificate, key, roots, expected) in [
        ("", CLIENT, &[] as &[&str], "the slot `certificate`"),
        (CLIENT, "", &[], "the slot `key`"),
        (SENTINEL, CLIENT, &[], "the client certificate: no certificate in it"),
        (CLIENT, SENTINEL, &[], "the client key: "),
        (CLIENT, ca, &[], "the client key: "),
        (CLIENT, other, &[], "cannot be used"),
        (CLIENT, CLIENT, &[SENTINEL], "a certificate authority: no certificate in it"),
    ] {
        let error = recognised(certificate, key, roots).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains(SENTINEL), "{expected}: {error}");
    }
}
