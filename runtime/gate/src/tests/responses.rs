//! Hostile servers: too much, too slow, broken.

use std::time::Duration;

use wharf_model::{grant::Limits, http::HttpRequest, manifest::EffectClass};

use super::bed::{A, After, Bed, GOOD, authority, get, post, reply, signed, writes};
use crate::{Authority, GateConfig, Scope};

const URL: &str = "https://api.allowed.test/v1/x";

/// The verdict about a response, after which the mock closes.
#[track_caller]
fn check(name: &str, response: impl Into<Vec<u8>>, expected: &str) {
    run(name, response.into(), expected, async |_, _, _| {});
}

/// As [`check`], for a response after which nobody knows where the next one starts: the next request
/// finds a connection of its own, and its own answer.
#[track_caller]
fn check_broken(name: &str, response: impl Into<Vec<u8>>, expected: &str) {
    run(name, response.into(), expected, async |bed: &Bed, authority: &Authority, scope: &Scope| {
        assert_eq!(bed.send_in(authority, scope, get(URL)).await.body(), "next", "{name}");
        assert_eq!(bed.a.connections(), 2, "{name}");
    });
}

#[track_caller]
fn run(name: &str, response: Vec<u8>, expected: &str, then: impl AsyncFnOnce(&Bed, &Authority, &Scope)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bed = Bed::new(
            move |number, _| {
                if number == 0 { (response.clone(), After::Close) } else { reply(200, "next") }
            },
        )
        .await;
        let authority = authority(&[A]);
        let limits = Limits { http_response_bytes: 1000, ..Limits::default() };
        let scope = Scope::new(EffectClass::UnsafeWrite, &limits);
        let sent = bed.send_in(&authority, &scope, signed(URL)).await;
        assert_eq!(sent.verdict, expected, "{name}: {:?}", sent.result);
        then(&bed, &authority, &scope).await;
    });
}

#[test]
fn hc_33_oversized_responses() {
    let ok = "HTTP/1.1 200 OK\r\n";
    check("at the limit", format!("{ok}content-length: 1000\r\n\r\n{}", "x".repeat(1000)), "200");
    check_broken(
        "declared too large",
        format!("{ok}content-length: 1001\r\n\r\n{}", "x".repeat(1001)),
        "bad-response",
    );
    check_broken("until close, too large", format!("{ok}\r\n{}", "x".repeat(1001)), "bad-response");
    check_broken(
        "chunked, too large",
        format!("{ok}transfer-encoding: chunked\r\n\r\n7d0\r\n{}", "x".repeat(2000)),
        "bad-response",
    );
}

#[test]
fn hc_34_hc_35_hc_36_broken_responses() {
    let ok = "HTTP/1.1 200 OK\r\n";
    let chunk = |size: &str| format!("{ok}transfer-encoding: chunked\r\n\r\n{size}\r\nabc\r\n0\r\n\r\n");
    check_broken("too short", format!("{ok}content-length: 10\r\n\r\nabc"), "interrupted");
    check_broken(
        "two lengths",
        format!("{ok}content-length: 3\r\ncontent-length: 4\r\n\r\nabc"),
        "bad-response",
    );
    check_broken(
        "two equal lengths and more",
        format!("{ok}content-length: 3, 4\r\n\r\nabc"),
        "bad-response",
    );
    check_broken("a signed length", format!("{ok}content-length: +3\r\n\r\nabc"), "bad-response");
    check_broken("a folded field", format!("{ok}a: b\r\n c\r\ncontent-length: 3\r\n\r\nabc"), "bad-response");
    check_broken("a space before the colon", format!("{ok}content-length : 3\r\n\r\nabc"), "bad-response");
    check_broken("HTTP/0.9", "abc", "bad-response");
    check_broken("a negative length", format!("{ok}content-length: -1\r\n\r\nabc"), "bad-response");
    check_broken("a negative chunk", chunk("-1"), "bad-response");
    check_broken("an endless chunk", chunk("FFFFFFFFFFFFFFFFF"), "bad-response");
    check_broken("101 headers", format!("{ok}{}\r\n", "a: b\r\n".repeat(101)), "bad-response");
    check(
        "a header of 70 KB",
        format!("{ok}a: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(70_000)),
        "bad-response",
    );
    check_broken("a header of 1 MB", format!("{ok}a: {}\r\n\r\n", "x".repeat(1 << 20)), "bad-response");
    check_broken("no HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "bad-response");
    check_broken("closed at once", "", "interrupted");
    check_broken(
        "a reason of 100 KB",
        format!("HTTP/1.1 200 {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(100_000)),
        "bad-response",
    );
    let hints = |count| "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".repeat(count);
    check("32 early hints", format!("{}{ok}content-length: 0\r\n\r\n", hints(32)), "200");
    for (name, count) in [("33 early hints", 33), ("100,000 early hints", 100_000)] {
        check_broken(name, format!("{}{ok}content-length: 0\r\n\r\n", hints(count)), "bad-response");
    }
    check_broken(
        "another protocol",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "bad-response",
    );
    check("an odd status", "HTTP/1.1 999 X\r\ncontent-length: 0\r\n\r\n", "999");
}

/// The error of a POST under these limits, all far from each other, so that no machine is too slow.
async fn error(config: GateConfig, timeout_ms: Option<u32>, reply: &'static [u8], after: After) -> String {
    let bed = Bed::with(config, GOOD, move |_, _| (reply.to_vec(), after)).await;
    let request = HttpRequest { timeout_ms, ..post(URL, "x") };
    let sent = bed.send_in(&authority(&[A]), &writes(), request).await;
    assert!(sent.result.as_ref().unwrap_err().may_have_been_applied());
    assert_eq!(sent.effect.sent_bytes, 1);
    assert!(u128::from(sent.effect.micros) >= SHORT.as_micros());
    if matches!(after, After::Drip) {
        bed.a.gone().await;
    }
    sent.error()
}

const SHORT: Duration = Duration::from_millis(40);

#[tokio::test]
async fn gr_15_bytes_do_not_put_the_deadline_off() {
    let config = GateConfig { total_timeout: Duration::from_millis(80), ..GateConfig::default() };
    let error = error(config, None, b"HTTP/1.1 200 OK\r\n\r\n", After::Drip).await;
    assert!(error.starts_with("timeout: "), "{error}");
}

#[tokio::test]
async fn silence_inside_a_response_meets_its_own_limit() {
    let config = GateConfig { between_bytes_timeout: SHORT, ..GateConfig::default() };
    let error = error(config, None, b"HTTP/1.1 200 OK\r\n\r\nx", After::Stall).await;
    assert_eq!(error, "timeout: nothing came for too long inside the response");
}

#[tokio::test]
async fn the_shorter_of_the_two_deadlines_holds() {
    let short = GateConfig { total_timeout: SHORT, ..GateConfig::default() };
    for (config, own) in [(short.clone(), None), (short, Some(u32::MAX)), (GateConfig::default(), Some(40))] {
        assert_eq!(error(config, own, b"", After::Stall).await, "timeout: no response in time");
    }
}

#[tokio::test]
async fn hop_by_hop_fields_stay_at_the_gate() {
    let response = "HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\nX-A: 1\r\nx-a: 2\r\ncontent-length: 1\r\n\r\nx";
    let bed = Bed::new(move |_, _| (response.as_bytes().to_vec(), After::Keep)).await;
    let sent = bed.send(&authority(&[A]), get(URL)).await;
    let names: Vec<String> = sent.result.unwrap().headers.into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["x-a", "x-a", "content-length"]);
}
