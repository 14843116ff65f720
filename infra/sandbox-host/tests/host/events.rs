//! Lifecycle events and webhooks, as receivers see them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use gitledger_sandbox_host::{Host, HostOptions};
use hyper::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::client::Client;
use crate::{Running, isolated, options};

type Received = Arc<Mutex<Vec<(HeaderMap, Bytes)>>>;

/// A receiver that refuses the first `refused` deliveries.
async fn receiver(refused: usize) -> (String, Received) {
    let received = Received::default();
    let kept = Arc::clone(&received);
    let service = Router::new().fallback(async move |headers: HeaderMap, body: Bytes| {
        let mut kept = kept.lock().unwrap();
        kept.push((headers, body));
        if kept.len() <= refused { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async { axum::serve(listener, service).await });
    (url, received)
}

async fn until(received: &Received, wanted: usize) -> Vec<(HeaderMap, Bytes)> {
    let patience = async {
        while received.lock().unwrap().len() < wanted {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), patience).await.expect("deliveries");
    received.lock().unwrap().clone()
}

async fn types(client: &Client, path: &str) -> Vec<String> {
    let events = client.api("GET", path, Value::Null).await.json();
    let name =
        |event: &Value| event["type"].as_str().unwrap().trim_start_matches("sandbox.lifecycle.").to_owned();
    events.as_array().unwrap().iter().map(name).collect()
}

#[tokio::test]
async fn everything_that_happens_to_a_sandbox_is_told_in_order() {
    let running = isolated().await;
    let client = &running.client;
    let sandbox = client.create(json!({"metadata": {"k": "v"}})).await;
    sandbox.post("timeout", json!({"timeout": 30})).await;
    sandbox.post("pause", Value::Null).await;
    sandbox.post("connect", json!({"timeout": 60})).await;
    sandbox.post("snapshots", json!({})).await;
    client.kill(&sandbox.id).await;
    let path = format!("/events/sandboxes/{}?orderAsc=true", sandbox.id);
    let lived = ["created", "updated", "paused", "resumed", "checkpointed", "killed"];
    assert_eq!(types(client, &path).await, lived);
    let newest_first = types(client, "/events/sandboxes?limit=2&offset=1").await;
    assert_eq!(newest_first, ["checkpointed", "resumed"]);
    let some = "&types=sandbox.lifecycle.killed,sandbox.lifecycle.paused";
    assert_eq!(types(client, &format!("{path}{some}")).await, ["paused", "killed"]);
    assert_eq!(types(client, "/events/sandboxes/inobody").await, [""; 0]);

    let events = client.api("GET", &path, Value::Null).await.json();
    let killed = &events[5];
    assert_eq!(killed["sandboxId"], sandbox.id);
    assert_eq!(killed["eventData"]["kill_reason"], "request");
    assert_eq!(killed["eventData"]["sandbox_metadata"], json!({"k": "v"}));
    assert_eq!(killed["eventData"]["execution"]["memory_mb"], 512);
    assert_ne!(
        events[2]["sandboxExecutionId"], events[3]["sandboxExecutionId"],
        "a resume is another execution"
    );
    assert_eq!(events[0]["sandboxExecutionId"], events[2]["sandboxExecutionId"]);
    let expired = client.create(json!({"timeout": 1})).await;
    let path = format!("/events/sandboxes/{}?types=sandbox.lifecycle.killed", expired.id);
    while types(client, &path).await.is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let events = client.api("GET", &path, Value::Null).await.json();
    assert_eq!(events[0]["eventData"]["kill_reason"], "timeout");
    running.host.shutdown().await;
}

async fn quick_to_retry() -> Running {
    let dir = tempfile::tempdir().unwrap();
    let webhook_retry_after = Duration::from_millis(20);
    let host = Host::start(HostOptions { webhook_retry_after, ..options(dir.path().into()) }).await.unwrap();
    let client = Client::new(host.url());
    Running { host, dir, client }
}

#[tokio::test]
async fn a_webhook_is_told_signed_and_again_until_it_takes_it() {
    let running = quick_to_retry().await;
    let client = &running.client;
    let (url, received) = receiver(2).await;
    let wanted = json!({"name": "n", "url": url, "signatureSecret": "s3cret", "enabled": true,
        "events": ["sandbox.lifecycle.killed"]});
    let registered = client.api("POST", "/events/webhooks", wanted).await;
    assert_eq!(registered.status, StatusCode::CREATED);
    assert!(!String::from_utf8_lossy(&registered.body).contains("s3cret"));
    let id = registered.json()["id"].as_str().unwrap().to_owned();
    let sandbox = client.create(json!({"metadata": {"a": "b"}})).await;
    client.kill(&sandbox.id).await;
    let all = until(&received, 3).await;
    let body = &all[0].1;
    for (headers, again) in &all {
        assert_eq!(again, body, "the same event each time");
        assert_eq!(headers["e2b-webhook-id"], id.as_str());
        assert_eq!(headers["e2b-signature-version"], "v1");
        let expected =
            STANDARD_NO_PAD.encode(Sha256::new().chain_update("s3cret").chain_update(body).finalize());
        assert_eq!(headers["e2b-signature"], expected.as_str());
    }
    assert_ne!(all[0].0["e2b-delivery-id"], all[1].0["e2b-delivery-id"]);
    let event: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(event["type"], "sandbox.lifecycle.killed");
    assert_eq!((&event["version"], &event["event_label"]), (&json!("v2"), &json!("kill")));
    assert_eq!((&event["sandbox_id"], &event["event_category"]), (&json!(sandbox.id), &json!("lifecycle")));
    assert_eq!(event["event_data"]["sandbox_metadata"], json!({"a": "b"}));
    let listed = client.api("GET", &format!("/events/sandboxes/{}", sandbox.id), Value::Null).await.json();
    assert_eq!(event["id"], listed[0]["id"]);
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_delivery_is_given_up_after_four_attempts() {
    let running = quick_to_retry().await;
    let (url, received) = receiver(usize::MAX).await;
    let wanted =
        json!({"name": "n", "url": url, "signatureSecret": "s", "events": ["sandbox.lifecycle.created"]});
    running.client.api("POST", "/events/webhooks", wanted).await;
    running.client.create(json!({})).await;
    until(&received, 4).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(received.lock().unwrap().len(), 4);
    running.host.shutdown().await;
}

#[tokio::test]
async fn webhooks_are_registered_changed_and_removed() {
    let running = isolated().await;
    let client = &running.client;
    for bad in [
        json!({"name": "n", "url": "file:///etc/passwd", "signatureSecret": "s"}),
        json!({"name": "n", "url": "http://x/", "signatureSecret": "s", "events": ["sandbox.lifecycle.born"]}),
        json!({"name": "n", "url": "http://x/"}),
        json!({"url": "http://x/", "signatureSecret": "s"}),
    ] {
        let refused = client.api("POST", "/events/webhooks", bad).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{:?}", refused.body);
    }
    let (url, received) = receiver(0).await;
    let wanted = json!({"name": "n", "url": url, "signatureSecret": "s"});
    let id = client.api("POST", "/events/webhooks", wanted).await.json()["id"].as_str().unwrap().to_owned();
    let path = format!("/events/webhooks/{id}");
    let changed = client.api("PATCH", &path, json!({"enabled": false, "name": "m"})).await.json();
    assert_eq!(
        (&changed["enabled"], &changed["name"], &changed["url"]),
        (&json!(false), &json!("m"), &json!(url))
    );
    assert_eq!(client.api("GET", &path, Value::Null).await.json(), changed);
    assert_eq!(client.api("GET", "/events/webhooks", Value::Null).await.json(), json!([changed]));
    client.create(json!({})).await;
    client.api("PATCH", &path, json!({"enabled": true})).await;
    let told = client.create(json!({})).await;
    let all = until(&received, 1).await;
    let event: Value = serde_json::from_slice(&all[0].1).unwrap();
    assert_eq!(event["sandbox_id"], told.id, "what happened while it was off is not told");
    assert_eq!(client.api("DELETE", &path, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(client.api("DELETE", &path, Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(client.api("GET", &path, Value::Null).await.status, StatusCode::NOT_FOUND);
    running.host.shutdown().await;
}
