//! Files in parts, compressed, and with what is attached to them.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use hyper::StatusCode;
use serde_json::json;

use crate::isolated;

const BYTES: (&str, &str) = ("content-type", "application/octet-stream");

#[tokio::test]
async fn compressed_files_go_both_ways() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let plain: Vec<u8> = (0..200_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&plain).unwrap();
    let packed = encoder.finish().unwrap();
    let gzip = ("content-encoding", "gzip");
    let up = sandbox.call("POST", "/files?path=f", &[BYTES, gzip], packed.clone()).await;
    assert_eq!(up.status, StatusCode::OK, "{:?}", up.body);
    assert_eq!(sandbox.call("GET", "/files?path=f", &[], "").await.body, plain);
    let cut = sandbox.call("POST", "/files?path=g", &[BYTES, gzip], packed[..1000].to_vec()).await;
    assert_eq!(cut.status, StatusCode::BAD_REQUEST);

    let down = sandbox.call("GET", "/files?path=f", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(down.headers["content-encoding"], "gzip");
    let mut unpacked = Vec::new();
    GzDecoder::new(&down.body[..]).read_to_end(&mut unpacked).unwrap();
    assert!(unpacked == plain);
    let neither = [("accept-encoding", "br, identity;q=0")];
    assert_eq!(sandbox.call("GET", "/files?path=f", &neither, "").await.status, StatusCode::NOT_ACCEPTABLE);
    running.host.shutdown().await;
}

#[tokio::test]
async fn parts_of_files_and_only_what_changed_are_sent_on_request() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    sandbox.call("POST", "/files?path=f.json", &[BYTES], "0123456789").await;
    let whole = sandbox.call("GET", "/files?path=f.json", &[], "").await;
    assert_eq!(
        (&whole.headers["content-type"], &whole.headers["content-length"]),
        (&"application/json".parse().unwrap(), &"10".parse().unwrap())
    );
    assert_eq!(whole.headers["content-disposition"], "inline; filename=\"f.json\"");
    let part = sandbox
        .call("GET", "/files?path=f.json", &[("range", "bytes=2-4"), ("accept-encoding", "gzip")], "")
        .await;
    assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &b"234"[..]));
    assert_eq!(part.headers["content-range"], "bytes 2-4/10");
    let outside = sandbox.call("GET", "/files?path=f.json", &[("range", "bytes=10-")], "").await;
    assert_eq!(outside.status, StatusCode::RANGE_NOT_SATISFIABLE);
    let modified = whole.headers["last-modified"].to_str().unwrap().to_owned();
    let again = sandbox.call("GET", "/files?path=f.json", &[("if-modified-since", &modified)], "").await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    running.host.shutdown().await;
}

#[tokio::test]
async fn what_is_attached_to_a_file_stays_until_its_next_upload() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let attached = [BYTES, ("x-metadata-author", "a b"), ("x-metadata-step", "1")];
    let up = sandbox.call("POST", "/files?path=dir/f", &attached, "x").await.json();
    let pairs = json!({"author": "a b", "step": "1"});
    assert_eq!(up[0]["metadata"], pairs, "does this file system keep extended attributes?");
    let moved = json!({"source": "dir/f", "destination": "dir/g"});
    let moved = sandbox.rpc("/filesystem.Filesystem/Move", moved).await.json();
    assert_eq!(moved["entry"]["metadata"], pairs);
    let listed = sandbox.rpc("/filesystem.Filesystem/ListDir", json!({"path": "dir"})).await.json();
    assert_eq!(listed["entries"][0]["metadata"], pairs);
    let up = sandbox.call("POST", "/files?path=dir/g", &[BYTES], "y").await.json();
    assert!(up[0].get("metadata").is_none());
    let long = "v".repeat(5000);
    let refused = sandbox.call("POST", "/files?path=dir/h", &[BYTES, ("x-metadata-a", &long)], "y").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    running.host.shutdown().await;
}

#[tokio::test]
async fn a_refused_upload_is_answered_and_its_connection_used_again() {
    let running = isolated().await;
    let sandbox = running.client.create(json!({})).await;
    let much = vec![b'x'; 20 << 20];
    for _ in 0..3 {
        let refused = sandbox.call("POST", "/files?path=/usr/f", &[BYTES], much.clone()).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN);
    }
    running.host.shutdown().await;
}
