//! The routes of snapshots and forks.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use bytes::Bytes;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::api_error::ApiError;
use super::bodies::{SandboxBody, start_timeout};
use super::identity::parse_id;
use super::sandbox::{Order, Sandbox};
use super::service::{NEXT_TOKEN, Service, Shared, find, read};
use super::snapshots::Snapshot;

const LIMIT_MAX: usize = 100;
const FORKS_MAX: u32 = 100;
/// How long a fork runs unless told otherwise, in seconds.
const FORK_TIMEOUT_S: i64 = 15;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/sandboxes/{id}/snapshots", post(take))
        .route("/sandboxes/{id}/fork", post(fork))
        .route("/snapshots", get(list))
        .route("/templates/{*id}", delete(remove))
}

#[derive(Deserialize)]
struct SnapshotBody {
    name: Option<String>,
}

fn shown(snapshot: &Snapshot) -> Value {
    json!({"snapshotID": snapshot.id(), "names": snapshot.names()})
}

async fn take(State(service): Shared, Path(id): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let sandbox = find(&service, &id)?;
    let name = read::<SnapshotBody>(&body)?.name;
    // On a task of its own: a caller that hangs up must not leave the sandbox standing still.
    let fleet = Arc::clone(&service.fleet);
    let taken = tokio::spawn(async move { fleet.snapshot(&sandbox, name.as_deref()).await }).await;
    let snapshot = taken.map_err(|_| failed())??;
    Ok((StatusCode::CREATED, Json(shown(&snapshot))).into_response())
}

fn failed() -> ApiError {
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Error creating snapshot")
}

async fn remove(State(service): Shared, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let fleet = Arc::clone(&service.fleet);
    let wanted = id.clone();
    let removed = tokio::task::spawn_blocking(move || fleet.snapshots.remove(&wanted)).await;
    let removed = removed.map_err(std::io::Error::other).flatten();
    match removed {
        Ok(true) => Ok(StatusCode::NO_CONTENT),
        Ok(false) => Err(ApiError::new(StatusCode::NOT_FOUND, format!("Template '{id}' not found"))),
        Err(error) => {
            tracing::error!(%error, "a snapshot could not be removed");
            Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Error deleting template"))
        }
    }
}

async fn list(State(service): Shared, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let mut all = service.fleet.snapshots.list();
    let (mut limit, mut after) = (LIMIT_MAX, 0);
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match &*name {
            "sandboxID" => {
                let id = parse_id(&value).unwrap_or_default();
                all.retain(|snapshot| snapshot.sandbox_id == id);
            }
            "name" => all.retain(|snapshot| snapshot.is_meant(&value, true)),
            "limit" => {
                let asked = value.parse().ok().filter(|limit| (1..=LIMIT_MAX).contains(limit));
                limit = asked.ok_or_else(|| ApiError::bad_request("Invalid limit"))?;
            }
            "nextToken" if !value.is_empty() => {
                let asked = value.strip_prefix("after-").and_then(|number| number.parse().ok());
                after = asked.ok_or_else(|| ApiError::bad_request("Invalid next token"))?;
            }
            _ => {}
        }
    }
    let page: Vec<Value> = all.iter().skip(after).take(limit).map(|snapshot| shown(snapshot)).collect();
    let end = after + page.len();
    let mut response = Json(page).into_response();
    if end < all.len()
        && let Ok(token) = HeaderValue::from_str(&format!("after-{end}"))
    {
        response.headers_mut().insert(NEXT_TOKEN, token);
    }
    Ok(response)
}

#[derive(Deserialize)]
struct ForkBody {
    timeout: Option<i64>,
    count: Option<u32>,
}

async fn fork(State(service): Shared, Path(id): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let sandbox = find(&service, &id)?;
    let body: ForkBody = read(&body)?;
    let timeout = start_timeout(body.timeout, FORK_TIMEOUT_S)?;
    let count = body.count.unwrap_or(1);
    if !(1..=FORKS_MAX).contains(&count) {
        return Err(ApiError::bad_request(format!("count must be between 1 and {FORKS_MAX}")));
    }
    if !sandbox.is_running() {
        return Err(ApiError::conflict(format!("Sandbox {id} is not running")));
    }
    let shared = Arc::clone(&service);
    let forked = tokio::spawn(async move { fork_all(&shared, &sandbox, timeout, count).await }).await;
    let bodies = forked.map_err(|_| failed())??;
    Ok((StatusCode::CREATED, Json(bodies)).into_response())
}

/// One snapshot, from which all are made, one after the other: each needs the disk and a processor.
async fn fork_all(
    service: &Service,
    sandbox: &Sandbox,
    timeout: SignedDuration,
    count: u32,
) -> Result<Vec<Value>, ApiError> {
    let fleet = &service.fleet;
    let snapshot = fleet.snapshot(sandbox, None).await?;
    let (files, _) = fleet.snapshots.find(&snapshot.id()).ok_or_else(failed)?;
    let mut bodies = Vec::new();
    let mut made = Vec::new();
    for _ in 0..count {
        let order = Order { timeout, ..sandbox.order.clone() };
        bodies.push(match fleet.create(order, Some(&files)).await {
            Ok(fork) => {
                let body = json!({"sandbox": SandboxBody::of(&fork, service.domain.as_deref())});
                made.push(fork);
                body
            }
            Err(error) => json!({"error": error.body()}),
        });
    }
    // Not one that was asked for. A clone of its name would do no harm, its space would.
    if let Err(error) = fleet.snapshots.remove(&snapshot.id()) {
        tracing::warn!(%error, "a fork's snapshot stays");
    }
    // The first may have ended while the last was made.
    for fork in made {
        fork.end_in(timeout, true);
    }
    Ok(bodies)
}
