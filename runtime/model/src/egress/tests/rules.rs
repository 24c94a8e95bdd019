//! Rules: what they may say, how settings fill them, and which of them covers which.

use serde_json::{Value, json};

use super::{
    super::{Rule, Settings, Target, covers, uncovered},
    request, rule, rules,
};
use crate::manifest::EgressRequest;

/// A rule's URL, the settings, and the URL it becomes, `none`, or the problem.
const SETTINGS: &str = r#"
https://{connection.sub}.zendesk.com/ | {"sub":"Acme"} | https://acme.zendesk.com/
https://{connection.sub}.zendesk.com/ | {"sub":"a.b"} | https://a.b.zendesk.com/
https://{connection.sub}.zendesk.com/ | {"sub":"evil.test/"} | the setting `sub` is not a host name
https://{connection.sub}.zendesk.com/ | {"sub":"*"} | the setting `sub` is not a host name
https://{connection.sub}.zendesk.com/ | {"sub":"a:1"} | the setting `sub` is not a host name
https://{connection.sub}.zendesk.com/ | {"sub":1} | the setting `sub` is not text
https://{connection.sub}.zendesk.com/ | {"sub":null} | none
https://{connection.sub}.zendesk.com/ | {} | none
https://{connection.host}/api/ | {"host":"git.acme.test:8443"} | https://git.acme.test:8443/api/
https://{connection.host}/api/ | {"host":"a@b"} | the setting `host` is not a host name
https://{connection.host}/api/ | {"host":"a/../b"} | the setting `host` is not a host name
https://{connection.host}/api/ | {"host":"{connection.sub}"} | the setting `host` is not a host name
{connection.base}/ | {} | https://slack.com/api/
{connection.base}/ | {"base":"http://127.0.0.1:9/Api/"} | http://127.0.0.1:9/Api/
{connection.base}/ | {"base":"https://a.test/?x"} | the setting `base` is not a base URL such as `https://api.example.com`
{connection.base}/ | {"base":"https://u:p@a.test"} | the setting `base` is not a base URL such as `https://api.example.com`
{connection.base}/ | {"base":"file:///etc"} | the setting `base` is not a base URL such as `https://api.example.com`
"#;

#[test]
fn settings_fill_hosts_and_nothing_else() {
    let schema = json!({ "properties": { "base": { "default": "https://slack.com/api" } } });
    for line in SETTINGS.trim().lines() {
        let [url, values, expected] = line.split(" | ").collect::<Vec<_>>().try_into().unwrap();
        let values: Value = serde_json::from_str(values).unwrap();
        let settings = Settings { schema: Some(&schema), values: &values };
        let became = match rule(&format!("GET {url}")).resolve(settings) {
            Ok(Some(rule)) => rule.url().to_owned(),
            Ok(None) => "none".to_owned(),
            Err(error) => error.problem,
        };
        assert_eq!(became, expected, "{line}");
    }
    let open = rule("GET https://{connection.sub}.zendesk.com/");
    assert!(!open.allows("GET", &Target::parse("https://wharf-setting.zendesk.com/").unwrap()));
}

#[test]
fn broken_rules_say_what_is_wrong() {
    for url in [
        "",
        "slack.com",
        "ftp://a.test/",
        "https://*.com/",
        "https://a.*.test/",
        "https://u@a.test/",
        "https://@a.test/",
        "https:u@a.test/",
        "https::p@a.test/",
        "https://a.test/?q",
        "https://a.test/#f",
        "https://a.test:0/",
        "https://a.test/%2e%2e%2f",
        "https://a.test/{connection.x}/",
        "https://{x}.test/",
        "https://{connection.x.test/",
        "https://connection.x}.test/",
        "{connection.a}{connection.b}/",
        "{connection.a}.test/",
        "https://a b.test/",
        "https://a.te\tst/",
        "https://a.test/\u{7f}",
        "https://a.test\\v1/",
        "https://*.10.0.0.1/",
    ] {
        let parsed = Rule::parse(&EgressRequest { url: url.to_owned(), methods: vec!["GET".to_owned()] });
        assert!(parsed.is_err(), "{url} became {parsed:?}");
    }
    assert!(Rule::parse(&EgressRequest { url: "*".to_owned(), methods: vec![] }).is_err());
    assert!(Rule::parse(&request("get https://a.test/")).is_err());
}

#[test]
fn an_upgrade_never_widens_silently() {
    let held = rules(&["GET,POST https://a.test/v1/", "GET https://*.b.test/", "GET {connection.base}/"]);
    for (wanted, expected) in [
        ("GET https://a.test/v1/", true),
        ("GET https://a.test/v1/x/", true),
        ("DELETE https://a.test/v1/", false),
        ("GET https://a.test/", false),
        ("GET https://a.test/v1", false),
        ("GET http://a.test/v1/", false),
        ("GET https://a.test:8443/v1/", false),
        ("GET https://x.b.test/", true),
        ("GET https://*.x.b.test/y/", true),
        ("GET https://b.test/", false),
        ("GET https://{connection.sub}.b.test/", true),
        ("GET https://{connection.sub}.a.test/", false),
        ("GET {connection.base}/v2/", true),
        ("GET {connection.other}/", false),
        ("GET *", false),
        ("GET https://*/", false),
    ] {
        assert_eq!(covers(&held, &rule(wanted)), expected, "{wanted}");
    }
    let missing = uncovered(&held, &rules(&["GET,DELETE https://a.test/v1/", "GET https://x.b.test/"]));
    assert_eq!(missing, [request("DELETE https://a.test/v1/")]);
    assert!(covers(&rules(&["GET *"]), &rule("GET {connection.other}/")));
}
