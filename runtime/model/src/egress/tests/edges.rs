//! The edges of the rules: one more, one less, and the words of a denial. Each line here is one that
//! a change of a single operator would break.

use serde_json::{Value, json};

use super::{
    super::{Operation, Rule, RuleSets, Settings, Target, TargetError, covers, decide, secret_binding},
    rule, rules, verdict,
};
use crate::manifest::{EffectClass, EgressRequest};

fn target(url: &str) -> Target {
    Target::parse(url).unwrap()
}

#[track_caller]
fn host(name: &str, expected: &str) {
    let found = match Target::parse(&format!("https://{name}/")) {
        Ok(target) => target.origin().host.clone(),
        Err(error) => error.reason().to_owned(),
    };
    assert_eq!(found, expected, "{name:?}");
}

#[test]
fn hc_06_names_that_dns_cannot_carry_are_no_hosts() {
    let (label, name) = ("a".repeat(63), format!("{}.bb", ["a".repeat(49).as_str(); 5].join(".")));
    host(&format!("{label}.test"), &format!("{label}.test"));
    host(&format!("a{label}.test"), "host");
    assert_eq!(name.len(), 252);
    host(&format!("{name}b"), &format!("{name}b"));
    host(&format!("{name}bb"), "host");
    for (name, expected) in [
        ("a-b.test", "a-b.test"),
        ("_dmarc.a.test", "_dmarc.a.test"),
        ("0.test", "0.test"),
        ("a.b9", "a.b9"),
        ("a.0xyz", "host"),
        ("0x7.test", "0x7.test"),
        ("a..test", "host"),
        ("a!.test", "host"),
        ("a$b.test", "host"),
        ("a.test..", "host"),
        ("%61.test", "a.test"),
        ("[::1]", "[::1]"),
        ("10.0.0.1.", "10.0.0.1"),
    ] {
        host(name, expected);
    }
}

#[test]
fn hc_11_a_url_has_a_length_and_no_control_characters() {
    let url = |length: usize| {
        let start = "https://a.test/";
        format!("{start}{}", "a".repeat(length - start.len()))
    };
    assert!(Target::parse(&url(8192)).is_ok());
    let error = Target::parse(&url(8193)).unwrap_err();
    assert_eq!(error.to_string(), "url syntax: 8193 bytes; at most 8192 are sent");
    for (text, at) in [("https://a.test/\u{7f}", 15), ("https://a.test/ ", 15), ("\u{1f}https://a.test/", 0)]
    {
        let expected = format!("a control character or space at byte {at}");
        assert_eq!(Target::parse(text), Err(TargetError::Syntax(expected.clone())), "{text:?}");
        assert_eq!(target("https://a.test/").join(text), Err(TargetError::Syntax(expected)), "{text:?}");
    }
    assert!(Target::parse("https://a.test/!~").is_ok());
}

#[test]
fn hc_03_no_part_of_user_information_passes() {
    for url in ["https://u@a.test/", "https://:p@a.test/", "https://u:p@a.test/", "https://:@a.test/"] {
        assert_eq!(Target::parse(url), Err(TargetError::Userinfo), "{url}");
    }
    let plain = target("https://a.test/@x");
    assert_eq!(plain.path(), "/@x");
    assert_eq!(plain.join("//u@b.test/"), Err(TargetError::Userinfo));
    assert_eq!(plain.join("../y?q").unwrap().url().as_str(), "https://a.test/y?q");
    assert_eq!(plain.join("//b.test").unwrap().base(), "https://b.test");
}

#[test]
fn a_target_shows_no_query_and_no_more_than_300_bytes_of_path() {
    let shown = |path: &str| target(&format!("http://a.test:81{path}?token=x#y")).display();
    assert_eq!(shown("/a"), "http://a.test:81/a");
    let path = format!("/{}", "a".repeat(299));
    assert_eq!(shown(&path), format!("http://a.test:81{path}"));
    assert_eq!(shown(&format!("{path}b")), format!("http://a.test:81{path}…"));
}

#[test]
fn hc_31_under_means_whole_segments_read_once() {
    for (prefix, path, expected) in [
        ("/v1", "/v1", true),
        ("/v1", "/v1/", true),
        ("/v1", "/v1/x", true),
        ("/v1", "/v1x", false),
        ("/v1/", "/v1", false),
        ("/v1/", "/v1/", true),
        ("/v1/", "/v1/%", false),
        ("/v1/", "/v1/%2", false),
        ("/v1/", "/v1/%4g", false),
        ("/v1/", "/v1/%g4", false),
        ("/v1/", "/v1/%25", true),
        ("/v1/", "/v1/%25x", true),
        ("/v1/", "/v1/%25zz", true),
        ("/v1/", "/v1/%25z2", true),
        ("/v1/", "/v1/%252", true),
        ("/v1/", "/v1/%2541", false),
        ("/v1/", "/v1/a%5Cb", false),
        ("/v1/", "/v1/ab%2fc", false),
        ("/v1/", "/v1/a;b=../c", true),
        ("/v1/", "/v1/%41%42", true),
        ("/", "/%2e%2e%2f", true),
    ] {
        let rule = Rule::parse_place(&format!("https://a.test{prefix}")).unwrap();
        assert_eq!(rule.has_path(&target(&format!("https://a.test{path}"))), expected, "{prefix} {path}");
    }
}

#[test]
fn a_rule_for_a_credential_compares_scheme_host_and_port() {
    for (place, url, expected) in [
        ("https://a.test/v1/", "https://a.test/x", true),
        ("https://a.test/v1/", "http://a.test/x", false),
        ("https://a.test/v1/", "https://b.test/v1/", false),
        ("https://a.test/v1/", "https://a.test:444/v1/", false),
        ("http://a.test:443/", "https://a.test/", false),
        ("https://a.test:444/", "https://a.test:444/", true),
        ("https://*.a.test/", "https://b.a.test/", true),
        ("https://*.a.test/", "https://a.test/", false),
        ("https://*/", "https://b.test/", true),
        ("*", "http://b.test:8/", true),
        ("https://{connection.host}/", "https://wharf-setting/", false),
    ] {
        let rule = Rule::parse_place(place).unwrap();
        assert_eq!(rule.has_origin(&target(url)), expected, "{place} {url}");
        assert!(rule.methods().is_empty());
        assert_eq!(rule.to_string(), place);
        assert_eq!(rule.is_concrete(), !place.contains(['*', '{']), "{place}");
    }
    assert!(!Rule::parse_place("{connection.base}/").unwrap().has_path(&target("https://a.test/")));
    assert!(Rule::parse_place("*").unwrap().has_path(&target("https://a.test/%2f")));
    let written = rule("GET,POST https://a.test/");
    assert_eq!(
        (written.methods(), written.to_string().as_str()),
        (&["GET".to_owned(), "POST".to_owned()][..], "GET, POST https://a.test/")
    );
}

#[test]
fn hc_32_a_method_is_a_word_of_at_most_32_letters() {
    for (method, expected) in [
        ("M-SEARCH".to_owned(), true),
        ("A".repeat(32), true),
        ("A".repeat(33), false),
        ("G_T".to_owned(), false),
        ("GET1".to_owned(), false),
        ("TRACK".to_owned(), false),
    ] {
        let request = EgressRequest { url: "https://a.test/".to_owned(), methods: vec![method.clone()] };
        assert_eq!(Rule::parse(&request).is_ok(), expected, "{method}");
        let told = verdict(&["GET *"], &method, "https://a.test/");
        assert_eq!(told, "method", "{method}");
    }
}

#[test]
fn what_covers_has_the_host_the_port_the_scheme_and_the_path() {
    for (held, wanted, expected) in [
        ("GET https://a.test/", "GET https://a.test/", true),
        ("GET https://a.test/", "GET https://b.test/", false),
        ("GET https://*/", "GET https://*/", true),
        ("GET https://*/", "GET https://*.b.test/", true),
        ("GET https://*/", "GET https://b.test/", true),
        ("GET https://*/", "GET http://b.test/", false),
        ("GET https://*/", "GET https://b.test:8443/", false),
        ("GET https://*/v1/", "GET https://b.test/", false),
        ("GET https://*/v1/", "GET https://b.test/v1/x", true),
        ("GET https://*.b.test/", "GET https://*.b.test/", true),
        ("GET https://*.b.test/", "GET https://*.c.b.test/", true),
        ("GET https://*.c.b.test/", "GET https://*.b.test/", false),
        ("GET https://*.b.test/", "GET https://*.xb.test/", false),
        ("GET https://*.b.test/", "GET https://*/", false),
        ("GET https://b.test/", "GET https://*.b.test/", false),
        ("GET https://b.test/", "GET https://*/", false),
        ("GET https://*.b.test:8443/", "GET https://{connection.x}.b.test/", false),
        ("GET https://wharf-setting.b.test/", "GET https://{connection.x}.b.test/", false),
        ("GET https://*/", "GET {connection.x}/", false),
        ("GET {connection.x}/", "GET https://a.test/", false),
        ("GET {connection.x}/", "GET *", false),
        ("GET {connection.x}/v1/", "GET {connection.x}/v1/y", true),
        ("GET {connection.x}/v1/", "GET {connection.x}/", false),
        ("GET {connection.x}/", "GET {connection.y}/", false),
        ("GET https://a.test/", "GET *", false),
        ("GET *", "GET *", true),
        ("GET *", "GET,POST *", false),
    ] {
        assert_eq!(covers(&rules(&[held]), &rule(wanted)), expected, "{held} covers {wanted}");
    }
}

#[test]
fn settings_stand_where_a_host_stands() {
    let none = Value::Null;
    let fill = |url: &str, values: &Value| {
        let filled = rule(&format!("GET {url}")).resolve(Settings { schema: None, values });
        filled.map(|rule| rule.map(|rule| rule.url().to_owned())).map_err(|error| error.problem)
    };
    assert_eq!(fill("https://a.test/", &none), Ok(Some("https://a.test/".to_owned())));
    let base = |base: &str| fill("{connection.b}/v1/", &json!({ "b": base }));
    assert_eq!(base(" https://a.test/x/ "), Ok(Some("https://a.test/x/v1/".to_owned())));
    assert!(base("https://a.test/#f").is_err());
    assert!(base("https://a.test/?").is_err());
    assert!(base("a.test").is_err());
    // A port may come along only where the setting is the whole host.
    let host = |url: &str, host: &str| fill(url, &json!({ "h": host })).map(Option::unwrap_or_default);
    assert_eq!(host("https://{connection.h}/", "A.test:8"), Ok("https://a.test:8/".to_owned()));
    assert!(host("https://{connection.h}.test/", "a:8").is_err());
    assert!(host("https://x.{connection.h}/", "a.test:8").is_err());
    assert!(host("https://{connection.h}:8443/", "a.test:8").is_err());
    assert!(host("https://{connection.h}/", "a.test%2f").is_err());
    assert!(host("https://{connection.h}/", "a b").is_err());
    assert!(host("https://{connection.h}/", "").is_err());
    assert_eq!(
        fill("https://{connection.a}.{connection.b}.test/", &json!({ "a": "x", "b": "y" })),
        Ok(Some("https://x.y.test/".to_owned()))
    );
    for url in ["https://{connection.}/", "https://{connection.a}{/", "{connection.a}x/", "x{connection.a}/"]
    {
        let request = EgressRequest { url: url.to_owned(), methods: vec!["GET".to_owned()] };
        assert!(Rule::parse(&request).is_err(), "{url}");
    }
}

#[test]
fn a_denial_is_short_and_inert() {
    let deny = |manifest: &[&str], grant: &[&str], method: &str, url: &str| {
        let (manifest, grant) = (rules(manifest), rules(grant));
        let sets = RuleSets { connector: "p", manifest: &manifest, grant: &grant };
        let operation = Operation { effect: EffectClass::UnsafeWrite, reads: &[] };
        decide(sets, operation, method, &target(url)).unwrap_err().message
    };
    let many = ["GET https://a.test/", "GET https://b.test/", "GET https://c.test/", "GET https://d.test/"];
    let listed = "GET https://a.test/; GET https://b.test/; GET https://c.test/; GET https://d.test/";
    let told = deny(&many, &[], "GET", "https://x.test/");
    assert!(told.contains(&format!("(it declares {listed}) and not granted")), "{told}");
    let more = [&many[..], &["GET https://e.test/", "GET https://f.test/"]].concat();
    let told = deny(&more, &["GET https://x.test/"], "GET", "https://x.test/");
    assert!(told.contains(&format!("(it declares {listed}; and 2 more) and granted")), "{told}");
    let told = deny(&[], &[], "\u{1b}[31m GET", "https://x.test/");
    assert!(
        told.starts_with("p tried ?[31m?GET https://x.test/\n  a method is an upper-case word"),
        "{told}"
    );
    let told = deny(&[], &[], "TRACE", "https://x.test/");
    assert!(told.ends_with("\n  `TRACE` is never allowed"), "{told}");
    let told = deny(&[], &[], "GET", "https://x.test/");
    assert!(told.contains("it declares nothing"), "{told}");
    // The line to grant is the manifest's own; but not `*`, which is too much for one call.
    let told = deny(&["GET *", "GET https://x.test/v1/"], &[], "GET", "https://x.test/v1/y");
    assert!(told.ends_with("wharf connector grant p --egress 'GET https://x.test/v1/'"), "{told}");
    let told = deny(&["GET *"], &[], "GET", "https://x.test/v1/y");
    assert!(told.ends_with("--egress 'GET https://x.test/'"), "{told}");
    let told = deny(&["POST https://x.test/p/", "GET https://x.test/"], &[], "GET", "https://x.test/v1/y");
    assert!(told.ends_with("--egress 'GET https://x.test/'"), "{told}");

    let denial = secret_binding("p", &rules(&["GET https://a.test/"]), "GET", &target("https://b.test/x?y"));
    assert_eq!((denial.by.name(), denial.reason.as_str()), ("manifest", "secret-binding"));
    assert_eq!(
        denial.message,
        "p tried GET https://b.test/x with its credential\n  the credential is bound to GET https://a.test/\n  \
         if this is right, the author adds   audience: [\"https://b.test/\"]   to the auth method and you approve the upgrade"
    );
}

/// The reason is that of the rule that came nearest, in the order host, scheme, port, path, method.
#[test]
fn the_nearest_rule_gives_the_reason() {
    let set = ["GET https://a.test:8443/v1/", "GET http://b.test/"];
    for (method, url, expected) in [
        ("GET", "https://c.test/", "host"),
        ("GET", "http://a.test:8443/v1/", "scheme"),
        ("GET", "https://a.test/v1/", "port"),
        ("GET", "https://a.test:8443/v2/", "path"),
        ("POST", "https://a.test:8443/v1/", "method"),
        ("POST", "http://b.test/", "method"),
        ("GET", "http://b.test/", "ok http://b.test/"),
    ] {
        assert_eq!(verdict(&set, method, url), expected, "{method} {url}");
    }
    assert_eq!(verdict(&[], "GET", "https://a.test/"), "host");
}
