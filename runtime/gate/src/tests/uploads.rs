//! Requests whose body is sent as it comes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use wharf_model::{
    effect::EffectResult,
    grant::Limits,
    http::{Body, HttpError, HttpRequest},
};

use super::bed::{A, Bed, SENTINEL, authority, post, reply};
use crate::Scope;

const SEARCH: &str = "https://api.allowed.test/v1/search";

/// A POST that only reads, and so is sent as it comes.
fn reading() -> Scope {
    let limits = Limits { http_request_bytes: 1 << 20, ..Limits::default() };
    authority(&[A]).action("search", &limits).unwrap()
}

fn writing() -> Scope {
    let limits = Limits { http_request_bytes: 1 << 20, ..Limits::default() };
    Scope::new(wharf_model::manifest::EffectClass::UnsafeWrite, &limits)
}

fn with_body(body: Body) -> HttpRequest {
    HttpRequest { body, ..post(SEARCH, "") }
}

fn pieces(pieces: &[&str]) -> Body {
    let pieces: Vec<_> = pieces.iter().map(|piece| Ok(Bytes::copy_from_slice(piece.as_bytes()))).collect();
    Body::Pieces(Box::pin(stream::iter(pieces)))
}

#[tokio::test]
async fn a_read_streams_its_body_and_a_write_sends_it_whole() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    for (scope, head, body) in [
        (reading(), "\r\ntransfer-encoding: chunked\r\n", "5\r\n"),
        (writing(), "\r\ncontent-length: 11\r\n", "hello world"),
    ] {
        let sent = bed.send_in(&authority(&[A]), &scope, with_body(pieces(&["hello", " world"]))).await;
        assert_eq!((sent.verdict.as_str(), sent.effect.sent_bytes), ("200", 11), "{:?}", sent.result);
        let request = bed.a.requests().pop().unwrap();
        assert!(request.contains(head) || body == "5\r\n" && request.contains("chunked"), "{request}");
    }
}

#[tokio::test]
async fn hc_38_an_endless_body_stops_at_the_cap() {
    for (scope, reaches) in [(reading(), true), (writing(), false)] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        let pulled = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&pulled);
        let endless = stream::repeat(Bytes::from(vec![b'x'; 64 << 10])).map(move |piece| {
            counted.fetch_add(piece.len() as u64, Ordering::Relaxed);
            Ok(piece)
        });
        let sent = bed.send_in(&authority(&[A]), &scope, with_body(Body::Pieces(Box::pin(endless)))).await;
        assert!(sent.error().starts_with("budget exhausted: request-too-large: "), "{}", sent.error());
        assert!(matches!(sent.effect.result, EffectResult::Denied { .. }), "{:?}", sent.effect);
        assert_eq!(pulled.load(Ordering::Relaxed), (1 << 20) + (64 << 10), "one piece over the cap");
        assert_eq!((bed.a.hits(), sent.effects.len()), (0, 1), "no request was complete");
        assert!(reaches || bed.a.connections() == 0);
    }
}

#[tokio::test]
async fn a_secret_in_a_body_never_leaves_however_it_is_cut() {
    let authority = authority(&[A]);
    for at in [0, 1, 7, SENTINEL.len() - 1] {
        for scope in [reading(), writing()] {
            let bed = Bed::new(|_, _| reply(200, "a")).await;
            let body = pieces(&["{\"key\": \"", &SENTINEL[..at], &SENTINEL[at..], "\"}"]);
            let sent = bed.send_in(&authority, &scope, with_body(body)).await;
            assert_eq!((sent.verdict.as_str(), bed.a.hits()), ("secret-position", 0), "{at}");
        }
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_told_as_what_broke_it() {
    for scope in [reading(), writing()] {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        let broken = HttpError::InvalidRequest("blob `x`: no such blob".to_owned());
        let body = Body::Pieces(Box::pin(stream::iter([Ok(Bytes::from("a")), Err(broken.clone())])));
        let sent = bed.send_in(&authority(&[A]), &scope, with_body(body)).await;
        assert_eq!(sent.result.unwrap_err(), broken);
        assert_eq!(bed.a.hits(), 0);
    }
}
