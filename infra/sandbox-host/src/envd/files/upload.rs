//! Files, up.

use std::collections::{BTreeMap, HashSet};
use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest as _, Multipart, Query, Request, State};
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::Serialize;
use tokio::fs::File;
use tokio::io::{AsyncWriteExt as _, BufWriter};

use super::encoding::decoded;
use super::{CHUNK_BYTES, Place, bad, check};
use crate::envd::Envd;
use crate::envd::account::User;
use crate::envd::auth::HttpError;
use crate::envd::metadata;
use crate::signature::FilesQuery;

/// What an upload answers for each file.
#[derive(Serialize)]
pub(super) struct Written {
    path: String,
    name: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    metadata: BTreeMap<String, String>,
}

/// What is the same for all files of one request.
struct Upload<'a> {
    envd: &'a Envd,
    user: User,
    /// Where the file goes, unless its part says so.
    path: Option<String>,
    metadata: BTreeMap<String, String>,
}

/// Writes the files of one request, in their order, until one fails.
pub(super) async fn upload(
    State(envd): State<Arc<Envd>>,
    Query(query): Query<FilesQuery>,
    request: Request,
) -> Result<Json<Vec<Written>>, HttpError> {
    let headers = request.headers();
    let user = check(&envd, headers, &query, "write")?;
    let metadata = metadata::asked(headers).map_err(bad)?;
    let upload = Upload { envd: &envd, user, path: query.path, metadata };
    let media = media_type(headers);
    let (head, body) = request.into_parts();
    let body = decoded(&head.headers, body).map_err(bad)?;
    if media.starts_with("multipart/") {
        return upload.parts(Request::from_parts(head, body)).await.map(Json);
    }
    if media != "application/octet-stream" {
        let message = format!(
            "unsupported content type: {media}, expected multipart/form-data or application/octet-stream"
        );
        return Err(bad(message));
    }
    let path = upload.path.as_deref();
    let path = path.ok_or_else(|| bad("path query parameter is required for raw body upload"))?;
    let place = Place::of(&envd, user, path)?;
    let chunks = body.into_data_stream().map(|chunk| chunk.map_err(cause));
    Ok(Json(vec![upload.write(place, chunks).await?]))
}

fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The input error beneath those of the layers that only passed it on: its kind says whose fault it is.
fn cause(error: impl Error + Send + Sync + 'static) -> io::Error {
    let mut layer: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(found) = layer {
        if let Some(found) = found.downcast_ref::<io::Error>() {
            return io::Error::new(found.kind(), found.to_string());
        }
        layer = found.source();
    }
    io::Error::other(error)
}

impl Upload<'_> {
    async fn parts(&self, request: Request) -> Result<Vec<Written>, HttpError> {
        let unreadable = |text: String| bad(format!("error reading form: {text}"));
        let parts = Multipart::from_request(request, &()).await;
        let mut parts = parts.map_err(|error| unreadable(error.body_text()))?;
        let mut written = Vec::new();
        let mut seen: HashSet<PathBuf> = HashSet::new();
        while let Some(part) = parts.next_field().await.map_err(|error| unreadable(error.body_text()))? {
            if part.name() != Some("file") {
                continue;
            }
            let target = self.path.as_deref().or(part.file_name());
            let target = target.ok_or_else(|| bad("a part has no file name and the query no path"))?;
            let place = Place::of(self.envd, self.user, target)?;
            if !seen.insert(place.shown.clone()) {
                return Err(bad(format!(
                    "you cannot upload multiple files to the same path '{}' in one upload request, \
                     only the first specified file was uploaded",
                    place.shown.display()
                )));
            }
            written.push(self.write(place, part.map(|chunk| chunk.map_err(cause))).await?);
        }
        Ok(written)
    }

    /// Writes over what is there, and makes the directories above.
    async fn write(
        &self,
        place: Place,
        mut chunks: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<Written, HttpError> {
        let written = async {
            let mut file = BufWriter::with_capacity(CHUNK_BYTES, create(&place).await?);
            while let Some(chunk) = chunks.next().await {
                file.write_all(&chunk?).await?;
            }
            file.flush().await?;
            let (file, pairs) = (file.into_inner().into_std().await, self.metadata.clone());
            let real = place.real.clone();
            tokio::task::spawn_blocking(move || {
                metadata::replace(&file, &pairs)?;
                io::Result::Ok(metadata::read(&real))
            })
            .await
            .map_err(io::Error::other)?
        };
        let metadata = written.await.map_err(|error| place.failed(&error))?;
        let (path, name) = (place.shown.to_string_lossy().into_owned(), place.name());
        Ok(Written { path, name, kind: "file", metadata })
    }
}

/// Opens the file empty. It is given to its owner, though it is theirs already: those who watch the directory
/// expect to be told.
async fn create(place: &Place) -> io::Result<File> {
    let parent = place.real.parent().map(PathBuf::from).unwrap_or_default();
    let real = place.real.clone();
    let opened = tokio::task::spawn_blocking(move || {
        if !parent.is_dir() {
            std::fs::create_dir_all(&parent)?;
        }
        let (user, group) = (rustix::process::getuid(), rustix::process::getgid());
        let there = match std::fs::metadata(&real) {
            Ok(found) if found.is_dir() => return Err(io::ErrorKind::IsADirectory.into()),
            found => found.is_ok(),
        };
        // Not given away and not refused: files of the machine belong to others.
        let chowned = there && rustix::fs::chown(&real, Some(user), Some(group)).is_ok();
        let file = std::fs::File::create(&real)?;
        if !chowned && !there {
            rustix::fs::fchown(&file, Some(user), Some(group))?;
        }
        Ok(file)
    });
    opened.await.map_err(io::Error::other)?.map(File::from_std)
}
