//! The service `filesystem.Filesystem`, but for watching, which is in [`super::watching`].

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Envd;
use super::account::{Account, User};
use super::entry::{Entry, entry};
use super::process::{Empty, Unary};
use super::protojson::{Number, or_default};
use crate::connect::{Code, ConnectError, message};

pub(super) fn routes() -> Router<Arc<Envd>> {
    Router::new()
        .route("/filesystem.Filesystem/Stat", post(stat))
        .route("/filesystem.Filesystem/MakeDir", post(make_dir))
        .route("/filesystem.Filesystem/Move", post(rename))
        .route("/filesystem.Filesystem/ListDir", post(list_dir))
        .route("/filesystem.Filesystem/Remove", post(remove))
}

#[derive(Default, Deserialize)]
struct OnePath {
    #[serde(default, deserialize_with = "or_default")]
    path: String,
}

#[derive(Default, Deserialize)]
struct Move {
    #[serde(default, deserialize_with = "or_default")]
    source: String,
    #[serde(default, deserialize_with = "or_default")]
    destination: String,
}

#[derive(Default, Deserialize)]
struct ListDir {
    #[serde(default, deserialize_with = "or_default")]
    path: String,
    #[serde(default, deserialize_with = "or_default")]
    depth: Number,
}

#[derive(Serialize)]
struct OneEntry {
    entry: Entry,
}

#[derive(Serialize)]
struct Entries {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    entries: Vec<Entry>,
}

async fn stat(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Unary<OneEntry> {
    let (user, asked): (_, OnePath) = checked(&headers, &body)?;
    blocking(envd, move |account| one_entry(account, &absolute(user, &asked.path)?)).await
}

async fn make_dir(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Unary<OneEntry> {
    let (user, asked): (_, OnePath) = checked(&headers, &body)?;
    blocking(envd, move |account| {
        let path = absolute(user, &asked.path)?;
        let real = account.real(&path);
        match fs::metadata(&real) {
            Ok(found) if found.is_dir() => {
                let message = format!("directory already exists: {}", path.display());
                return Err(ConnectError::new(Code::AlreadyExists, message));
            }
            Ok(_) => {
                let message = format!("path already exists but it is not a directory: {}", path.display());
                return Err(ConnectError::new(Code::InvalidArgument, message));
            }
            Err(_) => fs::create_dir_all(&real).map_err(|error| about(&path, &error))?,
        }
        one_entry(account, &path)
    })
    .await
}

async fn rename(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Unary<OneEntry> {
    let (user, asked): (_, Move) = checked(&headers, &body)?;
    blocking(envd, move |account| {
        let (source, destination) = (absolute(user, &asked.source)?, absolute(user, &asked.destination)?);
        let (from, to) = (account.real(&source), account.real(&destination));
        fs::symlink_metadata(&from).map_err(|error| about(&source, &error))?;
        if let Some(parent) = to.parent() {
            fs::create_dir_all(parent).map_err(|error| about(&destination, &error))?;
        }
        move_path(&from, &to).map_err(|error| about(&source, &error))?;
        one_entry(account, &destination)
    })
    .await
}

/// Renames; between `/home` and `/tmp`, which are mounts of their own here, moves the way `mv` does.
fn move_path(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            let moved = Command::new("/bin/mv").args(["-T", "--"]).arg(from).arg(to).output()?;
            if moved.status.success() {
                Ok(())
            } else {
                Err(io::Error::other(String::from_utf8_lossy(&moved.stderr).trim().to_owned()))
            }
        }
        renamed => renamed,
    }
}

async fn list_dir(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Unary<Entries> {
    let (user, asked): (_, ListDir) = checked(&headers, &body)?;
    blocking(envd, move |account| {
        let path = absolute(user, &asked.path)?;
        let real = account.real(&path);
        if !fs::metadata(&real).map_err(|error| about(&path, &error))?.is_dir() {
            let message = format!("path is not a directory: {}", path.display());
            return Err(ConnectError::new(Code::InvalidArgument, message));
        }
        let mut entries = Vec::new();
        list(account, &real, &path, asked.depth.0.max(1), &mut entries)
            .map_err(|error| about(&path, &error))?;
        Ok(Entries { entries })
    })
    .await
}

/// Lists by name, each directory followed by what is in it. Symlinks are not descended into; what vanishes
/// meanwhile is left out.
fn list(account: &Account, real: &Path, shown: &Path, depth: u32, into: &mut Vec<Entry>) -> io::Result<()> {
    let mut found = fs::read_dir(real)?.collect::<io::Result<Vec<_>>>()?;
    found.sort_by_key(fs::DirEntry::file_name);
    for child in found {
        let shown: PathBuf = shown.join(child.file_name());
        match entry(account, &child.path(), &shown) {
            Ok(entry) => into.push(entry),
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        }
        if depth > 1 && child.file_type()?.is_dir() {
            list(account, &child.path(), &shown, depth - 1, into)?;
        }
    }
    Ok(())
}

async fn remove(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Unary<Empty> {
    let (user, asked): (_, OnePath) = checked(&headers, &body)?;
    blocking(envd, move |account| {
        let path = absolute(user, &asked.path)?;
        let real = account.real(&path);
        let removed = match fs::symlink_metadata(&real) {
            Ok(found) if found.is_dir() => fs::remove_dir_all(&real),
            Ok(_) => fs::remove_file(&real),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(about(&path, &error)),
            _ => Ok(Empty {}),
        }
    })
    .await
}

fn checked<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<(User, T), ConnectError> {
    Ok((User::of(headers)?, message(body)?))
}

fn absolute(user: User, path: &str) -> Result<PathBuf, ConnectError> {
    user.absolute(path).map_err(|message| ConnectError::new(Code::InvalidArgument, message))
}

fn one_entry(account: &Account, path: &Path) -> Result<OneEntry, ConnectError> {
    let entry = entry(account, &account.real(path), path).map_err(|error| about(path, &error))?;
    Ok(OneEntry { entry })
}

fn about(path: &Path, error: &io::Error) -> ConnectError {
    ConnectError::io(&format!("path '{}'", path.display()), error)
}

/// Does file work on the pool, so that streams go on meanwhile.
async fn blocking<T: Send + 'static>(
    envd: Arc<Envd>,
    work: impl FnOnce(&Account) -> Result<T, ConnectError> + Send + 'static,
) -> Unary<T> {
    tokio::task::spawn_blocking(move || work(&envd.account))
        .await
        .unwrap_or_else(|error| Err(ConnectError::new(Code::Internal, error.to_string())))
        .map(Json)
}
