//! The events of a process, as they come over the wire.

use std::time::Duration;

use reqwest::{RequestBuilder, Response};
use serde_json::Value;

use super::call::UNARY;
use super::events::{self, ProcessEvent};
use super::frames::{Frame, Frames, envelope};
use super::{Envd, EnvdError};
use crate::{SandboxError, http};

/// How often envd is to show that a silent process lives.
const KEEPALIVE_S: u64 = 50;
/// Silence after which the connection counts as cut: two keepalives and a little.
const SILENCE: Duration = Duration::from_secs(2 * KEEPALIVE_S + 10);

impl Envd {
    /// Opens a stream. Its request is one envelope.
    pub(super) async fn stream(
        &self,
        sandbox_id: &str,
        method: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<ProcessStream, EnvdError> {
        let json = serde_json::to_vec(body).map_err(|error| SandboxError::Protocol(error.to_string()))?;
        let body = bytes::Bytes::from(envelope(&json));
        let timeout_ms = timeout.as_millis().max(1).to_string();
        let build = |request: RequestBuilder| {
            request
                .header("Content-Type", "application/connect+json")
                .header("Connect-Protocol-Version", "1")
                // Without this header a process may run for ever.
                .header("Connect-Timeout-Ms", &timeout_ms)
                .header("Keepalive-Ping-Interval", KEEPALIVE_S)
                .body(body.clone())
        };
        let method = format!("/{method}");
        // envd tells at once that a process has begun. One that is stopped takes the request in and is silent.
        let response = tokio::time::timeout(UNARY, self.send(sandbox_id, &method, build)).await;
        let response = response.map_err(|_| EnvdError::Cut("the sandbox does not answer".into()))??;
        Ok(ProcessStream { response, frames: Frames::default() })
    }
}

/// The events of one process. Dropping it does not end the process.
#[derive(Debug)]
pub struct ProcessStream {
    response: Response,
    frames: Frames,
}

impl ProcessStream {
    /// The next event; `None` when the stream is at its end. A stream that ends without
    /// [`ProcessEvent::Ended`] says nothing about how the process ended.
    pub async fn next(&mut self) -> Result<Option<ProcessEvent>, EnvdError> {
        loop {
            if let Some(frame) = self.frames.pop().map_err(|error| broken(&error))? {
                return match frame {
                    Frame::Message(message) => {
                        events::read(&message).map(Some).map_err(|error| broken(&error))
                    }
                    Frame::End(message) => {
                        match events::read_end(&message).map_err(|error| broken(&error))? {
                            None => Ok(None),
                            Some(error) => {
                                Err(EnvdError::Refused { code: error.code, message: error.message })
                            }
                        }
                    }
                };
            }
            match tokio::time::timeout(SILENCE, self.response.chunk()).await {
                Ok(Ok(Some(piece))) => self.frames.push(&piece),
                Ok(Ok(None)) => return Err(EnvdError::Cut("the stream has no end".into())),
                Ok(Err(error)) => return Err(EnvdError::Cut(http::chain(&error))),
                Err(_) => return Err(EnvdError::Cut("silence".into())),
            }
        }
    }
}

/// After bytes that make no sense the process may still run; the stream is as good as cut.
fn broken(error: &impl ToString) -> EnvdError {
    EnvdError::Cut(error.to_string())
}
