//! Requests that are wrong before their body is looked at: sizes, keys, routes, and who asks.

use gitledger_tests::wire;
use serde_json::json;

use super::{Case, SANDBOX, all_refused};

const TEN_MEGABYTES: usize = 10 << 20;

fn status() -> Case {
    Case::json("status", &json!({"sandbox_id": SANDBOX}), "")
}

fn naming(case: Case, field: &'static str) -> Case {
    Case { field, ..case }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_are_refused_with_and_without_a_length() {
    let content = "x".repeat(TEN_MEGABYTES);
    let body = json!({"sandbox_id": SANDBOX, "path": "a", "content": content}).to_string();
    let told = Case::bad("file-write", body.clone(), "body").becomes(413);
    let untold = Case::bad("file-write", wire::chunked(body.as_bytes()), "body").becomes(413);
    let lying = Case::bad("status", "{}", "body").with("Content-Length: 99999999999").becomes(413);
    all_refused(vec![told, untold.with("Transfer-Encoding: chunked"), lying]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_refused() {
    let long = format!("Idempotency-Key: {}", "k".repeat(256));
    let keys = ["Idempotency-Key:", "Idempotency-Key: a\tb", "Idempotency-Key: schlüssel", &long];
    all_refused(keys.into_iter().map(|line| naming(status().with(line), "Idempotency-Key")).collect()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_a_browser_cannot_ask() {
    let hosts = [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0",
        "169.254.169.254",
        "[::ffff:10.0.0.1]",
        "",
    ];
    let origins = [
        "http://evil.example",
        "https://evil.example",
        "null",
        "http://localhost",
        "http://127.0.0.1:1",
        "https://127.0.0.1",
        "file://",
        "http://localhost.evil.example",
    ];
    let mut cases: Vec<Case> = Vec::new();
    for host in hosts {
        cases.push(naming(status().with(&format!("Host: {host}")).becomes(403), "Host"));
    }
    for origin in origins {
        cases.push(naming(status().with(&format!("Origin: {origin}")).becomes(403), "Origin"));
    }
    for line in ["GET /events", "GET /metrics", "GET /healthz", "DELETE /sandboxes/i1", "GET /nowhere"] {
        let head = format!("{line} HTTP/1.1\nHost: evil.example");
        cases.push(Case { what: head.clone(), head, body: Vec::new(), status: 403, field: "Host" });
    }
    all_refused(cases).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_is_none_says_so() {
    let route = |line: &str, status: u16, field: &'static str| Case {
        what: line.to_owned(),
        head: format!("{line} HTTP/1.1"),
        body: b"{}".to_vec(),
        status,
        field,
    };
    all_refused(vec![
        route("POST /git/rm-rf", 404, "operation"),
        route("POST /git/Clone", 404, "operation"),
        route("POST /git/%00", 404, "operation"),
        route("POST /git/%ff%fe", 404, "operation"),
        route("POST /git/..%2f..%2fetc", 404, "operation"),
        route(&format!("POST /git/{}", "x".repeat(5000)), 404, "operation"),
        route("POST /git/", 404, "route"),
        route("POST /git/clone/x", 404, "route"),
        route("GET /etc/passwd", 404, "route"),
        route("GET /operations/not-an-id", 404, "operation"),
        route("GET /operations/00000000-0000-0000-0000-000000000000", 404, "operation"),
        route("GET /operations/%ff", 404, "operation"),
        route("GET /sandboxes/%ff", 404, "sandbox"),
        route("GET /sandboxes/..%2f..%2fledger.db", 404, "sandbox"),
        route("DELETE /sandboxes/nowhere", 404, "sandbox"),
        route("DELETE /sandboxes/%ff", 404, "sandbox"),
        route("GET /events?after=x", 400, "query"),
        route("GET /events?limit=-1", 400, "query"),
        route("GET /git/clone", 405, "method"),
        route("PUT /git/clone", 405, "method"),
        route("DELETE /events", 405, "method"),
    ])
    .await;
}
