//! Certificate authorities of a grant: what is kept of what was given, what is refused, and who hears of it.

use serde_json::{Value, json};

use super::{YES, asking, audit, install};
use crate::bed::Bed;

const CA: &str = include_str!("../../runtime/gate/src/tests/fixtures/other-ca.pem");
/// A certificate with its private key.
const PAIR: &str = include_str!("../../runtime/gate/src/tests/fixtures/client.pem");

async fn grant(bed: &Bed, roots: Value) -> Result<Value, String> {
    let grant = json!({ "egress": [], "roots": roots });
    let answer = bed.client.put(&["connectors", "speaker", "grant"], grant).await;
    answer.map(|answer| answer["grant"]["roots"].clone()).map_err(|fault| fault.message)
}

async fn trusted(bed: &Bed) -> Vec<String> {
    let rows = audit(bed).await;
    let rows = rows.iter().filter(|row| row["act"] == "grant.root" && row["subject"] == "speaker");
    rows.map(|row| row["detail"]["fingerprint"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn authorities_are_checked_kept_alone_and_said_aloud() {
    let bed = Bed::bare().await;
    install(&bed, YES, asking("1.0.0", &[])).await.unwrap();
    for (given, says) in [
        (json!(["no certificate"]), "no certificate in it"),
        (
            json!(["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]),
            "a certificate authority",
        ),
        (json!(vec![CA; 65]), "at most 64"),
        (json!(["x".repeat(300_000)]), "are the most"),
    ] {
        let refused = grant(&bed, given).await.unwrap_err();
        assert!(refused.contains(says), "{says}: {refused}");
    }
    assert_eq!(trusted(&bed).await, Vec::<String>::new());

    assert_eq!(grant(&bed, json!([CA, CA])).await.unwrap(), json!([CA]));
    let first = trusted(&bed).await;
    assert_eq!(first.len(), 1);
    assert!(first[0].starts_with("sha256:d851ec3e9cc4"), "{first:?}");
    // What is trusted already is not said again.
    assert_eq!(grant(&bed, json!([CA])).await.unwrap(), json!([CA]));
    assert_eq!(trusted(&bed).await.len(), 1);

    let kept = grant(&bed, json!([format!("{CA}{PAIR}")])).await.unwrap();
    assert_eq!(kept.as_array().unwrap().len(), 2, "a certificate each");
    assert_eq!(trusted(&bed).await.len(), 2);
    let everything = format!(
        "{}{:?}",
        bed.client.get(&["connectors", "speaker", "permissions"], &[]).await.unwrap(),
        audit(&bed).await
    );
    assert!(PAIR.contains("PRIVATE KEY") && !everything.contains("PRIVATE KEY"), "a key was kept");
}
