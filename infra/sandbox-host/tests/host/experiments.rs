//! Trouble on purpose, repeated requests, and what sandboxes use.

use std::time::{Duration, Instant};

use gitledger_sandbox_host::{Host, HostOptions, Trouble};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::{isolated, options};

async fn creations(seed: u64) -> Vec<bool> {
    let dir = tempfile::tempdir().unwrap();
    let trouble = Trouble { fail_rate: 0.5, seed, ..Trouble::default() };
    let host = Host::start(HostOptions { trouble, ..options(dir.path().into()) }).await.unwrap();
    let client = Client::new(host.url());
    let mut made = Vec::new();
    for _ in 0..12 {
        let answer = client.api("POST", "/v2/sandboxes", json!({"templateID": "base"})).await;
        if answer.status != StatusCode::CREATED {
            assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
            assert_eq!(answer.json()["error_code"], "sandbox_create_failed");
        }
        made.push(answer.status == StatusCode::CREATED);
    }
    assert_eq!(host.sandboxes(), made.iter().filter(|made| **made).count());
    host.shutdown().await;
    made
}

#[tokio::test]
async fn creation_fails_as_often_as_asked_and_the_same_way_again() {
    let first = creations(3).await;
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, creations(3).await);
}

#[tokio::test]
async fn creation_takes_as_long_as_asked_side_by_side() {
    let dir = tempfile::tempdir().unwrap();
    let least = Duration::from_millis(400);
    let trouble = Trouble { create_latency: least..=least, ..Trouble::default() };
    let host = Host::start(HostOptions { trouble, ..options(dir.path().into()) }).await.unwrap();
    let client = Client::new(host.url());
    let start = Instant::now();
    let one = async || {
        client.create(json!({})).await;
        assert!(start.elapsed() >= least);
    };
    tokio::join!(one(), one(), one(), one());
    host.shutdown().await;
}

#[tokio::test]
async fn a_creation_that_is_asked_for_again_is_made_once() {
    let running = isolated().await;
    let create = async |key: &str, body: Value| -> Answer {
        let headers = [("x-api-key", "e2b_00"), ("idempotency-key", key)];
        running.client.send("POST", "/v2/sandboxes", &headers, body.to_string().into()).await
    };
    let body = json!({"templateID": "base"});
    let (first, again) = (create("k-1", body.clone()).await, create("k-1", body.clone()).await);
    assert_eq!((first.status, again.status), (StatusCode::CREATED, StatusCode::CREATED));
    assert_eq!(first.json(), again.json());
    assert_eq!(running.host.sandboxes(), 1);
    let other = create("k-1", json!({"templateID": "base", "timeout": 5})).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json()["error_code"], "idempotency_request_mismatch");
    assert_eq!(create("K", body.clone()).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(create("k-2", body.clone()).await.status, StatusCode::CREATED);
    assert_eq!(running.host.sandboxes(), 2);
    running.host.shutdown().await;
}

#[tokio::test]
async fn what_a_sandbox_uses_is_measured() {
    let running = isolated().await;
    let client = &running.client;
    let sandbox = client.create(json!({})).await;
    sandbox.run("head -c 20M /dev/urandom > big; timeout 0.5 bash -c 'while :; do :; done'").await;
    let path = format!("/sandboxes/{}/metrics", sandbox.id);
    // An earlier look may have met half of the file.
    let whole = async {
        loop {
            let metrics = client.api("GET", &path, Value::Null).await.json();
            let newest = metrics.as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
            if newest["diskUsed"].as_f64() >= Some(20e6) {
                return newest;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let one = &tokio::time::timeout(Duration::from_secs(20), whole).await.expect("a look at the whole file");
    let number = |name: &str| one[name].as_f64().unwrap_or_else(|| panic!("{name} in {one}"));
    assert!((20e6..30e6).contains(&number("diskUsed")), "{one}");
    assert!(number("cpuUsedPct") > 1.0 && number("cpuUsedPct") <= 100.0, "{one}");
    assert!((1e5..512e6).contains(&number("memUsed")), "{one}");
    assert_eq!((number("cpuCount"), number("memTotal")), (2.0, f64::from(512 << 20)));
    let second = one["timestampUnix"].as_i64().unwrap();
    let at = async |query: String| client.api("GET", &format!("{path}?{query}"), Value::Null).await.json();
    let has = |looks: Value| looks.as_array().unwrap().contains(one);
    assert!(!has(at(format!("end={}", second - 1)).await));
    assert!(has(at(format!("start={second}&end={}", second + 1)).await));
    let refused = client.api("GET", &format!("{path}?start=5&end=4"), Value::Null).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let path = format!("/sandboxes/metrics?sandbox_ids={},inobody", sandbox.id);
    let all = client.api("GET", &path, Value::Null).await.json();
    assert_eq!(all["sandboxes"].as_object().unwrap().keys().collect::<Vec<_>>(), [&sandbox.id]);
    let logs = client.api("GET", &format!("/v2/sandboxes/{}/logs", sandbox.id), Value::Null).await;
    assert!(logs.json()["logs"].is_array());
    running.host.shutdown().await;
}
