//! HTTP to one envd over its unix socket, with connections kept for the next request.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

/// Connections kept idle.
const IDLE_MAX: usize = 8;

/// Why a request had no answer: envd is not there, or went away.
#[derive(Debug)]
pub(super) struct Unreachable;

/// The way to one envd.
pub(super) struct EnvdClient {
    socket: PathBuf,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

impl EnvdClient {
    pub(super) fn new(socket: PathBuf) -> Self {
        Self { socket, idle: Mutex::default() }
    }

    /// Sends and waits for the answer's head; its body arrives as envd writes it.
    ///
    /// A kept connection may be about to end, as one does whose last answer nobody read to its end: what it did not
    /// begin to send goes over the next one.
    pub(super) async fn send(&self, mut request: Request<Body>) -> Result<Response<Incoming>, Unreachable> {
        while let Some(mut kept) = self.take_idle() {
            match kept.try_send_request(request).await {
                Ok(response) => return Ok(self.answered(kept, response)),
                Err(mut error) => request = error.take_message().ok_or(Unreachable)?,
            }
        }
        let mut connection = self.connect().await?;
        let response = connection.send_request(request).await.map_err(|_| Unreachable)?;
        Ok(self.answered(connection, response))
    }

    fn answered(&self, connection: SendRequest<Body>, response: Response<Incoming>) -> Response<Incoming> {
        let mut idle = self.idle();
        if idle.len() < IDLE_MAX {
            // Busy until the body has been read; taken again only when it is ready.
            idle.push(connection);
        }
        response
    }

    fn take_idle(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle();
        idle.retain(|connection| !connection.is_closed());
        let ready = idle.iter().position(SendRequest::is_ready)?;
        Some(idle.swap_remove(ready))
    }

    async fn connect(&self) -> Result<SendRequest<Body>, Unreachable> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|_| Unreachable)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await.map_err(|_| Unreachable)?;
        tokio::spawn(connection);
        Ok(sender)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Body>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
