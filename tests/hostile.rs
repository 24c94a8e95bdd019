//! A connector that tries to get out: each way is denied with its reason, and the server stays well.

use std::fs;

use serde_json::json;

use crate::bed::{Bed, checkout, connectors};

#[tokio::test(flavor = "multi_thread")]
async fn every_way_out_is_closed() {
    let bed = Bed::bare().await;
    bed.install(&connectors().await.hostile).await;
    let settings = json!({ "api-url": bed.provider.echo_url() });
    bed.connect("stranger", "hostile", settings, json!({ "key": "sk_live_S3NT1NEL_7f3a9c2e41d0b688" })).await;
    let flow = fs::read_to_string(checkout().path("runtime/cli/src/demo/hostile.yaml")).unwrap();
    bed.apply(&flow).await;
    let run = bed.start("break-out", json!({})).await;
    let record = bed.ended(&run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert!(!record.to_string().contains("S3NT1NEL"), "{record:#}");
    for step in record["steps"].as_array().unwrap() {
        let attempt = &step["attempts"][0];
        let denied = attempt["effects"].to_string().contains("denied");
        let stopped = attempt["trap"]["reason"].is_string();
        let redacted = step["output"].to_string().contains("[redacted]");
        assert!(denied || stopped || redacted, "{} got out: {step:#}", step["path"]);
    }
    let health = bed.http.get(format!("http://{}/healthz", bed.addr)).send().await.unwrap();
    assert_eq!(health.status(), 200);
}
