//! The router as strangers and clients meet it: a whole server on loopback, asked over raw TCP, so
//! that what a well-behaved client would never send can be sent.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::{Config, Running, ServeOptions, config::Source, openapi, serve};

mod clients;
mod deliveries;

struct Server {
    running: Running,
    _folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        Self::with("").await
    }

    /// With further lines in the table of webhooks.
    async fn with(webhooks: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "listen = \"127.0.0.1:0\"\ndata-dir = {:?}\n[webhooks]\nmax-body-bytes = 1000\n{webhooks}",
            folder.path().join("data")
        );
        let config = Config::load(Some(Source { name: "test", text: &text }), &[]).unwrap();
        let running = serve(config, ServeOptions::default()).await.unwrap();
        Self { running, _folder: folder }
    }

    fn addr(&self) -> SocketAddr {
        self.running.addr()
    }

    fn key(&self) -> &str {
        &self.running.admin_key().unwrap().key
    }

    /// Sends a request with these header lines and returns status and the whole response.
    async fn ask(&self, line: &str, headers: &[&str], body: &[u8]) -> (u16, String) {
        let mut request = format!("{line} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n");
        for header in headers {
            request.push_str(header);
            request.push_str("\r\n");
        }
        if !headers
            .iter()
            .any(|header| header.starts_with("content-length") || header.starts_with("transfer-encoding"))
        {
            request.push_str(&format!("content-length: {}\r\n", body.len()));
        }
        let mut request = format!("{request}\r\n").into_bytes();
        request.extend_from_slice(body);
        exchange(self.addr(), &request).await
    }

    async fn admin(&self, line: &str, headers: &[&str], body: &[u8]) -> (u16, String) {
        let bearer = format!("authorization: Bearer {}", self.key());
        let mut all = vec![bearer.as_str()];
        all.extend_from_slice(headers);
        self.ask(line, &all, body).await
    }

    #[track_caller]
    fn is(&self, answer: &(u16, String), status: u16, part: &str) {
        assert_eq!(answer.0, status, "{}", answer.1);
        assert!(answer.1.contains(part), "`{part}` is not in: {}", answer.1);
    }
}

async fn exchange(addr: SocketAddr, request: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(request).await;
    let mut response = Vec::new();
    let _ = stream.read_to_end(&mut response).await;
    let text = String::from_utf8_lossy(&response).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
    (status, text)
}

/// Method and path of everything in the document, with its parameters filled in.
fn routes() -> Vec<(String, String)> {
    let document: serde_json::Value = serde_json::from_str(&openapi()).unwrap();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let path = path
                .replace("{name}", "n")
                .replace("{id}", "i")
                .replace("{loader}", "l")
                .replace("{flow}", "f");
            routes.push((method.to_uppercase(), path));
        }
    }
    routes
}

#[tokio::test]
async fn strangers_get_nowhere() {
    let server = Server::start().await;
    let routes = routes();
    assert!(routes.len() > 25);
    for (_, path) in &routes {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "HEAD"] {
            if !path.starts_with("/api/") {
                continue;
            }
            let (status, text) = server.ask(&format!("{method} {path}"), &[], b"").await;
            // Past twenty wrong keys a second, a stranger is told to slow down.
            assert!(matches!(status, 401 | 429), "{method} {path}: {text}");
        }
    }
    let answer = server.ask("GET /api/v1/nothing-here", &[], b"").await;
    assert!(matches!(answer.0, 401 | 429));
}

#[tokio::test]
async fn the_document_and_the_router_agree() {
    let server = Server::start().await;
    for (method, path) in routes() {
        let (status, text) =
            server.admin(&format!("{method} {path}"), &["content-type: application/json"], b"{}").await;
        assert_ne!(status, 405, "{method} {path}");
        assert!(
            !text.contains("there is nothing here") || path.starts_with("/webhooks/"),
            "{method} {path}: {text}"
        );
        assert!(text.contains("x-request-id: "), "{method} {path}");
    }
}

#[tokio::test]
async fn only_the_key_opens() {
    let server = Server::start().await;
    let key = server.key().to_owned();
    for wrong in [
        "Bearer".to_owned(),
        "Bearer null".to_owned(),
        format!("Bearer {}", &key[..key.len() - 1]),
        format!("Bearer {key}x"),
        format!("Basic {key}"),
        key.clone(),
    ] {
        let answer = server.ask("GET /api/v1/status", &[&format!("authorization: {wrong}")], b"").await;
        server.is(&answer, 401, "\"code\":\"unauthorized\"");
        assert!(answer.1.contains("www-authenticate: Bearer"));
    }
    let twice = format!("authorization: Bearer {key}");
    server.is(&server.ask("GET /api/v1/status", &[&twice, &twice], b"").await, 401, "unauthorized");
    server.is(&server.admin("GET /api/v1/status", &[], b"").await, 200, "\"ready\":true");
    let huge = format!("authorization: Bearer {}", "a".repeat(1 << 20));
    let answer = server.ask("GET /api/v1/status", &[&huge], b"").await;
    assert!(matches!(answer.0, 431 | 0), "{}", answer.1);
}

#[tokio::test]
async fn webhook_addresses_are_bounded_and_alike() {
    let server = Server::start().await;
    let unknown = server.ask("POST /webhooks/none", &[], b"{}").await;
    server.is(&unknown, 404, "there is nothing here");
    for (line, status) in [
        ("POST /webhooks/%2e%2e", 404),
        ("POST /webhooks/%2e%2e%2fapi%2fv1%2fstatus", 404),
        ("POST /webhooks/%ff", 404),
        ("POST /webhooks/", 404),
        ("POST /webhooks/a/b", 404),
        ("GET /webhooks/none", 405),
        ("PUT /webhooks/none", 405),
        ("TRACE /webhooks/none", 405),
    ] {
        let (answered, text) = server.ask(line, &[], b"{}").await;
        assert_eq!(answered, status, "{line}: {text}");
    }
    let large = vec![b' '; 1001];
    server.is(&server.ask("POST /webhooks/none", &[], &large).await, 413, "too-large");
    server.is(
        &server.ask("POST /webhooks/none", &["content-encoding: gzip"], b"{}").await,
        415,
        "content-encoding",
    );
    let page = server.ask("GET /metrics", &[], b"").await;
    server.is(&page, 200, "wharf_webhook_deliveries_total{flow=\"\",result=\"too-large\"} 1");
}

#[tokio::test]
async fn the_public_pages_answer() {
    let server = Server::start().await;
    for (path, part) in [("/healthz", "\"ok\""), ("/readyz", "\"ok\""), ("/metrics", "# EOF")] {
        let answer = server.ask(&format!("GET {path}"), &[], b"").await;
        server.is(&answer, 200, part);
        server.is(&answer, 200, "x-content-type-options: nosniff");
    }
}

#[tokio::test]
async fn the_key_is_made_once_and_for_its_owner() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let text = format!("listen = \"127.0.0.1:0\"\ndata-dir = {data:?}");
    let config = Config::load(Some(Source { name: "test", text: &text }), &[]).unwrap();
    let first = serve(config.clone(), ServeOptions::default()).await.unwrap();
    let made = first.admin_key().unwrap().clone();
    assert_eq!(std::fs::read_to_string(&made.file).unwrap().trim(), made.key);
    for (path, mode) in [(data.clone(), 0o700), (made.file, 0o600), (data.join("master.key"), 0o600)] {
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
    first.shutdown().await;
    let second = serve(config, ServeOptions::default()).await.unwrap();
    assert!(second.admin_key().is_none());
    second.shutdown().await;
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "listen = \"127.0.0.1:0\"\ndata-dir = {:?}\n[connectors]\nwatch = {:?}",
        folder.path().join("data"),
        folder.path().join("none"),
    );
    let config = Config::load(Some(Source { name: "test", text: &text }), &[]).unwrap();
    let error = serve(config, ServeOptions::default()).await.err().unwrap().to_string();
    assert!(error.contains("connectors.watch") && error.contains("no directory"), "{error}");
}
