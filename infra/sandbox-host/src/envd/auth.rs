//! Who may speak to envd: whoever has the sandbox's access token.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Envd;
use crate::signature::{FilesQuery, Refused, same, verify};

const TOKEN_HEADER: &str = "x-access-token";

/// Lets a request through that carries the token.
pub(super) async fn require_token(State(envd): State<Arc<Envd>>, request: Request, next: Next) -> Response {
    match &envd.access_token {
        Some(token) if !matches!(header_token(request.headers(), token), Some(true)) => {
            refuse("unauthorized access, please provide a valid access token or method signing if supported")
                .into_response()
        }
        _ => next.run(request).await,
    }
}

/// Lets a file request through that carries the token, or a signature made with it.
pub(super) fn check_files(
    envd: &Envd,
    headers: &HeaderMap,
    query: &FilesQuery,
    operation: &str,
) -> Result<(), HttpError> {
    let Some(token) = &envd.access_token else { return Ok(()) };
    match header_token(headers, token) {
        Some(true) => Ok(()),
        Some(false) => Err(refuse("access token present in header but does not match")),
        None => {
            let now_s = jiff::Timestamp::now().as_second();
            verify(query, operation, token, now_s).map_err(|Refused(message)| refuse(message))
        }
    }
}

fn header_token(headers: &HeaderMap, token: &str) -> Option<bool> {
    headers.get(TOKEN_HEADER).map(|given| same(given.as_bytes(), token.as_bytes()))
}

fn refuse(message: &str) -> HttpError {
    HttpError::new(StatusCode::UNAUTHORIZED, message)
}

/// An error of the plain HTTP routes.
#[derive(Debug)]
pub(super) struct HttpError {
    status: StatusCode,
    message: String,
}

impl HttpError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        (self.status, Json(json!({"code": self.status.as_u16(), "message": self.message}))).into_response()
    }
}
