//! Encoded bodies: undone by the gate, capped where they are large, refused where they are broken.

use async_compression::{
    Level,
    tokio::write::{BrotliEncoder, GzipEncoder, ZlibEncoder},
};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};
use wharf_model::http::{Body, HttpRequest};

use super::bed::{A, After, Bed, authority, get, signed, with_header, writes};
use crate::Effects;

const URL: &str = "https://api.allowed.test/v1/x";

async fn encoded(name: &str, pieces: impl Iterator<Item = &[u8]>) -> Vec<u8> {
    async fn all(mut encoder: impl AsyncWrite + Unpin, pieces: impl Iterator<Item = &[u8]>) {
        for piece in pieces {
            encoder.write_all(piece).await.unwrap();
        }
        encoder.shutdown().await.unwrap();
    }
    let mut out = Vec::new();
    match name {
        "gzip" => all(GzipEncoder::with_quality(&mut out, Level::Fastest), pieces).await,
        "deflate" => all(ZlibEncoder::with_quality(&mut out, Level::Fastest), pieces).await,
        "br" => all(BrotliEncoder::with_quality(&mut out, Level::Precise(2)), pieces).await,
        _ => unreachable!("{name}"),
    }
    out
}

async fn once(name: &str, body: &[u8]) -> Vec<u8> {
    encoded(name, std::iter::once(body)).await
}

fn response(head: &str, body: &[u8]) -> Vec<u8> {
    let mut response = format!("HTTP/1.1 {head}content-length: {}\r\n\r\n", body.len()).into_bytes();
    response.extend_from_slice(body);
    response
}

/// What a connector sees of an encoded body: its text, or the error.
async fn check(request: HttpRequest, head: &str, body: &[u8], expected: &str) {
    let response = response(head, body);
    let bed = Bed::new(move |_, _| (response.clone(), After::Keep)).await;
    let sent = bed.send(&authority(&[A]), request).await;
    let seen = match &sent.result {
        Ok(answer) => String::from_utf8_lossy(&answer.body).into_owned(),
        Err(error) => error.to_string(),
    };
    assert_eq!(seen, expected, "{head}");
    if let Ok(answer) = &sent.result {
        let left = answer.headers.iter().any(|field| field.name == "content-encoding");
        let decoded = seen == "hello";
        assert_eq!(left, !decoded && head.contains("encoding"), "{head}");
    }
}

#[tokio::test]
async fn codings_are_undone() {
    let ok = |codings: &str| format!("200 OK\r\ncontent-encoding: {codings}\r\n");
    for coding in ["gzip", "deflate", "br"] {
        let body = once(coding, b"hello").await;
        check(signed(URL), &ok(coding), &body, "hello").await;
        check(get(URL), &ok(&coding.to_ascii_uppercase()), &body, "hello").await;
        let cut = &body[..body.len() - 2];
        check(
            get(URL),
            &ok(coding),
            cut,
            &format!("bad response: encoding: the {coding} is damaged or cut short"),
        )
        .await;
        let more = [&body[..], b"more"].concat();
        let why = if coding == "gzip" {
            "the gzip is damaged or cut short"
        } else {
            &format!("bytes after the end of the {coding}")
        };
        check(get(URL), &ok(coding), &more, &format!("bad response: encoding: {why}")).await;
        check(get(URL), &ok(coding), b"", "").await;
    }
    let twice = once("br", &once("gzip", b"hello").await).await;
    check(get(URL), &ok("gzip, br"), &twice, "hello").await;
    check(
        get(URL),
        "200 OK\r\ncontent-encoding: gzip\r\ncontent-encoding: identity, br\r\n",
        &twice,
        "hello",
    )
    .await;
    check(get(URL), &ok("x-gzip"), &once("gzip", b"hello").await, "hello").await;
    let members = [once("gzip", b"hel").await, once("gzip", b"lo").await].concat();
    check(get(URL), &ok("gzip"), &members, "hello").await;
    check(get(URL), &ok("identity"), b"plain", "plain").await;
}

/// A stream of five uncompressed bytes behind any beginning (RFC 7932, sections 9.1 and 9.2): `bits` of
/// the header, the low ones first; then ISLAST 0, MNIBBLES 4, MLEN - 1, ISUNCOMPRESSED, and the end.
fn with_window(header: u64, bits: u32, length: u64) -> Vec<u8> {
    let mut word = header | ((length - 1) << (bits + 3)) | (1 << (bits + 3 + 16));
    let whole = (bits + 3 + 16 + 1).div_ceil(8);
    let mut body = Vec::new();
    for _ in 0..whole {
        body.push(u8::try_from(word & 0xff).unwrap());
        word >>= 8;
    }
    [&body[..], b"hello", &[3]].concat()
}

#[tokio::test]
async fn hc_33_a_window_that_is_not_for_everybody_is_refused_before_it_is_made() {
    let head = "200 OK\r\ncontent-encoding: br\r\n";
    let refused = "bad response: encoding: the br needs a window of more than 4194304 bytes; at most 22 window \
                   bits are undone";
    for (header, bits, expected) in [
        // 10, 16, 17, 18 and 22 bits.
        (0b010_0001, 7, "hello"),
        (0b0, 1, "hello"),
        (0b000_0001, 7, "hello"),
        (0b0011, 4, "hello"),
        (0b1011, 4, "hello"),
        // 23, 24, and 30 by the extension: the pattern, a zero, and six bits.
        (0b1101, 4, refused),
        (0b1111, 4, refused),
        ((30 << 8) | 0b001_0001, 14, refused),
    ] {
        check(get(URL), head, &with_window(header, bits, 5), expected).await;
    }
    // The encoder's own idea of a large body is within.
    let large = once("br", &vec![b'x'; 9 << 20]).await;
    let response = response(head, &large);
    let bed = Bed::new(move |_, _| (response.clone(), After::Keep)).await;
    assert_eq!(bed.send(&authority(&[A]), get(URL)).await.result.unwrap().body.len(), 9 << 20);
    // The inner coding is looked at as well.
    let inner = once("gzip", &with_window(0b1111, 4, 5)).await;
    check(get(URL), "200 OK\r\ncontent-encoding: br, gzip\r\n", &inner, refused).await;
}

#[tokio::test]
async fn what_is_no_coding_of_the_gate() {
    let thrice = "200 OK\r\ncontent-encoding: gzip, gzip, gzip\r\n";
    check(
        get(URL),
        thrice,
        b"x",
        "bad response: encoding: the body is encoded 3 times; at most 2 are undone",
    )
    .await;
    check(
        get(URL),
        "200 OK\r\ncontent-encoding: gzip\r\n",
        b"abc",
        "bad response: encoding: the gzip is damaged or cut short",
    )
    .await;
    let unknown = "200 OK\r\ncontent-encoding: zstd\r\n";
    check(get(URL), unknown, b"as it is", "as it is").await;
    let refused = "bad response: encoding: the body came encoded as `zstd`, which was not asked for";
    check(signed(URL), unknown, b"as it is", refused).await;
    let part = "206 Partial Content\r\ncontent-encoding: gzip\r\n";
    check(get(URL), part, b"a part", "a part").await;
    check(get(URL), "304 Not Modified\r\ncontent-encoding: gzip\r\n", b"", "").await;
}

#[tokio::test]
async fn the_gate_asks_for_what_it_can_undo() {
    let head = || HttpRequest { method: "HEAD".to_owned(), ..get(URL) };
    let cases = [
        (get(URL), "gzip, br"),
        (with_header(get(URL), "Range", "bytes=0-3"), "identity"),
        (with_header(get(URL), "Accept-Encoding", "identity"), "gzip, br"),
        (head(), "identity"),
    ];
    for (request, expected) in cases {
        let bed = Bed::new(|_, _| super::bed::reply(200, "")).await;
        assert_eq!(
            bed.send(&authority(&["GET,HEAD https://api.allowed.test/v1/"]), request).await.verdict,
            "200"
        );
        let request = bed.a.requests().pop().unwrap();
        assert!(request.contains(&format!("\r\naccept-encoding: {expected}\r\n")), "{request}");
    }
}

/// Pages that this process has, in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}

#[tokio::test]
async fn hc_33_a_bomb_goes_off_at_the_cap() {
    let zeros = vec![0; 1 << 20];
    for codings in ["gzip", "deflate", "br", "gzip, gzip"] {
        let (first, then) = codings.split_once(", ").map_or((codings, None), |(a, b)| (a, Some(b)));
        let mut bomb = encoded(first, std::iter::repeat_n(zeros.as_slice(), 256)).await;
        if let Some(then) = then {
            bomb = once(then, &bomb).await;
        }
        assert!(bomb.len() < 2 << 20, "{codings}: {} bytes", bomb.len());
        let bomb_length = bomb.len();
        let response = response(&format!("200 OK\r\ncontent-encoding: {codings}\r\n"), &bomb);
        let bed = Bed::new(move |_, _| (response.clone(), After::Keep)).await;
        let authority = authority(&[A]);
        let authorised = bed.gate.authorise(&authority, &writes(), signed(URL)).unwrap();
        let before = resident();
        let effects = Effects::default();
        let response = bed.gate.perform(authorised, effects.begin()).await.unwrap();
        let Body::Pieces(mut pieces) = response.body else { panic!("{codings}: not in pieces") };
        let (mut read, mut most) = (0, before);
        let error = loop {
            match pieces.next().await.unwrap() {
                Ok(piece) => read += piece.len(),
                Err(error) => break error,
            }
            most = most.max(resident());
        };
        assert_eq!(
            error.to_string(),
            "bad response: response-too-large: more than 10485760 bytes",
            "{codings}"
        );
        assert!((8 << 20..=10 << 20).contains(&read), "{codings}: {read}");
        assert!(most - before <= 32 << 20, "{codings}: {} more", most - before);
        assert!(pieces.next().await.is_none());
        let told = effects.take();
        assert!(format!("{:?}", told[0].result).contains("response-too-large"), "{told:?}");
        assert_eq!(bed.send(&authority, signed(URL)).await.verdict, "bad-response");
        // Nobody knows where the next response starts, unless all of a small bomb had come.
        assert!(bed.a.connections() == 2 || bomb_length < 64 << 10, "{codings}");
    }
}

#[tokio::test]
async fn se_04_a_secret_in_an_encoded_body_is_found() {
    let body = once("gzip", format!("<{}>", super::bed::SENTINEL).as_bytes()).await;
    let response = response("200 OK\r\ncontent-encoding: gzip\r\n", &body);
    let bed = Bed::new(move |_, _| (response.clone(), After::Keep)).await;
    let sent = bed.send(&authority(&[A]), signed(URL)).await;
    assert_eq!(sent.result.unwrap().body, Bytes::from("<[redacted]>"));
}
