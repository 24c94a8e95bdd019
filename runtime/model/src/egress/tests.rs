//! The pure rules, by the cases of the security catalogue that need no network.

mod edges;
mod rules;

use super::{Access, Operation, Rule, RuleSets, Target, decide};
use crate::manifest::{EffectClass, EgressRequest};

fn request(line: &str) -> EgressRequest {
    let (methods, url) = line.rsplit_once(' ').unwrap();
    EgressRequest { url: url.to_owned(), methods: methods.split(',').map(|m| m.trim().to_owned()).collect() }
}

fn rule(line: &str) -> Rule {
    Rule::parse(&request(line)).unwrap()
}

fn rules(lines: &[&str]) -> Vec<Rule> {
    lines.iter().map(|line| rule(line)).collect()
}

/// The verdict as a word: `ok <canonical url>`, or the reason.
fn verdict(rule_lines: &[&str], method: &str, url: &str) -> String {
    let set = rules(rule_lines);
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => return error.reason().to_owned(),
    };
    let sets = RuleSets { connector: "p", manifest: &set, grant: &set };
    let operation = Operation { effect: EffectClass::UnsafeWrite, reads: &[] };
    match decide(sets, operation, method, &target) {
        Ok(_) => format!("ok {}", target.url()),
        Err(denial) => denial.reason,
    }
}

#[track_caller]
fn check(grant: &str, url: &str, expected: &str) {
    assert_eq!(verdict(&[grant], "GET", url), expected, "{grant} with {url:?}");
}

const A: &str = "GET,POST https://api.allowed.test/v1/";
const ANY: &str = "GET *";

#[test]
fn hc_01_to_12_one_parser_decides() {
    let ok = "ok https://api.allowed.test/v1/x";
    for (url, expected) in [
        ("https://api.allowed.test@sink.denied.test/v1/x", "userinfo"),
        ("https://api.allowed.test:443@sink.denied.test:443/v1/", "userinfo"),
        ("https://u:p@api.allowed.test/v1/x", "userinfo"),
        ("https://@api.allowed.test/v1/x", "userinfo"),
        ("https:\\\\@api.allowed.test/v1/x", "userinfo"),
        ("https:u@api.allowed.test/v1/x", "userinfo"),
        ("https::p@api.allowed.test/v1/x", "userinfo"),
        ("HTTPS://API.Allowed.TEST/v1/x", ok),
        ("https://api.allowed.test./v1/x", ok),
        ("https://api.allowed.test../v1/x", "host"),
        ("https://api.allowed.test.sink.denied.test/", "host"),
        ("https://xapi.allowed.test/", "host"),
        ("https://allowed.test/", "host"),
        ("https://\u{430}pi.allowed.test/v1/", "host"),
        ("https://\u{ff41}\u{ff50}\u{ff49}\u{ff0e}allowed\u{3002}test/v1/x", ok),
        ("https://sink.denied.test\\@api.allowed.test/v1/", "host"),
        ("https://api.allo\twed.test/v1/x", "syntax"),
        ("https://api.allowed.test\r\n/v1/x", "syntax"),
        (" https://api.allowed.test/v1/x", "syntax"),
        ("https://api.allowed.test\0/v1/x", "syntax"),
        ("https://api%2eallowed%2etest/v1/x", ok),
        ("https://[api.allowed.test]/v1/x", "syntax"),
        ("https:///v1/x", "host"),
        ("api.allowed.test/v1/x", "syntax"),
        ("", "syntax"),
    ] {
        check(A, url, expected);
    }
}

#[test]
fn hc_07_a_wildcard_needs_a_label_of_its_own() {
    let grant = "GET https://*.allowed.test/";
    check(grant, "https://a.allowed.test/", "ok https://a.allowed.test/");
    check(grant, "https://a.b.allowed.test/", "ok https://a.b.allowed.test/");
    check(grant, "https://allowed.test/", "host");
    check(grant, "https://evilallowed.test/", "host");
    check(grant, "https://.allowed.test/", "host");
    check(grant, "https://*.allowed.test/", "host");
}

#[test]
fn hc_13_odd_spellings_become_addresses_before_the_decision() {
    for url in [
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://127%2e1/",
    ] {
        check(ANY, url, "ok http://127.0.0.1/");
    }
    check(ANY, "http://0/", "ok http://0.0.0.0/");
    check(ANY, "http://[::ffff:127.0.0.1]/", "ok http://[::ffff:7f00:1]/");
    check(ANY, "http://1.2.3.4.5/", "syntax");
    check(ANY, "http://x.0x7f/", "syntax");
}

#[test]
fn hc_29_and_30_port_and_scheme() {
    for (url, expected) in [
        ("https://api.allowed.test:8443/v1/", "port"),
        ("https://api.allowed.test:80/v1/", "port"),
        ("https://api.allowed.test:22/v1/", "port"),
        ("https://api.allowed.test:0/v1/", "port"),
        ("https://api.allowed.test:65536/v1/", "syntax"),
        ("https://api.allowed.test:443x/v1/", "syntax"),
        ("https://api.allowed.test:0443/v1/", "ok https://api.allowed.test/v1/"),
        ("http://api.allowed.test/v1/", "scheme"),
        ("http://api.allowed.test:443/v1/", "scheme"),
    ] {
        check(A, url, expected);
    }
    for scheme in ["https", "http"] {
        assert_eq!(Target::parse(&format!("{scheme}://a.test/")).unwrap().origin().scheme.name(), scheme);
    }
    for url in [
        "file:///etc/passwd",
        "ftp://a.test/",
        "gopher://a.test/",
        "data:text/plain,x",
        "ws://a.test/",
        "wss://a.test/",
        "unix:/run/x",
        "javascript:1",
        "blob:https://a.test/x",
    ] {
        check(ANY, url, "scheme");
    }
}

#[test]
fn hc_31_no_spelling_leaves_the_prefix() {
    for path in [
        "/v1/../admin",
        "/v1/%2e%2e/admin",
        "/v1/.%2e/admin",
        "/v1/..%2fadmin",
        "/v1/..%5cadmin",
        "/v1/..\\admin",
        "/v1/%252e%252e/admin",
        "/v1/%25252e/admin",
        "/v1/;/../../admin",
        "/v1/..;x/admin",
        "/v1/..%3bx/admin",
        "/v1/.%3B/admin",
        "//v1/",
        "/V1/",
        "/v1",
        "/v1/..;/admin",
        "/v1/.;x/a",
        "/v1/a%2Eb",
        "/v1/%%32%65",
        "/%761/x",
        "/v1/%00",
        "/",
    ] {
        check(A, &format!("https://api.allowed.test{path}"), "path");
    }
    for path in
        ["/v1/", "/v1/x", "/v1/100%25", "/v1/a.b/c", "/v1//x", "/v1/%C3%A9", "/v1/..a", "/v1/x?q=%2e%2e%2f"]
    {
        check(A, &format!("https://api.allowed.test{path}"), &format!("ok https://api.allowed.test{path}"));
    }
    check(
        "GET https://a.test/api/chat.post",
        "https://a.test/api/chat.post",
        "ok https://a.test/api/chat.post",
    );
    check("GET https://a.test/api/chat.post", "https://a.test/api/chat.postMessage", "path");
    check("GET https://a.test/", "https://a.test/repos/a%2Fb", "ok https://a.test/repos/a%2Fb");
}

#[test]
fn hc_32_methods_are_words_of_the_grant() {
    for (method, expected) in [
        ("POST", "method"),
        ("get", "method"),
        ("GET ", "method"),
        ("CONNECT", "method"),
        ("TRACE", "method"),
        ("PRI", "method"),
        ("", "method"),
        ("G\u{4e00}T", "method"),
        ("GET", "ok https://a.test/"),
    ] {
        assert_eq!(verdict(&["GET https://a.test/"], method, "https://a.test/"), expected, "{method:?}");
    }
    assert!(Rule::parse(&request("CONNECT https://a.test/")).is_err());
}

#[test]
fn a_denial_names_the_gate_and_the_line() {
    let manifest = rules(&["GET,POST https://slack.com/api/"]);
    let grant = rules(&["GET https://slack.com/api/"]);
    let sets = RuleSets { connector: "slack", manifest: &manifest, grant: &grant };
    let message = |effect, method: &str, url: &str| {
        let denial =
            decide(sets, Operation { effect, reads: &[] }, method, &Target::parse(url).unwrap()).unwrap_err();
        format!("{} {}: {}", denial.by.name(), denial.reason, denial.message)
    };
    assert_eq!(
        message(EffectClass::UnsafeWrite, "POST", "https://evil.example/collect?token=x"),
        "manifest host: slack tried POST https://evil.example/collect\n  \
         not in its manifest (it declares GET, POST https://slack.com/api/) and not granted\n  \
         if this is right, the author adds   egress: [{\"url\":\"https://evil.example/\",\"methods\":[\"POST\"]}]   and you approve the upgrade"
    );
    assert_eq!(
        message(EffectClass::UnsafeWrite, "POST", "https://slack.com/api/chat.postMessage"),
        "grant method: slack tried POST https://slack.com/api/chat.postMessage\n  \
         in its manifest, but not granted (granted is GET https://slack.com/api/)\n  \
         to allow it   wharf connector grant slack --egress 'POST https://slack.com/api/'"
    );
}

#[test]
fn a_read_makes_safe_calls_and_those_it_lists() {
    let set = rules(&["GET,POST https://a.test/"]);
    let sets = RuleSets { connector: "p", manifest: &set, grant: &set };
    let reads = rules(&["POST https://a.test/search"]);
    let access = |effect, method: &str, url: &str| {
        decide(sets, Operation { effect, reads: &reads }, method, &Target::parse(url).unwrap())
            .map_err(|d| d.reason)
    };
    assert_eq!(access(EffectClass::Read, "GET", "https://a.test/x"), Ok(Access::Read));
    assert_eq!(access(EffectClass::Read, "POST", "https://a.test/search"), Ok(Access::Read));
    assert_eq!(access(EffectClass::Read, "POST", "https://a.test/x"), Err("effect".to_owned()));
    assert_eq!(access(EffectClass::UnsafeWrite, "POST", "https://a.test/x"), Ok(Access::Write));
    assert_eq!(access(EffectClass::UnsafeWrite, "POST", "https://a.test/search"), Ok(Access::Read));
}

/// What odd URLs are made of.
const PIECES: &[&str] = &[
    "https",
    "http",
    ":",
    "//",
    "/",
    "\\",
    "@",
    "api.allowed.test",
    "API.allowed.TEST",
    "sink.denied.test",
    "127.0.0.1",
    "[::1]",
    "0x7f.1",
    ".",
    "..",
    "%2e",
    "%2f",
    "%5c",
    "%252e",
    "%",
    "%00",
    "v1",
    "/v1/",
    "/v1/../",
    ";",
    "?",
    "#",
    "*",
    "{",
    "}",
    " ",
    "\t",
    "\u{ff0e}",
    "\u{3002}",
    "\u{ad}",
    "\u{430}",
    "xn--",
    ":443",
    ":0443",
    ":80",
    ":0",
    "u:p@",
    "x",
    "",
];

/// However the pieces fall: what a rule lets through is canonical and lies under the rule.
#[test]
fn no_mixture_gets_past_a_rule() {
    let grant = rule("GET https://api.allowed.test/v1/");
    let (mut state, mut allowed) = (0x5eed_u64, 0);
    for _ in 0..50_000 {
        let mut url = String::new();
        if state & 3 != 0 {
            url.push_str("https://api.allowed.test");
        }
        for _ in 0..1 + state % 7 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            url.push_str(PIECES[usize::try_from(state >> 33).unwrap() % PIECES.len()]);
        }
        let Ok(target) = Target::parse(&url) else {
            continue;
        };
        let text = target.url().as_str();
        assert_eq!(Target::parse(text).as_ref(), Ok(&target), "{url:?}");
        assert!(
            text.is_ascii() && !target.base().contains('@') && target.url().fragment().is_none(),
            "{url:?} {text}"
        );
        if grant.allows("GET", &target) {
            allowed += 1;
            assert!(text.starts_with("https://api.allowed.test/v1/"), "{url:?} {text}");
            let dots = |segment: &str| matches!(segment.split(';').next(), Some("." | ".."));
            assert!(!target.path().split('/').any(dots), "{url:?} {text}");
        }
        let other = Rule::parse_place(&url).is_ok_and(|rule| rule.is_concrete() && !rule.has_origin(&target));
        assert!(!other, "{url:?}");
    }
    assert!(allowed > 100, "{allowed}");
}
