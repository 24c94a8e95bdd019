//! A grant that is tried out: it notes, and neither lets through nor holds up.

use serde_json::json;
use wharf_model::{
    effect::EffectResult,
    grant::Grant,
    http::{DeniedBy, Redirects},
    manifest::{EgressRequest, Manifest},
};

use super::bed::{A, A2, Bed, Sent, authority, get, post, redirect, reply};
use crate::Authority;

/// An authority over `rules` that tries `url` out.
fn trying(rules: &[&str], methods: &[&str], url: &str) -> Authority {
    let manifest: Manifest =
        serde_json::from_value(json!({ "name": "p", "version": "1.0.0", "title": "P" })).unwrap();
    let methods = methods.iter().map(|method| (*method).to_owned()).collect();
    let grant = Grant { egress: vec![EgressRequest { url: url.to_owned(), methods }], ..Grant::default() };
    authority(rules).trying(&manifest, &grant, None).unwrap()
}

#[track_caller]
fn check(sent: &Sent, verdict: &str, would_deny: Option<&str>) {
    assert_eq!(sent.verdict, verdict);
    let found = sent.effect.would_deny.as_ref();
    assert_eq!(found.map(|denial| denial.reason.as_str()), would_deny, "{:?}", sent.effect);
    assert!(found.is_none_or(|denial| denial.by == DeniedBy::Grant));
}

#[tokio::test]
async fn a_trial_notes_what_it_would_deny_and_lets_it_pass() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let narrower = trying(&[A, A2], &["GET"], "https://api.allowed.test/v1/");
    let send = async |request| bed.send(&narrower, request).await;
    check(&send(get("https://api.allowed.test/v1/x")).await, "200", None);
    let noted = send(post("https://api.allowed.test/v1/x", "x")).await;
    check(&noted, "200", Some("method"));
    let line = "wharf connector grant p --egress 'POST https://api.allowed.test/v1/' --report-only";
    let message = noted.effect.would_deny.unwrap().message;
    assert!(message.ends_with(line), "{message}");
    check(&send(get("https://api2.allowed.test/x")).await, "200", Some("host"));
    assert_eq!(bed.hits(), [2, 1, 0, 0]);
}

#[tokio::test]
async fn a_trial_opens_nothing() {
    let bed = Bed::new(|_, _| reply(200, "a")).await;
    let wider = trying(&[A], &["GET", "POST"], "*");
    check(&bed.send(&wider, get("https://sink.denied.test/")).await, "host", None);
    check(&bed.send(&wider, get("http://169.254.169.254/latest")).await, "host", None);
    assert_eq!(bed.hits(), [0; 4]);
    let refused = bed.send(&wider, get("https://sink.denied.test/")).await.effect.result;
    assert!(matches!(refused, EffectResult::Denied { by: DeniedBy::Manifest, .. }), "{refused:?}");
}

#[tokio::test]
async fn a_trial_judges_every_hop() {
    let bed = Bed::new(|_, _| redirect(302, "https://api2.allowed.test/x")).await;
    let narrower = trying(&[A, A2], &["GET"], "https://api.allowed.test/v1/");
    let mut request = get("https://api.allowed.test/v1/x");
    request.redirects = Redirects::Follow;
    check(&bed.send(&narrower, request).await, "200", Some("host"));
    assert_eq!(bed.hits(), [1, 1, 0, 0]);
}
