//! The processes and the directory of one sandbox, from the outside.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream as StdUnixStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::process::{Child, Command};
use tokio::sync::watch;

use super::Ground;
use super::isolation::{Isolation, View, isolated, plain};
use super::members::Members;
use super::storage::remove_tree;
use crate::settings::{EnvdReady, EnvdSettings};

/// How long envd may take until it listens.
const READY_WITHIN: Duration = Duration::from_secs(10);
/// How long a plain envd may take to end its processes once its line is closed.
const FAREWELL: Duration = Duration::from_millis(500);

/// One running envd and all that it started.
pub(super) struct Cell {
    dir: PathBuf,
    members: Members,
    isolation: Isolation,
    /// The line to envd; closing it tells envd to end.
    line: Mutex<Option<UnixStream>>,
    exited: watch::Receiver<bool>,
}

impl Cell {
    /// Starts envd and waits until it listens. What a failure leaves behind is removed.
    pub(super) async fn start(
        ground: &Ground,
        id: &str,
        mut settings: EnvdSettings,
        network: bool,
    ) -> io::Result<Self> {
        let dir = ground.storage.make_sandbox(id)?;
        if ground.isolation == Isolation::Plain {
            settings.root = Some(dir.clone());
        }
        let started = start_in(ground, &dir, &settings, network).await;
        if started.is_err() {
            let _ = remove_tree(&dir);
        }
        started
    }

    /// Where envd listens.
    pub(super) fn socket(&self) -> PathBuf {
        socket_in(&self.dir)
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

    /// Kills every process and removes the directory. Nothing is left when this is done.
    pub(super) async fn destroy(&self) -> io::Result<()> {
        if self.isolation == Isolation::Plain {
            // Not needed on Linux, where all are found by their mark; elsewhere only envd knows them.
            self.go_on().await;
            self.close_line();
            let _ = tokio::time::timeout(FAREWELL, self.exited()).await;
        }
        let (members, dir) = (self.members.clone(), self.dir.clone());
        tokio::task::spawn_blocking(move || {
            let dead = members.kill();
            remove_tree(&dir)?;
            if dead { Ok(()) } else { Err(io::Error::other("processes of the sandbox do not die")) }
        })
        .await
        .map_err(io::Error::other)??;
        let ended = tokio::time::timeout(READY_WITHIN, self.exited()).await;
        self.close_line();
        ended.map_err(|_| io::Error::other("bwrap does not end though its processes have"))
    }

    /// Tells envd to end. Under bwrap only once all are dead: were envd to exit by itself, bwrap would leave
    /// its first process to the machine's init, and not every container has one that reaps.
    fn close_line(&self) {
        drop(self.line.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

fn socket_in(dir: &Path) -> PathBuf {
    dir.join("envd.sock")
}

async fn start_in(ground: &Ground, dir: &Path, settings: &EnvdSettings, network: bool) -> io::Result<Cell> {
    // Listening before envd runs: the socket is inherited, so the sandbox sees no path to it.
    let listener = UnixListener::bind(socket_in(dir))?;
    let (line, inherited) = StdUnixStream::pair()?;
    let command = match ground.isolation {
        Isolation::Bwrap => isolated(&View { dir, etc: &ground.storage.etc(), network }, &ground.program),
        Isolation::Plain => plain(dir, &ground.program),
    };
    let mut command = Command::from(command);
    command
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::from(OwnedFd::from(inherited)))
        .stderr(Stdio::from(File::create(dir.join("envd.log"))?))
        .process_group(0)
        .kill_on_drop(true);
    let child = ground.spawner.spawn(command).await?;
    line.set_nonblocking(true)?;
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
    let exited = watch_child(child);
    Ok(Cell {
        dir: dir.to_path_buf(),
        members,
        isolation: ground.isolation,
        line: Mutex::new(Some(line)),
        exited,
    })
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
