//! URL and policy. What is judged is what is dialled, and nothing outside of the rules is allowed.
//!
//! Input: three lines. `GET,POST https://a.test/v1/` is the manifest's rule, the next one the
//! grant's, then comes what is asked for, `GET https://a.test/v1/x`, to the end of the input. What
//! stands behind a tab in the first line is what a connection's settings hold.

use serde_json::json;
use wharf_model::{
    egress::{Access, Operation, Rule, RuleSets, Settings, Target, covers, decide},
    manifest::{EffectClass, EgressRequest},
};

use crate::{
    first_line, inert,
    urls::{Parts, is_aton, readings},
};

/// One input.
///
/// # Panics
/// When the product is wrong about it.
pub fn run(data: &[u8]) {
    let Some((declared, rest)) = first_line(data) else { return };
    let Some((granted, rest)) = first_line(rest) else { return };
    let Ok(asked) = std::str::from_utf8(rest) else { return };
    let Some((method, url)) = asked.split_once(' ') else { return };
    let (declared, setting) = declared.split_once('\t').unwrap_or((declared, ""));
    let (declared, granted) = (request(declared), request(granted));
    check_setting(&declared, setting);
    let rules: Vec<Rule> =
        [&declared, &granted].into_iter().filter_map(|wanted| Rule::parse(wanted).ok()).collect();
    for rule in &rules {
        assert!(covers(std::slice::from_ref(rule), rule), "{rule} does not cover itself");
    }
    let target = match Target::parse(url) {
        Ok(target) => target,
        Err(error) => {
            inert(error);
            return;
        }
    };
    check_canonical(&target);
    if let [manifest, grant] = rules.as_slice() {
        check_covering(manifest, grant, method, &target);
        check_decision((manifest, &declared), (grant, &granted), method, &target);
    }
}

fn request(line: &str) -> EgressRequest {
    let (methods, url) = line.split_once(' ').unwrap_or((line, ""));
    EgressRequest { url: url.to_owned(), methods: methods.split(',').map(str::to_owned).collect() }
}

/// The URL that was judged, read by everyone who reads it later: the same parser again, the one of
/// the HTTP library, a resolver, and plain string operations.
fn check_canonical(target: &Target) {
    let text = target.url().as_str();
    assert_eq!(Target::parse(text).as_ref(), Ok(target), "{text:?} is not stable");
    let origin = target.origin();
    let parts = Parts::of(text).unwrap_or_else(|| panic!("{text:?} is not canonical"));
    assert_eq!(parts.scheme, origin.scheme.name(), "{text:?}");
    assert_eq!(parts.host, origin.host, "{text:?}");
    assert_eq!(parts.port, origin.port, "{text:?}");
    assert_ne!(parts.port, 0, "{text:?}");
    assert_eq!(parts.path, target.path(), "{text:?}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");

    let wire: http::Uri = text.parse().unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(wire.scheme_str(), Some(parts.scheme), "{text:?}");
    assert_eq!(wire.host(), Some(parts.host), "{text:?}");
    assert_eq!(
        wire.port_u16().unwrap_or(if parts.scheme == "http" { 80 } else { 443 }),
        parts.port,
        "{text:?}"
    );
    assert_eq!((wire.path(), wire.query()), (parts.path, parts.query), "{text:?}");

    let judged = match target.url().host() {
        Some(url::Host::Ipv4(address)) => Some(address.into()),
        Some(url::Host::Ipv6(address)) => Some(address.into()),
        Some(url::Host::Domain(name)) => {
            assert!(!is_aton(name), "{name:?} is an address to the system's resolver");
            assert!(name.len() <= 253 && !name.ends_with('.'), "{name:?}");
            let label = |label: &str| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_".contains(&b))
            };
            assert!(name.split('.').all(label), "{name:?}");
            None
        }
        None => panic!("{text:?} has no host"),
    };
    assert_eq!(parts.literal(), judged, "{text:?} is dialled elsewhere than it was judged");
    let dots = parts
        .path
        .split('/')
        .any(|segment| matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."));
    assert!(!dots, "{text:?} has dot segments");
}

/// What a rule says outside of its braces holds, whatever a connection's settings hold.
fn check_setting(wanted: &EgressRequest, setting: &str) {
    let Ok(rule) = Rule::parse(wanted) else { return };
    let (Some((before, _)), Some((_, after))) = (wanted.url.split_once('{'), wanted.url.rsplit_once('}'))
    else {
        return;
    };
    let values = json!({ "x": setting });
    let Ok(Some(filled)) = rule.resolve(Settings { schema: None, values: &values }) else { return };
    let said = format!("{wanted:?} with {setting:?} is {filled}");
    assert_eq!(filled.methods(), rule.methods());
    assert!(filled.is_concrete() || wanted.url.contains('*'), "{said}");
    if !filled.is_concrete() {
        return;
    }
    let target = Target::parse(filled.url()).unwrap_or_else(|error| panic!("{said}: {error}"));
    assert!(filled.has_origin(&target) && filled.has_path(&target), "{said} and does not hold itself");
    let parts = Parts::of(target.url().as_str()).unwrap_or_else(|| panic!("{said}, not canonical"));
    assert_eq!(parts.query, None, "{said}");
    let (tail, path) = after.split_at(after.find('/').unwrap_or(after.len()));
    let plain = |text: &str| {
        text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"/.-:".contains(&b))
    };
    if !plain(before) || !plain(after) || format!("{path}/").contains("/.") {
        return;
    }
    let Some((scheme, head)) = before.split_once("://") else {
        let own = Target::parse(setting.trim()).unwrap_or_else(|error| panic!("{said}: {error}"));
        assert_eq!(own.origin(), target.origin(), "{said}");
        assert_eq!(
            parts.path.trim_end_matches('/'),
            format!("{}{path}", own.path().trim_end_matches('/')).trim_end_matches('/'),
            "{said}"
        );
        return;
    };
    assert_eq!((parts.scheme, parts.path), (scheme, if path.is_empty() { "/" } else { path }), "{said}");
    // Alone, a setting may bring its port.
    if (head, tail) != ("", "") {
        let (tail, port) = tail.split_once(':').unwrap_or((tail, ""));
        assert_eq!(parts.port, port.parse().unwrap_or(if scheme == "http" { 80 } else { 443 }), "{said}");
        let fits = parts.host.starts_with(head) && parts.host.ends_with(tail.trim_end_matches('.'));
        assert!(fits || parts.literal().is_some(), "{said}");
    }
}

/// What covers a rule allows all that the rule allows: an upgrade is judged by it.
fn check_covering(wide: &Rule, narrow: &Rule, method: &str, target: &Target) {
    if covers(std::slice::from_ref(wide), narrow) && narrow.allows(method, target) {
        assert!(wide.allows(method, target), "{wide} is said to cover {narrow}, and not {}", target.url());
    }
}

fn check_decision(
    (manifest, declared): (&Rule, &EgressRequest),
    (grant, granted): (&Rule, &EgressRequest),
    method: &str,
    target: &Target,
) {
    let rules = RuleSets {
        connector: "p",
        manifest: std::slice::from_ref(manifest),
        grant: std::slice::from_ref(grant),
    };
    for effect in [EffectClass::Read, EffectClass::UnsafeWrite] {
        let verdict = decide(rules, Operation { effect, reads: &[] }, method, target);
        let safe = matches!(method, "GET" | "HEAD" | "OPTIONS");
        if let Ok(access) = &verdict {
            assert_eq!(*access == Access::Read, safe, "{method}");
            assert!(safe || effect.writes(), "a read operation may {method}");
            assert!(!matches!(method, "CONNECT" | "TRACE" | "TRACK" | "PRI"), "{method}");
        } else if let Err(denial) = &verdict {
            let reasons = ["host", "scheme", "port", "path", "method", "effect"];
            assert!(reasons.contains(&denial.reason.as_str()), "{denial:?}");
        }
        let (simple, expected) = match (matches(declared, method, target), matches(granted, method, target)) {
            (Some(declared), Some(granted)) => (true, declared && granted && (safe || effect.writes())),
            (declared, granted) => (false, declared != Some(false) && granted != Some(false)),
        };
        assert!(expected || verdict.is_err(), "{declared:?} ∩ {granted:?} allows {method} {}", target.url());
        assert!(
            !simple || !expected || verdict.is_ok(),
            "{declared:?} ∩ {granted:?}: {method} {}",
            target.url()
        );
    }
}

/// Whether a rule of the plain kind allows a request; none for rules and paths that are not plain,
/// unless they surely do not.
fn matches(rule: &EgressRequest, method: &str, target: &Target) -> Option<bool> {
    let parts = Parts::of(target.url().as_str())?;
    if !rule.methods.iter().any(|own| own == method) {
        return Some(false);
    }
    if !method.bytes().all(|byte| byte.is_ascii_uppercase()) || method.len() > 32 {
        return None;
    }
    if matches!(method, "CONNECT" | "TRACE" | "TRACK" | "PRI") {
        return Some(false);
    }
    if rule.url == "*" {
        return Some(true);
    }
    let plain = |text: &str, more: &[u8]| {
        text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || more.contains(&byte))
    };
    let url = if rule.url.matches('/').count() == 2 { format!("{}/", rule.url) } else { rule.url.clone() };
    let own = Parts::of(&url)?;
    let wildcard = own.host.strip_prefix("*.");
    let dots = own.path.split('/').any(|segment| matches!(segment, "." | ".."));
    if own.query.is_some()
        || !plain(wildcard.unwrap_or(own.host), b".-")
        || !plain(own.path, b"/._-")
        || dots
        || own.host.ends_with('.')
        || is_aton(own.host)
    {
        return None;
    }
    let host = match wildcard {
        Some(domain) => {
            let labels: Vec<&str> = parts.host.split('.').collect();
            let domain: Vec<&str> = domain.split('.').collect();
            labels.len() > domain.len() && labels.ends_with(&domain)
        }
        None => own.host == parts.host,
    };
    if !host || own.scheme != parts.scheme || own.port != parts.port {
        return Some(false);
    }
    if own.path == "/" {
        return Some(true);
    }
    // Under a prefix, whatever a server makes of the path lies under it too.
    let under = |path: &[u8]| {
        let own = own.path.as_bytes();
        path.starts_with(own) && (own.ends_with(b"/") || matches!(path.get(own.len()), None | Some(b'/')))
    };
    if !readings(parts.path).iter().all(|reading| under(reading)) {
        return Some(false);
    }
    plain(&parts.path.to_ascii_lowercase(), b"/_-").then_some(true)
}
