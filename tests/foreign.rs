//! A connector in JavaScript calls its provider with `fetch`, through the gate like any other.
//!
//! Its toolchain is heavy and comes from a package registry, so nothing is fetched here: the test
//! runs where `npm install` has been run in `tests/guests/fetch-js`, and says so where it has not.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    process::Command,
};

use serde_json::{Value, json};
use wharf_cli::build::{BuildOptions, build};
use wharf_gate::{Authority, Credentials, Gate, GateConfig, Secret};
use wharf_harness::{Effects, LoneHost};
use wharf_model::{
    call::{CallError, Context, Mode, Outcome},
    effect::EffectResult,
    grant::{Grant, Limits},
    manifest::EgressRequest,
    time::Timestamp,
};
use wharf_package::Package;
use wharf_sandbox::{Call, Connector, Finished, Sandbox, SandboxConfig, ScanLimits, WorkerCommand};

use crate::bed::{Bed, checkout};

const TOKEN: &str = "sk_live_S3NT1NEL_7f3a9c2e41d0b688";

/// The connector, loaded as an operator's settings for it would have it; none without its toolchain.
async fn fetch_js() -> Option<(Connector, Package)> {
    let source = checkout().path("tests/guests/fetch-js");
    if !source.join("node_modules").is_dir() {
        println!("skipped: run `npm install` in {}", source.display());
        return None;
    }
    let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fetch-js.component.wasm");
    let Ok(built) = Command::new("node").current_dir(&source).arg("build.js").arg(&made).output() else {
        println!("skipped: there is no `node`");
        return None;
    };
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let out = Some(Path::new(env!("CARGO_TARGET_TMPDIR")).join("fetch-js.wasm"));
    let sealed = build(BuildOptions { dir: made, out, ..BuildOptions::default() }, &mut |_| {}).await;
    let wasm = std::fs::read(sealed.unwrap_or_else(|error| panic!("{error}")).file).unwrap();
    let package = wharf_package::open(&wasm).unwrap();
    let sandbox = Sandbox::new(SandboxConfig {
        slots: 2,
        scan: ScanLimits { component_bytes: 16 << 20, ..ScanLimits::default() },
        worker: Some(WorkerCommand {
            cpu_seconds: 60,
            ..WorkerCommand::new(env!("CARGO_BIN_EXE_wharf"), ["__compile"])
        }),
        ..SandboxConfig::default()
    })
    .unwrap();
    let connector = sandbox.load(&wasm, package.digest).await.unwrap_or_else(|error| panic!("{error}"));
    Some((connector, package))
}

struct Called {
    finished: Finished<Outcome>,
    effects: Vec<EffectResult>,
}

/// Runs `get`, allowed to read from the provider and holding its token.
async fn call((connector, package): &(Connector, Package), provider: &str, input: &Value) -> Called {
    let limits = Limits::default();
    let settings = json!({ "api-url": provider });
    let egress = vec![EgressRequest { url: format!("{provider}/"), methods: vec!["GET".into()] }];
    let slots = BTreeMap::from([("token".to_owned(), Secret::new(TOKEN.to_owned()))]);
    let authority = Authority::new(
        "fetch-js",
        &package.manifest,
        &Grant { egress, ..Grant::default() },
        Some(&settings),
        Some(Credentials { method: "token".into(), slots }),
    )
    .unwrap();
    let effects = Effects::default();
    let carve_outs = vec!["127.0.0.1/32".parse().unwrap()];
    let host = LoneHost {
        gate: Gate::new(GateConfig { carve_outs, ..GateConfig::default() }).unwrap(),
        scope: authority.action("get", &limits).unwrap(),
        authority,
        effects: effects.clone(),
        store: HashMap::new(),
        store_max_bytes: 0,
        scratch_bytes: 0,
        now: Timestamp(1_700_000_000_000),
        seed: [7; 32],
    };
    let context = Context {
        run: "call".into(),
        step: "get".into(),
        attempt: 1,
        mode: Mode::Test,
        idempotency_key: "key".into(),
        deadline: Timestamp(1_700_000_030_000),
        trace_parent: "00-00000000000000000000000000000001-0000000000000001-00".into(),
        connection: settings,
    };
    let call = Call { limits, host: Box::new(host) };
    let finished = connector.run(call, "get", &input.to_string(), None, &context).await;
    let effects = effects.take().into_iter().map(|effect| effect.result).collect();
    println!("get {input}\n  {effects:?}\n  {:?}\n  {:?}", finished.result, finished.metering);
    Called { finished, effects }
}

#[tokio::test(flavor = "multi_thread")]
async fn javascript_with_fetch_is_allowed_and_denied() {
    let Some(connector) = fetch_js().await else { return };
    let bed = Bed::bare().await;
    let at = bed.provider.echo_url();

    let input = json!({ "url": format!("{at}/hello"), "auth": "token" });
    let allowed = call(&connector, &at, &input).await;
    let Ok(Outcome::Done(output)) = &allowed.finished.result else { panic!("{:?}", allowed.finished) };
    assert_eq!(output["status"], 200, "{output}");
    assert!(output["now"].as_u64().unwrap() - 1_700_000_000_000 < 1_000, "the step's time: {output}");
    // The provider had the credential; the connector, and who reads its output, did not.
    assert!(!format!("{:?}", allowed.finished).contains("S3NT1NEL"), "{output}");
    let sent = format!("{:?}", bed.provider.requests().last().unwrap());
    assert!(sent.contains(TOKEN), "{sent}");
    // Another attempt draws the same.
    let again = call(&connector, &at, &input).await;
    let Ok(Outcome::Done(second)) = &again.finished.result else { panic!("{:?}", again.finished) };
    assert_eq!(output["drawn"], second["drawn"]);

    let before = bed.provider.requests().len();
    for (input, reason) in [
        // HC-06, HC-32, HC-27
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
        (json!({ "url": "http://2130706433/" }), "port"),
    ] {
        let denied = call(&connector, &at, &input).await;
        let Err(CallError::Failed(_)) = denied.finished.result else {
            panic!("{input}: {:?}", denied.finished)
        };
        let [EffectResult::Denied { reason: found, .. }] = denied.effects.as_slice() else {
            panic!("{input}: {:?}", denied.effects)
        };
        assert_eq!(found, reason, "{input}");
    }
    assert_eq!(bed.provider.requests().len(), before, "nothing that was denied has been sent");
}
