//! One `git http-backend` process per request: the body goes in and the answer comes out at the same time.
//!
//! The process lives no longer than its request. Killing it closes both ends of its pipes, which ends the
//! `git upload-pack` or `git receive-pack` that it started, at that one's next read or write.

use std::io;
use std::process::Stdio;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, StatusCode};
use futures_util::{StreamExt, stream};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::head;

/// More requests wait for their turn.
const PROCESSES_MAX: usize = 64;
/// A pipe holds no more.
const CHUNK_BYTES: usize = 64 * 1024;
/// The rest of what git says to the server's log is dropped.
const STDERR_BYTES_MAX: u64 = 4096;

/// All processes that run for a remote.
#[derive(Clone, Debug)]
pub(super) struct Backends {
    turns: Arc<Semaphore>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Backends {
    /// None yet. `stop` ends them all.
    pub(super) fn new(stop: CancellationToken) -> Self {
        Self { turns: Arc::new(Semaphore::new(PROCESSES_MAX)), tasks: TaskTracker::new(), stop }
    }

    /// Processes started and not reaped yet.
    pub(super) fn running(&self) -> usize {
        PROCESSES_MAX - self.turns.available_permits()
    }

    /// Waits until the last one is reaped; `stop` must have been called.
    pub(super) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Starts the process, gives it the body and reads the head of its answer. Dropping the future or the reply
    /// kills the process.
    pub(super) async fn run(&self, mut command: Command, body: Body) -> io::Result<Reply> {
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(io::Error::other)?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let over = self.stop.child_token();
        let guard = over.clone().drop_guard();
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(io::Error::other("the process has no pipes"));
        };
        let (tell, exit) = oneshot::channel();
        self.tasks.spawn(give(body, stdin, over.clone()));
        self.tasks.spawn(listen(stderr));
        self.tasks.spawn(reap(child, turn, over, tell));
        Reply::read(stdout, exit, guard).await
    }
}

/// Copies the request body to the process. A body that breaks off ends the process: its half must not look like
/// a whole one.
async fn give(body: Body, mut stdin: ChildStdin, over: CancellationToken) {
    let mut chunks = body.into_data_stream();
    let copy = async {
        while let Some(chunk) = chunks.next().await {
            let Ok(chunk) = chunk else { return over.cancel() };
            // The process may answer before it has read everything, and then reads no more.
            if stdin.write_all(&chunk).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = copy => (), () = over.cancelled() => () }
}

/// Keeps the pipe empty, so that the process never waits for us to read it.
async fn listen(mut stderr: ChildStderr) {
    let mut said = Vec::new();
    let read = (&mut stderr).take(STDERR_BYTES_MAX).read_to_end(&mut said).await;
    if read.is_ok() && !said.is_empty() {
        tracing::debug!(said = %String::from_utf8_lossy(&said).trim(), "git http-backend");
    }
    tokio::io::copy(&mut stderr, &mut tokio::io::sink()).await.ok();
}

/// Waits for the end of the process, or makes one.
async fn reap(
    mut child: Child,
    turn: OwnedSemaphorePermit,
    over: CancellationToken,
    tell: oneshot::Sender<bool>,
) {
    let ended = tokio::select! {
        ended = child.wait() => ended.is_ok_and(|status| status.code().is_some()),
        () = over.cancelled() => {
            if let Err(error) = child.kill().await {
                tracing::warn!(%error, "git http-backend could not be killed");
            }
            false
        }
    };
    drop(turn);
    // Nobody listens when the caller has gone.
    tell.send(ended).ok();
}

/// The answer of a process: its head is read, its body is still on the way.
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// What came with the head.
    first: Bytes,
    stdout: ChildStdout,
    /// Whether the process ended by itself.
    exit: oneshot::Receiver<bool>,
    /// Bytes of the body that may still be told before it is broken off.
    left: Option<u64>,
    _guard: DropGuard,
}

impl Reply {
    async fn read(
        mut stdout: ChildStdout,
        exit: oneshot::Receiver<bool>,
        guard: DropGuard,
    ) -> io::Result<Self> {
        let mut read = Vec::with_capacity(CHUNK_BYTES);
        loop {
            if let Some((status, headers, length)) = head::parse(&read)? {
                let first = Bytes::from(read).slice(length..);
                return Ok(Self { status, headers, first, stdout, exit, left: None, _guard: guard });
            }
            if stdout.read_buf(&mut read).await? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "git http-backend did not answer"));
            }
        }
    }

    /// The rest as a response body; with `cut`, broken off after that many bytes.
    pub(super) fn into_body(mut self, cut: Option<u64>) -> Body {
        self.left = cut;
        Body::from_stream(stream::try_unfold(self, |mut reply| async move {
            let chunk = if reply.left == Some(0) { Bytes::new() } else { reply.chunk().await? };
            if chunk.is_empty() { reply.end().await.map(|()| None) } else { Ok(Some((chunk, reply))) }
        }))
    }

    /// The next bytes to tell; empty at the end.
    async fn chunk(&mut self) -> io::Result<Bytes> {
        let mut chunk = std::mem::take(&mut self.first);
        if chunk.is_empty() {
            let mut read = Vec::with_capacity(CHUNK_BYTES);
            self.stdout.read_buf(&mut read).await?;
            chunk = Bytes::from(read);
        }
        if let Some(left) = &mut self.left {
            chunk.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= chunk.len() as u64;
        }
        Ok(chunk)
    }

    /// Waits for the process. An error here makes the server break the connection. A process that was killed
    /// must not look finished; one that failed has said so in its answer.
    async fn end(mut self) -> io::Result<()> {
        tokio::io::copy(&mut self.stdout, &mut tokio::io::sink()).await?;
        let ended_by_itself = self.exit.await.unwrap_or(false);
        if self.left.is_some() {
            // Lets the server send what it has.
            tokio::task::yield_now().await;
            return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cut on purpose"));
        }
        if ended_by_itself {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::BrokenPipe, "git http-backend was killed"))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Never ends by itself and never writes: only a kill ends it.
    fn stuck(first: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("printf '{first}'; exec sleep 3600")]);
        command
    }

    async fn none_runs(backends: &Backends) {
        let wait = async {
            while backends.running() > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("a process is left");
    }

    #[tokio::test]
    async fn a_reply_that_is_dropped_ends_its_process() {
        let backends = Backends::new(CancellationToken::new());
        let reply = backends.run(stuck("Status: 201 Made\\n\\n"), Body::empty()).await.unwrap();
        assert_eq!((reply.status, backends.running()), (StatusCode::CREATED, 1));
        drop(reply);
        none_runs(&backends).await;
    }

    #[tokio::test]
    async fn a_process_ends_when_nobody_waits_for_its_head_any_more() {
        let backends = Backends::new(CancellationToken::new());
        let run = backends.run(stuck(""), Body::empty());
        assert!(tokio::time::timeout(Duration::from_millis(50), run).await.is_err());
        none_runs(&backends).await;
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_ends_the_process() {
        let backends = Backends::new(CancellationToken::new());
        let broken = stream::iter([Ok(Bytes::from_static(b"half")), Err(io::Error::other("gone"))]);
        let run = backends.run(stuck(""), Body::from_stream(broken));
        let ended = tokio::time::timeout(Duration::from_secs(30), run).await.expect("it runs on");
        assert!(ended.is_err());
        none_runs(&backends).await;
    }

    #[tokio::test]
    async fn a_stop_ends_them_all_and_their_bodies_do_not_look_finished() {
        let stop = CancellationToken::new();
        let backends = Backends::new(stop.clone());
        let reply = backends.run(stuck("A: b\\n\\nsome"), Body::empty()).await.unwrap();
        stop.cancel();
        backends.ended().await;
        assert_eq!(backends.running(), 0);
        assert!(axum::body::to_bytes(reply.into_body(None), 100).await.is_err());
    }
}
