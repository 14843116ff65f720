//! A file, down.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek as _, SeekFrom};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzEncoder;
use futures_util::stream;

use super::encoding::{Encoding, wanted};
use super::range::{self, Part};
use super::{CHUNK_BYTES, Place, check, media};
use crate::envd::Envd;
use crate::envd::auth::HttpError;
use crate::signature::FilesQuery;

/// Serves one file, or what of it was asked for.
pub(super) async fn download(
    State(envd): State<Arc<Envd>>,
    Query(query): Query<FilesQuery>,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let user = check(&envd, &headers, &query, "read")?;
    let place = Place::of(&envd, user, query.path.as_deref().unwrap_or_default())?;
    // Opening a pipe may wait for its writer.
    let task = tokio::task::spawn_blocking(move || answer(&place, &headers));
    let failed =
        |error: tokio::task::JoinError| HttpError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    task.await.map_err(failed)?
}

fn answer(place: &Place, headers: &HeaderMap) -> Result<Response, HttpError> {
    let failed = |error: io::Error| place.failed(&error);
    let found = std::fs::metadata(&place.real).map_err(failed)?;
    if found.is_dir() {
        return Err(place.failed(&io::ErrorKind::IsADirectory.into()));
    }
    // What is no regular file has no size, and so no parts.
    let whole = !found.is_file() || !range::is_asked(headers);
    let encoding =
        wanted(headers, whole).map_err(|message| HttpError::new(StatusCode::NOT_ACCEPTABLE, message))?;
    let file = File::open(&place.real).map_err(failed)?;
    let mut response = match encoding {
        Encoding::Gzip => {
            let mut response = body(GzEncoder::new(file, Compression::fast()));
            set(&mut response, header::CONTENT_ENCODING, "gzip");
            let media = media::by_name(&place.shown).unwrap_or("application/octet-stream");
            set(&mut response, header::CONTENT_TYPE, media);
            response
        }
        Encoding::Identity if found.is_file() => plain(place, file, &found, headers).map_err(failed)?,
        Encoding::Identity => body(file),
    };
    set(&mut response, header::VARY, "Accept-Encoding");
    let name = place.name().replace(['"', '\\'], "_");
    set(&mut response, header::CONTENT_DISPOSITION, &format!("inline; filename=\"{name}\""));
    Ok(response)
}

/// A regular file as it is, whole or in part.
fn plain(place: &Place, mut file: File, found: &Metadata, headers: &HeaderMap) -> io::Result<Response> {
    let nanos = i32::try_from(found.mtime_nsec()).unwrap_or_default();
    let modified = jiff::Timestamp::new(found.mtime(), nanos).unwrap_or_default();
    let size = found.len();
    let (start, length, status) = match range::asked(headers, size, modified) {
        Part::Whole => (0, size, StatusCode::OK),
        Part::Range { start, length } => (start, length, StatusCode::PARTIAL_CONTENT),
        Part::Unchanged => return Ok(StatusCode::NOT_MODIFIED.into_response()),
        Part::Outside => {
            let size = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, size).into_response());
        }
    };
    let media = if let Some(media) = media::by_name(&place.shown) {
        media
    } else {
        let mut start = [0; media::LOOK_BYTES];
        let read = file.read_at(&mut start, 0)?;
        media::by_content(&start[..read])
    };
    file.seek(SeekFrom::Start(start))?;
    let mut response = body(file.take(length));
    *response.status_mut() = status;
    set(&mut response, header::CONTENT_TYPE, media);
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    if let Some(modified) = range::print_time(modified) {
        set(&mut response, header::LAST_MODIFIED, &modified);
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {start}-{}/{size}", start + length - 1);
        set(&mut response, header::CONTENT_RANGE, &range);
    }
    Ok(response)
}

fn set(response: &mut Response, name: HeaderName, value: &str) {
    // A file's name may be what no header can hold; then it is not told.
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

/// What a reader gives, read on the pool piece by piece, as the client takes it.
fn body(reader: impl Read + Send + 'static) -> Response {
    let chunks = stream::unfold(Some(reader), async |reader| {
        let mut reader = reader?;
        let read = tokio::task::spawn_blocking(move || {
            let mut chunk = Vec::new();
            let read = reader.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut chunk);
            read.map(|_| (Bytes::from(chunk), reader))
        });
        match read.await.map_err(io::Error::other).flatten() {
            Ok((chunk, _)) if chunk.is_empty() => None,
            Ok((chunk, reader)) => Some((Ok(chunk), Some(reader))),
            Err(error) => Some((Err(error), None)),
        }
    });
    Body::from_stream(chunks).into_response()
}
