//! Watching directories, by a stream and by asking.

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::Sandbox;
use crate::isolated;

const BYTES: [(&str, &str); 1] = [("content-type", "application/octet-stream")];

async fn call(sandbox: &Sandbox, method: &str, body: Value) -> Value {
    sandbox.rpc(&format!("/filesystem.Filesystem/{method}"), body).await.json()
}

/// Name and kind of each.
fn told(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (event["name"].as_str().unwrap(), event["type"].as_str().unwrap())).collect()
}

/// Asks until so many have come.
async fn events(sandbox: &Sandbox, watcher: &Value, count: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let asking = async {
        while all.len() < count {
            let some = call(sandbox, "GetWatcherEvents", watcher.clone()).await;
            all.extend(some["events"].as_array().cloned().unwrap_or_default());
        }
    };
    let _ = tokio::time::timeout(std::time::Duration::from_secs(10), asking).await;
    all
}

#[tokio::test]
async fn an_upload_is_told_as_three_events() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    call(&sandbox, "MakeDir", json!({"path": "w"})).await;
    let watcher = call(&sandbox, "CreateWatcher", json!({"path": "w", "includeEntry": true})).await;
    sandbox.call("POST", "/files?path=w/f", &BYTES, "text").await;
    let events = events(&sandbox, &watcher, 3).await;
    assert_eq!(
        told(&events),
        [("f", "EVENT_TYPE_CREATE"), ("f", "EVENT_TYPE_CHMOD"), ("f", "EVENT_TYPE_WRITE")]
    );
    assert_eq!(events[2]["entry"]["path"], "/home/user/w/f");
    assert_eq!(call(&sandbox, "GetWatcherEvents", watcher.clone()).await, json!({}), "each is told once");
    assert_eq!(call(&sandbox, "RemoveWatcher", watcher.clone()).await, json!({}));
    assert_eq!(call(&sandbox, "GetWatcherEvents", watcher).await["code"], "not_found");
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_stream_tells_what_happens_below_until_its_time_is_up() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    sandbox.run("mkdir -p w/old").await;
    let request = json!({"path": "w", "recursive": true});
    let patience = [("connect-timeout-ms", "5000")];
    let mut stream = sandbox.stream("/filesystem.Filesystem/WatchDir", request, &patience).await;
    assert_eq!(stream.next().await.unwrap().1, json!({"start": {}}));
    sandbox.run("mkdir -p w/a/b && touch w/a/b/f").await;
    let mut seen = Vec::new();
    // What is gone before it was looked at is not told of.
    while !told(&seen).contains(&("a/b/f", "EVENT_TYPE_CREATE")) {
        seen.push(stream.next().await.expect("news").1["filesystem"].clone());
    }
    sandbox.run("chmod 600 w/old && mv w/old w/new && rm -r w/a").await;
    let error = loop {
        match stream.next().await.expect("an end in words") {
            (false, message) => seen.push(message["filesystem"].clone()),
            (true, message) => break message,
        }
    };
    assert_eq!(error["error"]["code"], "deadline_exceeded");
    let seen = told(&seen);
    for event in [
        ("a", "EVENT_TYPE_CREATE"),
        ("a/b", "EVENT_TYPE_CREATE"),
        ("a/b/f", "EVENT_TYPE_CREATE"),
        ("old", "EVENT_TYPE_CHMOD"),
        ("old", "EVENT_TYPE_RENAME"),
        ("new", "EVENT_TYPE_CREATE"),
        ("a/b/f", "EVENT_TYPE_REMOVE"),
        ("a/b", "EVENT_TYPE_REMOVE"),
        ("a", "EVENT_TYPE_REMOVE"),
    ] {
        assert_eq!(seen.iter().filter(|told| **told == event).count(), 1, "{event:?} in {seen:?}");
    }
    running.host.shutdown().await;
}

#[tokio::test]
async fn only_directories_are_watched() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    sandbox.run("touch file").await;
    for (path, code) in [("file", "invalid_argument"), ("absent", "not_found"), ("~x", "invalid_argument")] {
        assert_eq!(call(&sandbox, "CreateWatcher", json!({"path": path})).await["code"], code, "{path}");
        let mut stream = sandbox.stream("/filesystem.Filesystem/WatchDir", json!({"path": path}), &[]).await;
        assert_eq!(stream.next().await.unwrap().1["error"]["code"], code, "{path}");
    }
    let refused = sandbox.rpc("/filesystem.Filesystem/RemoveWatcher", json!({"watcherId": "w0"})).await;
    assert_eq!(refused.status, StatusCode::NOT_FOUND);
    running.host.shutdown().await;
}
