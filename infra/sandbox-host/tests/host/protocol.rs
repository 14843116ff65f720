//! What is the same for every call: codecs, compression, users, measures.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use serde_json::json;

use crate::client::{envelope, shell_request};
use crate::isolated;

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn compressed_requests_are_understood() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let request = shell_request("echo unpacked").to_string();
    let packed = envelope(1, &gzip(request.as_bytes()));
    let headers = [("connect-content-encoding", "gzip")];
    let ran = sandbox.stream_raw("/process.Process/Start", packed.into(), &headers).await.finish().await;
    assert_eq!(ran.stdout, "unpacked\n");

    let (path, json) = ("/filesystem.Filesystem/Stat", ("content-type", "application/json"));
    let body = gzip(br#"{"path": "/tmp"}"#);
    let stat = sandbox.call("POST", path, &[json, ("content-encoding", "gzip")], body.clone()).await;
    assert_eq!(stat.json()["entry"]["permissions"], "drwxr-xr-x");
    let stat = sandbox.call("POST", path, &[json, ("content-encoding", "br")], body).await;
    assert_eq!(stat.json()["code"], "unimplemented");
    running.host.shutdown().await;
}

#[tokio::test]
async fn other_codecs_and_methods_are_refused_in_http() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    for content_type in ["application/proto", "application/connect+proto", "application/grpc", "text/plain"] {
        let headers = [("content-type", content_type)];
        let answer = sandbox.call("POST", "/process.Process/List", &headers, "").await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{content_type}");
        assert!(answer.headers["accept-post"].to_str().unwrap().contains("application/json"));
    }
    let charset = [("content-type", "application/json; charset=utf-8")];
    assert_eq!(sandbox.call("POST", "/process.Process/List", &charset, "{}").await.status, StatusCode::OK);
    let get = sandbox.call("GET", "/process.Process/List", &charset, "").await;
    assert_eq!(get.status, StatusCode::METHOD_NOT_ALLOWED);
    running.host.shutdown().await;
}

#[tokio::test]
async fn root_has_a_name_and_a_home_of_its_own() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let root = format!("Basic {}", STANDARD.encode("root:"));
    let request = shell_request("echo $USER $LOGNAME $HOME; pwd; cd; echo here > file");
    let ran = sandbox.start(request, &[("authorization", &root)]).await.finish().await;
    assert_eq!(ran.stdout, "root root /root\n/root\n");
    let read = sandbox.call("GET", "/files?path=file&username=root", &[], "").await;
    assert_eq!(read.body, "here\n");
    let stranger = sandbox.call("GET", "/files?path=file&username=other", &[], "").await;
    assert_eq!(stranger.status, StatusCode::UNAUTHORIZED);

    let stranger = format!("Basic {}", STANDARD.encode("other:"));
    let headers = [("content-type", "application/json"), ("authorization", stranger.as_str())];
    let refused = sandbox.call("POST", "/filesystem.Filesystem/Stat", &headers, "{}").await;
    assert_eq!(
        (refused.status, refused.json()["message"].as_str()),
        (StatusCode::UNAUTHORIZED, Some("invalid username: 'other'"))
    );
    running.host.shutdown().await;
}

#[tokio::test]
async fn sudo_runs_what_it_is_given() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({"envVars": {"FOO": "bar"}})).await;
    let ran = sandbox
        .run(r#"sudo echo "$FOO"; sudo -u user -E A=1 env | grep ^A=; sudo -n -- sh -c 'exit 3'"#)
        .await;
    assert_eq!((ran.stdout.as_str(), ran.code()), ("bar\nA=1\n", 3));
    running.host.shutdown().await;
}

#[tokio::test]
async fn measures_and_environment_are_told() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({"envVars": {"FOO": "bar"}})).await;
    let envs = sandbox.call("GET", "/envs", &[], "").await.json();
    assert_eq!((&envs["E2B_SANDBOX"], &envs["FOO"]), (&json!("true"), &json!("bar")));
    let measures = sandbox.call("GET", "/metrics", &[], "").await.json();
    for name in [
        "ts",
        "cpu_count",
        "mem_total",
        "mem_used",
        "mem_total_mib",
        "mem_used_mib",
        "disk_total",
        "disk_used",
    ] {
        assert!(measures[name].as_u64().is_some_and(|number| number > 0), "{name} in {measures}");
    }
    assert!((0.0..=100.0).contains(&measures["cpu_used_pct"].as_f64().unwrap()));
    running.host.shutdown().await;
}
