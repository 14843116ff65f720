//! `/files`: whole files, down and up, and `/files` only; everything else about files is Connect-RPC.

mod download;
mod encoding;
mod media;
mod range;
mod upload;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::get;
use axum::{Router, middleware};
use futures_util::{StreamExt as _, stream};
use tokio::sync::Mutex;

use super::Envd;
use super::account::User;
use super::auth::{HttpError, check_files};
use crate::signature::FilesQuery;

/// How much of a file is read or written at once.
const CHUNK_BYTES: usize = 256 * 1024;
/// How long a refused upload is read on.
const READING_OUT: Duration = Duration::from_secs(5);

pub(super) fn routes() -> Router<Arc<Envd>> {
    Router::new()
        .route("/files", get(download::download).post(upload::upload))
        .layer(middleware::from_fn(read_out))
        .layer(DefaultBodyLimit::disable())
}

/// Reads the rest of an upload that was refused on its way: its client is still sending, and would find the
/// connection closed before it finds the answer.
async fn read_out(request: Request, next: Next) -> Response {
    if request.method() != Method::POST {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let rest = Arc::new(Mutex::new(body.into_data_stream()));
    let chunks = stream::unfold(Arc::clone(&rest), async |rest| {
        let chunk = rest.lock().await.next().await?;
        Some((chunk, rest))
    });
    let response = next.run(Request::from_parts(head, Body::from_stream(chunks))).await;
    if !response.status().is_success() {
        let reading = async { while let Some(Ok(_)) = rest.lock().await.next().await {} };
        // What takes longer has its connection closed.
        let _ = tokio::time::timeout(READING_OUT, reading).await;
    }
    response
}

/// Whether the request may be served, and for whom.
fn check(envd: &Envd, headers: &HeaderMap, query: &FilesQuery, operation: &str) -> Result<User, HttpError> {
    check_files(envd, headers, query, operation)?;
    let name = query.username.as_deref().unwrap_or_default();
    User::named(name).ok_or_else(|| {
        let message = format!("error looking up user '{name}': unknown user {name}");
        HttpError::new(StatusCode::UNAUTHORIZED, message)
    })
}

fn bad(message: impl Into<String>) -> HttpError {
    HttpError::new(StatusCode::BAD_REQUEST, message)
}

/// A path as it was asked for, as the sandbox shows it, and where it really is.
struct Place {
    shown: PathBuf,
    real: PathBuf,
}

impl Place {
    fn of(envd: &Envd, user: User, asked: &str) -> Result<Self, HttpError> {
        let shown = user.absolute(asked).map_err(bad)?;
        Ok(Self { real: envd.account.real(&shown), shown })
    }

    fn name(&self) -> String {
        name_of(&self.shown)
    }

    /// What the system said about this place.
    fn failed(&self, error: &io::Error) -> HttpError {
        let path = self.shown.display();
        let (status, message) = match error.kind() {
            io::ErrorKind::NotFound => (StatusCode::NOT_FOUND, format!("path '{path}' does not exist")),
            io::ErrorKind::IsADirectory => (StatusCode::BAD_REQUEST, format!("path '{path}' is a directory")),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                (StatusCode::FORBIDDEN, format!("path '{path}': {error}"))
            }
            // What the body brought was at fault, not the place.
            io::ErrorKind::NotADirectory | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                (StatusCode::BAD_REQUEST, format!("path '{path}': {error}"))
            }
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                (StatusCode::INSUFFICIENT_STORAGE, format!("not enough disk space available for '{path}'"))
            }
            _ => (StatusCode::INTERNAL_SERVER_ERROR, format!("path '{path}': {error}")),
        };
        HttpError::new(status, message)
    }
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
