//! What clients with a key get wrong, and what they are told.

use super::Server;

/// Request line, header lines, body; status, and a part of the answer.
type Case<'a> = (&'a str, &'a [&'a str], &'a [u8], u16, &'a str);

#[tokio::test]
async fn clients_are_told_what_is_wrong() {
    let server = Server::start().await;
    let json = "content-type: application/json";
    let deep = format!("{{\"data\":{}}}", "[".repeat(100_000));
    let cases: &[Case<'_>] = &[
        ("GET /api/v1/nothing-here", &[], b"", 404, "not-found"),
        ("PATCH /api/v1/flows", &[], b"", 405, "method-not-allowed"),
        ("GET /api/v1/runs?limit=1000000000", &[], b"", 400, "bad-limit"),
        ("GET /api/v1/runs?limit=-1", &[], b"", 400, "bad-query"),
        ("GET /api/v1/runs?limit=0", &[], b"", 400, "bad-limit"),
        ("GET /api/v1/runs?before=zzz", &[], b"", 400, "bad-cursor"),
        ("GET /api/v1/runs?status=odd", &[], b"", 400, "bad-status"),
        ("GET /api/v1/runs?tenant_id=1", &[], b"", 400, "unknown field"),
        ("GET /api/v1/runs?flow=%27%20OR%201%3D1--", &[], b"", 200, "\"items\":[]"),
        ("GET /api/v1/runs/..%2f..%2fetc%2fpasswd", &[], b"", 404, "not-found"),
        ("GET /api/v1/flows/%00", &[], b"", 404, "not-found"),
        ("GET /api/v1/flows/....%2F%2F", &[], b"", 404, "not-found"),
        ("GET /api/v1/flows/none", &[], b"", 404, "there is no flow `none`"),
        ("GET /api/v1/connectors/none", &[], b"", 404, "not-found"),
        ("POST /api/v1/flows/none/run", &[json], b"{}", 404, "not-found"),
        ("POST /api/v1/flows/none/run", &[json], b"{", 400, "not-json"),
        ("POST /api/v1/flows/none/run", &[json], b"{\"role\":1}", 400, "unknown field"),
        ("POST /api/v1/flows/none/run", &[json], b"{\"dedupe_key\":\"a b\"}", 400, "bad-dedupe-key"),
        ("POST /api/v1/flows/none/run", &[json], deep.as_bytes(), 400, "nested deeper"),
        ("POST /api/v1/flows/none/run", &[], b"{}", 415, "content-type"),
        ("POST /api/v1/flows/none/run", &[json, "content-encoding: gzip"], b"{}", 415, "content-encoding"),
        ("POST /api/v1/flows/none/run", &[json, "content-length: 100000000"], b"", 413, "too-large"),
        ("POST /api/v1/flows?file=a.yaml", &["content-type: text/yaml"], b"flow: [", 422, "a.yaml"),
        ("POST /api/v1/flows/validate", &["content-type: text/yaml"], b"\xff", 400, "not-utf-8"),
        ("POST /api/v1/connectors", &["content-type: application/wasm"], b"MZ", 422, "\"error\""),
        ("POST /api/v1/connectors/x/approve", &[json], b"{\"digest\":\"x\"}", 400, "bad-digest"),
        ("POST /api/v1/connections", &[json], b"{\"name\":\"a\",\"connector\":\"none\"}", 404, "connector"),
    ];
    for (line, headers, body, status, part) in cases {
        server.is(&server.admin(line, headers, body).await, *status, part);
    }
}
