//! What a URL says and what it means: hosts, ports, schemes, paths, methods.

use super::{A, ANY, BELOW, URL, host_is_canonical, under};
use crate::security::bed::SENTINEL;
use crate::security::play::cases;
use crate::security::play::{Case, Http};
use crate::security::probe::{Step, all, each, get, post, signed};

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
}

fn methods() -> Vec<(Step, String)> {
    let mut program = vec![
        (post(URL, "x"), "method".to_owned()),
        (get(URL).header("X-HTTP-Method-Override", "DELETE"), "forbidden-header".to_owned()),
        (get(URL).header("X-HTTP-Method", "DELETE"), "forbidden-header".to_owned()),
        (get(URL).header("x_method_override", "DELETE"), "forbidden-header".to_owned()),
    ];
    for method in ["get", "GET ", "CONNECT", "TRACE", "PRI", "", "GET\r\nX: y", "GET /x HTTP/1.1\r\n\r\nGET"]
    {
        program.push((get(URL).with("method", method), "method|invalid-request".to_owned()));
    }
    program
}
