//! The control plane: create, list, find, pause, end.

use hyper::StatusCode;
use serde_json::{Value, json};

use gitledger_sandbox_host::{Host, HostOptions};

use crate::client::{Answer, Client, Sandbox, shell_request};
use crate::{isolated, options};

fn ids(answer: &Answer) -> Vec<String> {
    let listed = answer.json();
    listed.as_array().unwrap().iter().map(|one| one["sandboxID"].as_str().unwrap().to_owned()).collect()
}

async fn list(client: &Client, query: &str) -> Answer {
    client.api("GET", &format!("/v2/sandboxes{query}"), Value::Null).await
}

/// Waits until the sandbox answers so: its end is a matter of time.
async fn until(sandbox: &Sandbox, status: StatusCode) {
    while sandbox.detail().await.status != status {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_sandbox_is_made_found_and_killed() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({"metadata": {"k": "v"}})).await;
    let detail = sandbox.detail().await.json();
    for (field, value) in [
        ("sandboxID", json!(sandbox.id)),
        ("templateID", json!("base")),
        ("state", json!("running")),
        ("envdVersion", json!("0.6.13")),
        ("envdAccessToken", json!(sandbox.token)),
        ("cpuCount", json!(2)),
        ("memoryMB", json!(512)),
        ("metadata", json!({"k": "v"})),
        ("lifecycle", json!({"autoResume": false, "onTimeout": "kill"})),
    ] {
        assert_eq!(detail[field], value, "{field}");
    }
    assert_eq!(running.host.sandboxes(), 1);
    assert_eq!(sandbox.call("GET", "/health", &[], "").await.status, StatusCode::NO_CONTENT);
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NOT_FOUND);
    let gone = sandbox.call("GET", "/health", &[], "").await;
    assert_eq!(gone.status, StatusCode::BAD_GATEWAY);
    let words = json!({"sandboxId": sandbox.id, "message": "The sandbox was not found", "code": 502});
    assert_eq!(gone.json(), words);
    running.host.shutdown().await;
}

#[tokio::test]
async fn nobody_is_served_without_a_key_or_a_token() {
    let running = isolated().await;
    let client = &running.client;
    for key in [&[][..], &[("x-api-key", "")][..]] {
        let answer = client.send("GET", "/v2/sandboxes", key, "".into()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["code"], 401);
    }
    let sandbox = client.create(json!({})).await;
    for token in ["", "wrong"] {
        let stranger = Sandbox { token: token.into(), ..sandbox.clone() };
        let answer = stranger.rpc("/process.Process/List", json!({})).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(answer.json()["message"].as_str().unwrap().starts_with("unauthorized access"));
    }
    let open = client.api("POST", "/sandboxes", json!({"templateID": "base"})).await.json();
    assert_eq!(open.get("envdAccessToken"), None, "the older route secures only when asked");
    running.host.shutdown().await;

    let dir = tempfile::tempdir().unwrap();
    let keyed = HostOptions { api_key: Some("e2b_5ec".into()), ..options(dir.path().into()) };
    let host = Host::start(keyed).await.unwrap();
    let client = Client::new(host.url());
    for (key, status) in [("e2b_5ec", StatusCode::OK), ("e2b_5ed", StatusCode::UNAUTHORIZED)] {
        assert_eq!(client.send("GET", "/sandboxes", &[("x-api-key", key)], "".into()).await.status, status);
    }
    host.shutdown().await;
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let running = isolated().await;
    let client = &running.client;
    let mut made = Vec::new();
    for (a, b) in [("1", "x y"), ("2", "x y"), ("3", "other")] {
        made.push(client.create(json!({"metadata": {"a": a, "b": b}})).await);
    }
    made[1].post("pause", Value::Null).await;
    let newest_first: Vec<_> = made.iter().rev().map(|sandbox| sandbox.id.clone()).collect();
    assert_eq!(ids(&list(client, "").await), newest_first);

    let filtered = list(client, "?metadata=b%3Dx%252520y").await;
    assert_eq!(ids(&filtered), newest_first[1..]);
    assert_eq!(filtered.headers["x-total-running"], "1");
    assert_eq!(ids(&list(client, "?state=paused").await), [made[1].id.clone()]);
    assert_eq!(ids(&list(client, "?state=running&metadata=a%3D2").await), [""; 0]);
    let older_route = client.api("GET", "/sandboxes", Value::Null).await;
    assert_eq!(ids(&older_route), [made[2].id.clone(), made[0].id.clone()]);

    let first = list(client, "?limit=2&order=asc").await;
    assert_eq!(ids(&first), [made[0].id.clone(), made[1].id.clone()]);
    let token = first.headers["x-next-token"].to_str().unwrap();
    let second = list(client, &format!("?limit=2&order=asc&nextToken={token}")).await;
    assert_eq!(ids(&second), [made[2].id.clone()]);
    assert!(!second.headers.contains_key("x-next-token"));
    let refused = list(client, "?nextToken=nonsense").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json(), json!({"code": 400, "message": "Invalid next token"}));
    running.host.shutdown().await;
}

#[tokio::test]
async fn time_is_set_extended_and_enforced() {
    let running = isolated().await;
    let client = &running.client;
    let refused = client.api("POST", "/v2/sandboxes", json!({"templateID": "base", "timeout": 0})).await;
    assert_eq!(refused.json(), json!({"code": 400, "message": "Timeout must be greater than 0"}));
    let too_long =
        client.api("POST", "/v2/sandboxes", json!({"templateID": "base", "timeout": 90_000})).await;
    assert_eq!(too_long.json()["message"], "Timeout cannot be greater than 24 hours");

    let sandbox = client.create(json!({"timeout": 1})).await;
    until(&sandbox, StatusCode::NOT_FOUND).await;

    let sandbox = client.create(json!({"timeout": 600})).await;
    let end = async || sandbox.detail().await.json()["endAt"].as_str().unwrap().to_owned();
    let first = end().await;
    sandbox.post("connect", json!({"timeout": 5})).await;
    sandbox.post("refreshes", json!({"duration": 20})).await;
    assert_eq!(end().await, first, "connecting and refreshing only extend");
    assert_eq!(sandbox.post("timeout", json!({"timeout": 300})).await.status, StatusCode::NO_CONTENT);
    assert!(end().await < first, "setting may shorten");
    sandbox.post("timeout", json!({"timeout": 0})).await;
    until(&sandbox, StatusCode::NOT_FOUND).await;
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_paused_sandbox_stands_still_and_goes_on_where_it_was() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let mut stream = sandbox.start(shell_request("while sleep 0.01; do echo tick; done"), &[]).await;
    stream.pid().await;
    stream.output("tick").await;
    assert_eq!(sandbox.post("pause", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sandbox.post("pause", json!({})).await.status, StatusCode::CONFLICT);
    assert_eq!(sandbox.detail().await.json()["state"], "paused");
    assert_eq!(sandbox.call("GET", "/health", &[], "").await.status, StatusCode::BAD_GATEWAY);
    // What was under way before the pause is read to its end; then nothing may come for a while.
    let quiet = std::time::Duration::from_millis(300);
    let mut under_way = 0;
    while tokio::time::timeout(quiet, stream.next()).await.is_ok() {
        under_way += 1;
        assert!(under_way < 100, "it still runs");
    }

    let resumed =
        sandbox.client.api("POST", &format!("/v2/sandboxes/{}/connect", sandbox.id), json!({})).await;
    assert_eq!(resumed.status, StatusCode::CREATED);
    assert_eq!(resumed.json()["envdAccessToken"], sandbox.token);
    stream.output("tick").await;
    assert_eq!(sandbox.post("connect", json!({"timeout": 60})).await.status, StatusCode::OK);
    let twice = sandbox.post("resume", json!({})).await;
    assert_eq!(twice.status, StatusCode::CONFLICT);
    assert!(twice.json()["message"].as_str().unwrap().ends_with("is already running"));
    sandbox.post("pause", Value::Null).await;
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT, "paused ones die too");
    running.host.shutdown().await;
}

#[tokio::test]
async fn the_end_may_pause_and_a_request_may_wake() {
    let running = isolated().await;
    let wanted = json!({"timeout": 1, "autoPause": true, "autoResume": {"enabled": true}});
    let sandbox = running.client.create(wanted).await;
    while sandbox.detail().await.json()["state"] != "paused" {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(sandbox.run("echo awake").await.stdout, "awake\n");
    assert_eq!(sandbox.detail().await.json()["state"], "running");
    running.host.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_given_is_refused_and_not_ignored() {
    let running = isolated().await;
    let client = &running.client;
    for part in [json!({"network": {"denyOut": ["0.0.0.0/0"]}}), json!({"volumeMounts": [{"name": "v"}]})] {
        let mut wanted = json!({"templateID": "base"});
        wanted.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        assert_eq!(client.api("POST", "/v2/sandboxes", wanted).await.status, StatusCode::BAD_REQUEST);
    }
    let sandbox = client.create(json!({"network": {"denyOut": []}, "mcp": null})).await;
    let port = sandbox.call("GET", "/health", &[("e2b-sandbox-port", "3000")], "").await;
    assert_eq!(port.status, StatusCode::BAD_GATEWAY);
    assert_eq!(port.json()["message"], "The sandbox is running but port is not open");
    running.host.shutdown().await;

    let dir = tempfile::tempdir().unwrap();
    let host = Host::start(HostOptions { sandboxes_max: 1, ..options(dir.path().into()) }).await.unwrap();
    let client = Client::new(host.url());
    client.create(json!({})).await;
    let full = client.api("POST", "/v2/sandboxes", json!({"templateID": "base"})).await;
    assert_eq!(full.status, StatusCode::TOO_MANY_REQUESTS);
    host.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_is_also_reached_by_its_host_name() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let name = format!("49983-{}.example.com", sandbox.id);
    let named = [("host", name.as_str())];
    let answer = running.client.send("GET", "/health", &named, "".into()).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    let listed = running.client.send("GET", "/v2/sandboxes", &named, "".into()).await;
    assert_eq!(listed.status, StatusCode::NOT_FOUND, "behind that name there is only envd");
    running.host.shutdown().await;
}
