//! The processes of one sandbox, from the outside.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::Ground;
use super::cgroup::Group;
use super::egress::{self, Gate, Open};
use super::identity;
use super::isolation::{Isolation, View, isolated, plain};
use super::members::Members;
use crate::forwarder::SOCKET;
use crate::settings::{EnvdReady, EnvdSettings};

/// How long envd may take until it listens.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a plain envd may take to end its processes once its line is closed.
const FAREWELL: Duration = Duration::from_millis(500);

/// One running envd and all that it started.
pub(super) struct Cell {
    members: Members,
    isolation: Isolation,
    group: Group,
    /// The line to envd; closing it tells envd to end.
    line: Mutex<Option<UnixStream>>,
    exited: watch::Receiver<bool>,
    /// The way out, where it is not the machine's network.
    _gate: Option<Open>,
}

impl Cell {
    /// Starts envd in the sandbox's directory and waits until it listens.
    pub(super) async fn start(
        ground: &Ground,
        dir: &Path,
        mut settings: EnvdSettings,
        network: bool,
        gate: Option<&Arc<Gate>>,
    ) -> io::Result<Self> {
        let isolated = ground.isolation == Isolation::Bwrap;
        if !isolated {
            settings.root = Some(dir.to_path_buf());
        }
        settings.limits = ground.limits.for_envd(ground.cgroups.holds("memory"), isolated);
        let gate = gate.map(|gate| gate.open(dir)).transpose()?;
        settings.egress = gate.as_ref().map(|_| SOCKET.into());
        let network = network && gate.is_none();
        let id = dir.file_name().unwrap_or_default().to_string_lossy();
        let group = ground.cgroups.make(&id, &ground.limits)?;
        match start_in(ground, dir, &settings, network, &group).await {
            Ok((members, line, exited)) => {
                let line = Mutex::new(Some(line));
                Ok(Self { members, isolation: ground.isolation, group, line, exited, _gate: gate })
            }
            Err(error) => {
                // The child was killed when it was dropped; its group empties in a moment.
                let _ = tokio::task::spawn_blocking(move || group.remove()).await;
                Err(error)
            }
        }
    }

    /// How its processes are told from others.
    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// Its control group.
    pub(super) fn group(&self) -> &Group {
        &self.group
    }

    /// Completes when envd is gone, for whatever reason.
    pub(super) async fn exited(&self) {
        // An error means that the watcher is gone, and with it the child.
        let _ = self.exited.clone().wait_for(|exited| *exited).await;
    }

    /// Stops every process where it is.
    pub(super) async fn stop(&self) -> bool {
        let members = self.members.clone();
        tokio::task::spawn_blocking(move || members.stop()).await.unwrap_or(false)
    }

    /// Lets every process go on.
    pub(super) async fn go_on(&self) {
        let members = self.members.clone();
        let _ = tokio::task::spawn_blocking(move || members.go_on()).await;
    }

    /// Kills every process. None is left when this is done.
    pub(super) async fn end(&self) -> io::Result<()> {
        if self.isolation == Isolation::Plain {
            // Not needed on Linux, where all are found by their mark; elsewhere only envd knows them.
            self.go_on().await;
            self.close_line();
            let _ = tokio::time::timeout(FAREWELL, self.exited()).await;
        }
        let members = self.members.clone();
        let killed = tokio::task::spawn_blocking(move || members.kill()).await;
        let dead = killed.map_err(io::Error::other)?;
        let ended = tokio::time::timeout(READY_WITHIN, self.exited()).await;
        self.close_line();
        let group = self.group.clone();
        let _ = tokio::task::spawn_blocking(move || group.remove()).await;
        if !dead {
            return Err(io::Error::other("processes of the sandbox do not die"));
        }
        ended.map_err(|_| io::Error::other("bwrap does not end though its processes have"))
    }

    /// Tells envd to end. Under bwrap only once all are dead: were envd to exit by itself, bwrap would leave
    /// its first process to the machine's init, and not every container has one that reaps.
    fn close_line(&self) {
        drop(self.line.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Where envd listens.
pub(super) fn socket_in(dir: &Path) -> PathBuf {
    dir.join("envd.sock")
}

type Started = (Members, UnixStream, watch::Receiver<bool>);

async fn start_in(
    ground: &Ground,
    dir: &Path,
    settings: &EnvdSettings,
    network: bool,
    group: &Group,
) -> io::Result<Started> {
    let (line, command) = prepare(ground, dir, network, settings.egress.is_some())?;
    let child = ground.spawner.spawn(command).await?;
    let first = child.id().unwrap_or_default();
    // While it starts: to be the first thing that changes groups in a while takes milliseconds.
    group.add(first)?;
    let mut line = UnixStream::from_std(line)?;
    let greeted = tokio::time::timeout(READY_WITHIN, greet(&mut line, settings)).await;
    let ready = greeted.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(|error| {
        let log = std::fs::read_to_string(dir.join("envd.log")).unwrap_or_default();
        io::Error::new(error.kind(), format!("envd did not start: {error} {}", log.trim()))
    })?;
    let members = match ground.isolation {
        Isolation::Plain => Members::Marked(dir.to_path_buf()),
        Isolation::Bwrap => Members::in_namespace(&ready.pid_namespace)
            .ok_or_else(|| io::Error::other("envd is not in a process namespace of its own"))?,
    };
    // Those that were started before their parent was in the group. envd has run no command yet.
    for pid in descendants(first) {
        group.add(pid)?;
    }
    Ok((members, line, watch_child(child)))
}

/// The command, and the host's end of the line to what it starts.
fn prepare(ground: &Ground, dir: &Path, network: bool, gated: bool) -> io::Result<(StdUnixStream, Command)> {
    // Listening before envd runs: the socket is inherited, so the sandbox sees no path to it.
    let socket = socket_in(dir);
    let _ = std::fs::remove_file(&socket);
    let listener = UnixListener::bind(socket)?;
    let (line, inherited) = StdUnixStream::pair()?;
    line.set_nonblocking(true)?;
    let command = match ground.isolation {
        Isolation::Bwrap => {
            let boot_id = dir.join("boot_id");
            // Another one at every start, as after a reboot.
            std::fs::write(&boot_id, format!("{}\n", identity::uuid()?))?;
            let etc = ground.storage.etc();
            let gate = egress::socket_in(dir);
            let egress = gated.then_some(gate.as_path());
            let view =
                View { bwrap: &ground.bwrap, dir, etc: &etc, network, boot_id: Some(&boot_id), egress };
            isolated(&view, &ground.program)
        }
        Isolation::Plain => plain(dir, &ground.program),
    };
    let mut command = Command::from(command);
    command
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::from(OwnedFd::from(inherited)))
        .stderr(Stdio::from(File::create(dir.join("envd.log"))?))
        .process_group(0)
        .kill_on_drop(true);
    Ok((line, command))
}

/// Children, grandchildren and so on, as far as the kernel tells.
fn descendants(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let mut look_at = vec![pid];
    while let Some(parent) = look_at.pop() {
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
        for child in children.unwrap_or_default().split_whitespace().filter_map(|pid| pid.parse().ok()) {
            found.push(child);
            look_at.push(child);
        }
    }
    found
}

async fn greet(line: &mut UnixStream, settings: &EnvdSettings) -> io::Result<EnvdReady> {
    let mut hello = serde_json::to_vec(settings)?;
    hello.push(b'\n');
    line.write_all(&hello).await?;
    let mut answer = String::new();
    BufReader::new(line).read_line(&mut answer).await?;
    if answer.is_empty() {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(serde_json::from_str(&answer)?)
}

fn watch_child(mut child: Child) -> watch::Receiver<bool> {
    let (told, exited) = watch::channel(false);
    tokio::spawn(async move {
        let _ = child.wait().await;
        let _ = told.send(true);
    });
    exited
}
