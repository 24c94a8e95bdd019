//! Headers that are the host's, and an environment that names proxies.

use serde_json::json;

use super::{A, URL, under};
use crate::security::play::cases;
use crate::security::play::{Case, Http};
use crate::security::probe::{Step, each, get, post, signed};

cases! {
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
}

const HOP_BY_HOP: &str = "Connection Keep-Alive TE Trailer Upgrade Proxy-Authorization Proxy-Authenticate
    Proxy-Connection HTTP2-Settings Expect Via Forwarded X-Forwarded-For X-Forwarded-Host X-Forwarded-Proto
    x_forwarded_for X-Real-IP X-HTTP-Method-Override";

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
    program.push((
        get(URL).header("x-a", json!({ "repeat": "a", "times": 33 << 10 })),
        "invalid-request".to_owned(),
    ));
    program
}
