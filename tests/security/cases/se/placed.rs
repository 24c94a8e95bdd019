//! A secret on its way: only in its place, only to its audience, and taken out of all that comes back.

use std::fs;
use std::sync::Arc;

use serde_json::json;

use super::{A, URL};
use crate::security::bed::{Bed, SENTINEL};
use crate::security::mock::{in_turn, raw, reply};
use crate::security::play::cases;
use crate::security::play::{Case, Findings, Http};
use crate::security::probe::{Step, around, each, get, hidden, post, signed, step};
use crate::security::sentinel;

const BOTH: &[&str] = &["GET,POST https://api.allowed.test/v1/", "GET,POST https://api2.allowed.test/"];

cases! {
    // The probe puts the secret together itself, as one that has found it somewhere.
    se_01_a_secret_anywhere_but_in_its_place => Case::Http(Http {
        grant: A,
        program: misplaced(),
        ..Http::default()
    });

    se_01_text_that_looks_like_a_place_for_a_secret => Case::Http(Http {
        grant: A,
        program: PLACES.map(|text| (post(URL, text).header("x-data", text), "200".to_owned())).into(),
        also: |bed, _| {
            let requests = bed.network.a.requests();
            PLACES
                .iter()
                .zip(requests)
                .filter(|(text, request)| request.matches(**text).count() != 2)
                .map(|(text, request)| format!("{text} did not arrive as it is: {request}"))
                .collect()
        },
        ..Http::default()
    });

    se_02_a_secret_for_another_host => Case::Http(Http {
        grant: BOTH,
        program: each([
            (signed("https://api2.allowed.test/x"), "secret-binding"),
            (get("https://api2.allowed.test/x"), "200"),
            (get("https://api2.allowed.test/x").header("x-key", hidden(SENTINEL)), "secret-position"),
        ]),
        hits: Some([0, 1, 0, 0]),
        ..Http::default()
    });

    se_03_secrets_of_others => Case::Http(Http {
        grant: A,
        program: NAMES
            .iter()
            .map(|name| (get(URL).with("auth", *name), "credential-unavailable".to_owned()))
            .chain([(get(URL).with("auth", json!({ "repeat": "k", "times": 10_000 })), "credential-unavailable".to_owned())])
            .collect(),
        also: |_, ran| {
            let mut answers: Vec<_> = ran.seen().iter().map(ToString::to_string).collect();
            answers.dedup();
            if answers.len() == 1 { Vec::new() } else { vec![format!("the answers differ: {answers:#?}")] }
        },
        ..Http::default()
    });

    se_04_a_provider_that_echoes => Case::Http(Http {
        grant: A,
        a: Arc::new(|_, request| {
            let echo = format!("x-echo: {}\r\n", request.replace("\r\n", " ").trim());
            reply(200, &echo, request.as_bytes())
        }),
        program: each([(signed(URL), "200"), (signed(URL).with("read", 3), "200")]),
        also: redacted,
        ..Http::default()
    });

    se_05_a_provider_that_quotes_the_key => Case::Http(Http {
        grant: A,
        a: in_turn(vec![
            reply(401, "", format!("{{\"message\":\"invalid key {SENTINEL}\"}}").as_bytes()),
            raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{SENTINEL}")),
            raw(format!("HTTP/1.1 200 OK\r\n{SENTINEL}\r\n\r\n")),
        ]),
        program: each([
            (signed(URL), "401"),
            (signed(URL), "interrupted|200+interrupted"),
            (signed(URL), "bad-response|interrupted"),
        ]),
        hits: Some([3, 0, 0, 0]),
        ..Http::default()
    });

    se_05_a_connector_that_says_it_all => Case::Http(Http {
        grant: A,
        program: each([
            (step("log", json!({ "text": hidden(SENTINEL) })), "null"),
            (step("field", json!({ "text": hidden(SENTINEL) })), "null"),
            (step("say", json!({ "text": around("it is ", SENTINEL, "!") })), "\"it is [redacted]!\""),
        ]),
        ..Http::default()
    });

    se_05_a_failure_that_quotes_the_key => Case::Own(|bed, _| Box::pin(failing(bed)));

    se_06_a_secret_that_is_not_granted_is_not_revealed => Case::Http(Http {
        grant: A,
        program: each([(step("reveal", json!({ "slot": "token" })), "\"refused\"")]),
        ..Http::default()
    });

    // It may be sent where it belongs, and nowhere else.
    se_06_a_revealed_secret_stays_inside => Case::Http(Http {
        grant: BOTH,
        reveal: &["key/token"],
        program: each([
            (step("reveal", json!({ "slot": "token" })), "\"revealed\""),
            (step("log", json!({ "text": revealed("") })), "null"),
            (step("field", json!({ "text": revealed("") })), "null"),
            (step("say", json!({ "text": revealed("") })), "\"<[redacted]>\""),
            (post(URL, revealed("")), "200"),
            (post("https://api2.allowed.test/x", revealed("")), "secret-position|secret-binding"),
            (get("https://sink.denied.test/").header("x-key", revealed("")), "host|secret-position"),
        ]),
        ..Http::default()
    });

    se_07_a_revealed_secret_in_other_encodings_stays_inside => Case::Http(Http {
        grant: BOTH,
        reveal: &["key/token"],
        program: ENCODINGS
            .iter()
            .flat_map(|how| {
                let text = revealed(how);
                [
                    (step("log", json!({ "text": text })), "null".to_owned()),
                    (step("say", json!({ "text": text })), "\"<[redacted]>\"".to_owned()),
                    (post("https://api2.allowed.test/x", text), "secret-position|secret-binding".to_owned()),
                ]
            })
            .collect(),
        ..Http::default()
    });

    se_08_everything_that_libraries_say => Case::Http(Http {
        grant: A,
        program: each([(signed(URL), "200"), (signed(URL), "200")]),
        also: |bed, _| {
            let log = fs::read_to_string(bed.dir.join("stderr.log")).unwrap();
            let silent = ["hyper", "rustls"].into_iter().filter(|target| !log.contains(&format!("\"target\":\"{target}")));
            silent.map(|target| format!("the case is void: {target} says nothing")).collect()
        },
        ..Http::default()
    });
}

/// What looks like a place for a secret, to somebody.
const PLACES: [&str; 5] =
    ["{{token}}", "{connection.token}", "${token}", "${connections.p.token}", "%{token}"];

const ENCODINGS: &[&str] = &["base64", "base64url", "hex", "percent", "json", "reversed"];

/// The revealed secret between brackets, encoded; as it is for no encoding.
fn revealed(how: &str) -> serde_json::Value {
    let secret = json!({ "reveal": "token" });
    let secret = if how.is_empty() { secret } else { json!({ "encode": how, "of": secret }) };
    json!({ "join": ["<", secret, ">"] })
}

const NAMES: &[&str] = &["missing", "Q/key", "../Q/key", "q/KEY", "KEY", "", "q", "token", "neighbour/key"];

fn misplaced() -> Vec<(Step, String)> {
    let mut program = vec![
        (get(around("https://api.allowed.test/v1/x?k=", SENTINEL, "")), "secret-position".to_owned()),
        (get(around("https://api.allowed.test/v1/", SENTINEL, "/y")), "secret-position".to_owned()),
        (get(around("https://", SENTINEL, ".allowed.test/")), "host|secret-position".to_owned()),
        (get(URL).with("method", hidden(SENTINEL)), "method|secret-position|invalid-request".to_owned()),
        (get(URL).header("x-key", hidden(SENTINEL)), "secret-position".to_owned()),
        (get(URL).header(hidden(SENTINEL), "v"), "secret-position|invalid-request".to_owned()),
        (post(URL, hidden(SENTINEL)), "secret-position".to_owned()),
        (post(URL, around("{\"key\":\"", SENTINEL, "\"}")), "secret-position".to_owned()),
    ];
    for spelling in sentinel::holding(SENTINEL) {
        program.push((post(URL, around("x", &spelling, "y")), "secret-position".to_owned()));
    }
    program
}

fn redacted(_: &Bed, ran: &crate::security::bed::Ran) -> Vec<String> {
    let wrong =
        ran.seen().iter().filter(|seen| !seen["body"].as_str().unwrap_or_default().contains("[redacted]"));
    wrong.map(|seen| format!("the credential is not taken out: {seen}")).collect()
}

async fn failing(bed: &Bed) -> Findings {
    let mut findings = Findings::none();
    bed.grant("probe", A, &json!({})).await;
    let fail = step("fail", json!({ "text": around("the key ", SENTINEL, " is wrong") })).json("");
    let ran = bed.run("probe-read", json!({ "steps": [fail] })).await;
    let message = ran.attempt()["failure"]["message"].as_str().unwrap_or_default();
    if message != "the key [redacted] is wrong" {
        findings.wrong.push(format!("the failure says: {message}"));
    }
    findings.allowed.bodies.push(ran.0);
    findings
}
