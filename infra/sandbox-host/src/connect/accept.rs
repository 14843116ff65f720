//! What is the same for every call: the codec it must speak, compression, and the caller's patience.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};

use super::{ConnectError, MESSAGE_BYTES_MAX, deadline, gunzip, is_gzip, too_large};

/// The codecs spoken here. Binary protobuf is not: no SDK uses it.
const UNARY: &str = "application/json";
const STREAM: &str = "application/connect+json";

/// Lets a call through that speaks JSON, unpacks a unary one, and gives that up when its caller does. Streams
/// see to both by themselves, message by message.
pub(crate) async fn accept(request: Request, next: Next) -> Response {
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    match content_type.split(';').next().unwrap_or_default().trim() {
        STREAM => next.run(request).await,
        UNARY => unary(request, next).await,
        _ => {
            let accepted = [("accept-post", format!("{STREAM}, {UNARY}"))];
            (StatusCode::UNSUPPORTED_MEDIA_TYPE, accepted).into_response()
        }
    }
}

async fn unary(request: Request, next: Next) -> Response {
    let deadline = deadline(request.headers());
    let answer = async {
        match unpacked(request).await {
            Ok(request) => next.run(request).await,
            Err(error) => error.into_response(),
        }
    };
    let Some(deadline) = deadline else { return answer.await };
    let answered = tokio::time::timeout_at(deadline, answer).await;
    answered.unwrap_or_else(|_| ConnectError::too_late().into_response())
}

async fn unpacked(request: Request) -> Result<Request, ConnectError> {
    if !is_gzip(request.headers(), "content-encoding")? {
        return Ok(request);
    }
    let (mut head, body) = request.into_parts();
    let packed = to_bytes(body, MESSAGE_BYTES_MAX).await.map_err(|_| too_large())?;
    head.headers.remove(header::CONTENT_ENCODING);
    head.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(head, Body::from(gunzip(&packed)?)))
}
