//! envd, the agent inside each sandbox: start a process and follow it, signal it, put and take files.

mod call;
mod events;
mod files;
mod frames;
mod stream;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;

pub use call::EnvdError;
pub use events::{End, ProcessEvent};
pub use frames::{Frame, FrameError, Frames};
pub use stream::ProcessStream;

use self::tokens::Tokens;
use crate::{ControlPlane, SandboxError};

/// A process to be started: a program with arguments, never shell text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessStart {
    /// The program.
    pub cmd: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Its environment, on top of the sandbox's.
    pub envs: Vec<(String, String)>,
    /// Where; `None` for the user's home.
    pub cwd: Option<String>,
    /// By which it is found again.
    pub tag: String,
    /// When envd kills it (SIGKILL, the process alone): a backstop, never the way to stop it.
    pub timeout: Duration,
}

/// A process that runs in a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunningProcess {
    /// Its id inside the sandbox.
    #[serde(default)]
    pub pid: u32,
    /// The tag it was started with.
    #[serde(default)]
    pub tag: Option<String>,
}

/// What can be sent to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Signal {
    /// Ask it to end.
    #[serde(rename = "SIGNAL_SIGTERM")]
    Term,
    /// End it.
    #[serde(rename = "SIGNAL_SIGKILL")]
    Kill,
}

/// The client of every sandbox's envd. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Envd {
    control: ControlPlane,
    tokens: Arc<Tokens>,
    /// A sandbox's template has no such shell; it is not asked for again.
    pub(crate) no_dash: Arc<AtomicBool>,
}

impl Envd {
    /// A client that asks the control plane for what it needs to reach a sandbox.
    pub fn new(control: ControlPlane) -> Self {
        Self { control, tokens: Arc::default(), no_dash: Arc::default() }
    }

    /// Starts a process; its events follow in the stream. Dropping the stream does not end the process.
    pub async fn start(&self, sandbox_id: &str, start: &ProcessStart) -> Result<ProcessStream, EnvdError> {
        let envs: serde_json::Map<_, _> =
            start.envs.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        let mut process = json!({ "cmd": start.cmd, "args": start.args, "envs": envs });
        if let Some(cwd) = &start.cwd {
            process["cwd"] = json!(cwd);
        }
        let body = json!({ "process": process, "tag": start.tag, "stdin": false });
        self.stream(sandbox_id, "process.Process/Start", &body, start.timeout).await
    }

    /// Follows a process that was started before. What it printed in between is lost.
    pub async fn reconnect(
        &self,
        sandbox_id: &str,
        tag: &str,
        timeout: Duration,
    ) -> Result<ProcessStream, EnvdError> {
        let body = json!({ "process": { "tag": tag } });
        self.stream(sandbox_id, "process.Process/Connect", &body, timeout).await
    }

    /// What runs in the sandbox.
    pub async fn processes(&self, sandbox_id: &str) -> Result<Vec<RunningProcess>, SandboxError> {
        #[derive(Deserialize)]
        struct Processes {
            #[serde(default)]
            processes: Vec<RunningProcess>,
        }
        let body = self.unary(sandbox_id, "process.Process/List", &json!({})).await?;
        let all: Processes = serde_json::from_slice(&body)
            .map_err(|error| SandboxError::Protocol(format!("process list: {error}")))?;
        Ok(all.processes)
    }

    /// Signals a process. False when there is none with this tag.
    pub async fn signal(&self, sandbox_id: &str, tag: &str, signal: Signal) -> Result<bool, SandboxError> {
        let body = json!({ "process": { "tag": tag }, "signal": signal });
        match self.unary(sandbox_id, "process.Process/SendSignal", &body).await {
            Ok(_) => Ok(true),
            Err(EnvdError::Refused { code, .. }) if code == "not_found" => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Remembers what a sandbox's creation or waking told, which saves asking for it.
    pub fn remember(&self, created: &crate::control::Created) {
        self.tokens.put(&created.sandbox_id, created.access_token.clone(), created.domain.clone());
    }

    /// Forgets a sandbox that is gone.
    pub fn forget(&self, sandbox_id: &str) {
        self.tokens.remove(sandbox_id);
    }
}
