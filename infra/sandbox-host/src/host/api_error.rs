//! How the control plane says no.

use axum::Json;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// SDKs retry 429 and 503 by themselves unless told otherwise; here nothing gets better by itself.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("should-retry");

/// A status, words, and for some a code that clients can act on.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    message: String,
    error_code: Option<&'static str>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), error_code: None }
    }

    pub(super) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            format!("Sandbox \"{id}\" doesn't exist or you don't have access to it"),
        )
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }

    /// A sandbox could not be started.
    pub(super) fn create_failed() -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            message: "Failed to create sandbox".into(),
            error_code: Some("sandbox_create_failed"),
        }
    }

    /// The same with a code.
    pub(super) fn coded(self, error_code: &'static str) -> Self {
        Self { error_code: Some(error_code), ..self }
    }

    /// As it is told.
    pub(super) fn body(&self) -> Value {
        let mut body = json!({"code": self.status.as_u16(), "message": self.message});
        if let Some(code) = self.error_code {
            body["error_code"] = code.into();
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, [(SHOULD_RETRY, "false")], Json(self.body())).into_response()
    }
}
