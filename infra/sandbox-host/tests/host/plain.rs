//! Without bwrap: the same wire, less protection, and still nothing left behind.

use hyper::StatusCode;
use serde_json::{Value, json};

use gitledger_sandbox_host::Isolation;

use crate::cleanup::{none_marked, processes_marked, until};
use crate::start;

#[tokio::test]
async fn a_plain_sandbox_maps_its_directories_and_runs_commands_there() {
    let running = start(false).await;
    assert_eq!(running.host.isolation(), Isolation::Plain);
    let sandbox = running.client.create(json!({})).await;
    let bytes = [("content-type", "application/octet-stream")];
    let written = sandbox.call("POST", "/files?path=/home/user/a", &bytes, "content").await.json();
    assert_eq!(written[0]["path"], "/home/user/a");
    let ran = sandbox.run("cat a; pwd; echo $HOME").await;
    let home = running.dir.path().canonicalize().unwrap().join("s").join(&sandbox.id).join("home/user");
    assert_eq!(ran.stdout, format!("content{0}\n{0}\n", home.display()));
    let listed = sandbox.rpc("/filesystem.Filesystem/ListDir", json!({"path": "/home"})).await.json();
    assert_eq!(listed["entries"][0]["path"], "/home/user");
    let offline = json!({"templateID": "base", "allow_internet_access": false});
    let refused = running.client.api("POST", "/v2/sandboxes", offline).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_plain_sandbox_pauses_and_dies_with_all_it_started() {
    let running = start(false).await;
    let sandbox = running.client.create(json!({})).await;
    let started = sandbox.run("setsid sleep 1000 >/dev/null 2>&1 & (sleep 1000 >/dev/null 2>&1 &)").await;
    assert_eq!(started.code(), 0);
    // envd and two that left their group.
    until(3, || processes_marked(running.dir.path()).len()).await;
    assert_eq!(sandbox.post("pause", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(sandbox.post("connect", json!({"timeout": 60})).await.status, StatusCode::CREATED);
    assert_eq!(sandbox.run("echo on").await.stdout, "on\n");
    sandbox.post("pause", Value::Null).await;
    assert_eq!(running.client.kill(&sandbox.id).await, StatusCode::NO_CONTENT);
    none_marked(running.dir.path());
    assert!(!running.dir.path().join("s").join(&sandbox.id).exists());
    running.host.shutdown().await;
}
