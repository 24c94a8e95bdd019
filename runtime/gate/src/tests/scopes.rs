//! What one call may do of its authority's all: body limits, the idempotency key, reads.

use wharf_model::{grant::Limits, http::is_safe, manifest::EffectClass};

use super::bed::{A, A2, Bed, again, authority, get, post, reply, with_header, writes};
use crate::Scope;

#[tokio::test]
async fn hc_38_a_body_over_the_limit_is_not_sent() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A]);
    let limits = Limits { http_request_bytes: 10, ..Limits::default() };
    let scope = Scope::new(EffectClass::UnsafeWrite, &limits);
    let url = "https://api.allowed.test/v1/x";
    assert_eq!(bed.send_in(&authority, &scope, post(url, "0123456789")).await.verdict, "200");
    assert_eq!(bed.send_in(&authority, &scope, post(url, "0123456789a")).await.verdict, "budget");
    assert_eq!(bed.a.hits(), 1);
}

#[tokio::test]
async fn the_gate_places_the_idempotency_key_on_writes() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A]);
    let scope = authority.action("keyed", &Limits::default()).unwrap().with_key("k-1");
    let url = "https://api.allowed.test/v1/x";
    for request in [post(url, "x"), get(url)] {
        let write = !is_safe(&request.method);
        let authorised = bed.gate.authorise(&authority, &scope, again(&request)).unwrap();
        assert_eq!(authorised.is_write(), write);
        assert_eq!(bed.send_in(&authority, &scope, request).await.verdict, "200");
        assert_eq!(bed.a.requests().pop().unwrap().contains("\r\nidempotency-key: k-1\r\n"), write);
    }
    let own = with_header(post(url, "x"), "Idempotency_Key", "mine");
    assert_eq!(bed.send_in(&authority, &scope, again(&own)).await.verdict, "forbidden-header");
    assert_eq!(bed.send_in(&authority, &writes(), own).await.verdict, "200");
    let without = authority.action("keyed", &Limits::default()).unwrap();
    assert_eq!(bed.send_in(&authority, &without, post(url, "x")).await.verdict, "invalid");
}

#[tokio::test]
async fn a_read_action_posts_only_what_it_lists() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A, A2]);
    let scope = authority.action("search", &Limits::default()).unwrap();
    let search = post("https://api.allowed.test/v1/search", "{}");
    assert!(!bed.gate.authorise(&authority, &scope, again(&search)).unwrap().is_write());
    assert_eq!(bed.send_in(&authority, &scope, search).await.verdict, "200");
    assert_eq!(
        bed.send_in(&authority, &scope, post("https://api.allowed.test/v1/issues", "{}")).await.verdict,
        "effect"
    );
    assert_eq!(
        bed.send_in(&authority, &scope, post("https://api2.allowed.test/v1/search", "{}")).await.verdict,
        "effect"
    );
    assert!(authority.action("none", &Limits::default()).is_none());
}
