//! A connector in JavaScript calls its provider with `fetch`, through the gate like any other.
//!
//! Its toolchain is heavy and comes from a package registry, so nothing is fetched here: the test
//! runs where `npm install` has been run in `tests/guests/fetch-js`, and says so where it has not.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use wharf_cli::build::{BuildOptions, build};

use crate::bed::{Bed, checkout};

const TOKEN: &str = "sk_live_S3NT1NEL_7f3a9c2e41d0b688";

/// The connector file; none without its toolchain.
async fn fetch_js() -> Option<PathBuf> {
    let source = checkout().path("tests/guests/fetch-js");
    if !source.join("node_modules").is_dir() {
        println!("skipped: run `npm install` in {}", source.display());
        return None;
    }
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fetch-js.component.wasm");
    let built = Command::new("node").current_dir(&source).arg("build.js").arg(&made).output();
    let Ok(built) = built else {
        println!("skipped: there is no `node`");
        return None;
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let out = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("fetch-js.wasm"));
    let sealed = build(BuildOptions { dir: made, out, ..BuildOptions::default() }, &mut |_| {}).await;
    Some(sealed.unwrap_or_else(|error| panic!("{error}")).file)
}

struct Called {
    answer: Value,
    text: String,
    code: Option<i32>,
}

/// `wharf call` of the action `get` with this input, allowed to read from the provider.
fn call(file: &Path, provider: &str, input: &Value) -> Called {
    let Output { status, stdout, stderr } = Command::new(env!("CARGO_BIN_EXE_wharf"))
        .arg("call")
        .arg(file)
        .args(["get", "--json", "--input", &input.to_string(), "--deadline", "30s"])
        .args(["--setting", &format!("api-url={provider}"), "--secret", &format!("token={TOKEN}")])
        .args(["--allow", &format!("GET {provider}/"), "--allow-private", "127.0.0.1/32"])
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&stdout).into_owned();
    let text = format!("{stdout}{}", String::from_utf8_lossy(&stderr));
    println!("$ wharf call fetch-js.wasm get --input '{input}'\n{text}");
    let answer = serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {text}"));
    Called { answer, text, code: status.code() }
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_with_fetch_is_allowed_and_denied() {
    let Some(file) = fetch_js().await else { return };
    let bed = Bed::bare().await;
    let provider = bed.provider.echo_url();
    let (file, at) = (file.as_path(), provider.clone());

    let allowed = call(file, &at, &json!({ "url": format!("{at}/hello"), "auth": "token" }));
    assert_eq!(allowed.code, Some(0), "{}", allowed.text);
    assert_eq!(allowed.answer["output"]["status"], 200, "{}", allowed.text);
    // The provider had the credential; the connector, and who reads its output, did not.
    assert!(!allowed.text.contains("S3NT1NEL"), "{}", allowed.text);
    let sent = bed.provider.requests();
    let sent = format!("{:?}", sent.last().unwrap());
    assert!(sent.contains(TOKEN), "{sent}");

    let before = bed.provider.requests().len();
    for (input, reason) in [
        // HC-06, HC-32, HC-24, HC-27
        (json!({ "url": "https://sink.denied.test/" }), "host"),
        (json!({ "url": format!("{at}/x"), "method": "DELETE" }), "method"),
        (
            json!({ "url": format!("{at}/x"), "headers": { "x-forwarded-for": "10.0.0.1" } }),
            "forbidden-header",
        ),
        (
            json!({ "url": format!("{at}/x"), "headers": { "authorization": "Bearer mine" } }),
            "forbidden-header",
        ),
        // HC-13
        (json!({ "url": "http://2130706433/" }), "host"),
    ] {
        let denied = call(file, &at, &input);
        assert_eq!(denied.code, Some(3), "{}", denied.text);
        assert!(denied.text.contains(reason), "{reason}: {}", denied.text);
    }
    assert_eq!(bed.provider.requests().len(), before, "nothing that was denied has been sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_attempts_in_javascript_draw_and_see_the_same() {
    let Some(file) = fetch_js().await else { return };
    let bed = Bed::bare().await;
    let provider = bed.provider.echo_url();
    let input = json!({ "url": format!("{provider}/hello") });
    let drawn = || call(&file, &provider, &input).answer["output"]["drawn"].clone();
    let first = drawn();
    assert!(first.is_number(), "{first}");
    assert_eq!(first, drawn());
}
