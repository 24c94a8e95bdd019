//! What an operator reads at install and at upgrade.

use serde_json::{Value, json};

use super::fixture::{bent, full, manifest};
use crate::{diff, permissions};

#[test]
fn permissions_in_plain_words() {
    assert_eq!(
        permissions(&manifest(&full())),
        [
            "call POST, GET https://slack.com/api/… as the connected Slack account",
            "call GET https://{connection.site}/files/… (where the connection's setting `site` says) without a credential",
            "keep up to 1 MB of its own state per connection",
            "have the secrets of `token`, without seeing them: `bot-token` sent as a bearer token to https://slack.com/; `signing-secret` used to check deliveries",
            "receive `message` deliveries signed with `signing-secret`",
            "look for `file` events every 1 min at most",
            "create or change things, once a key, with `post`",
        ]
    );
    let wild = bent(
        "/egress",
        Some(
            json!([{ "url": "*", "methods": ["GET"] }, { "url": "http://*.example.com/", "methods": ["GET"] }]),
        ),
    );
    let lines = permissions(&manifest(&wild));
    assert_eq!(lines[0], "call GET any public address of the internet");
    let wide = "call GET http://*.example.com/… (any host of that domain) without a credential, unencrypted";
    assert_eq!(lines[1], wide);
}

#[test]
fn a_setting_is_shown_by_its_default() {
    let site = json!({ "type": "object", "properties": { "site": { "type": "string", "default": "files.example.com" } } });
    let lines = permissions(&manifest(&bent("/settings", Some(site))));
    assert_eq!(
        lines[1],
        "call GET https://files.example.com/files/… (or where the connection's setting `site` says) without a credential"
    );
}

#[test]
fn triggers_of_one_kind_share_a_line() {
    let mut value = full();
    value["triggers"]["more"] = value["triggers"]["message"].clone();
    let lines = permissions(&manifest(&value));
    assert_eq!(lines[4], "receive `message`, `more` deliveries signed with `signing-secret`");
}

#[track_caller]
fn changes(pointer: &str, value: Option<Value>, expected: &[&str]) {
    let (old, new) = (manifest(&full()), manifest(&bent(pointer, value)));
    let there = diff(&old, &new);
    assert_eq!(there.lines(), expected);
    assert_eq!(there.widens(), expected.iter().any(|line| line.starts_with('+')));
}

/// What the new version sets (nothing: takes out), and the lines that an operator reads.
const UPGRADES: &str = r#"
/description | "Other words."
/egress/0/url | "https://slack.com/api/chat/" | - call POST, GET https://slack.com/api/… as the connected Slack account
/egress/0/url | "https://slack.com/" | + call POST, GET https://slack.com/… as the connected Slack account
/egress/0/methods | ["POST","DELETE"] | + call DELETE https://slack.com/api/… as the connected Slack account | - call GET https://slack.com/api/… as the connected Slack account
/store/max-bytes | 5500000 | + keep up to 5.5 MB of its own state per connection, 1 MB before
/store/max-bytes | 1000 | - keep up to 1 kB of its own state per connection, 1 MB before
/store | | - keep up to 1 MB of its own state per connection
/scratch | {"max-bytes": 64000000} | + use up to 64 MB of scratch files during a call
/auth/token/slots/extra | {"title":"Extra"} | + use a new secret `extra` (token)
/auth/token/audience | ["https://slack.com/","https://{connection.site}/"] | + have the credential (token) sent to https://{connection.site}/
/auth/token/audience | | + have the credential (token) sent to every address that it may call
/auth/token/placement | {"kind":"query","name":"t","slot":"bot-token"} | + have the secrets of `token`, without seeing them: `bot-token` sent in the query parameter t to https://slack.com/; `signing-secret` used to check deliveries; placed otherwise before
/auth/token/slots/signing-secret/hmac | true | + use the secret `signing-secret` (token) for signatures that it asks for
/auth/token/slots/bot-token/reveal | "FTP has no headers" | + READ the secret `token/bot-token` itself, once that is granted by name (--reveal token/bot-token); its reason: FTP has no headers
/auth/token/client-certificate | {"certificate":"signing-secret","key":"signing-secret"} | + have the secrets of `token`, without seeing them: `bot-token` sent as a bearer token to https://slack.com/; `signing-secret` used as a client certificate in TLS to https://slack.com/; placed otherwise before
/triggers/message/source/verification | {"scheme":"unsigned"} | + receive `message` deliveries that nobody signs: whoever knows the address can send them
/triggers/file | | - look for `file` events every 1 min at most
/actions/search/effect | "destructive" | + destroy things for good with `search`, read before
/actions/search | | - read with `search`; flows that use it must change
/actions/new | {"title":"New","effect":"unsafe-write","input":{},"output":{}} | ~ create or change things with the new action `new`
/actions/search/reads/0/methods | ["POST","PUT"] | + read with `search` by PUT https://slack.com/api/search
/actions/post/scopes | ["chat:write","admin"] | + need the provider's scope `admin` for `post`
"#;

#[test]
fn se_06_reading_a_secret_is_said_at_install() {
    let value = bent("/auth/token/slots/bot-token/reveal", Some(json!("FTP has no headers")));
    let lines = permissions(&manifest(&value));
    let line = lines.iter().find(|line| line.starts_with("READ the secret `token/bot-token` itself"));
    assert!(line.unwrap().ends_with("its reason: FTP has no headers"), "{lines:#?}");
}

#[test]
fn an_upgrade_says_what_changes() {
    for line in UPGRADES.lines().filter(|line| !line.is_empty()) {
        let mut cells = line.split('|').map(str::trim);
        let pointer = cells.next().expect("a pointer");
        let value = cells.next().filter(|text| !text.is_empty());
        let value = value.map(|text| serde_json::from_str(text).expect("JSON"));
        changes(pointer, value, &cells.collect::<Vec<_>>());
    }
}

#[test]
fn a_title_cannot_paint_the_terminal() {
    let evil = bent("/title", Some(json!("Slack\u{1b}[2K\u{202e}")));
    assert!(permissions(&manifest(&evil)).iter().all(|line| !line.contains(['\u{1b}', '\u{202e}'])));
}
