//! Connect-RPC with JSON: errors, and the envelopes of streams.

use axum::Json;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, Bytes, BytesMut};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The flag of the last envelope of a stream.
const END_OF_STREAM: u8 = 0x02;
/// Flag byte and length.
const PREFIX_BYTES: usize = 5;

/// The kinds of error used here, with their names and HTTP statuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Code {
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
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
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
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

/// A streaming answer: always status 200, its outcome is in the last envelope.
pub(crate) fn stream_response(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "application/connect+json")], body).into_response()
}

/// One message of a stream.
pub(crate) fn data_frame(json: &[u8]) -> Bytes {
    frame(0, json)
}

/// The end of a stream, well or badly.
pub(crate) fn end_frame(error: Option<&ConnectError>) -> Bytes {
    #[derive(Serialize)]
    struct End<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<&'a ConnectError>,
    }
    // A struct of two strings always has a JSON form; `{}` says the same as an end without an error.
    let json = serde_json::to_vec(&End { error }).unwrap_or_else(|_| b"{}".to_vec());
    frame(END_OF_STREAM, &json)
}

fn frame(flags: u8, json: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(PREFIX_BYTES + json.len());
    bytes.put_u8(flags);
    // Messages are at most a few chunks of output long.
    bytes.put_u32(u32::try_from(json.len()).unwrap_or(u32::MAX));
    bytes.put_slice(json);
    bytes.freeze()
}

/// The body of a unary call.
pub(crate) fn message<T: DeserializeOwned>(body: &[u8]) -> Result<T, ConnectError> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        ConnectError::new(Code::InvalidArgument, format!("request is not readable: {error}"))
    })
}

/// The only message of a stream's request.
pub(crate) fn enveloped_message<T: DeserializeOwned>(body: &[u8]) -> Result<T, ConnectError> {
    let malformed = || ConnectError::new(Code::InvalidArgument, "request is not one uncompressed envelope");
    let (prefix, rest) = body.split_first_chunk::<PREFIX_BYTES>().ok_or_else(malformed)?;
    let [flags, length @ ..] = *prefix;
    let length = usize::try_from(u32::from_be_bytes(length)).map_err(|_| malformed())?;
    if flags != 0 || rest.len() < length {
        return Err(malformed());
    }
    message(&rest[..length])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_survives_its_envelope() {
        let framed = data_frame(br#"{"a":1}"#);
        let read: serde_json::Value = enveloped_message(&framed).unwrap();
        assert_eq!(read, serde_json::json!({"a": 1}));
    }

    #[test]
    fn short_compressed_and_empty_envelopes_are_refused() {
        let framed = data_frame(br#"{"a":1}"#);
        for bad in [&framed[..4], &framed[..framed.len() - 1], &[1, 0, 0, 0, 2, b'{', b'}'], &[]] {
            let error = enveloped_message::<serde_json::Value>(bad).unwrap_err();
            assert_eq!(error.code, Code::InvalidArgument);
        }
    }

    #[test]
    fn the_end_of_a_stream_carries_its_error() {
        let error = ConnectError::new(Code::DeadlineExceeded, "too late");
        let framed = end_frame(Some(&error));
        assert_eq!(framed[0], 2);
        assert_eq!(&framed[5..], br#"{"error":{"code":"deadline_exceeded","message":"too late"}}"#);
        assert_eq!(&end_frame(None)[..], b"\x02\0\0\0\x02{}");
    }
}
