//! doc
use axum::response::{IntoResponse, Response};
pub(super) async fn served() -> Response {
    "x".into_response()
}
