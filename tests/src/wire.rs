//! HTTP by hand, for requests that a well-behaved client cannot send.

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::System;
use crate::wait::PATIENCE;

/// What came back.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status; zero when there was no answer.
    pub status: u16,
    /// The head, header names in lower case.
    pub head: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

/// Sends a request with exactly these lines of head (without `Host`, `Connection` and lengths unless they are
/// among them) and these bytes of body, and reads the answer, even while the body is still on its way.
pub async fn send(system: &System, head: &str, body: &[u8]) -> Reply {
    let authority = system.url().trim_start_matches("http://");
    let lower = head.to_ascii_lowercase();
    let mut request = head.trim_end().replace('\n', "\r\n");
    if !lower.contains("\nhost:") {
        request += "\r\nHost: ";
        request += authority;
    }
    if !lower.contains("content-length:") && !lower.contains("transfer-encoding:") {
        request += "\r\nContent-Length: ";
        request += &body.len().to_string();
    }
    request.push_str("\r\nConnection: close\r\n\r\n");
    match tokio::time::timeout(PATIENCE, exchange(authority, request.as_bytes(), body)).await {
        Ok(Ok(bytes)) => read(&bytes),
        Ok(Err(error)) => panic!("{head:?}: {error}; the program said:\n{}", system.log()),
        Err(late) => panic!("{head:?}: {late}; the program said:\n{}", system.log()),
    }
}

/// A body in chunks, as one that does not know its length.
pub fn chunked(body: &[u8]) -> Vec<u8> {
    let mut sent = Vec::with_capacity(body.len() + 1024);
    for chunk in body.chunks(64 << 10) {
        sent.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        sent.extend_from_slice(chunk);
        sent.extend_from_slice(b"\r\n");
    }
    sent.extend_from_slice(b"0\r\n\r\n");
    sent
}

async fn exchange(authority: &str, head: &[u8], body: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(authority).await?;
    let (mut from, mut to) = stream.split();
    let give = async {
        // A server that has heard enough may close before the end.
        let _ = to.write_all(head).await;
        let _ = to.write_all(body).await;
    };
    let mut answer = Vec::new();
    let take = async {
        let mut chunk = vec![0; 64 << 10];
        // A reset after the answer is no less an answer.
        while let Ok(length @ 1..) = from.read(&mut chunk).await {
            answer.extend_from_slice(&chunk[..length]);
        }
    };
    tokio::join!(give, take);
    Ok(answer)
}

fn read(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let body = bytes.get(end + 4..).unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
    Reply { status, head, body: serde_json::from_slice(body).unwrap_or_default() }
}
