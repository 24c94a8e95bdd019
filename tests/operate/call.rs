//! `wharf call`: a secret is read only where the command line says so, and is not printed even then.

use serde_json::{Value, json};

use super::{text, wharf_in};
use crate::bed::built;

const SECRET: &str = "sk_live_S3NT1NEL_7f3a9c2e41d0b688";

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_call_reads_a_secret_only_when_told_and_never_prints_it() {
    let file = built("tests/guests/probe").await;
    let dir = tempfile::tempdir().unwrap();
    let secret = format!("token={SECRET}");
    let input = json!({ "steps": [
        { "do": "reveal", "slot": "token" },
        { "do": "say", "text": { "join": [SECRET[..9], SECRET[9..]] } },
    ] })
    .to_string();
    let call = |flags: &[&str]| {
        let words =
            ["call", file.to_str().unwrap(), "read", "--input", &input, "--secret", &secret, "--json"];
        wharf_in(dir.path(), "http://127.0.0.1:1", &[&words, flags].concat(), &[])
    };
    for (flags, seen) in [(&[][..], "refused"), (&["--reveal", "key/token"], "revealed")] {
        let called = call(flags);
        let shown = text(&called);
        let answer: Value = serde_json::from_slice(&called.stdout).unwrap_or_else(|_| panic!("{shown}"));
        assert_eq!(answer["outcome"]["done"]["seen"], json!([seen, "[redacted]"]), "{shown}");
        assert_eq!(
            shown.contains("probe may READ the secret key/token itself"),
            seen == "revealed",
            "{shown}"
        );
        assert!(!shown.contains(SECRET), "{shown}");
    }
    for (flags, says) in [
        (&["--reveal", "key/other"][..], "does not ask to read the secret `key/other`"),
        (&["--reveal", "token"], "an auth method and a slot"),
        (&["--root", "ca.pem"], "--root takes a file"),
    ] {
        let refused = call(flags);
        assert!(!refused.status.success() && text(&refused).contains(says), "{flags:?}: {}", text(&refused));
    }
}
