//! What a connector asks for: URLs, methods, headers. Each case runs the whole way, so that what is
//! not refused shows as a hit.

use wharf_model::http::HttpRequest;

use super::bed::{A, ANY, Bed, GOOD, SENTINEL, authority, carve_out, get, post, reply, signed, with_header};

/// Sends each request and compares the verdicts; `200` counts as a hit of A, and nothing else hits anything.
#[track_caller]
fn check(rules: &'static [&'static str], cases: Vec<(HttpRequest, &str)>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let bed = Bed::new(|_, _| reply(200, "a")).await;
        let authority = authority(rules);
        let mut allowed = 0;
        for (request, expected) in cases {
            let (method, url, headers) =
                (request.method.clone(), request.url.clone(), request.headers.clone());
            let sent = bed.send(&authority, request).await;
            assert_eq!(sent.verdict, expected, "{method} {url} {headers:?}: {:?}", sent.result);
            allowed += usize::from(expected == "200");
        }
        assert_eq!(bed.hits(), [allowed, 0, 0, 0]);
        for request in bed.a.requests() {
            assert!(
                request.contains("\r\nhost: api.allowed.test\r\n") || request.contains("host: a."),
                "{request}"
            );
        }
    });
}

/// The case, the URL, the verdict.
const URLS: &[(&str, &str, &str)] = &[
    ("HC-01", "https://api.allowed.test@sink.denied.test/v1/x", "userinfo"),
    ("HC-01", "https://api.allowed.test%40@sink.denied.test/v1/x", "userinfo"),
    ("HC-01", "https://api.allowed.test%2f@sink.denied.test/v1/x", "userinfo"),
    ("HC-02", "https://api.allowed.test:443@sink.denied.test:443/v1/", "userinfo"),
    ("HC-03", "https://u:p@api.allowed.test/v1/x", "userinfo"),
    ("HC-03", "https://u@api.allowed.test/v1/x", "userinfo"),
    ("HC-03", "https://:p@api.allowed.test/v1/x", "userinfo"),
    ("HC-04", "HTTPS://API.Allowed.TEST/v1/x", "200"),
    ("HC-04", "hTTps://api.ALLOWED.test:443/v1/x", "200"),
    ("HC-05", "https://api.allowed.test./v1/x", "200"),
    ("HC-05", "https://api.allowed.test.:443/v1/x", "200"),
    ("HC-05", "https://api.allowed.test../v1/x", "host"),
    ("HC-05", "https://.api.allowed.test/v1/x", "host"),
    ("HC-05", "https://api..allowed.test/v1/x", "host"),
    ("HC-06", "https://api.allowed.test.sink.denied.test/", "host"),
    ("HC-06", "https://xapi.allowed.test/", "host"),
    ("HC-06", "https://allowed.test/", "host"),
    ("HC-06", "https://sink.denied.test/?https://api.allowed.test/v1/", "host"),
    ("HC-06", "https://sink.denied.test/#@api.allowed.test/v1/", "host"),
    ("HC-06", "https://sink.denied.test?@api.allowed.test/v1/", "host"),
    ("HC-08", "https://\u{430}pi.allowed.test/v1/", "host"),
    ("HC-08", "https://xn--pi-6kc.allowed.test/v1/", "host"),
    ("HC-09", "https://\u{ff41}\u{ff50}\u{ff49}\u{ff0e}allowed\u{3002}test/v1/x", "200"),
    ("HC-09", "https://api\u{ff61}allowed\u{ff0e}test/v1/x", "200"),
    ("HC-09", "https://ap\u{ad}i.allowed.test/v1/x", "200"),
    ("HC-10", "https://sink.denied.test\\@api.allowed.test/v1/", "host"),
    ("HC-10", "https:\\\\sink.denied.test/@api.allowed.test/v1/", "host"),
    ("HC-10", "https:/\\sink.denied.test/v1/", "host"),
    ("HC-10", "https:sink.denied.test/v1/", "host"),
    ("HC-11", "https://api.allowed\t.test/v1/x", "invalid"),
    ("HC-11", "https://api.allowed.test\r\n/v1/x", "invalid"),
    ("HC-11", "https://api.allowed.test\n/v1/x", "invalid"),
    ("HC-11", "https://api.allowed.test\0/v1/x", "invalid"),
    ("HC-11", "https://api.allowed.test /v1/x", "invalid"),
    ("HC-11", "\u{1}https://api.allowed.test/v1/x", "invalid"),
    ("HC-12", "https://api%2eallowed%2etest/v1/x", "200"),
    ("HC-12", "https://%61pi.allowed.test/v1/x", "200"),
];

#[test]
fn hc_01_to_12_urls() {
    check(&[A], URLS.iter().map(|(_, url, expected)| (signed(url), *expected)).collect());
}

/// Zones name an interface of this machine; a URL has no place for one (RFC 6874 is withdrawn).
#[test]
fn hc_14_zones_and_odd_brackets_are_no_addresses() {
    let hosts = [
        "[fe80::1%25eth0]",
        "[fe80::1%eth0]",
        "[::1",
        "::1]",
        "[::1]x",
        "[127.0.0.1]",
        "[v1.x]",
        "[]",
        "[::ffff:1.2.3]",
    ];
    for host in hosts {
        check(&[ANY], vec![(get(&format!("https://{host}/v1/")), "invalid")]);
    }
}

#[test]
fn hc_07_wildcards() {
    let cases = [
        ("https://api.allowed.test/", "200"),
        ("https://a.b.allowed.test/", "200"),
        ("https://allowed.test/", "host"),
        ("https://evilallowed.test/", "host"),
    ];
    check(&["GET https://*.allowed.test/"], cases.map(|(url, expected)| (get(url), expected)).into());
}

#[tokio::test]
async fn hc_08_the_audit_shows_punycode() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let sent = bed.send(&authority(&[A]), get("https://\u{430}pi.allowed.test/v1/?q=1")).await;
    assert_eq!(sent.effect.url, "https://xn--pi-6kc.allowed.test/v1/");
}

/// A circled digit is a digit to IDNA.
const INSIDE: &str = "
    127.0.0.1 2130706433 0x7f.1 0177.0.0.1 127.1
    0 0x7f000001 017700000001 127.0.0.1. 127%2e0%2e0%2e1
    ①27.0.0.1 [::1] [::] [::ffff:127.0.0.1] [::ffff:7f00:1]
    [::127.0.0.1] [fe80::1] [fd00:ec2::254] [64:ff9b::a9fe:a9fe] [64:ff9b:1::7f00:1]
    [2002:a9fe:a9fe::] [2002:7f00:1::] [2001::1] [::ffff:0:127.0.0.1] 169.254.169.254
    2852039166 10.0.0.5 100.64.0.1 255.255.255.255 224.0.0.1
";

/// Every dial that is not A's leads to M, so what gets through gets there.
#[tokio::test]
async fn hc_13_to_15_no_spelling_of_an_inside_address_gets_through() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[ANY]);
    let port = bed.m.address.port();
    for host in INSIDE.split_whitespace() {
        let sent = bed.send(&authority, get(&format!("http://{host}:{port}/"))).await;
        assert_eq!(sent.verdict, "ip", "{host}: {:?}", sent.result);
    }
    assert_eq!((bed.hits(), bed.m.connections()), ([0; 4], 0));
}

#[tokio::test]
async fn a_carve_out_opens_one_address() {
    let bed = Bed::with(carve_out("127.0.0.1/32:8080"), GOOD, |_, _| reply(200, "a")).await;
    let authority = authority(&[ANY]);
    for (url, expected) in [
        ("http://127.0.0.1:8080/x", "200"),
        ("http://[::ffff:127.0.0.1]:8080/x", "ip"),
        ("http://127.0.0.1:8081/x", "ip"),
        ("http://127.0.0.2:8080/x", "ip"),
    ] {
        assert_eq!(bed.send(&authority, get(url)).await.verdict, expected, "{url}");
    }
    assert_eq!(bed.script.take_dialled(), ["127.0.0.1:8080".parse().unwrap()]);
    assert_eq!(bed.hits(), [0, 0, 0, 1]);
}

/// In several spellings; all refused.
const FORBIDDEN: &str = "
    Host hOsT Transfer-Encoding transfer_encoding Content-Length Connection
    Keep-Alive TE Trailer Upgrade Proxy-Authorization Proxy-Authenticate
    Proxy-Connection HTTP2-Settings Expect Via Forwarded X-Forwarded-For
    X_Forwarded_For X-Forwarded-Host X-Forwarded-Proto X-Real-IP X-HTTP-Method-Override X-Method-Override
    X-HTTP-Method X_HTTP_METHOD_OVERRIDE x-Http_Method-override X_Method_Override X-Forwarded X-Forwarded_Port
    Content_Length Keep_Alive Proxy_Authorization Sec-WebSocket-Key X-Original-URL X_Rewrite_Url Max-Forwards
    Authorization authorization X-Api-Key x_api_key Accept-Encoding
";

#[test]
fn hc_24_to_27_headers() {
    let url = "https://api.allowed.test/v1/x";
    let mut cases = Vec::new();
    for name in FORBIDDEN.split_whitespace() {
        cases.push((with_header(post(url, "0\r\n\r\nGET /smug"), name, "3"), "forbidden-header"));
    }
    for value in ["a\r\nb: c", "a\nb", "a\rb", "a\0b", "a\r\n folded", "\u{7f}"] {
        cases.push((with_header(get(url), "x-a", value), "invalid"));
    }
    let long = "x".repeat(70_000);
    for name in
        ["", "x a", "x:", ":path", ":authority", "x\r\n", "x\u{e9}", "(x)", "x\0", " x", "x\t", long.as_str()]
    {
        cases.push((with_header(get(url), name, "v"), "invalid"));
    }
    let many = (0..65).fold(get(url), |request, _| with_header(request, "x-a", "v"));
    cases.push((many, "invalid"));
    cases.push((with_header(get(url), "x-a", vec![b'a'; 33 * 1024]), "invalid"));
    cases.push((with_header(get(url), "X-Custom", "a\tb \u{e9}"), "200"));
    cases.push((with_header(get(url), "Accept-Encoding", "identity"), "200"));
    check(&[A], cases);
}

/// Under `/v1/` in no reading, or in one only.
const OUTSIDE: &str = r"
    /v1/../admin /v1/%2e%2e/admin /v1/.%2e/admin /v1/..%2fadmin /v1/..%5cadmin /v1/..\admin
    /v1/%252e%252e/admin /v1/;/../../admin //v1/ /V1/ /v1
";

#[test]
fn hc_29_to_32_port_scheme_path_method() {
    let mut cases = Vec::new();
    for (port, expected) in [
        ("8443", "port"),
        ("80", "port"),
        ("22", "port"),
        ("0", "port"),
        ("65536", "invalid"),
        ("0443", "200"),
        ("443x", "invalid"),
    ] {
        cases.push((get(&format!("https://api.allowed.test:{port}/v1/")), expected));
    }
    for url in [
        "file:///etc/passwd",
        "ftp://api.allowed.test/",
        "gopher://api.allowed.test/",
        "data:,x",
        "ws://api.allowed.test/v1/",
        "unix:/x",
        "http://api.allowed.test/v1/",
    ] {
        cases.push((get(url), "scheme"));
    }
    for path in OUTSIDE.split_whitespace() {
        cases.push((get(&format!("https://api.allowed.test{path}")), "path"));
    }
    for method in ["DELETE", "get", "GET ", "CONNECT", "TRACE", "PRI", "", "GET\r\nX: y"] {
        cases.push((
            HttpRequest { method: method.to_owned(), ..get("https://api.allowed.test/v1/x") },
            "method",
        ));
    }
    check(&[A], cases);
}

#[tokio::test]
async fn what_goes_over_the_wire() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let authority = authority(&[A]);
    let request = with_header(signed("https://api.allowed.test/v1/x?q=a%20b#f"), "X-Custom", "1");
    assert_eq!(bed.send(&authority, request).await.verdict, "200");
    assert_eq!(bed.send(&authority, post("https://api.allowed.test/v1/x", "")).await.verdict, "200");
    let requests = bed.a.requests();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        requests[0],
        format!(
            "GET /v1/x?q=a%20b HTTP/1.1\r\nx-custom: 1\r\naccept-encoding: gzip, br\r\nauthorization: Bearer {}\r\naccept: */*\r\nuser-agent: wharf/{version}\r\nhost: api.allowed.test\r\n\r\n",
            SENTINEL
        )
    );
    assert!(
        requests[1].contains("\r\ncontent-length: 0\r\n") && !requests[1].contains("authorization"),
        "{}",
        requests[1]
    );
}
