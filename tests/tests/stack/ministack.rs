//! AWS on this machine: ministack, which runs the functions' own binaries, and what of AWS the test asks itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use gitledger_ledger::dynamo::{AccessKeys, DynamoLedger, DynamoSettings, Signed};
use gitledger_tests::{Process, system, tools, wait};
use reqwest::{Method, Url};
use serde_json::Value;
use tempfile::TempDir;

/// Any; ministack has all of them.
pub const REGION: &str = "us-east-1";

/// A ministack of its own, with nothing in it. Dropped, it is killed with the functions that it runs.
pub struct Ministack {
    pub url: String,
    pub process: Process,
    pub http: reqwest::Client,
    dir: TempDir,
}

impl Ministack {
    pub async fn start() -> Self {
        let port = system::free_port();
        let url = format!("http://127.0.0.1:{port}");
        let dir = system::temporary();
        let python = tools::ministack();
        let program = python.script("ministack").unwrap_or_else(|error| panic!("{error}"));
        // By its interpreter: a script names that by its path, and a checkout may have been moved. The environment is
        // that of every function, too: nothing of the test's own is in it.
        let mut command = python.command();
        command.arg(program);
        command
            .env("BIND_HOST", "127.0.0.1")
            .env("IOT_MTLS_ENABLED", "0")
            .env("GATEWAY_PORT", port.to_string());
        command.env("AWS_ENDPOINT_URL", &url).env("HOME", dir.path()).env("TMPDIR", dir.path());
        command.env("S3_DATA_DIR", dir.path().join("s3")).env("STATE_DIR", dir.path().join("state"));
        command.env("PYTHONUNBUFFERED", "1").env("PYTHONDONTWRITEBYTECODE", "1");
        let process = Process::start_group("ministack", command);
        gitledger_sandboxes::tls::install();
        let http =
            reqwest::Client::builder().no_proxy().timeout(Duration::from_mins(2)).build().expect("a client");
        let stack = Self { url, process, http, dir };
        wait::until("ministack answers", async || {
            let answer = stack.http.get(format!("{}/_ministack/health", stack.url)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
        stack
    }

    /// A directory for the test's own files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// One request to one service; it must be taken.
    pub async fn ask(
        &self,
        service: &'static str,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
        body: Vec<u8>,
    ) -> Vec<u8> {
        let url: Url = format!("{}{path}", self.url).parse().expect("a URL");
        let signed = Signed::new(self.http.clone(), keys(), REGION.to_owned(), service);
        let sent = signed.send(method, &url, headers, body).await;
        let (status, bytes) =
            sent.unwrap_or_else(|error| panic!("{service} {path}: {error}\n{}", self.process.said()));
        assert!(status.is_success(), "{service} {path}: {status} {}", String::from_utf8_lossy(&bytes));
        bytes.to_vec()
    }

    /// An action of a service that speaks JSON, by its target.
    pub async fn action(&self, service: &'static str, target: &str, body: &Value) -> Value {
        let headers = [("content-type", "application/x-amz-json-1.0"), ("x-amz-target", target)];
        let bytes = self.ask(service, Method::POST, "/", &headers, body.to_string().into_bytes()).await;
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    }

    /// An action of CloudFormation; its XML.
    pub async fn stack(&self, action: &str, fields: &[(&str, &str)]) -> String {
        let all = [&[("Action", action), ("Version", "2010-05-15")], fields].concat();
        let form = Url::parse_with_params("http://form.invalid", &all).expect("fields");
        let body = form.query().unwrap_or_default().as_bytes().to_vec();
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        let bytes = self.ask("cloudformation", Method::POST, "/", &headers, body).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub async fn upload(&self, bucket: &str, key: &str, file: &Path) {
        let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        self.ask("s3", Method::PUT, &format!("/{bucket}/{key}"), &[], bytes).await;
    }

    /// Invokes a function by the API: its answer, or with `Event` nothing.
    pub async fn invoke(&self, function: &str, kind: &str, payload: &Value) -> Value {
        let path = format!("/2015-03-31/functions/{function}/invocations");
        let headers = [("content-type", "application/json"), ("x-amz-invocation-type", kind)];
        let bytes = self.ask("lambda", Method::POST, &path, &headers, payload.to_string().into_bytes()).await;
        serde_json::from_slice(&bytes).unwrap_or(Value::Null)
    }

    /// Where these tables are.
    pub fn settings(&self, events: &str, log: &str) -> DynamoSettings {
        DynamoSettings {
            region: REGION.to_owned(),
            endpoint: Some(self.url.parse().expect("a URL")),
            keys: keys(),
            events_table: events.to_owned(),
            log_table: log.to_owned(),
            bucket: None,
        }
    }

    /// The ledger in these tables, as a function sees it.
    pub fn ledger(&self, events: &str, log: &str) -> DynamoLedger {
        let made = DynamoLedger::new(self.settings(events, log), self.http.clone());
        made.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The processes of a function, which ministack has started.
    pub fn processes_of(&self, function: &str) -> Vec<u32> {
        let mark = format!("AWS_LAMBDA_FUNCTION_NAME={function}");
        let dirs = std::fs::read_dir("/proc").expect("/proc").flatten();
        let ids = dirs.filter_map(|dir| dir.file_name().to_str()?.parse::<u32>().ok());
        let ours = format!("AWS_ENDPOINT_URL={}", self.url);
        ids.filter(|id| {
            let environ = std::fs::read(PathBuf::from(format!("/proc/{id}/environ"))).unwrap_or_default();
            let has = |wanted: &str| environ.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes());
            has(&mark) && has(&ours)
        })
        .collect()
    }
}

fn keys() -> AccessKeys {
    AccessKeys { id: "test".to_owned(), secret: "test".to_owned(), session_token: None }
}

/// What stands in the first element of this name.
pub fn element(xml: &str, name: &str) -> Option<String> {
    let rest = xml.split_once(&format!("<{name}>"))?.1;
    Some(rest.split_once(&format!("</{name}>"))?.0.to_owned())
}
