//! Hostile servers: too much, contradictory, forged; and too much of the guest's own.

use std::sync::{Arc, LazyLock};

use serde_json::json;

use super::{A, BELOW, URL};
use crate::security::bed::{Bed, RUNTIME};
use crate::security::mock::{After, Reply, Script, always, in_turn, ok, raw, reply};
use crate::security::network;
use crate::security::play::cases;
use crate::security::play::{Case, Findings, Http};
use crate::security::probe::{all, each, get, post, signed};

cases! {
    hc_33_a_small_body_that_becomes_a_large_one => Case::Http(Http {
        grant: A,
        a: bombs(),
        program: each([
            (get(URL), "200+bad-response/too-large|bad-response/too-large"),
            (get(URL), "200+bad-response/too-large|bad-response/too-large"),
            (get(URL), "200+bad-response/too-large|bad-response/too-large"),
            (signed(URL), "200+bad-response|bad-response"),
        ]),
        hits: Some([4, 0, 0, 0]),
        ..Http::default()
    });

    hc_34_heads_that_are_too_large => Case::Http(Http {
        grant: A,
        a: in_turn(vec![
            raw(format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x-a: b\r\n".repeat(10_000))),
            raw(format!("HTTP/1.1 200 OK\r\nx-a: {}\r\ncontent-length: 0\r\n\r\n", "y".repeat(1 << 20))),
            raw(format!("HTTP/1.1 200 {}\r\ncontent-length: 0\r\n\r\n", "z".repeat(100_000))),
            raw(format!("HTTP/1.1 200 OK\r\n{}content-length: 0\r\n\r\n", "x-a: b\r\n".repeat(101))),
        ]),
        program: vec![(get(URL), "bad-response|interrupted".to_owned()); 4],
        hits: Some([4, 0, 0, 0]),
        ..Http::default()
    });

    // After each the next request finds a connection of its own, and its own answer.
    hc_35_framing_that_contradicts_itself => Case::Http(Http {
        grant: A,
        a: Arc::new(|number, _| {
            if number % 2 == 1 { ok("mine") } else { raw(CONTRADICTIONS[number / 2].0) }
        }),
        program: CONTRADICTIONS
            .iter()
            .flat_map(|(_, word)| [(get(URL), (*word).to_owned()), (get(URL), "200".to_owned())])
            .collect(),
        hits: Some([2 * CONTRADICTIONS.len(), 0, 0, 0]),
        also: |_, ran| {
            let wrong = ran.seen().iter().skip(1).step_by(2).filter(|seen| seen["body"] != "mine");
            wrong.map(|seen| format!("another's answer: {seen}")).collect()
        },
        ..Http::default()
    });

    hc_36_hints_without_end => Case::Http(Http {
        grant: A,
        a: always(Reply {
            bytes: Vec::new(),
            after: After::Again(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"),
        }),
        program: each([(get(URL).with("timeout", 5_000), "bad-response")]),
        hits: Some([1, 0, 0, 0]),
        ..Http::default()
    });

    hc_37_certificates_that_do_not_hold => Case::Http(Http {
        grant: BELOW,
        program: all(
            [
                "https://expired.allowed.test/", "https://other-name.allowed.test/",
                "https://self-signed.allowed.test/", "https://old-tls.allowed.test/",
            ],
            "tls",
        ),
        dials: &["93.184.216.41:443", "93.184.216.42:443", "93.184.216.43:443", "93.184.216.44:443"],
        ..Http::default()
    });

    hc_38_a_request_that_is_too_large => Case::Http(Http {
        grant: A,
        limits: json!({ "http-request-bytes": 1 << 20 }),
        program: each([
            (post(URL, json!({ "repeat": "x", "times": (1 << 20) + 1 })), "budget-exhausted|invalid-request|request-too-large"),
            (post(URL, json!({ "repeat": "x", "times": 1 << 20 })), "200"),
        ]),
        ..Http::default()
    });

    hc_39_ten_thousand_requests => Case::Http(Http {
        grant: A,
        program: each([(get(URL).with("times", 10_000), "100x200 9900xbudget-exhausted")]),
        hits: Some([100, 0, 0, 0]),
        ..Http::default()
    });

    // What A left on the probe's connection is not the neighbour's.
    hc_40_a_forged_answer_on_a_shared_connection => Case::Own(|bed, _| Box::pin(forged(bed)));
}

/// Answers that say two things about their length, and the words for what the guest may see.
const CONTRADICTIONS: &[(&str, &str)] = &[
    ("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort", "interrupted|200+interrupted"),
    ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd", "bad-response|interrupted"),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "bad-response|interrupted",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
        "bad-response|interrupted|200+interrupted|200+bad-response",
    ),
    (
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n",
        "bad-response|interrupted|200+interrupted|200+bad-response",
    ),
    (
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil",
        "200",
    ),
    ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nabc", "bad-response|interrupted"),
];

/// 256 MiB of zeros in each coding that a gate may know; the last is gzip again.
fn bombs() -> Script {
    static BOMBS: LazyLock<Vec<Reply>> = LazyLock::new(|| {
        let codings = ["gzip", "deflate", "br", "gzip"];
        codings
            .map(|coding| {
                let body = encoded_zeros(coding);
                reply(200, &format!("content-encoding: {coding}\r\n"), &body)
            })
            .into()
    });
    in_turn(BOMBS.clone())
}

fn encoded_zeros(coding: &str) -> Vec<u8> {
    use async_compression::{Level, tokio::bufread};
    RUNTIME.handle().block_on(async {
        let zeros = tokio::io::BufReader::new(tokio::io::AsyncReadExt::take(tokio::io::repeat(0), 256 << 20));
        let mut body = Vec::new();
        let copied = match coding {
            "gzip" => {
                tokio::io::copy(&mut bufread::GzipEncoder::with_quality(zeros, Level::Fastest), &mut body)
                    .await
            }
            "deflate" => {
                tokio::io::copy(&mut bufread::ZlibEncoder::with_quality(zeros, Level::Fastest), &mut body)
                    .await
            }
            _ => {
                tokio::io::copy(&mut bufread::BrotliEncoder::with_quality(zeros, Level::Fastest), &mut body)
                    .await
            }
        };
        copied.unwrap();
        body
    })
}

/// The probe's answer has a second one behind it; then the neighbour asks, and the probe again.
async fn forged(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    for connector in ["probe", "neighbour"] {
        bed.grant(connector, A, &json!({})).await;
    }
    let twice = [ok("mine").bytes, ok("forged").bytes].concat();
    bed.network.play(in_turn(vec![Reply { bytes: twice, after: After::Keep }, ok("mine")]));
    for flow in ["probe-read", "neighbour-read", "probe-read", "neighbour-read"] {
        let ran = bed.run(flow, json!({ "steps": [get(URL).json("")] })).await;
        let body = &ran.seen().first().unwrap_or(&serde_json::Value::Null)["body"];
        if body != "mine" {
            findings.wrong.push(format!("{flow} got {body}: {:#}", ran.0));
        }
    }
    findings.allowed.hits = [4, 0, 0, 0];
    findings.allowed.dials = vec![network::A];
    findings
}
