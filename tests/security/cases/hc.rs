//! HTTP: URLs, addresses, redirects and headers of a hostile guest, answers of a hostile server.
//!
//! Every one of these runs with all six proxy variables of the environment set, so HC-28 is part of each.

use std::sync::{Arc, LazyLock};

use serde_json::json;

use crate::security::{
    bed::{Bed, RUNTIME, SENTINEL},
    mock::{After, Reply, Script, always, in_turn, ok, raw, redirect, reply},
    network,
    play::{Case, Findings, Http, cases},
    probe::{Step, all, each, get, post, signed},
};

const A: &[&str] = &["GET,POST https://api.allowed.test/v1/"];
const BOTH: &[&str] = &["GET,POST https://api.allowed.test/v1/", "GET,POST https://api2.allowed.test/"];
const ANY: &[&str] = &["GET,POST *"];
const BELOW: &[&str] = &["GET https://*.allowed.test/"];

const URL: &str = "https://api.allowed.test/v1/x";

fn under(grant: &'static [&'static str], program: Vec<(Step, String)>) -> Case {
    Case::Http(Http { grant, program, ..Http::default() })
}

cases! {
    hc_01_a_granted_host_as_user => under(A, all(["https://api.allowed.test@sink.denied.test/v1/x"], "userinfo"));

    hc_02_a_granted_host_and_port_as_user =>
        under(A, all(["https://api.allowed.test:443@sink.denied.test:443/v1/"], "userinfo"));

    hc_03_a_user_before_a_granted_host => under(A, all(
        ["https://u:p@api.allowed.test/v1/x", "https://@api.allowed.test/v1/x", "https://:@api.allowed.test/v1/x"],
        "userinfo",
    ));

    hc_04_upper_case_is_the_same_host => Case::Http(Http {
        grant: A,
        program: all(["HTTPS://API.Allowed.TEST/v1/x"], "200"),
        also: |bed, _| host_is_canonical(&bed.network.a.requests()),
        ..Http::default()
    });

    hc_05_a_trailing_dot => Case::Http(Http {
        grant: A,
        program: each([
            (signed("https://api.allowed.test./v1/x"), "200"),
            (signed("https://api.allowed.test../v1/x"), "host"),
        ]),
        also: |bed, _| {
            let requests = bed.network.a.requests();
            let mut wrong = host_is_canonical(&requests);
            if !requests.iter().all(|request| request.contains(SENTINEL)) {
                wrong.push("the credential was not placed".to_owned());
            }
            wrong
        },
        ..Http::default()
    });

    hc_06_neighbours_of_a_granted_host => under(A, all(
        [
            "https://api.allowed.test.sink.denied.test/",
            "https://xapi.allowed.test/",
            "https://allowed.test/",
            "https://sub.api.allowed.test/v1/x",
            "https://api-allowed.test/v1/x",
        ],
        "host",
    ));

    hc_07_a_wildcard_ends_at_a_label => under(BELOW, each([
        (get("https://a.allowed.test/"), "200"),
        (get("https://a.b.allowed.test/"), "200"),
        (get("https://allowed.test/"), "host"),
        (get("https://evilallowed.test/"), "host"),
        (get("https://.allowed.test/"), "host"),
    ]));

    hc_08_a_letter_of_another_script => Case::Http(Http {
        grant: A,
        program: all(["https://\u{430}pi.allowed.test/v1/"], "host"),
        also: |_, ran| {
            let effects = ran.attempt()["effects"].to_string();
            let named = effects.contains("xn--pi-6kc.allowed.test");
            if named { Vec::new() } else { vec![format!("the record does not show the punycode: {effects}")] }
        },
        ..Http::default()
    });

    hc_09_full_width_letters_and_stops => Case::Http(Http {
        grant: A,
        program: all(
            [
                "https://\u{ff41}\u{ff50}\u{ff49}\u{ff0e}allowed.test/v1/x",
                "https://api\u{3002}allowed\u{3002}test/v1/x",
                "https://api\u{ff61}allowed.test/v1/x",
            ],
            "200",
        ),
        also: |bed, _| host_is_canonical(&bed.network.a.requests()),
        ..Http::default()
    });

    hc_10_a_backslash_ends_the_host => under(A, all(
        [
            "https://sink.denied.test\\@api.allowed.test/v1/",
            "https:\\\\sink.denied.test/v1/",
            "https://sink.denied.test#@api.allowed.test/v1/",
            "https://sink.denied.test?@api.allowed.test/v1/",
        ],
        "host|userinfo|invalid-request",
    ));

    hc_11_control_characters_in_the_host => under(A, all(
        [
            "https://api.allowed\t.test/v1/x",
            "https://api.allowed.test\r\n/v1/x",
            "https://api.allowed.test\n/v1/x",
            "https://api.allowed.test /v1/x",
            "https://api.allowed.test\0/v1/x",
            " https://api.allowed.test/v1/x",
            "https://api.allowed.test/v1/x\r\nx: y",
        ],
        "invalid-request",
    ));

    hc_12_percent_encoding_in_the_host => Case::Http(Http {
        grant: A,
        program: each([
            (get("https://api%2eallowed%2etest/v1/"), "200"),
            (get("https://sink%2edenied%2etest/v1/"), "host"),
            (get("https://api.allowed.test%2f@sink.denied.test/v1/"), "userinfo|invalid-request"),
        ]),
        also: |bed, _| host_is_canonical(&bed.network.a.requests()),
        ..Http::default()
    });

    // M really listens on loopback at `{m}`, so that what gets through gets there.
    hc_13_private_literals_in_every_spelling => under(ANY, all(
        [
            "http://2130706433:{m}/", "http://0x7f.1:{m}/", "http://0177.0.0.1:{m}/", "http://127.1:{m}/",
            "http://0:{m}/", "http://0x7f000001:{m}/", "http://017700000001:{m}/", "http://127.0.0.1:{m}/",
            "http://127.0.0.1.:{m}/", "http://127%2e0%2e0%2e1:{m}/", "http://\u{2460}27.0.0.1:{m}/",
            "http://\u{ff11}27.0.0.1:{m}/", "http://127.000.000.001:{m}/", "http://0x7f.0x0.0x0.0x1:{m}/",
            "http://10.0.0.5/", "http://169.254.169.254/", "http://2852039166/", "http://0.0.0.0:{m}/",
            "http://100.64.0.1/", "http://255.255.255.255/", "http://224.0.0.1/", "http://240.0.0.1/",
        ],
        "ip",
    ));

    hc_14_private_literals_in_ipv6 => under(ANY, all(
        [
            "http://[::1]:{m}/", "http://[::]:{m}/", "http://[::ffff:127.0.0.1]:{m}/", "http://[::ffff:7f00:1]:{m}/",
            "http://[::127.0.0.1]:{m}/", "http://[fe80::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/",
            "http://[fec0::1]/", "http://[::ffff:0:127.0.0.1]:{m}/", "http://[3fff::1]/", "http://[5f00::1]/",
            "http://[0:0:0:0:0:0:0:1]:{m}/", "http://[2001:db8::1]/",
        ],
        "ip",
    ));

    hc_15_literals_that_carry_another_address => under(ANY, all(
        [
            "http://[64:ff9b::a9fe:a9fe]/", "http://[2002:a9fe:a9fe::]/", "http://[2002:7f00:1::]:{m}/",
            "http://[64:ff9b:1::7f00:1]:{m}/", "http://[2001::1]/", "http://[64:ff9b::7f00:1]:{m}/",
        ],
        "ip",
    ));

    hc_16_names_that_lead_inside => under(BELOW, (0..12).map(|n| {
        (get(format!("https://in-{n}.allowed.test/v1/")), "ip".to_owned())
    }).collect());

    hc_17_one_address_inside_among_public_ones => under(BELOW, all(
        ["https://mixed.allowed.test/v1/", "https://mixed-2.allowed.test/v1/"],
        "ip",
    ));

    // The first answer is public and A answers there and closes; the second is this machine.
    hc_18_a_name_that_rebinds => Case::Http(Http {
        grant: BELOW,
        a: always(Reply { after: After::Close, ..reply(200, "connection: close\r\n", b"a") }),
        program: each([
            (get("https://rebinding.allowed.test/1"), "200"),
            (get("https://rebinding.allowed.test/2"), "ip"),
            (get("https://rebinding.allowed.test/3"), "ip"),
        ]),
        ..Http::default()
    });

    hc_19_a_redirect_to_a_host_that_is_not_granted => Case::Http(Http {
        grant: A,
        a: always(redirect(302, "https://sink.denied.test/")),
        program: each([(signed(URL), "302"), (signed(URL).following(), "host")]),
        hits: Some([2, 0, 0, 0]),
        ..Http::default()
    });

    hc_20_redirects_inside => Case::Http(Http {
        grant: ANY,
        a: in_turn(
            INSIDE.iter().map(|location| redirect(302, location)).collect(),
        ),
        program: INSIDE
            .iter()
            .map(|location| {
                // From https to http is refused before the address is looked at.
                let word = if location.starts_with("http:") { "downgrade" } else { "ip" };
                (get(URL).following(), word.to_owned())
            })
            .collect(),
        hits: Some([INSIDE.len(), 0, 0, 0]),
        ..Http::default()
    });

    hc_21_a_redirect_to_plain_text => Case::Http(Http {
        grant: ANY,
        a: always(redirect(301, "http://api.allowed.test/v1/")),
        program: each([(get(URL).following(), "downgrade")]),
        hits: Some([1, 0, 0, 0]),
        ..Http::default()
    });

    hc_22_nothing_crosses_to_another_origin => Case::Http(Http {
        grant: BOTH,
        a: always(redirect(302, "https://api2.allowed.test/")),
        program: each([
            (signed(URL).following().header("X-Custom", "c1").header("Cookie", "c2").header("X-Token", "c3"), "200"),
            (signed(URL).following().header("Authorization", "mine"), "forbidden-header"),
        ]),
        hits: Some([1, 1, 0, 0]),
        also: |bed, _| {
            let got = bed.network.a2.requests().concat().to_lowercase();
            let crossed = ["authorization", "cookie", "x-custom", "x-token", "c1", "c2", "c3", "s3nt1nel"];
            crossed.iter().filter(|part| got.contains(**part)).map(|part| format!("A2 got {part}: {got}")).collect()
        },
        ..Http::default()
    });

    hc_23_redirects_without_end => Case::Http(Http {
        grant: A,
        a: Arc::new(|number, _| redirect(302, &format!("https://api.allowed.test/v1/{number}"))),
        program: each([(get(URL).following(), "too-many-redirects")]),
        hits: Some([6, 0, 0, 0]),
        ..Http::default()
    });

    hc_24_another_virtual_host => under(A, each([
        (get(URL).header("Host", "admin.internal"), "forbidden-header"),
        (get(URL).header("hOsT", "admin.internal"), "forbidden-header"),
        (get(URL).header(":authority", "admin.internal"), "invalid-request|forbidden-header"),
    ]));

    hc_25_headers_that_break_the_message => under(A, broken_headers());

    hc_26_framing_of_the_guests_own => under(A, each([
        (post(URL, "0\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n").header("Transfer-Encoding", "chunked"), "forbidden-header"),
        (post(URL, "abcdef").header("Content-Length", "3"), "forbidden-header"),
        (post(URL, "abcdef").header("transfer_encoding", "chunked"), "forbidden-header"),
    ]));

    hc_27_headers_of_the_connection => under(A, HOP_BY_HOP.split_whitespace().map(|name| {
        (get(URL).header(name, "x"), "forbidden-header".to_owned())
    }).collect());

    hc_28_the_environment_names_no_proxy => Case::Http(Http {
        grant: A,
        program: each([(signed(URL), "200"), (get(URL), "200")]),
        also: |bed, _| {
            let environment = std::fs::read(format!("/proc/{}/environ", bed.pid)).unwrap_or_default();
            let set = String::from_utf8_lossy(&environment).to_lowercase().matches("_proxy=").count();
            let mut wrong = Vec::new();
            if set < 6 {
                wrong.push(format!("the case is void: {set} variables are set"));
            }
            if bed.network.proxy.connections() > 0 {
                wrong.push("the proxy was asked".to_owned());
            }
            wrong
        },
        ..Http::default()
    });

    hc_29_ports => under(A, each([
        (get("https://api.allowed.test:8443/v1/"), "port"),
        (get("https://api.allowed.test:80/v1/"), "port"),
        (get("https://api.allowed.test:22/v1/"), "port"),
        (get("https://api.allowed.test:0/v1/"), "port"),
        (get("https://api.allowed.test:65536/v1/"), "invalid-request"),
        (get("https://api.allowed.test:0443/v1/"), "200"),
        (get("https://api.allowed.test:443x/v1/"), "invalid-request"),
        (get("https://api.allowed.test:-443/v1/"), "invalid-request"),
        (get("https://api.allowed.test:/v1/"), "200"),
    ]));

    hc_30_schemes => under(ANY, all(
        [
            "file:///etc/passwd", "ftp://api.allowed.test/", "gopher://127.0.0.1:{m}/_x", "data:text/plain,x",
            "ws://api.allowed.test/v1/", "unix:/var/run/docker.sock", "javascript:1", "blob:https://api.allowed.test/x",
        ],
        "scheme",
    ));

    hc_30_plain_text_under_a_grant_for_tls => under(A, all(["http://api.allowed.test/v1/"], "scheme|port"));

    hc_31_paths_beside_the_prefix => under(A, all(
        [
            "https://api.allowed.test/v1/../admin", "https://api.allowed.test/v1/%2e%2e/admin",
            "https://api.allowed.test/v1/.%2e/admin", "https://api.allowed.test/v1/..%2fadmin",
            "https://api.allowed.test/v1/..%5cadmin", "https://api.allowed.test/v1/..\\admin",
            "https://api.allowed.test/v1/%252e%252e/admin", "https://api.allowed.test/v1/;/../../admin",
            "https://api.allowed.test//v1/", "https://api.allowed.test/V1/", "https://api.allowed.test/v1",
            "https://api.allowed.test/v1/..;/admin", "https://api.allowed.test/v1/%00", "https://api.allowed.test/v1x/",
            "https://api.allowed.test/%76%31/x", "https://api.allowed.test/v1/%c0%ae%c0%ae/admin%2f",
        ],
        "path",
    ));

    hc_32_methods => under(&["GET https://api.allowed.test/v1/"], methods());

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

const INSIDE: &[&str] = &[
    "http://169.254.169.254/latest/meta-data/",
    "http://2852039166/",
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/",
    "https://[::ffff:169.254.169.254]/",
    "//127.0.0.1/",
];

const HOP_BY_HOP: &str = "Connection Keep-Alive TE Trailer Upgrade Proxy-Authorization Proxy-Authenticate
    Proxy-Connection HTTP2-Settings Expect Via Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
    x_forwarded_for X-Real-IP X-HTTP-Method-Override";

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
    ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil", "200"),
    ("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\nabc", "bad-response|interrupted"),
];

fn broken_headers() -> Vec<(Step, String)> {
    let mut program = Vec::new();
    for value in ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\r\n folded", "\u{7f}"] {
        program.push((get(URL).header("x-a", value), "invalid-request".to_owned()));
    }
    for name in ["", "x a", "x:", "x\r\ny", "x\u{e9}", "(x)", "x\0"] {
        program.push((get(URL).header(name, "v"), "invalid-request".to_owned()));
    }
    let many = (0..65).fold(get(URL), |step, _| step.header("x-a", "v"));
    program.push((many, "invalid-request".to_owned()));
    program.push((get(URL).header("x-a", json!({ "repeat": "a", "times": 33 << 10 })), "invalid-request".to_owned()));
    program
}

fn methods() -> Vec<(Step, String)> {
    let mut program = vec![
        (post(URL, "x"), "method".to_owned()),
        (get(URL).header("X-HTTP-Method-Override", "DELETE"), "forbidden-header".to_owned()),
        (get(URL).header("X-HTTP-Method", "DELETE"), "forbidden-header".to_owned()),
        (get(URL).header("x_method_override", "DELETE"), "forbidden-header".to_owned()),
    ];
    for method in ["get", "GET ", "CONNECT", "TRACE", "PRI", "", "GET\r\nX: y", "GET /x HTTP/1.1\r\n\r\nGET"] {
        program.push((get(URL).with("method", method), "method|invalid-request".to_owned()));
    }
    program
}

/// In upper case, with a dot, or in another script it would be another host to A.
fn host_is_canonical(requests: &[String]) -> Vec<String> {
    let wrong = requests.iter().filter(|request| !request.contains("\r\nhost: api.allowed.test\r\n"));
    wrong.map(|request| format!("A was asked as {request}")).collect()
}

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
            "gzip" => tokio::io::copy(&mut bufread::GzipEncoder::with_quality(zeros, Level::Fastest), &mut body).await,
            "deflate" => tokio::io::copy(&mut bufread::ZlibEncoder::with_quality(zeros, Level::Fastest), &mut body).await,
            _ => tokio::io::copy(&mut bufread::BrotliEncoder::with_quality(zeros, Level::Fastest), &mut body).await,
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
