//! What a process reads: a pipe, a terminal, or nothing.

use std::io;

use pty_process::{OwnedWritePty, Size};
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;
use tokio::sync::Mutex;

use super::protojson::{Blob, Number, or_default};
use crate::connect::{Code, ConnectError};

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub(super) struct Window {
    #[serde(default, deserialize_with = "or_default")]
    cols: Number,
    #[serde(default, deserialize_with = "or_default")]
    rows: Number,
}

impl From<Window> for Size {
    fn from(window: Window) -> Self {
        let cells = |number: Number| u16::try_from(number.0).unwrap_or(u16::MAX);
        Self::new(cells(window.rows), cells(window.cols))
    }
}

/// The terminal that a request asks for, or asks to change.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Pty {
    #[serde(default, deserialize_with = "or_default")]
    pub(super) size: Window,
}

/// What a request sends to a process.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Sent {
    stdin: Option<Blob>,
    pty: Option<Blob>,
}

/// Where a process reads from.
pub(super) enum Input {
    /// None when there was never one, or it was closed.
    Pipe(Mutex<Option<ChildStdin>>),
    Terminal(Mutex<OwnedWritePty>),
}

impl Input {
    /// A pipe, if there is one.
    pub(super) fn pipe(stdin: Option<ChildStdin>) -> Self {
        Self::Pipe(Mutex::new(stdin))
    }

    /// Writes all of it, at the pace of the process.
    pub(super) async fn write(&self, sent: Sent) -> Result<(), ConnectError> {
        match (sent, self) {
            (Sent { pty: Some(Blob(bytes)), .. }, Self::Terminal(terminal)) => {
                let written = terminal.lock().await.write_all(&bytes).await;
                written.map_err(|error| failed("writing to tty", &error))
            }
            (Sent { pty: Some(_), .. }, Self::Pipe(_)) => Err(internal(
                "error writing to tty: tty not assigned to process: input should be written to the stdin",
            )),
            (Sent { stdin: Some(Blob(bytes)), .. }, Self::Pipe(pipe)) => {
                let mut pipe = pipe.lock().await;
                let closed = || internal("error writing to stdin: stdin not enabled or closed");
                let written = pipe.as_mut().ok_or_else(closed)?.write_all(&bytes).await;
                written.map_err(|error| failed("writing to stdin", &error))
            }
            (Sent { stdin: Some(_), .. }, Self::Terminal(_)) => Err(internal(
                "error writing to stdin: tty assigned to process: input should be written to the pty",
            )),
            (Sent { stdin: None, pty: None }, _) => {
                Err(ConnectError::new(Code::Unimplemented, "the input has no kind that is known"))
            }
        }
    }

    /// Closes the pipe, again too. A terminal has its own sign for that.
    pub(super) async fn close(&self) -> Result<(), ConnectError> {
        match self {
            Self::Pipe(pipe) => {
                pipe.lock().await.take();
                Ok(())
            }
            Self::Terminal(_) => {
                let message =
                    "error closing stdin: cannot close stdin for PTY process: send Ctrl+D (0x04) instead";
                Err(ConnectError::new(Code::Unknown, message))
            }
        }
    }

    /// Closes what was left open. For the process's end.
    pub(super) async fn release(&self) {
        if let Self::Pipe(pipe) = self {
            pipe.lock().await.take();
        }
    }

    /// Makes the terminal larger or smaller, and tells those who run in it.
    pub(super) async fn resize(&self, window: Window) -> Result<(), ConnectError> {
        match self {
            Self::Terminal(terminal) => terminal
                .lock()
                .await
                .resize(window.into())
                .map_err(|error| internal(&format!("error resizing tty: {error}"))),
            Self::Pipe(_) => Err(internal("error resizing tty: tty not assigned to process")),
        }
    }
}

fn internal(message: &str) -> ConnectError {
    ConnectError::new(Code::Internal, message)
}

fn failed(doing: &str, error: &io::Error) -> ConnectError {
    internal(&format!("error {doing}: {error}"))
}
