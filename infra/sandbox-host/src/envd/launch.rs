//! Starting a process and seeing it to its end.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Envd;
use super::account::{Account, User};
use super::audience::Audience;
use super::exit::End;
use super::input::{Input, Pty};
use super::protojson::or_default;
use super::table::{Process, ProcessConfig};
use crate::connect::{Code, ConnectError, data_frame};

/// The most output in one event.
const CHUNK_BYTES: usize = 32 * 1024;
/// The same of a terminal.
const TERMINAL_CHUNK_BYTES: usize = 16 * 1024;
/// How long a signalled process must be silent to have said everything; its grandchildren may hold the pipes
/// open.
const SILENCE: Duration = Duration::from_millis(50);
/// How long such grandchildren are heard who are never silent.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The request of `Start`.
#[derive(Debug, Deserialize)]
pub(super) struct Start {
    #[serde(default, deserialize_with = "or_default")]
    process: ProcessConfig,
    pty: Option<Pty>,
    tag: Option<String>,
    /// Absent means an open pipe, for clients older than the field.
    stdin: Option<bool>,
}

/// Starts a process whose first listener is made by `listen` before any output can be lost, and which is
/// killed at `deadline`.
pub(super) fn launch<L>(
    envd: &Arc<Envd>,
    user: User,
    start: Start,
    deadline: Option<Instant>,
    listen: impl FnOnce(&Process) -> L,
) -> Result<(Arc<Process>, L), ConnectError> {
    let command = command(&envd.account, user, &start.process)?;
    let spawned = match &start.pty {
        Some(pty) => in_terminal(command, pty),
        None => with_pipes(command, start.stdin != Some(false)),
    };
    let Spawned { child, input, outputs } =
        spawned.map_err(|error| invalid(format!("error starting '{}': {error}", start.process.cmd)))?;
    let process = Arc::new(Process {
        // A child that was not waited for has its pid.
        pid: child.id().unwrap_or_default(),
        tag: start.tag,
        config: start.process,
        input,
        audience: Audience::default(),
        signalled: false.into(),
    });
    let listener = listen(&process);
    envd.processes.insert(&process);
    tokio::spawn(see_to_the_end(Arc::clone(envd), Arc::clone(&process), child, outputs, deadline));
    Ok((process, listener))
}

fn command(account: &Account, user: User, config: &ProcessConfig) -> Result<Command, ConnectError> {
    let shown = user.absolute(config.cwd.as_deref().unwrap_or_default()).map_err(invalid)?;
    let cwd = account.real(&shown);
    if !cwd.is_dir() {
        return Err(invalid(format!("cwd '{}' does not exist", shown.display())));
    }
    let environment = account.environment(user, &config.envs);
    let search = environment.get("PATH").map(String::as_str).unwrap_or_default();
    let program = locate(&config.cmd, &cwd, search)
        .ok_or_else(|| invalid(format!("exec: \"{}\": executable file not found in $PATH", config.cmd)))?;
    let mut command = Command::new(program);
    command.arg0(&config.cmd).args(&config.args).env_clear().envs(environment).current_dir(cwd);
    Ok(command)
}

/// A process that was just started, with what it reads and writes.
struct Spawned {
    child: Child,
    input: Input,
    outputs: Vec<Output>,
}

/// Somewhere a process writes to: the name it has in events, its end here, and the most told at once.
struct Output {
    name: &'static str,
    bytes: Box<dyn AsyncRead + Send + Unpin>,
    chunk_bytes: usize,
}

fn with_pipes(mut command: Command, stdin: bool) -> io::Result<Spawned> {
    let mut child = command
        .process_group(0)
        .stdin(if stdin { Stdio::piped() } else { Stdio::null() })
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let output = |name, bytes| Output { name, bytes, chunk_bytes: CHUNK_BYTES };
    let mut outputs = Vec::new();
    outputs.extend(child.stdout.take().map(|stdout| output("stdout", Box::new(stdout))));
    outputs.extend(child.stderr.take().map(|stderr| output("stderr", Box::new(stderr))));
    Ok(Spawned { input: Input::pipe(child.stdin.take()), child, outputs })
}

/// Starts it as the leader of a session of its own whose terminal this is, so that job control works in it.
fn in_terminal(command: Command, pty: &Pty) -> io::Result<Spawned> {
    let (terminal, inside) = pty_process::open().map_err(io::Error::other)?;
    terminal.resize(pty.size.into()).map_err(io::Error::other)?;
    let child = pty_process::Command::from(command).spawn(inside).map_err(io::Error::other)?;
    let (bytes, write) = terminal.into_split();
    let output = Output { name: "pty", bytes: Box::new(bytes), chunk_bytes: TERMINAL_CHUNK_BYTES };
    Ok(Spawned { child, input: Input::Terminal(Mutex::new(write)), outputs: vec![output] })
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

async fn see_to_the_end(
    envd: Arc<Envd>,
    process: Arc<Process>,
    mut child: Child,
    outputs: Vec<Output>,
    deadline: Option<Instant>,
) {
    let (hurry, hurried) = watch::channel(false);
    let pump = |output| tokio::spawn(pump(output, Arc::clone(&process), hurried.clone()));
    let pumps = outputs.into_iter().map(pump).collect();
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
    drain(&process, pumps, &hurry, deadline).await;
    let told = exit.as_ref().map_or_else(End::unknown, |exit| End::of(*exit));
    let frame = data_frame(json!({"event": {"end": told}}).to_string().as_bytes());
    process.audience.end(frame).await;
    // After the end, because somebody may still be writing into a pipe that a grandchild holds.
    process.input.release().await;
    envd.processes.forget_later(&process).await;
}

/// Waits until all output has been told: to the pipes' ends, or to the first silence after a signal. In a
/// terminal, whose leader's end is the end, that is always so.
async fn drain(
    process: &Process,
    pumps: Vec<JoinHandle<()>>,
    hurry: &watch::Sender<bool>,
    deadline: Option<Instant>,
) {
    for mut pump in pumps {
        let in_haste =
            process.signalled.load(Ordering::Relaxed) || matches!(process.input, Input::Terminal(_));
        let done = match deadline {
            _ if in_haste => false,
            Some(deadline) => tokio::time::timeout_at(deadline, &mut pump).await.is_ok(),
            None => (&mut pump).await.is_ok(),
        };
        if !done {
            hurry.send_replace(true);
            if tokio::time::timeout(LAST_WORDS, &mut pump).await.is_err() {
                pump.abort();
            }
        }
    }
}

async fn pump(mut output: Output, process: Arc<Process>, mut hurried: watch::Receiver<bool>) {
    let mut chunk = vec![0; output.chunk_bytes];
    // A terminal that was hung up fails to be read, which is its end.
    while let Some(read @ 1..) = read(&mut output.bytes, &mut chunk, &mut hurried).await {
        // Base64 needs no escaping, so the message is put together by hand.
        let (name, encoded) = (output.name, STANDARD.encode(&chunk[..read]));
        let json = format!("{{\"event\":{{\"data\":{{\"{name}\":\"{encoded}\"}}}}}}");
        process.audience.tell(data_frame(json.as_bytes())).await;
    }
}

/// Reads what comes next; when there is hurry, what comes soon.
async fn read(
    bytes: &mut (impl AsyncRead + Unpin),
    chunk: &mut [u8],
    hurried: &mut watch::Receiver<bool>,
) -> Option<usize> {
    let mut reading = std::pin::pin!(bytes.read(chunk));
    tokio::select! {
        biased;
        read = &mut reading => return read.ok(),
        _ = hurried.wait_for(|hurried| *hurried) => {}
    }
    tokio::time::timeout(SILENCE, reading).await.ok()?.ok()
}

fn invalid(message: String) -> ConnectError {
    ConnectError::new(Code::InvalidArgument, message)
}
