//! Every rule of a manifest, broken one at a time.

use serde_json::{Value, json};

use super::fixture::{ALL, bent, full, manifest, names};
use crate::check_manifest;

#[track_caller]
fn check(value: &Value, exports: &[&str], expected: &[(&str, &str)]) {
    let problems = check_manifest(&manifest(value), &names(exports)).err().unwrap_or_default();
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), expected.len(), "{found:#?}");
    for (problem, (pointer, text)) in problems.iter().zip(expected) {
        assert_eq!(problem.pointer, *pointer, "{found:#?}");
        assert!(problem.to_string().contains(text), "expected `{text}` in `{problem}`");
        assert!(!problem.fix.is_empty(), "{problem}");
    }
}

#[test]
fn a_full_manifest_breaks_no_rule() {
    check(&full(), &ALL, &[]);
    check(&json!({ "name": "a", "version": "1.0.0", "title": "A" }), &["manifest"], &[]);
}

#[test]
fn sc_10_names_that_look_like_others() {
    let long = "s".repeat(300);
    for name in [
        "",
        "ѕlack",
        "ｓlack",
        "Slack",
        "slack ",
        " slack",
        "slack\n",
        "sl\u{0}ack",
        "sl\u{200b}ack",
        "\u{202e}kcals",
        "../slack",
        "a/slack",
        "slack.wasm",
        "sla_ck",
        "-slack",
        "1slack",
        "@trigger",
        &long,
        &long[..64],
    ] {
        let manifest = manifest(&json!({ "name": name, "version": "1.0.0", "title": "A" }));
        let problems = check_manifest(&manifest, &names(&["manifest"])).unwrap_err();
        assert_eq!((problems.len(), problems[0].pointer.as_str()), (1, "/name"), "{name:?}: {problems:?}");
    }
    for name in ["s", "slack", "slack-2", &long[..63]] {
        check(&json!({ "name": name, "version": "1.0.0", "title": "A" }), &["manifest"], &[]);
    }
}

/// What is set, to what, where the problem is, and what its sentence holds.
const RULES: &str = r#"
/name | "Slack" | /name | lower-case letter
/title | " " | /title | no title
/title | "a\u001b[31mb" | /title | control characters
/description | "a\u202eb" | /description | writing direction
/homepage | "javascript:alert(1)" | /homepage | https://
/store/max-bytes | 0 | /store/max-bytes | no bytes
/scratch | {"max-bytes": 0} | /scratch/max-bytes | no bytes
/egress/1/methods/0 | "get" | /egress/1 | upper-case
/egress/1/methods/0 | "CONNECT" | /egress/1 | never allowed
/egress/1/url | "https://{connection.other}/" | /egress/1/url | no setting `other`
/egress/1/url | "ftp://example.com/" | /egress/1 | only https and http
/egress/1/url | "https://user@example.com/" | /egress/1 | `https://user@example.com/`
/settings | {"type":"object","properties":{"site":{"type":"integer"}}} | /egress/1/url | not text
/settings | {"type":"object","properties":{"site":{"type":"string","default":"a.test/x"}}} | /egress/1/url | `site` is not a host name
/settings | {"type":"object","properties":{"site":{"type":"string","default":5}}} | /egress/1/url | `site` is not text
/auth/token/placement/slot | "other" | /auth/token/placement/slot | `bot-token`
/auth/token/placement | {"kind":"header","name":"Host","slot":"bot-token"} | /auth/token/placement/name | cannot carry
/auth/token/placement | {"kind":"header","name":"X_Forwarded-For","slot":"bot-token"} | /auth/token/placement/name | cannot carry
/auth/token/placement | {"kind":"header","name":"a b","slot":"bot-token"} | /auth/token/placement/name | not a header
/auth/token/placement | {"kind":"header","name":"a","prefix":"x\r\n","slot":"bot-token"} | /auth/token/placement/prefix | printable
/auth/token/client-certificate | {"certificate":"bot-token","key":"other"} | /auth/token/client-certificate/key | `bot-token`
/auth/token/placement | {"kind":"body-field","name":"","slot":"bot-token"} | /auth/token/placement/name | no name
/auth/token/placement | {"kind":"fields","fields":[]} | /auth/token/placement/fields | nothing is placed
/auth/token/placement | {"kind":"fields","fields":[{"in":"header","name":"X-A","value":"{slot.other}"}]} | /auth/token/placement/fields/0/value | `bot-token`
/auth/token/placement | {"kind":"fields","fields":[{"in":"header","name":"Host","value":"{slot.bot-token}"}]} | /auth/token/placement/fields/0/name | cannot carry
/auth/token/placement | {"kind":"fields","fields":[{"in":"query","name":"a","value":"{connection.other}"}]} | /auth/token/placement/fields/0/value | no setting `other`
/auth/token/placement | {"kind":"fields","fields":[{"in":"query","name":"a","value":"{signature}"}]} | /auth/token/placement/fields/0/value | cannot stand here
/auth/token/placement | {"kind":"fields","fields":[{"in":"header","name":"X-A","value":"{slot.bot-token"}]} | /auth/token/placement/fields/0/value | without its partner
/auth/token/placement | {"kind":"fields","fields":[{"in":"header","name":"X-A","value":"é{slot.bot-token}"}]} | /auth/token/placement/fields/0/value | printable
/auth/token/placement | {"kind":"signature","key":"bot-token","algorithm":"sha256","encoding":"hex","sign":[],"fields":[{"in":"header","name":"X-S","value":"{signature}"}]} | /auth/token/placement/sign | nothing is signed
/auth/token/placement | {"kind":"signature","key":"other","algorithm":"sha256","encoding":"hex","sign":["{body}"],"fields":[{"in":"header","name":"X-S","value":"{signature}"}]} | /auth/token/placement/key | `bot-token`
/auth/token/placement | {"kind":"signature","key":"bot-token","algorithm":"sha256","encoding":"hex","sign":["{body}"],"fields":[{"in":"header","name":"X-S","value":"{nonce}"}]} | /auth/token/placement/fields | sent nowhere
/auth/token/placement | {"kind":"signature","key":"bot-token","algorithm":"sha256","encoding":"hex","sign":["{body}"],"fields":[{"in":"body","name":"s","value":"{signature}"}]} | /auth/token/placement/fields/0/value | inside of the body
/auth/token/placement | {"kind":"jwt","algorithm":"ES256","key":"bot-token","claims":{},"lifetime-s":100000} | /auth/token/placement/lifetime-s | for too long
/auth/token/placement | {"kind":"jwt","algorithm":"ES256","key":"bot-token","claims":{"exp":1},"lifetime-s":60} | /auth/token/placement/claims/exp | the gate sets `exp`
/auth/token/placement | {"kind":"jwt","algorithm":"ES256","key":"bot-token","claims":{"a":[{"b":"{path}"}]},"lifetime-s":60} | /auth/token/placement/claims | cannot stand here
/auth/token/placement | {"kind":"aws-sig-v4","access-key-id":"bot-token","secret-access-key":"signing-secret","service":"","region":"{connection.site}"} | /auth/token/placement/service | name it
/auth/token/placement | {"kind":"oauth1","consumer-key":"bot-token","consumer-secret":"signing-secret","token":"bot-token","signature-method":"hmac-sha1"} | /auth/token/placement | without its secret
/auth/token/placement | {"kind":"digest","user":"bot-token","password":"other"} | /auth/token/placement/password | `bot-token`
/auth/token/slots/bot-token/reveal | " " | /auth/token/slots/bot-token/reveal | no reason
/auth/token/audience/0 | "https://evil.example/" | /auth/token/audience/0 | not among
/auth/token/audience/0 | "*" | /auth/token/audience/0 | every address
/actions/post/effect | "unsafe-write" | /actions/post/idempotency | sends no key
/actions/post/auth/0 | "oauth" | /actions/post/auth/0 | name one of `token`
/actions/post/scopes/0 | "a b" | /actions/post/scopes/0 | without spaces
/actions/post/max-batch | 0 | /actions/post/max-batch | at least 1
/actions/post/timeout-ms | 0 | /actions/post/timeout-ms | milliseconds
/actions/post/input | {"type":"string"} | /actions/post/input/type | "object"
/actions/post/input | {"type":"object","properties":3} | /actions/post/input/properties | not a JSON Schema
/actions/post/input | {"type":"object","$ref":"https://example.com/x.json"} | /actions/post/input | $defs
/actions/post/input | {"type":"object","properties":{"a":{"pattern":"(a)\\1"}}} | /actions/post/input/properties/a/pattern | look-around
/actions/post/output | "text" | /actions/post/output | not a JSON Schema
/options/0 | "users" | /actions/post/input/properties/channel/x-options | no option loader `channels`
/actions/search/confirms | true | /actions/search/confirms | nothing to confirm
/actions/search/effect | "unsafe-write" | /actions/search/reads | only a `read`
/actions/search/reads/0/url | "https://other.example/" | /actions/search/reads | POST https://other.example/ is not among
/triggers/file/source/min-interval-ms | 10 | /triggers/file/source/min-interval-ms | too often
/triggers/message/source/verification/slot | "other" | /triggers/message/source/verification/slot | `signing-secret`
/triggers/message/source/verification/header | "" | /triggers/message/source/verification/header | not a header
/triggers/message/source/event-filter/values | [] | /triggers/message/source/event-filter/values | dropped
/entities/user/operations | [] | /entities/user/operations | list what it can do
/entities/user/match-keys/0 | ["phone"] | /entities/user/match-keys/0 | no field `phone`
"#;

#[test]
fn one_rule_at_a_time() {
    for line in RULES.lines().filter(|line| !line.is_empty()) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [pointer, value, at, text] = cells[..] else { panic!("four cells: {line}") };
        let value = serde_json::from_str(value).expect("JSON");
        check(&bent(pointer, Some(value)), &ALL, &[(at, text)]);
    }
}

#[test]
fn what_is_left_out() {
    check(
        &bent("/actions/post/idempotency", None),
        &ALL,
        &[("/actions/post/idempotency", "a place for the key")],
    );
    let mut wild = bent("/auth/token/audience", None);
    wild["egress"] = json!([{ "url": "*", "methods": ["GET", "POST"] }]);
    check(&wild, &ALL, &[("/auth/token", "sent nowhere")]);
}

#[test]
fn what_is_promised_is_exported() {
    check(
        &full(),
        &["manifest"],
        &[
            ("/actions", "actions@0.1.0"),
            ("/actions/post/suspends", "resumption@0.1.0"),
            ("/actions/post/confirms", "confirmation@0.1.0"),
            ("/actions/post/max-batch", "batches@0.1.0"),
            ("/triggers/message/source", "deliveries@0.1.0"),
            ("/triggers/message/source/self-registering", "subscriptions@0.1.0"),
            ("/triggers/message/source/handshake", "handshakes@0.1.0"),
            ("/triggers/message/source/app-level", "routing@0.1.0"),
            ("/triggers/file/source", "polling@0.1.0"),
            ("/entities", "entities@0.1.0"),
            ("/options", "options@0.1.0"),
        ],
    );
}

#[test]
fn a_flood_of_problems_is_cut() {
    let mut value = full();
    value["options"] = (0..1000).map(|n| json!(format!("BAD {n}"))).collect();
    let problems = check_manifest(&manifest(&value), &names(&ALL)).expect_err("many");
    assert_eq!(problems.len(), 50);
}

#[test]
fn the_examples_of_the_reference_break_no_rule() {
    let reference = include_str!("../../../../docs/reference/auth.md");
    let mut count = 0;
    for block in reference.split("```json\n").skip(1) {
        let (example, _) = block.split_once("```").unwrap();
        let slot = json!({ "title": "A slot" });
        let mut value = full();
        value["settings"]["properties"]["region"] = json!({ "type": "string" });
        for name in ["user", "password", "token", "token-secret", "private-key"] {
            value["auth"]["token"]["slots"][name] = slot.clone();
        }
        value["auth"]["token"]["placement"] = serde_json::from_str(example).unwrap();
        check(&value, &ALL, &[]);
        count += 1;
    }
    assert!(count >= 11, "{count}");
}
