//! The part of `filesystem.Filesystem` that tells what happens in a directory: to a stream, or to those who ask.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::Envd;
use super::account::User;
use super::audience::Heard;
use super::entry::{Entry, entry};
use super::follow::{Patience, follow};
use super::process::{Empty, Unary};
use super::protojson::or_default;
use super::watch::{Change, Kind, Watch};
use crate::connect::{Code, ConnectError, data_frame, enveloped_message, message};

/// Events that wait for a slow listener before the kernel has to keep them.
const QUEUE: usize = 64;
/// Events kept for somebody who does not ask for them, before they are given up as lost.
const KEPT_MAX: usize = 100_000;
/// File systems whose changes by others the kernel does not see: NFS, CIFS, SMB, SMB2, FUSE.
const NETWORK: [u32; 5] = [0x6969, 0xff53_4d42, 0x517b, 0xfe53_4d42, 0x6573_5546];

pub(super) fn routes() -> Router<Arc<Envd>> {
    Router::new()
        .route("/filesystem.Filesystem/WatchDir", post(watch_dir))
        .route("/filesystem.Filesystem/CreateWatcher", post(create_watcher))
        .route("/filesystem.Filesystem/GetWatcherEvents", post(get_watcher_events))
        .route("/filesystem.Filesystem/RemoveWatcher", post(remove_watcher))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WatchDir {
    #[serde(default, deserialize_with = "or_default")]
    path: String,
    #[serde(default, deserialize_with = "or_default")]
    recursive: bool,
    #[serde(default, deserialize_with = "or_default", alias = "include_entry")]
    include_entry: bool,
    #[serde(default, deserialize_with = "or_default", alias = "allow_network_mounts")]
    allow_network_mounts: bool,
}

/// One change as it is told.
#[derive(Serialize)]
struct Told {
    #[serde(skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<Entry>,
}

/// A watch, and what is told of its changes.
struct Watching {
    watch: Watch,
    shown: PathBuf,
    include_entry: bool,
}

impl Watching {
    fn start(envd: &Envd, headers: &HeaderMap, asked: &WatchDir) -> Result<Self, ConnectError> {
        let invalid = |message| ConnectError::new(Code::InvalidArgument, message);
        let shown = User::of(headers)?.absolute(&asked.path).map_err(invalid)?;
        let about = |error: &io::Error| ConnectError::io(&format!("path {}", shown.display()), error);
        // Where a link leads, because changes are not told of the link.
        let real = envd.account.real(&shown).canonicalize().map_err(|error| about(&error))?;
        if !real.is_dir() {
            return Err(invalid(format!("path {} not a directory", shown.display())));
        }
        if !asked.allow_network_mounts && is_on_network(&real).map_err(|error| about(&error))? {
            return Err(invalid(format!("cannot watch path on network filesystem: {}", shown.display())));
        }
        let watch = Watch::new(real, asked.recursive).map_err(|error| lost(&error))?;
        Ok(Self { watch, shown, include_entry: asked.include_entry })
    }

    async fn next(&mut self, envd: &Envd) -> Result<Vec<Told>, ConnectError> {
        let changes = self.watch.next().await.map_err(|error| lost(&error))?;
        Ok(changes.into_iter().map(|change| self.told(envd, change)).collect())
    }

    fn told(&self, envd: &Envd, Change { path, kind }: Change) -> Told {
        let shown = self.shown.join(&path);
        // What is gone again has no entry to tell.
        let entry = (self.include_entry && kind.leaves_entry())
            .then(|| entry(&envd.account, &envd.account.real(&shown), &shown).ok())
            .flatten();
        let name = if path.as_os_str().is_empty() { Path::new(".") } else { &path };
        Told { name: name.to_string_lossy().into_owned(), kind, entry }
    }
}

fn lost(error: &io::Error) -> ConnectError {
    ConnectError::new(Code::Internal, format!("watcher error: {error}"))
}

fn is_on_network(path: &Path) -> io::Result<bool> {
    let kind = rustix::fs::statfs(path)?.f_type;
    // Numbers of 32 bits, in a field whose width and sign are the machine's.
    Ok(NETWORK.iter().any(|network| kind.to_le_bytes().starts_with(&network.to_le_bytes())))
}

async fn watch_dir(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Response {
    let started = enveloped_message::<WatchDir>(&headers, &body)
        .and_then(|asked| Watching::start(&envd, &headers, &asked));
    match started {
        Ok(watching) => {
            let (sender, heard) = mpsc::channel(QUEUE);
            tokio::spawn(tell(envd, watching, sender));
            let (opening, sign_of_life) =
                (data_frame(br#"{"start":{}}"#), data_frame(br#"{"keepalive":{}}"#));
            follow(opening, sign_of_life, heard, Patience::of(&headers))
        }
        Err(error) => error.into_stream(),
    }
}

/// Tells changes until nobody listens or no more can be told.
async fn tell(envd: Arc<Envd>, mut watching: Watching, listener: mpsc::Sender<Heard>) {
    loop {
        let changes = tokio::select! {
            changes = watching.next(&envd) => changes,
            () = listener.closed() => return,
        };
        let frames = match changes {
            Ok(changes) => changes.iter().map(heard).collect(),
            Err(error) => vec![Heard::Failure(error)],
        };
        for frame in frames {
            if listener.send(frame).await.is_err() {
                return;
            }
        }
    }
}

fn heard(told: &Told) -> Heard {
    #[derive(Serialize)]
    struct Event<'a> {
        filesystem: &'a Told,
    }
    match serde_json::to_vec(&Event { filesystem: told }) {
        Ok(json) => Heard::Output(data_frame(&json)),
        Err(error) => Heard::Failure(ConnectError::new(Code::Internal, error.to_string())),
    }
}

/// The watches of those who ask for what happened, by their names.
#[derive(Default)]
pub(super) struct Watchers {
    by_id: Mutex<HashMap<String, Watcher>>,
}

/// What happened and was not yet asked for, and the task that collects it.
struct Watcher {
    kept: Arc<Mutex<Result<Vec<Told>, ConnectError>>>,
    collector: AbortHandle,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.collector.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct WatcherId {
    #[serde(default, deserialize_with = "or_default", alias = "watcher_id")]
    watcher_id: String,
}

impl WatcherId {
    fn unknown(&self) -> ConnectError {
        ConnectError::new(Code::NotFound, format!("watcher with id {} not found", self.watcher_id))
    }
}

async fn create_watcher(State(envd): State<Arc<Envd>>, headers: HeaderMap, body: Bytes) -> Unary<WatcherId> {
    let watching = Watching::start(&envd, &headers, &message(&body)?)?;
    let kept = Arc::new(Mutex::new(Ok(Vec::new())));
    let collector = tokio::spawn(collect(Arc::clone(&envd), watching, Arc::clone(&kept))).abort_handle();
    let number = getrandom::u64().map_err(|error| ConnectError::new(Code::Internal, error.to_string()))?;
    let watcher_id = format!("w{number:016x}");
    lock(&envd.watchers.by_id).insert(watcher_id.clone(), Watcher { kept, collector });
    Ok(Json(WatcherId { watcher_id }))
}

/// Keeps what happens until it is asked for, or until it is too much.
async fn collect(envd: Arc<Envd>, mut watching: Watching, kept: Arc<Mutex<Result<Vec<Told>, ConnectError>>>) {
    loop {
        let news = watching.next(&envd).await;
        let mut kept = lock(&kept);
        match (kept.as_mut(), news) {
            (Ok(all), Ok(news)) if all.len() < KEPT_MAX => all.extend(news),
            (Ok(_), Ok(_)) => *kept = Err(lost(&io::Error::other("nobody asked for the events"))),
            (Ok(_), Err(error)) => *kept = Err(error),
            (Err(_), _) => return,
        }
    }
}

#[derive(Serialize)]
struct Events {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<Told>,
}

async fn get_watcher_events(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Events> {
    let asked: WatcherId = message(&body)?;
    let watchers = lock(&envd.watchers.by_id);
    let watcher = watchers.get(&asked.watcher_id).ok_or_else(|| asked.unknown())?;
    let mut kept = lock(&watcher.kept);
    match kept.as_mut() {
        Ok(events) => Ok(Json(Events { events: std::mem::take(events) })),
        Err(error) => Err(error.clone()),
    }
}

async fn remove_watcher(State(envd): State<Arc<Envd>>, body: Bytes) -> Unary<Empty> {
    let asked: WatcherId = message(&body)?;
    let removed = lock(&envd.watchers.by_id).remove(&asked.watcher_id);
    removed.map(|_| Json(Empty {})).ok_or_else(|| asked.unknown())
}
