//! `gitledger up` as a child, asked over HTTP as a user asks it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::{Origin, Process, program, tools};

/// What a system is started with; keeps its data directory over stops and kills. Drop it last.
#[derive(Debug)]
pub struct Setup {
    dir: TempDir,
    env: Vec<(String, String)>,
}

/// A system that runs. Dropped, it is killed; its sandboxes end with it.
#[derive(Debug)]
pub struct System {
    process: Process,
    url: String,
    data: PathBuf,
    client: reqwest::Client,
}

/// A directory that is removed when it is dropped.
pub fn temporary() -> TempDir {
    match tempfile::Builder::new().prefix("gitledger-test-").tempdir() {
        Ok(dir) => dir,
        Err(error) => panic!("no temporary directory: {error}"),
    }
}

/// A port that was free a moment ago, for programs that take no zero.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    match listener {
        Ok(address) => address.port(),
        Err(error) => panic!("no free port: {error}"),
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self::new()
    }
}

impl Setup {
    /// A new data directory, no remotes but public ones, no tokens.
    pub fn new() -> Self {
        Self { dir: temporary(), env: Vec::new() }
    }

    /// The same with one more variable in the program's environment.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<Path>) -> Self {
        self.env.push((name.to_owned(), value.as_ref().to_string_lossy().into_owned()));
        self
    }

    /// The same, admitting this origin and holding its token.
    #[must_use]
    pub fn admitting(self, origin: &Origin) -> Self {
        self.with("GITLEDGER_ALLOW_REMOTES", origin.remote.url())
            .with("GITLEDGER_GIT_TOKENS", origin.tokens_file())
    }

    /// The data directory.
    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// `gitledger` with these arguments and the whole environment of this setup: nothing of the test's own
    /// environment is in it but the search path, on which `bwrap` is.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program::gitledger());
        command.args(arguments).current_dir(self.dir.path()).env_clear();
        command.env("PATH", tools::path_with(&[&tools::bwrap()])).env("LANG", "C.UTF-8");
        command.env("HOME", self.dir.path()).env("GITLEDGER_DATA", self.data());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs a short command of the program to its end, for example `["events", "--json"]`.
    pub fn run(&self, arguments: &[&str]) -> Output {
        match self.command(arguments).stdin(std::process::Stdio::null()).output() {
            Ok(output) => output,
            Err(error) => panic!("gitledger {arguments:?}: {error}"),
        }
    }

    /// Makes an API key, `gitledger keys create`; the key itself.
    pub fn key(&self, name: &str, arguments: &[&str]) -> String {
        let output = self.run(&[&["keys", "create", "--name", name], arguments].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "keys create: {said}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Every event in the ledger, in order, as `gitledger events --json` tells them.
    pub fn events(&self) -> Vec<Value> {
        let output = self.run(&["events", "--json"]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "events: {}", String::from_utf8_lossy(&output.stderr));
        let event = |line: &str| match serde_json::from_str(line) {
            Ok(event) => event,
            Err(error) => panic!("events --json printed {line:?}: {error}"),
        };
        text.lines().map(event).collect()
    }

    /// `gitledger up` on free ports; returns when it answers.
    pub async fn start(&self) -> System {
        self.start_with(&[]).await
    }

    /// The same with more arguments.
    pub async fn start_with(&self, arguments: &[&str]) -> System {
        self.start_at("127.0.0.1:0", arguments).await
    }

    /// The same where the gateway listens elsewhere.
    pub async fn start_at(&self, listen: &str, arguments: &[&str]) -> System {
        let mut up = vec!["up", "--listen", listen, "--host-listen", "127.0.0.1:0"];
        up.extend(arguments);
        let mut process = Process::start("gitledger up", self.command(&up));
        let gateway = |line: &str| line.strip_prefix("gateway ").map(|url| url.trim().to_owned());
        let url = process.line("the gateway's address", gateway).await;
        let (client, data) = (client(), self.data());
        let system = System { process, url, data, client };
        // The greeting comes before the last of the start, or after: health says which.
        crate::wait::until("the gateway's health", async || {
            let answer = system.client.get(format!("{}/healthz", system.url)).send().await;
            answer.is_ok_and(|answer| answer.status().is_success()).then_some(())
        })
        .await;
        system
    }
}

impl System {
    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The data directory.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The program's process id.
    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// What the program has printed so far.
    pub fn log(&self) -> String {
        self.process.said()
    }

    /// Asks; status and body. A body that is no JSON comes as a JSON text, an empty one as null.
    pub async fn get(&self, path: &str) -> (u16, Value) {
        self.send(self.client.get(format!("{}{path}", self.url))).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.send(self.client.post(format!("{}{path}", self.url)).json(body)).await
    }

    /// Posts JSON under an `Idempotency-Key`.
    pub async fn post_once(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(format!("{}{path}", self.url)).header("Idempotency-Key", key);
        self.send(request.json(body)).await
    }

    /// A request of any other kind, to be completed and given to [`System::send`].
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url))
    }

    /// Sends a request; fails the test when there is no answer.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        match answer(request).await {
            Ok(answer) => answer,
            Err(error) => panic!("{}: {error:?}; the program said:\n{}", self.url, self.log()),
        }
    }

    /// Sends a request that may get no answer, because the program is killed meanwhile.
    pub async fn try_send(&self, request: reqwest::RequestBuilder) -> Option<(u16, Value)> {
        answer(request).await.ok()
    }

    /// An operation that must succeed; its whole answer.
    pub async fn operate(&self, operation: &str, input: &Value) -> Value {
        let (status, answer) = self.post(&path(operation), input).await;
        let succeeded = status == 200 && answer["outcome"] == "succeeded";
        assert!(succeeded, "{operation}: {status} {answer:#}\nthe program said:\n{}", self.log());
        answer
    }

    /// Stops it as Ctrl-C does; it must exit 0. Returns what it printed.
    pub async fn stop(self) -> String {
        self.process.interrupt().await
    }

    /// Kills it with SIGKILL. Returns what it printed.
    pub async fn kill(self) -> String {
        self.process.kill().await
    }
}

/// Where an operation is asked for.
pub fn path(operation: &str) -> String {
    let about = operation.strip_prefix("sandbox-").map(|verb| format!("/sandbox/{verb}"));
    about.unwrap_or_else(|| format!("/git/{operation}"))
}

async fn answer(request: reqwest::RequestBuilder) -> reqwest::Result<(u16, Value)> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    let value = if text.is_empty() {
        Value::Null
    } else {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    };
    Ok((status, value))
}

/// A client for programs on this machine: plain HTTP, no proxy, a deadline.
pub fn client() -> reqwest::Client {
    gitledger_sandboxes::tls::install();
    let builder = reqwest::Client::builder().no_proxy().timeout(crate::wait::PATIENCE);
    match builder.build() {
        Ok(client) => client,
        Err(error) => panic!("no HTTP client: {error}"),
    }
}
