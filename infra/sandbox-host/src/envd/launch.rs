//! Starting a process and seeing it to its end.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Envd;
use super::account::absolute;
use super::audience::Audience;
use super::exit::End;
use super::table::Process;
use crate::connect::{Code, ConnectError, data_frame};

/// The most output in one event.
const CHUNK_BYTES: usize = 32 * 1024;
/// How long the last output of a signalled process is awaited; its grandchildren may hold the pipes open.
const LAST_WORDS: Duration = Duration::from_millis(50);

/// What to run.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct ProcessConfig {
    #[serde(default)]
    pub(super) cmd: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) args: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) envs: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cwd: Option<String>,
}

/// The request of `Start`.
#[derive(Debug, Deserialize)]
pub(super) struct Start {
    process: ProcessConfig,
    pty: Option<serde_json::Value>,
    tag: Option<String>,
    /// Absent means an open pipe, for clients older than the field.
    stdin: Option<bool>,
}

/// Starts a process whose first listener is made by `listen` before any output can be lost, and which is
/// killed at `deadline`.
pub(super) fn launch<L>(
    envd: &Arc<Envd>,
    start: Start,
    deadline: Option<Instant>,
    listen: impl FnOnce(&Process) -> L,
) -> Result<(Arc<Process>, L), ConnectError> {
    if start.pty.is_some() {
        return Err(ConnectError::new(Code::Unimplemented, "terminals are not implemented"));
    }
    let mut child = command(envd, &start)?
        .spawn()
        .map_err(|error| invalid(format!("starting '{}': {error}", start.process.cmd)))?;
    // A child that was not waited for has its pid.
    let pid = child.id().unwrap_or_default();
    let process = Arc::new(Process {
        pid,
        tag: start.tag,
        config: start.process,
        stdin: tokio::sync::Mutex::new(child.stdin.take()),
        audience: Audience::default(),
        signalled: false.into(),
    });
    let listener = listen(&process);
    envd.processes.insert(&process);
    tokio::spawn(see_to_the_end(Arc::clone(envd), Arc::clone(&process), child, deadline));
    Ok((process, listener))
}

fn command(envd: &Envd, start: &Start) -> Result<Command, ConnectError> {
    let account = &envd.account;
    let asked = start.process.cwd.as_deref().unwrap_or_default();
    let cwd = account.real(&absolute(asked));
    if !cwd.is_dir() {
        return Err(invalid(format!("cwd '{asked}' does not exist")));
    }
    let environment = account.environment(&start.process.envs);
    let search = environment.get("PATH").map(String::as_str).unwrap_or_default();
    let program = locate(&start.process.cmd, &cwd, search).ok_or_else(|| {
        invalid(format!("exec: \"{}\": executable file not found in $PATH", start.process.cmd))
    })?;
    let mut command = Command::new(program);
    command
        .arg0(&start.process.cmd)
        .args(&start.process.args)
        .env_clear()
        .envs(environment)
        .current_dir(cwd)
        .process_group(0)
        .stdin(if start.stdin == Some(false) { Stdio::null() } else { Stdio::piped() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    Ok(command)
}

/// Looks the program up here, so that the child needs no search of its own and can be spawned the fast way.
fn locate(name: &str, cwd: &Path, search: &str) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    if name.contains('/') {
        return Some(cwd.join(name));
    }
    search
        .split(':')
        .map(|dir| cwd.join(dir).join(name))
        .find(|path| rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file())
}

async fn see_to_the_end(envd: Arc<Envd>, process: Arc<Process>, mut child: Child, deadline: Option<Instant>) {
    let mut pumps = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        pumps.push(tokio::spawn(pump(stdout, "stdout", Arc::clone(&process))));
    }
    if let Some(stderr) = child.stderr.take() {
        pumps.push(tokio::spawn(pump(stderr, "stderr", Arc::clone(&process))));
    }
    let exit = match deadline {
        None => child.wait().await,
        Some(deadline) => {
            if let Ok(exit) = tokio::time::timeout_at(deadline, child.wait()).await {
                exit
            } else {
                let _ = process.signal(Signal::KILL);
                child.wait().await
            }
        }
    };
    drain(&process, pumps, deadline).await;
    let told = exit.as_ref().map_or_else(End::unknown, |exit| End::of(*exit));
    let frame = data_frame(json!({"event": {"end": told}}).to_string().as_bytes());
    process.audience.end(frame).await;
    // After the end, because somebody may still be writing into a pipe that a grandchild holds.
    process.stdin.lock().await.take();
    envd.processes.forget_later(&process).await;
}

/// Waits until all output has been told: to the pipes' ends, or a moment only after a signal.
async fn drain(process: &Process, pumps: Vec<JoinHandle<()>>, deadline: Option<Instant>) {
    for mut pump in pumps {
        let signalled = process.signalled.load(Ordering::Relaxed);
        let done = match deadline {
            _ if signalled => false,
            Some(deadline) => tokio::time::timeout_at(deadline, &mut pump).await.is_ok(),
            None => (&mut pump).await.is_ok(),
        };
        if !done && tokio::time::timeout(LAST_WORDS, &mut pump).await.is_err() {
            pump.abort();
        }
    }
}

async fn pump(mut output: impl AsyncRead + Unpin, name: &str, process: Arc<Process>) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(read @ 1..) = output.read(&mut chunk).await {
        // Base64 needs no escaping, so the message is put together by hand.
        let json =
            format!("{{\"event\":{{\"data\":{{\"{name}\":\"{}\"}}}}}}", STANDARD.encode(&chunk[..read]));
        process.audience.tell(data_frame(json.as_bytes())).await;
    }
}

fn invalid(message: String) -> ConnectError {
    ConnectError::new(Code::InvalidArgument, message)
}
