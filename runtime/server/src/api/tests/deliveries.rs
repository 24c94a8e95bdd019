//! Deliveries to a flow that takes unsigned ones: how often, how many at once, and what is no delivery.

use super::{Server, exchange};

/// A flow that takes deliveries which nobody signed.
const HOOK: &str = "flow: hook\non: { webhook: unsigned }\nsteps:\n  - id: note\n    map: ${event}\n";

impl Server {
    async fn with_hook(webhooks: &str) -> Self {
        let server = Self::with(webhooks).await;
        let applied = server.admin("POST /api/v1/flows", &["content-type: text/yaml"], HOOK.as_bytes()).await;
        server.is(&applied, 200, "\"webhook_path\":\"/webhooks/hook\"");
        server
    }

    /// How many runs there are.
    async fn runs(&self) -> usize {
        let (status, text) = self.admin("GET /api/v1/runs?flow=hook&limit=200", &[], b"").await;
        assert_eq!(status, 200, "{text}");
        text.matches("\"id\":").count()
    }
}

#[tokio::test]
async fn a_delivery_is_one_run_however_often_it_comes() {
    let server = Server::with_hook("allow-unsigned = true").await;
    server.is(&server.ask("POST /webhooks/hook", &[], b"{\"n\":1}").await, 202, "\"run\":\"");
    for _ in 0..9 {
        server.is(&server.ask("POST /webhooks/hook", &[], b"{\"n\":1}").await, 200, "\"duplicate\":true");
    }
    assert_eq!(server.runs().await, 1);
    let page = server.ask("GET /metrics", &[], b"").await;
    server.is(&page, 200, "wharf_webhook_deliveries_total{flow=\"hook\",result=\"duplicate\"} 9");
    server.is(&page, 200, "wharf_events_duplicate_total{flow=\"hook\"} 9");
}

#[tokio::test]
async fn a_hundred_at_once_are_one_run() {
    let server = Server::with_hook("allow-unsigned = true").await;
    let addr = server.addr();
    let mut askers = tokio::task::JoinSet::new();
    for _ in 0..100 {
        askers.spawn(async move {
            let request = b"POST /webhooks/hook HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}";
            exchange(addr, request).await.0
        });
    }
    let answers = askers.join_all().await;
    assert_eq!(answers.iter().filter(|status| **status == 202).count(), 1, "{answers:?}");
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 99, "{answers:?}");
    assert_eq!(server.runs().await, 1);
}

#[tokio::test]
async fn what_is_no_json_is_no_run() {
    let server = Server::with_hook("allow-unsigned = true").await;
    let deep = "[".repeat(999);
    for body in ["", " ", "{", "{\"a\":1}x", deep.as_str(), "\u{feff}{}"] {
        server.is(&server.ask("POST /webhooks/hook", &[], body.as_bytes()).await, 400, "not-json");
    }
    server.is(&server.ask("POST /webhooks/hook", &[], b"\"\xff\"").await, 400, "not-json");
    let chunked =
        b"fff\r\n".iter().chain(&[b' '; 0xfff]).chain(b"\r\n0\r\n\r\n").copied().collect::<Vec<u8>>();
    let answer = server.ask("POST /webhooks/hook", &["transfer-encoding: chunked"], &chunked).await;
    server.is(&answer, 413, "too-large");
    assert_eq!(server.runs().await, 0);
    server.is(&server.ask("POST /webhooks/hook", &[], b"null").await, 202, "run");
}

#[tokio::test]
async fn unsigned_needs_the_operator_twice() {
    let server = Server::with_hook("").await;
    server.is(&server.ask("POST /webhooks/hook", &[], b"{}").await, 401, "unauthorized");
    assert_eq!(server.runs().await, 0);
    let page = server.ask("GET /metrics", &[], b"").await;
    server.is(&page, 200, "result=\"unsigned-refused\"} 1");
}
