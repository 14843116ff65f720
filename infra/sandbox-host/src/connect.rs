//! Connect-RPC with JSON: errors and single messages. Streams are in [`envelope`] and [`seal`], what a request must look like
//! in [`accept`].

mod accept;
mod envelope;
mod seal;

use std::io::Read as _;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::read::MultiGzDecoder;
use rustix::io::Errno;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

pub(crate) use accept::accept;
pub(crate) use envelope::{Envelopes, data_frame, end_frame, enveloped_message, is_stream, stream_response};
pub(crate) use seal::sealed;

/// The longest request of a call, compressed or not; input to a process comes in such.
pub(crate) const MESSAGE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The kinds of error used here, with their names and HTTP statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    InvalidArgument,
    Unknown,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    Unavailable,
    FailedPrecondition,
    Unimplemented,
    Internal,
    Unauthenticated,
}

impl Code {
    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument | Self::FailedPrecondition => StatusCode::BAD_REQUEST,
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal | Self::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
        }
    }
}

/// An error as Connect says it: an HTTP status for a unary call, the last envelope for a stream.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ConnectError {
    pub(crate) code: Code,
    pub(crate) message: String,
}

impl ConnectError {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What the system said about `what`.
    pub(crate) fn io(what: &str, error: &std::io::Error) -> Self {
        let code = match error.kind() {
            _ if Errno::from_io_error(error) == Some(Errno::LOOP) => Code::FailedPrecondition,
            std::io::ErrorKind::NotFound => Code::NotFound,
            std::io::ErrorKind::PermissionDenied | std::io::ErrorKind::ReadOnlyFilesystem => {
                Code::PermissionDenied
            }
            std::io::ErrorKind::AlreadyExists => Code::AlreadyExists,
            std::io::ErrorKind::NotADirectory | std::io::ErrorKind::InvalidInput => Code::InvalidArgument,
            _ => Code::Internal,
        };
        Self::new(code, format!("{what}: {error}"))
    }

    /// The caller's own time is up.
    pub(crate) fn too_late() -> Self {
        Self::new(Code::DeadlineExceeded, "deadline exceeded")
    }

    /// The sandbox went away in the middle of a stream. SDKs look for no words here, but show them.
    pub(crate) fn lost(sandbox_id: &str) -> Self {
        let message = format!(
            "the connection to sandbox {sandbox_id} ended before the stream completed: \
             the sandbox was killed or reached its end of life"
        );
        Self::new(Code::Unavailable, message)
    }

    /// This error as a whole stream: status 200 and one envelope.
    pub(crate) fn into_stream(self) -> Response {
        stream_response(Body::from(end_frame(Some(&self))))
    }
}

impl IntoResponse for ConnectError {
    fn into_response(self) -> Response {
        (self.code.status(), Json(self)).into_response()
    }
}

/// The body of a unary call.
pub(crate) fn message<T: DeserializeOwned>(body: &[u8]) -> Result<T, ConnectError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        ConnectError::new(Code::InvalidArgument, format!("request is not readable: {error}"))
    })
}

/// When the caller stops waiting. Absent and zero mean never.
pub(crate) fn deadline(headers: &HeaderMap) -> Option<Instant> {
    let timeout_ms = positive(headers, "connect-timeout-ms")?;
    Instant::now().checked_add(Duration::from_millis(timeout_ms))
}

/// A header that holds a whole number above zero.
pub(crate) fn positive(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok().filter(|number| *number > 0)
}

/// What a header says about the compression of the request: gzip or not. Other kinds are refused.
fn is_gzip(headers: &HeaderMap, name: &str) -> Result<bool, ConnectError> {
    let Some(value) = headers.get(name) else { return Ok(false) };
    match value.to_str().unwrap_or_default() {
        "" | "identity" => Ok(false),
        "gzip" => Ok(true),
        other => {
            let message = format!("unknown compression \"{other}\": supported encodings are gzip");
            Err(ConnectError::new(Code::Unimplemented, message))
        }
    }
}

/// Unpacks a message, however small it was packed, up to the size that is allowed unpacked.
fn gunzip(packed: &[u8]) -> Result<Vec<u8>, ConnectError> {
    let mut plain = Vec::new();
    let limit = u64::try_from(MESSAGE_BYTES_MAX).unwrap_or(u64::MAX);
    MultiGzDecoder::new(packed)
        .take(limit + 1)
        .read_to_end(&mut plain)
        .map_err(|error| ConnectError::new(Code::InvalidArgument, format!("message is not gzip: {error}")))?;
    if plain.len() > MESSAGE_BYTES_MAX { Err(too_large()) } else { Ok(plain) }
}

fn too_large() -> ConnectError {
    ConnectError::new(Code::ResourceExhausted, format!("message is larger than {MESSAGE_BYTES_MAX} bytes"))
}
