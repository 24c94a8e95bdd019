//! What fails for good lies in a dead letter with its reason, and goes on from the step where it died.

use serde_json::json;
use wharf_cli::{
    client::Body,
    demo::provider::{Fault, Route},
};

use crate::bed::{Bed, issue_opened};

#[tokio::test(flavor = "multi_thread")]
async fn fails_is_replayed_and_is_done_once() {
    let bed = Bed::triage().await;
    bed.provider.script(Route::PostMessage, [Fault::NotOk("channel_not_found")]);
    let accepted = bed.deliver(&issue_opened()).await.unwrap();
    let run = accepted.run().unwrap();
    let record = bed.ended(run).await;
    assert_eq!(record["status"], "failed", "{record:#}");
    let letters = bed.client.get(&["dead-letters"], &[]).await.unwrap();
    let letter = &letters["items"][0];
    assert_eq!(
        (letter["run"].as_str(), letter["class"].as_str()),
        (Some(run), Some("permanent")),
        "{letters:#}"
    );

    bed.client.post(&["dead-letters", run, "replay"], &[], Body::None).await.unwrap();
    let record = bed.ended(run).await;
    assert_eq!(record["status"], "done", "{record:#}");
    assert_eq!(bed.provider.messages().len(), 1);
    let again = bed.client.post(&["dead-letters", run, "replay"], &[], Body::None).await;
    assert!(again.is_err(), "nothing is left to replay");
}

#[tokio::test(flavor = "multi_thread")]
async fn is_discarded_with_a_reason_only() {
    let bed = Bed::triage().await;
    bed.provider.script(Route::PostMessage, [Fault::NotOk("invalid_auth")]);
    let accepted = bed.deliver(&issue_opened()).await.unwrap();
    let run = accepted.run().unwrap();
    bed.ended(run).await;
    let discard = |reason: &str| Body::Json(json!({ "reason": reason }));
    assert!(bed.client.post(&["dead-letters", run, "discard"], &[], discard(" ")).await.is_err());
    bed.client.post(&["dead-letters", run, "discard"], &[], discard("a test")).await.unwrap();
    let record = bed.client.get(&["runs", run], &[]).await.unwrap();
    assert_eq!(record["status"], "discarded");
}
