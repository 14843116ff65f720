//! Files, down and up, and the directory calls.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper::StatusCode;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};

use crate::client::Sandbox;
use crate::isolated;

const BYTES: [(&str, &str); 1] = [("content-type", "application/octet-stream")];

async fn call(sandbox: &Sandbox, method: &str, body: Value) -> Value {
    sandbox.rpc(&format!("/filesystem.Filesystem/{method}"), body).await.json()
}

#[tokio::test]
async fn files_go_up_and_come_down_unchanged() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let content: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    let written = sandbox.call("POST", "/files?path=deep/er/file.bin", &BYTES, content.clone()).await;
    assert_eq!(
        written.json(),
        json!([{"path": "/home/user/deep/er/file.bin", "name": "file.bin", "type": "file"}])
    );
    let read = sandbox.call("GET", "/files?path=/home/user/deep/er/file.bin", &[], "").await;
    assert!(read.body == content, "{} bytes came back of {}", read.body.len(), content.len());
    assert_eq!(sandbox.run("stat -c '%a %U %s' deep/er/file.bin").await.stdout, "644 user 12000000\n");

    let parts = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"one\"\r\n\r\n1\r\n\
        --b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"/tmp/two\"\r\n\r\n22\r\n--b--\r\n";
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    let written = sandbox.call("POST", "/files", &multipart, parts).await.json();
    assert_eq!((&written[0]["path"], &written[1]["path"]), (&json!("/home/user/one"), &json!("/tmp/two")));
    assert_eq!(sandbox.run("cat one /tmp/two").await.stdout, "122");
    let same_path = sandbox.call("POST", "/files?path=x", &multipart, parts).await;
    assert_eq!(same_path.status, StatusCode::BAD_REQUEST);

    let absent = sandbox.call("GET", "/files?path=absent", &[], "").await;
    assert_eq!(
        (absent.status, &absent.json()["message"]),
        (StatusCode::NOT_FOUND, &json!("path '/home/user/absent' does not exist"))
    );
    let directory = sandbox.call("GET", "/files?path=deep", &[], "").await;
    assert_eq!(directory.status, StatusCode::BAD_REQUEST);
    running.host.shutdown().await;
}

/// A form's end, and the request's a moment later: the connection within stands until both have come, and the answer
/// is no 502.
#[tokio::test]
async fn a_form_whose_request_ends_a_moment_later_is_answered() {
    const FORM: &str =
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n1\r\n--b--\r\n";
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let address = running.client.url.strip_prefix("http://").unwrap();
    let head = format!(
        "POST /files HTTP/1.1\r\nhost: h\r\ne2b-sandbox-id: {}\r\nx-access-token: {}\r\n\
         content-type: multipart/form-data; boundary=b\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{FORM}\r\n",
        sandbox.id,
        sandbox.token,
        FORM.len()
    );
    for pause_us in (0..400).map(|upload| upload * 5) {
        let mut connection = tokio::net::TcpStream::connect(address).await.unwrap();
        connection.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_micros(pause_us)).await;
        connection.write_all(b"0\r\n\r\n").await.unwrap();
        let mut line = String::new();
        BufReader::new(connection).read_line(&mut line).await.unwrap();
        assert_eq!(line, "HTTP/1.1 200 OK\r\n", "with {pause_us} us between");
    }
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_signed_url_opens_one_file_without_token_or_id() {
    let running = isolated().await;
    let other = running.client.create(json!({})).await;
    let sandbox = running.client.create(json!({})).await;
    sandbox.call("POST", "/files?path=/tmp/a", &BYTES, "signed").await;
    other.call("POST", "/files?path=/tmp/a", &BYTES, "not this").await;
    let digest = Sha256::digest(format!("/tmp/a:read::{}", sandbox.token));
    let signature = STANDARD_NO_PAD.encode(digest).replace('+', "%2B").replace('/', "%2F");
    let url = format!("/files?path=/tmp/a&signature=v1_{signature}");
    let read = running.client.send("GET", &url, &[], "".into()).await;
    assert_eq!((read.status, &read.body[..]), (StatusCode::OK, &b"signed"[..]));
    let written = running.client.send("POST", &url, &BYTES, "changed".into()).await;
    assert_eq!(written.status, StatusCode::UNAUTHORIZED, "it is for reading, so it names no sandbox");
    let digest = Sha256::digest(format!("/tmp/a:read::{}:1", sandbox.token));
    let signature = STANDARD_NO_PAD.encode(digest).replace('+', "%2B").replace('/', "%2F");
    let url = format!("/files?path=/tmp/a&signature_expiration=1&signature=v1_{signature}");
    let expired = running.client.send("GET", &url, &[], "".into()).await;
    assert_eq!(expired.json(), json!({"code": 401, "message": "signature is already expired"}));
    let unsigned = Sandbox { token: String::new(), ..sandbox.clone() };
    let headers = [("e2b-sandbox-id", unsigned.id.as_str())];
    let refused = running.client.send("GET", "/files?path=/tmp/a", &headers, "".into()).await;
    assert_eq!(refused.json(), json!({"code": 401, "message": "missing signature query parameter"}));
    running.host.shutdown().await;
}

#[tokio::test]
async fn directories_are_made_listed_moved_and_removed() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let made = call(&sandbox, "MakeDir", json!({"path": "a/b"})).await["entry"].clone();
    for (field, value) in [
        ("name", "b"),
        ("type", "FILE_TYPE_DIRECTORY"),
        ("path", "/home/user/a/b"),
        ("permissions", "drwxr-xr-x"),
        ("owner", "user"),
        ("group", "user"),
    ] {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(call(&sandbox, "MakeDir", json!({"path": "a"})).await["code"], "already_exists");
    sandbox.run("echo 12345 > a/f; ln -s f a/link; ln -s nowhere a/broken; mkdir a/b/c").await;

    let names = |listed: &Value| -> Vec<String> {
        let entries = listed["entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["path"].as_str().unwrap().replace("/home/user/", "")).collect()
    };
    let listed = call(&sandbox, "ListDir", json!({"path": "a"})).await;
    assert_eq!(names(&listed), ["a/b", "a/broken", "a/f", "a/link"]);
    assert_eq!(listed["entries"][2]["size"], "6");
    assert_eq!(listed["entries"][3]["type"], "FILE_TYPE_FILE");
    assert_eq!(listed["entries"][3]["symlinkTarget"], "/home/user/a/f");
    let broken = &listed["entries"][1];
    assert_eq!((&broken["type"], &broken["mode"]), (&Value::Null, &Value::Null), "nobody knows");
    assert_eq!(broken["symlinkTarget"], "/home/user/a/broken");
    let deeper = call(&sandbox, "ListDir", json!({"path": "a", "depth": 2})).await;
    assert_eq!(names(&deeper), ["a/b", "a/b/c", "a/broken", "a/f", "a/link"]);
    assert_eq!(call(&sandbox, "ListDir", json!({"path": "a/f"})).await["code"], "invalid_argument");

    let moved = call(&sandbox, "Move", json!({"source": "a/f", "destination": "/tmp/new/g"})).await;
    assert_eq!(moved["entry"]["path"], "/tmp/new/g");
    assert_eq!(sandbox.run("cat /tmp/new/g; ls a/f").await.stdout, "12345\n");
    assert_eq!(
        call(&sandbox, "Move", json!({"source": "a/f", "destination": "h"})).await["code"],
        "not_found"
    );
    assert_eq!(call(&sandbox, "Stat", json!({"path": "a/f"})).await["code"], "not_found");
    for _ in 0..2 {
        assert_eq!(call(&sandbox, "Remove", json!({"path": "a"})).await, json!({}));
    }
    assert_eq!(call(&sandbox, "Remove", json!({"path": "/usr/bin/env"})).await["code"], "permission_denied");
    running.host.shutdown().await;
}
