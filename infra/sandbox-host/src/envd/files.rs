//! `/files`: whole files, down and up, and `/files` only; everything else about files is Connect-RPC.

use std::collections::HashSet;
use std::io;
use std::path::Path;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt as _, BufWriter};
use tokio_util::io::ReaderStream;

use super::Envd;
use super::account::{absolute, check_username};
use super::auth::{HttpError, check_files};
use crate::signature::FilesQuery;

/// How much of a file is read or written at once.
const CHUNK_BYTES: usize = 256 * 1024;

pub(super) fn routes() -> Router<Arc<Envd>> {
    Router::new().route("/files", get(download).post(upload)).layer(DefaultBodyLimit::disable())
}

async fn download(
    State(envd): State<Arc<Envd>>,
    Query(query): Query<FilesQuery>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    check(&envd, &headers, &query, "read")?;
    let asked = query.path.unwrap_or_default();
    let path = absolute(&asked);
    let file = File::open(envd.account.real(&path)).await.map_err(|error| failed(&asked, &error))?;
    let found = file.metadata().await.map_err(|error| failed(&asked, &error))?;
    if found.is_dir() {
        return Err(HttpError::new(StatusCode::BAD_REQUEST, format!("path '{asked}' is a directory")));
    }
    let mut response = Body::from_stream(ReaderStream::with_capacity(file, CHUNK_BYTES)).into_response();
    let reply = response.headers_mut();
    reply.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    reply.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if found.is_file() {
        reply.insert(header::CONTENT_LENGTH, HeaderValue::from(found.len()));
    }
    let name = name_of(&path).replace(['"', '\\'], "_");
    if let Ok(value) = HeaderValue::from_str(&format!("inline; filename=\"{name}\"")) {
        reply.insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

/// What an upload answers for each file.
#[derive(Serialize)]
struct Written {
    path: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
}

async fn upload(
    State(envd): State<Arc<Envd>>,
    Query(query): Query<FilesQuery>,
    request: Request,
) -> Result<Json<Vec<Written>>, HttpError> {
    check(&envd, request.headers(), &query, "write")?;
    refuse_unimplemented(request.headers())?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("multipart/form-data") {
        return upload_parts(&envd, query.path, request).await.map(Json);
    }
    if !content_type.starts_with("application/octet-stream") {
        let message = format!("content type '{content_type}' is not supported");
        return Err(HttpError::new(StatusCode::BAD_REQUEST, message));
    }
    let path = query.path.ok_or_else(|| HttpError::new(StatusCode::BAD_REQUEST, "path is required"))?;
    let chunks = request.into_body().into_data_stream().map(|chunk| chunk.map_err(io::Error::other));
    Ok(Json(vec![write(&envd, &path, chunks).await?]))
}

async fn upload_parts(
    envd: &Envd,
    path: Option<String>,
    request: Request,
) -> Result<Vec<Written>, HttpError> {
    let bad = |message: &str| HttpError::new(StatusCode::BAD_REQUEST, message);
    let mut parts = Multipart::from_request(request, &()).await.map_err(|error| bad(&error.body_text()))?;
    let mut written = Vec::new();
    let mut seen = HashSet::new();
    while let Some(part) = parts.next_field().await.map_err(|error| bad(&error.body_text()))? {
        if part.name() != Some("file") {
            continue;
        }
        let target = path.clone().or_else(|| part.file_name().map(str::to_owned));
        let target = target.ok_or_else(|| bad("a part has no file name and the query no path"))?;
        if !seen.insert(absolute(&target)) {
            return Err(bad(&format!("you cannot upload multiple files to the same path '{target}'")));
        }
        written.push(write(envd, &target, part.map(|chunk| chunk.map_err(io::Error::other))).await?);
    }
    Ok(written)
}

/// Writes over what is there, and makes the directories above.
async fn write(
    envd: &Envd,
    asked: &str,
    mut chunks: impl Stream<Item = io::Result<Bytes>> + Unpin,
) -> Result<Written, HttpError> {
    let path = absolute(asked);
    let real = envd.account.real(&path);
    let written = async {
        if let Some(parent) = real.parent() {
            fs::create_dir_all(parent).await?;
        }
        let mut file = BufWriter::with_capacity(CHUNK_BYTES, File::create(&real).await?);
        while let Some(chunk) = chunks.next().await {
            file.write_all(&chunk?).await?;
        }
        file.flush().await
    };
    written.await.map_err(|error| failed(asked, &error))?;
    Ok(Written { path: path.to_string_lossy().into_owned(), name: name_of(&path), kind: "file" })
}

fn check(envd: &Envd, headers: &HeaderMap, query: &FilesQuery, operation: &str) -> Result<(), HttpError> {
    check_files(envd, headers, query, operation)?;
    check_username(query.username.as_deref().unwrap_or_default())
        .map_err(|message| HttpError::new(StatusCode::UNAUTHORIZED, message))
}

/// What would be lost if it were ignored.
fn refuse_unimplemented(headers: &HeaderMap) -> Result<(), HttpError> {
    let refused = |message| Err(HttpError::new(StatusCode::NOT_IMPLEMENTED, message));
    if headers.contains_key(header::CONTENT_ENCODING) {
        return refused("compressed uploads are not implemented");
    }
    if headers.keys().any(|name| name.as_str().starts_with("x-metadata-")) {
        return refused("file metadata is not implemented");
    }
    Ok(())
}

fn failed(path: &str, error: &io::Error) -> HttpError {
    let (status, message) = match error.kind() {
        io::ErrorKind::NotFound => (StatusCode::NOT_FOUND, format!("path '{path}' does not exist")),
        io::ErrorKind::IsADirectory => (StatusCode::BAD_REQUEST, format!("path '{path}' is a directory")),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            (StatusCode::FORBIDDEN, format!("path '{path}': {error}"))
        }
        io::ErrorKind::NotADirectory => (StatusCode::BAD_REQUEST, format!("path '{path}': {error}")),
        io::ErrorKind::StorageFull => {
            (StatusCode::INSUFFICIENT_STORAGE, format!("no space left for '{path}'"))
        }
        _ => (StatusCode::INTERNAL_SERVER_ERROR, format!("path '{path}': {error}")),
    };
    HttpError::new(status, message)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
