//! From an issue to a message, with a provider that says 429 and 503.

use wharf_cli::demo::provider::{Fault, Route};

use crate::bed::{Bed, issue_opened};

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_becomes_one_message_through_429_and_503() {
    let bed = Bed::triage().await;
    let faults = [Fault::RateLimited { retry_after_secs: 1 }, Fault::Unavailable];
    bed.provider.script(Route::PostMessage, faults);
    let accepted = bed.deliver(&issue_opened()).await.unwrap();
    let record = bed.ended(accepted.run().unwrap()).await;
    assert_eq!(record["status"], "done", "{record:#}");
    let messages = bed.provider.messages();
    assert_eq!(messages.len(), 1);
    assert!(messages[0].text.contains("Spelling error"), "{messages:?}");

    let steps = record["steps"].as_array().unwrap();
    let tell = steps.iter().find(|step| step["title"] == "slack/post-message").unwrap();
    let attempts = tell["attempts"].as_array().unwrap();
    let classes: Vec<_> =
        attempts.iter().map(|attempt| attempt["failure"]["class"].as_str().unwrap_or("done")).collect();
    assert_eq!(classes, ["rate-limited", "temporarily-unavailable", "done"], "{record:#}");
    let at = |attempt: usize| attempts[attempt]["started_at"].as_u64().unwrap();
    assert!(at(1) - at(0) >= 1000, "Retry-After: 1 was honoured");
    for attempt in attempts {
        assert!(attempt["metering"]["fuel"].as_u64().unwrap() > 0);
        assert_eq!(attempt["effects"].as_array().unwrap().len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_is_nowhere_but_at_the_provider() {
    use wharf_cli::demo::provider::SLACK_TOKEN;
    let mut bed = Bed::triage().await;
    let accepted = bed.deliver(&issue_opened()).await.unwrap();
    let record = bed.ended(accepted.run().unwrap()).await;
    let posted = bed.provider.requests();
    let bearer = format!("Bearer {SLACK_TOKEN}");
    assert!(
        posted.iter().any(|request| request.headers.iter().any(|(_, value)| *value == bearer)),
        "placed by the gate"
    );
    assert!(!record.to_string().contains(SLACK_TOKEN));
    let connections = bed.client.get(&["connections"], &[]).await.unwrap();
    assert!(!connections.to_string().contains(SLACK_TOKEN));
    bed.stop().await;
    for entry in walk(bed.dir.path()) {
        let bytes = std::fs::read(&entry).unwrap();
        let found = bytes.windows(SLACK_TOKEN.len()).any(|window| window == SLACK_TOKEN.as_bytes());
        assert!(!found, "{} holds the token", entry.display());
    }
}

fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut dirs = vec![dir.to_owned()];
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { dirs.push(path) } else { files.push(path) }
        }
    }
    files
}
