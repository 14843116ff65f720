//! A real NATS with `JetStream` on a free port, and what is in its stream as the official client reads it.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Process, system, tools, workspace};

/// The stream that the feed makes.
pub const STREAM: &str = "GITLEDGER";

/// A NATS server; what it keeps outlives it.
#[derive(Debug)]
pub struct Nats {
    address: String,
    dir: TempDir,
    token: Option<&'static str>,
    process: Option<Process>,
}

impl Nats {
    /// Starts one; returns when it listens.
    pub async fn start() -> Self {
        Self::with(None).await
    }

    /// The same, letting in only who has this token.
    pub async fn with(token: Option<&'static str>) -> Self {
        let mut server =
            Self { address: "127.0.0.1:-1".to_owned(), dir: system::temporary(), token, process: None };
        server.start_again().await;
        server
    }

    /// Starts it after it was killed, at the same address and with what it had.
    pub async fn start_again(&mut self) {
        let port = self.address.rsplit_once(':').map_or("-1", |(_, port)| port).to_owned();
        let config = self.dir.path().join("nats.conf");
        let authorization =
            self.token.map_or_else(String::new, |token| format!("authorization {{ token: \"{token}\" }}\n"));
        let store = self.dir.path().join("store");
        let text = format!("{authorization}jetstream {{ store_dir: \"{}\" }}\n", store.display());
        if let Err(error) = std::fs::write(&config, text) {
            panic!("{}: {error}", config.display());
        }
        let mut command = Command::new(tools::nats_server());
        command.arg(format!("--config={}", config.display()));
        command.args(["--addr=127.0.0.1", &format!("--port={port}")]);
        let mut process = Process::start("nats-server", command);
        let listens =
            |line: &str| Some(line.split_once("Listening for client connections on ")?.1.trim().to_owned());
        self.address = process.line("its address", listens).await;
        process.line("it is ready", |line| line.contains("Server is ready").then_some(())).await;
        self.process = Some(process);
    }

    /// Kills it with SIGKILL.
    pub async fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill().await;
        }
    }

    /// Its address, for `NATS_URL`.
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Makes the stream before the feed does, with this window in which it knows an id again.
    pub fn make_stream(&self, window_ms: u64) {
        self.client(&["make", STREAM, &window_ms.to_string()]);
    }

    /// Everything in the stream, in its order: `seq`, `subject`, `id` (the header) and `event`.
    pub fn messages(&self) -> Vec<Value> {
        let text = self.client(&["dump", STREAM]);
        let message = |line: &str| match serde_json::from_str(line) {
            Ok(message) => message,
            Err(error) => panic!("{line:?}: {error}"),
        };
        text.lines().map(message).collect()
    }

    /// How many messages are in the stream.
    pub fn count(&self) -> u64 {
        self.client(&["count", STREAM]).trim().parse().unwrap_or_default()
    }

    fn client(&self, arguments: &[&str]) -> String {
        let mut command = tools::nats_client().command();
        command.arg(script()).arg(self.url()).args(arguments);
        if let Some(token) = self.token {
            command.env("NATS_TOKEN", token);
        }
        let output = match command.output() {
            Ok(output) => output,
            Err(error) => panic!("python: {error}"),
        };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

fn script() -> PathBuf {
    workspace::root().join("tests/python/feed.py")
}
