//! A small client for both protocols, as plain as the wire.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Buf as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::{HeaderMap, Request, StatusCode};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

type Http = hyper_util::client::legacy::Client<HttpConnector, Full<Bytes>>;

#[derive(Clone)]
pub struct Client {
    pub url: String,
    http: Http,
}

/// An answer read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("{} with a body that is not JSON: {:?}", self.status, self.body))
    }
}

impl Client {
    pub fn new(url: String) -> Self {
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new()).build_http();
        Self { url, http }
    }

    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: Bytes) -> Answer {
        let response = self.open(method, path, headers, body).await;
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        Answer { status: head.status, headers: head.headers, body }
    }

    pub async fn open(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> hyper::Response<Incoming> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.http.request(request.body(Full::new(body)).expect("a request")).await.expect("an answer")
    }

    /// A call of the control plane.
    pub async fn api(&self, method: &str, path: &str, body: Value) -> Answer {
        let body = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        self.send(method, path, &[("x-api-key", "e2b_00"), ("content-type", "application/json")], body).await
    }

    pub async fn create(&self, body: Value) -> Sandbox {
        let mut wanted = json!({"templateID": "base", "timeout": 60});
        wanted.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let answer = self.api("POST", "/v2/sandboxes", wanted).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{:?}", answer.body);
        let made = answer.json();
        Sandbox {
            client: self.clone(),
            id: made["sandboxID"].as_str().unwrap().to_owned(),
            token: made["envdAccessToken"].as_str().unwrap_or_default().to_owned(),
        }
    }

    pub async fn kill(&self, id: &str) -> StatusCode {
        self.api("DELETE", &format!("/sandboxes/{id}"), Value::Null).await.status
    }
}

/// A sandbox and the right to speak to it.
#[derive(Clone)]
pub struct Sandbox {
    pub client: Client,
    pub id: String,
    pub token: String,
}

/// What a command did.
#[derive(Debug, Default, PartialEq)]
pub struct Ran {
    pub pid: u64,
    pub stdout: String,
    pub stderr: String,
    pub end: Value,
    /// The stream's error, when it ended with one.
    pub error: Value,
}

impl Ran {
    pub fn code(&self) -> i64 {
        assert!(self.end.is_object(), "no end: {self:?}");
        self.end["exitCode"].as_i64().unwrap_or(0)
    }
}

impl Sandbox {
    fn headers<'a>(&'a self, extra: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        let mut headers = vec![("e2b-sandbox-id", self.id.as_str()), ("x-access-token", self.token.as_str())];
        headers.extend_from_slice(extra);
        headers
    }

    pub async fn call(
        &self,
        method: &str,
        path: &str,
        extra: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        self.client.send(method, path, &self.headers(extra), body.into()).await
    }

    /// A unary call.
    pub async fn rpc(&self, path: &str, body: Value) -> Answer {
        self.call("POST", path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn stream(&self, path: &str, body: Value, extra: &[(&str, &str)]) -> Stream {
        let enveloped = envelope(0, body.to_string().as_bytes());
        self.stream_raw(path, enveloped.into(), extra).await
    }

    /// A stream whose request is written by the test, envelopes and all.
    pub async fn stream_raw(&self, path: &str, body: Bytes, extra: &[(&str, &str)]) -> Stream {
        let mut headers = self.headers(&[("content-type", "application/connect+json")]);
        headers.extend_from_slice(extra);
        let response = self.client.open("POST", path, &headers, body).await;
        assert_eq!(response.status(), StatusCode::OK);
        Stream { body: response.into_body(), buffer: BytesMut::new() }
    }

    pub async fn start(&self, request: Value, extra: &[(&str, &str)]) -> Stream {
        self.stream("/process.Process/Start", request, extra).await
    }

    pub async fn run(&self, shell: &str) -> Ran {
        self.start(shell_request(shell), &[]).await.finish().await
    }

    pub async fn post(&self, action: &str, body: Value) -> Answer {
        self.client.api("POST", &format!("/sandboxes/{}/{action}", self.id), body).await
    }

    pub async fn detail(&self) -> Answer {
        self.client.api("GET", &format!("/sandboxes/{}", self.id), Value::Null).await
    }
}

/// One envelope of a stream.
pub fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap().to_be_bytes();
    [&[flags], &length[..], message].concat()
}

pub fn shell_request(shell: &str) -> Value {
    json!({"process": {"cmd": "/bin/bash", "args": ["-l", "-c", shell]}, "stdin": false})
}

/// The events of one process.
pub struct Stream {
    body: Incoming,
    buffer: BytesMut,
}

impl Stream {
    /// The next envelope: whether it is the last, and its message. None when the connection ended.
    pub async fn next(&mut self) -> Option<(bool, Value)> {
        loop {
            if self.buffer.len() >= 5 {
                let length = u32::from_be_bytes(self.buffer[1..5].try_into().unwrap()) as usize;
                if self.buffer.len() >= 5 + length {
                    let last = self.buffer[0] & 2 != 0;
                    self.buffer.advance(5);
                    let message = self.buffer.split_to(length);
                    return Some((last, serde_json::from_slice(&message).expect("JSON")));
                }
            }
            let frame = self.body.frame().await?.ok()?;
            self.buffer.extend_from_slice(frame.data_ref()?);
        }
    }

    /// The pid in the first event.
    pub async fn pid(&mut self) -> u64 {
        let (_, first) = self.next().await.expect("a first event");
        first["event"]["start"]["pid"].as_u64().expect("the start event comes first")
    }

    /// Reads on until there was this much output.
    pub async fn output(&mut self, wanted: &str) {
        let mut seen = String::new();
        while !seen.contains(wanted) {
            let (last, message) = self.next().await.expect("output");
            assert!(!last, "ended before {wanted:?}: {seen:?} {message}");
            for kind in ["stdout", "pty"] {
                seen.push_str(&text(&message["event"]["data"][kind]));
            }
        }
    }

    /// Reads on until there was this much on the error output.
    pub async fn errors(&mut self, wanted: &str) {
        let mut seen = String::new();
        while !seen.contains(wanted) {
            let (last, message) = self.next().await.expect("errors");
            assert!(!last, "ended before {wanted:?}: {seen:?} {message}");
            seen.push_str(&text(&message["event"]["data"]["stderr"]));
        }
    }

    pub async fn finish(mut self) -> Ran {
        let mut ran = Ran::default();
        while let Some((last, message)) = self.next().await {
            let event = &message["event"];
            ran.stdout.push_str(&text(&event["data"]["stdout"]));
            ran.stderr.push_str(&text(&event["data"]["stderr"]));
            if let Some(pid) = event["start"]["pid"].as_u64() {
                ran.pid = pid;
            }
            if event["end"].is_object() {
                ran.end = event["end"].clone();
            }
            if last {
                ran.error = message["error"].clone();
            }
        }
        ran
    }
}

fn text(encoded: &Value) -> String {
    let bytes = STANDARD.decode(encoded.as_str().unwrap_or_default()).expect("base64");
    String::from_utf8(bytes).expect("text")
}
