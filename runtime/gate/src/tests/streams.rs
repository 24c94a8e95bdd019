//! Responses that are read as they come: secrets across pieces, effects, broken-off exchanges.

use std::time::Duration;

use futures_util::StreamExt as _;
use tokio::time::timeout;
use wharf_model::{
    effect::EffectResult,
    grant::Limits,
    http::{Body, HttpRequest, HttpResponse, Redirects},
    manifest::EffectClass,
};

use super::bed::{A, After, Bed, SENTINEL, authority, get, redirect, reply, signed, writes};
use crate::{Effects, Scope};

const URL: &str = "https://api.allowed.test/v1/x";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";

/// A response of these chunks.
fn chunked<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut response = CHUNKED.as_bytes().to_vec();
    for chunk in chunks {
        response.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        response.extend_from_slice(chunk);
        response.extend_from_slice(b"\r\n");
    }
    response.extend_from_slice(b"0\r\n\r\n");
    response
}

async fn perform(bed: &Bed, request: HttpRequest, effects: &Effects) -> HttpResponse {
    let authorised = bed.gate.authorise(&authority(&[A]), &writes(), request).unwrap();
    bed.gate.perform(authorised, effects.begin()).await.unwrap()
}

#[tokio::test]
async fn se_04_se_05_a_secret_is_found_wherever_it_is_cut() {
    let body = format!("{{\"you sent\": \"{SENTINEL}\", \"more\": \"{}\"}}", "x".repeat(900));
    let bytes = body.as_bytes();
    let start = body.find(SENTINEL).unwrap();
    let bed = {
        let body = body.clone();
        Bed::new(move |number, _| {
            let bytes = body.as_bytes();
            let response = match start + number {
                at if at <= start + SENTINEL.len() => chunked([&bytes[..at], &bytes[at..]]),
                _ => chunked(bytes.chunks(1)),
            };
            (String::from_utf8(response).unwrap().replace("200 OK", "401 No").into_bytes(), After::Keep)
        })
        .await
    };
    let authority = authority(&[A]);
    let expected = body.replace(SENTINEL, "[redacted]");
    assert!(bytes.len() > 900);
    for number in 0..SENTINEL.len() + 2 {
        let sent = bed.send(&authority, signed(URL)).await;
        assert_eq!(sent.body(), expected, "cut at {number}");
        assert_eq!(sent.effect.result, EffectResult::Status(401));
    }
    assert_eq!(bed.a.connections(), 1, "a body that was read to its end leaves the connection usable");
}

#[tokio::test]
async fn gr_16_an_endless_response_stops_at_the_cap() {
    let bed = Bed::new(|_, _| (CHUNKED.into(), After::Flood(b"zz\r\n".as_slice()))).await;
    let error = bed.send(&authority(&[A]), get(URL)).await.error();
    assert!(error.contains("protocol: "), "{error}");
    bed.a.gone().await;
    let chunk: &'static [u8] = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat().leak();
    let bed = Bed::new(move |_, _| (CHUNKED.into(), After::Flood(chunk))).await;
    let limits = Limits { http_response_bytes: 1 << 20, ..Limits::default() };
    let scope = Scope::new(EffectClass::Read, &limits);
    let sent = bed.send_in(&authority(&[A]), &scope, get(URL)).await;
    assert_eq!(sent.error(), "bad response: response-too-large: more than 1048576 bytes");
    assert!(sent.effect.received_bytes <= 1 << 20);
    bed.a.gone().await;
}

#[tokio::test]
async fn gr_16_a_body_that_is_given_up_closes_its_connection() {
    let chunk: &'static [u8] = [b"4000\r\n".as_slice(), &[b'x'; 0x4000], b"\r\n"].concat().leak();
    let bed = Bed::new(move |_, _| (CHUNKED.into(), After::Flood(chunk))).await;
    let effects = Effects::default();
    let response = perform(&bed, get(URL), &effects).await;
    let Body::Pieces(mut pieces) = response.body else { panic!("not in pieces") };
    let first = pieces.next().await.unwrap().unwrap().len() as u64;
    drop(pieces);
    bed.a.gone().await;
    let told = effects.take();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!((&told[0].result, told[0].received_bytes), (&EffectResult::Status(200), first));
}

#[tokio::test]
async fn hc_35_the_texts_of_broken_framing() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let cases = [
        (format!("{ok}content-length: 10\r\n\r\nabc"), "interrupted: protocol: "),
        (format!("{CHUNKED}3\r\nabc\r\n"), "interrupted: protocol: "),
        (format!("{CHUNKED}-1\r\nabc\r\n0\r\n\r\n"), "bad response: protocol: "),
        (format!("{CHUNKED}FFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n"), "bad response: protocol: "),
        (format!("{CHUNKED}3\r\nabcdef\r\n0\r\n\r\n"), "bad response: protocol: "),
    ];
    for (response, expected) in cases {
        let shown = response.clone();
        let bed = Bed::new(move |_, _| (response.clone().into(), After::Close)).await;
        let sent = bed.send(&authority(&[A]), get(URL)).await;
        assert!(sent.error().starts_with(expected), "{shown}: {}", sent.error());
        assert_eq!(sent.effects.len(), 1);
    }
}

#[tokio::test]
async fn each_hop_is_an_effect() {
    let bed = Bed::new(|number, _| match number {
        0 => redirect(302, "/v1/next"),
        1 => redirect(302, "https://sink.denied.test/"),
        _ => reply(200, "never"),
    })
    .await;
    let request = HttpRequest { redirects: Redirects::Follow, ..get(URL) };
    let sent = bed.send(&authority(&[A]), request).await;
    let told: Vec<String> =
        sent.effects.iter().map(|effect| format!("{} {:?}", effect.url, effect.result)).collect();
    assert_eq!(told[0], "https://api.allowed.test/v1/x Status(302)");
    assert_eq!(told[1], "https://api.allowed.test/v1/next Status(302)");
    assert!(told[2].starts_with("https://sink.denied.test/ Denied"), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[tokio::test]
async fn effects_stand_where_they_began() {
    let bed = Bed::new(|number, _| match number {
        0 => (chunked([b"first".as_slice()]), After::Keep),
        1 => reply(201, "second"),
        _ => (CHUNKED.into(), After::Stall),
    })
    .await;
    let effects = Effects::default();
    let first = perform(&bed, get(URL), &effects).await;
    let second = perform(&bed, get(URL), &effects).await;
    assert!(matches!(second.body, Body::Whole(_)));
    assert_eq!(first.body.whole().await.unwrap(), "first");
    let open = perform(&bed, get(URL), &effects).await;
    let told = effects.take();
    assert_eq!(told.len(), 3);
    assert_eq!((&told[0].result, told[0].received_bytes), (&EffectResult::Status(200), 5));
    assert_eq!((&told[1].result, told[1].received_bytes), (&EffectResult::Status(201), 6));
    let EffectResult::Failed(why) = &told[2].result else { panic!("{told:?}") };
    assert_eq!(why, "interrupted: the call ended before the exchange did");
    drop(open);
    assert!(effects.take().is_empty());
}

#[tokio::test]
async fn gr_23_an_exchange_may_be_dropped_at_any_time() {
    let bed = Bed::new(|_, _| (chunked([[b'x'; 2000].as_slice(), &[b'y'; 2000]]), After::Keep)).await;
    let authority = authority(&[A]);
    let mut random: u32 = 7;
    let mut finished = 0;
    for _ in 0..100 {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let effects = Effects::default();
        let authorised = bed.gate.authorise(&authority, &writes(), signed(URL)).unwrap();
        let exchange = bed.gate.perform(authorised, effects.begin());
        let all = async { exchange.await.unwrap().body.whole().await.unwrap() };
        let instant = Duration::from_micros(u64::from(random >> 16) % 4000);
        match timeout(instant, all).await {
            Ok(body) => {
                assert_eq!(body.len(), 4000);
                finished += 1;
            }
            Err(_) => assert!(effects.take().len() <= 1),
        }
    }
    let sent = bed.send(&authority, signed(URL)).await;
    assert_eq!(sent.body().len(), 4000, "after {finished} that were not dropped");
}
