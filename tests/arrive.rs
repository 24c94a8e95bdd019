//! A delivery is verified, deduplicated and durable before it is acknowledged.

use serde_json::json;
use wharf_cli::demo::delivery::Delivery;

use crate::bed::{Bed, WEBHOOK_SECRET, delivery, issue_opened};

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_genuine_and_new_becomes_a_run() {
    let bed = Bed::triage().await;
    let url = format!("http://{}/webhooks/triage-bugs", bed.addr);
    let genuine = issue_opened();

    let forged = genuine.send(&bed.http, &url, "another secret").await.unwrap();
    assert_eq!(forged.status, 401);
    let mut tampered = genuine.clone();
    tampered.body.push(b' ');
    let signature = genuine.signature(WEBHOOK_SECRET).unwrap();
    let sent = bed
        .http
        .post(&url)
        .header("x-hub-signature-256", signature)
        .body(tampered.body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 401, "the signature is of other bytes");
    let unsigned = bed.http.post(&url).body(genuine.body.clone()).send().await.unwrap();
    assert_eq!(unsigned.status(), 401);
    let unknown =
        genuine.send(&bed.http, &url.replace("triage-bugs", "nobody"), WEBHOOK_SECRET).await.unwrap();
    assert_eq!(unknown.status, 404);
    assert_eq!(runs(&bed).await, 0);

    let first = bed.deliver(&genuine).await.unwrap();
    assert_eq!((first.status.as_u16(), first.duplicate()), (202, false));
    for _ in 0..9 {
        let again = bed.deliver(&genuine).await.unwrap();
        assert_eq!((again.status.as_u16(), again.duplicate(), again.run()), (200, true, first.run()));
    }
    assert_eq!(bed.ended(first.run().unwrap()).await["status"], "done");
    assert_eq!((runs(&bed).await, bed.provider.messages().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_flow_does_not_mean_is_acknowledged_and_does_nothing() {
    let bed = Bed::triage().await;
    let ping =
        bed.deliver(&delivery("ping.json", "ping", "00000000-0000-4000-8000-00000000a001")).await.unwrap();
    assert!(ping.status.is_success(), "{ping:?}");
    let labeled =
        bed.deliver(&delivery("issues.labeled.json", "issues", "00000000-0000-4000-8000-00000000a002")).await;
    let labeled = labeled.unwrap();
    assert!(labeled.status.is_success(), "{labeled:?}");
    if let Some(run) = labeled.run() {
        assert_eq!(bed.ended(run).await["status"], "ignored");
    }
    assert_eq!(bed.provider.messages().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_are_refused_and_nothing_breaks() {
    let bed = Bed::triage().await;
    let deep = "[".repeat(100_000);
    let huge = "x".repeat((1 << 20) + 1);
    for (body, status) in [("", 400), ("{", 400), (deep.as_str(), 400), (huge.as_str(), 413)] {
        let delivery = Delivery {
            guid: "00000000-0000-4000-8000-00000000b001".to_owned(),
            event: "issues",
            body: body.into(),
        };
        let answer = bed.deliver(&delivery).await.unwrap();
        assert_eq!(answer.status.as_u16(), status, "{} bytes: {answer:?}", body.len());
    }
    let health = bed.http.get(format!("http://{}/healthz", bed.addr)).send().await.unwrap();
    assert_eq!(health.status(), 200);
    assert_eq!(runs(&bed).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_admin_api_needs_a_key() {
    let bed = Bed::bare().await;
    let url = format!("http://{}/api/v1/runs", bed.addr);
    for key in ["", "Bearer", "Bearer null", "Bearer wharf_x", "Basic d2hhcmY6"] {
        let answer = bed.http.get(&url).header("authorization", key).send().await.unwrap();
        assert_eq!(answer.status(), 401, "{key}");
        let body: serde_json::Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        assert!(body["error"]["code"].is_string(), "{body}");
    }
    assert_eq!(bed.client.get(&["runs"], &[]).await.unwrap()["items"], json!([]));
}

async fn runs(bed: &Bed) -> usize {
    bed.client.get(&["runs"], &[]).await.unwrap()["items"].as_array().unwrap().len()
}
