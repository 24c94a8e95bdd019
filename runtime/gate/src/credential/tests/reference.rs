//! The reference of auth methods: each example is a placement, and works.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{credentials, now, outgoing, plan};

const REFERENCE: &str = include_str!("../../../../../docs/reference/auth.md");
const EC: &str = include_str!("../../tests/fixtures/rfc7515-a3.pem");

#[test]
fn every_example_of_the_reference_places_something() {
    let slots = [
        ("user", "somebody"),
        ("password", "a-password"),
        ("token", "a-token"),
        ("token-secret", "a-secret"),
        ("private-key", EC),
    ];
    let mut kinds = BTreeSet::new();
    for section in REFERENCE.split("\n## ").skip(1) {
        let (kind, _) = section.split_once('\n').unwrap();
        for block in section.split("```json\n").skip(1) {
            let (example, _) = block.split_once("```").unwrap();
            let placement: Value = serde_json::from_str(example).unwrap();
            assert_eq!(placement["kind"], kind, "{example}");
            let mut request = outgoing("POST", "https://a.test/", &["content-type: application/json"], "{}");
            let before = format!("{request:?}");
            let plan = plan(placement);
            let challenge = "Digest realm=\"r\", nonce=\"n\", qop=\"auth\"";
            let headers = [(http::header::WWW_AUTHENTICATE, http::HeaderValue::from_static(challenge))];
            plan.learn(|| "https://a.test".to_owned(), 401, &headers.into_iter().collect());
            plan.place(&credentials(&slots), &now(1_795_288_392, "0123"), &mut request).unwrap();
            assert_ne!(format!("{request:?}"), before, "{example}");
            kinds.insert(kind.to_owned());
        }
    }
    let schema = json!(schemars::schema_for!(wharf_model::manifest::Placement));
    let known = schema["oneOf"].as_array().unwrap().iter();
    let known: BTreeSet<String> =
        known.map(|kind| kind["properties"]["kind"]["const"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, known);
}
