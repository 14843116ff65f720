//! The control plane's routes for sandboxes, and the one port that all routes share with the proxy.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use bytes::Bytes;
use jiff::SignedDuration;
use serde_json::json;

use super::api_error::ApiError;
use super::bodies::{
    DetailBody, ListedBody, NewSandbox, PauseBody, RefreshBody, SandboxBody, TimeoutBody, new_timeout,
    start_timeout,
};
use super::egress::{GrantBody, GrantsFull, NetworkBody};
use super::fleet::Fleet;
use super::journal::{KillReason, Kind};
use super::listing::Listing;
use super::repeated::{Entered, Repeated};
use super::sandbox::Sandbox;
use super::service::{NEXT_TOKEN, Service, Shared, find, read};
use super::{copies, event_routes, metrics, proxy};
use crate::signature::same;

const TOTAL_RUNNING: HeaderName = HeaderName::from_static("x-total-running");
/// The shortest and longest extension by `refreshes`, in seconds.
const REFRESH_S: (i64, i64) = (15, 3600);

/// Everything on the host's port.
pub(super) fn router(fleet: Arc<Fleet>, api_key: Option<String>, domain: Option<String>) -> Router {
    let service =
        Arc::new(Service { fleet: Arc::clone(&fleet), api_key, domain, repeated: Repeated::default() });
    Router::new()
        .route("/sandboxes", post(create_v1).get(list_v1))
        .route("/v2/sandboxes", post(create_v2).get(list_v2))
        .route("/sandboxes/{id}", get(detail).merge(delete(kill)))
        .route("/sandboxes/{id}/timeout", post(set_timeout))
        .route("/sandboxes/{id}/refreshes", post(refresh))
        .route("/sandboxes/{id}/connect", post(connect))
        .route("/v2/sandboxes/{id}/connect", post(connect))
        .route("/sandboxes/{id}/pause", post(pause))
        .route("/sandboxes/{id}/network", put(set_network))
        .route("/sandboxes/{id}/network/grants/{name}", put(open_grant).merge(delete(close_grant)))
        .route("/sandboxes/{id}/resume", post(resume))
        .merge(copies::routes())
        .merge(metrics::routes())
        .merge(event_routes::routes())
        .fallback(async || ApiError::new(StatusCode::NOT_FOUND, "no such route"))
        .layer(from_fn_with_state(Arc::clone(&service), require_key))
        .with_state(service)
        .merge(proxy::routes(Arc::clone(&fleet)))
        .layer(from_fn_with_state(fleet, proxy::by_host))
}

async fn require_key(State(service): Shared, request: Request, next: Next) -> Response {
    let given = request.headers().get("x-api-key").map(HeaderValue::as_bytes).unwrap_or_default();
    let accepted = match &service.api_key {
        Some(key) => same(given, key.as_bytes()),
        None => !given.is_empty(),
    };
    if accepted {
        return next.run(request).await;
    }
    let message = "Invalid API key, please visit https://e2b.dev/docs/api-key to get your API key.";
    ApiError::new(StatusCode::UNAUTHORIZED, message).into_response()
}

fn answer(status: StatusCode, service: &Service, sandbox: &Sandbox) -> Response {
    (status, Json(SandboxBody::of(sandbox, service.domain.as_deref()))).into_response()
}

async fn create_v1(State(service): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    create(service, &headers, &body, false).await
}

async fn create_v2(State(service): Shared, headers: HeaderMap, body: Bytes) -> Result<Response, ApiError> {
    create(service, &headers, &body, true).await
}

async fn create(
    service: Arc<Service>,
    headers: &HeaderMap,
    body: &[u8],
    secured: bool,
) -> Result<Response, ApiError> {
    let wanted = read::<NewSandbox>(body)?;
    let from = service.fleet.snapshots.find(&wanted.template_id);
    if from.is_none() && wanted.template_id.contains([':', '/']) {
        // Only snapshots have such ids; any other name is a template's, and all templates are one here.
        let message = format!("template '{}' not found", wanted.template_id);
        return Err(ApiError::new(StatusCode::NOT_FOUND, message));
    }
    let (files, snapshot) = from.unzip();
    let order = wanted.order(secured, snapshot.as_deref())?;
    let first = match service.repeated.enter(headers, body)? {
        Entered::Again(id) => return Ok(answer(StatusCode::CREATED, &service, &*find(&service, &id)?)),
        Entered::First(first) => first,
    };
    // On a task of its own: a caller that hangs up must not leave a sandbox half made.
    let shared = Arc::clone(&service);
    let made = tokio::spawn(async move {
        let made = shared.fleet.create(order, files.as_deref()).await;
        first.leave(&shared.repeated, made.as_ref().ok().map(|sandbox| sandbox.id.as_str()));
        made
    });
    let sandbox = made.await.map_err(|_| ApiError::create_failed())??;
    Ok(answer(StatusCode::CREATED, &service, &sandbox))
}

async fn list_v1(State(service): Shared, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let listing = Listing::parse(&query.unwrap_or_default())?.running_only();
    Ok(list(&service, &listing))
}

async fn list_v2(State(service): Shared, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    Ok(list(&service, &Listing::parse(&query.unwrap_or_default())?))
}

fn list(service: &Service, listing: &Listing) -> Response {
    let page = listing.page(service.fleet.all());
    let limits = &service.fleet.ground.limits;
    let bodies: Vec<_> = page.sandboxes.iter().map(|sandbox| ListedBody::of(sandbox, limits)).collect();
    let mut response = Json(bodies).into_response();
    response.headers_mut().insert(TOTAL_RUNNING, HeaderValue::from(page.running));
    if let Some(Ok(token)) = page.next_token.map(|token| HeaderValue::from_str(&token)) {
        response.headers_mut().insert(NEXT_TOKEN, token);
    }
    response
}

async fn detail(State(service): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let sandbox = find(&service, &id)?;
    Ok(Json(DetailBody::of(&sandbox, service.domain.as_deref(), &service.fleet.ground.limits))
        .into_response())
}

async fn kill(State(service): Shared, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    // On a task of its own, as for creating.
    let fleet = Arc::clone(&service.fleet);
    let killed = tokio::spawn(async move { fleet.kill(&sandbox.id, KillReason::Request).await }).await;
    if killed.unwrap_or(false) { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found(&id)) }
}

async fn set_timeout(
    State(service): Shared,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    let asked_s = read::<TimeoutBody>(&body)?.timeout;
    let timeout = new_timeout(asked_s.ok_or_else(|| ApiError::bad_request("timeout is required"))?);
    if !sandbox.is_running() {
        return Err(ApiError::conflict(format!("Sandbox {id} is paused")));
    }
    sandbox.end_in(timeout, false);
    let more = json!({"set_timeout": sandbox.status().end_at});
    service.fleet.journal.note(Kind::Updated, &sandbox, more);
    Ok(StatusCode::NO_CONTENT)
}

async fn refresh(
    State(service): Shared,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    let (least_s, most_s) = REFRESH_S;
    let asked_s = read::<RefreshBody>(&body)?.duration.unwrap_or(least_s);
    sandbox.end_in(SignedDuration::from_secs(asked_s.clamp(least_s, most_s)), true);
    Ok(StatusCode::NO_CONTENT)
}

async fn connect(State(service): Shared, Path(id): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let sandbox = find(&service, &id)?;
    let timeout = start_timeout(read::<TimeoutBody>(&body)?.timeout, 300)?;
    let status = if resumed(&service, &sandbox, timeout).await? {
        StatusCode::CREATED
    } else {
        sandbox.end_in(timeout, true);
        StatusCode::OK
    };
    Ok(answer(status, &service, &sandbox))
}

async fn resume(State(service): Shared, Path(id): Path<String>, body: Bytes) -> Result<Response, ApiError> {
    let sandbox = find(&service, &id)?;
    let timeout = start_timeout(read::<TimeoutBody>(&body)?.timeout, 15)?;
    if resumed(&service, &sandbox, timeout).await? {
        Ok(answer(StatusCode::CREATED, &service, &sandbox))
    } else {
        Err(ApiError::conflict(format!("Sandbox {id} is already running")))
    }
}

/// On a task of its own: a caller that hangs up must not leave it half way.
async fn resumed(
    service: &Service,
    sandbox: &Arc<Sandbox>,
    timeout: SignedDuration,
) -> Result<bool, ApiError> {
    let (fleet, sandbox) = (Arc::clone(&service.fleet), Arc::clone(sandbox));
    let resumed = tokio::spawn(async move { fleet.resume(&sandbox, timeout).await }).await;
    resumed.map_err(|_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "Error resuming sandbox"))?
}

async fn pause(State(service): Shared, Path(id): Path<String>, body: Bytes) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    let memory = read::<PauseBody>(&body)?.memory.unwrap_or(true);
    let fleet = Arc::clone(&service.fleet);
    let paused = tokio::spawn(async move { fleet.pause(&sandbox, memory).await }).await;
    if paused.unwrap_or(false) {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::conflict(format!("Error pausing sandbox - sandbox '{id}' is already paused")))
    }
}

async fn set_network(
    State(service): Shared,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    let rules = read::<NetworkBody>(&body)?.rules().map_err(ApiError::bad_request)?;
    if !sandbox.is_running() {
        return Err(ApiError::conflict(format!("Sandbox {id} is paused")));
    }
    sandbox.gate.as_ref().ok_or_else(no_gate)?.set_rules(rules);
    service.fleet.journal.note(Kind::Updated, &sandbox, json!({"network_egress": true}));
    Ok(StatusCode::NO_CONTENT)
}

/// Not E2B's: headers for a while, by name. What is granted is told to nobody.
async fn open_grant(
    State(service): Shared,
    Path((id, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    let (rules, lapses_after) = read::<GrantBody>(&body)?.read().map_err(ApiError::bad_request)?;
    let gate = sandbox.gate.as_ref().ok_or_else(no_gate)?;
    match gate.grants().open(name, rules, lapses_after) {
        Ok(()) => Ok(StatusCode::NO_CONTENT),
        Err(GrantsFull) => Err(ApiError::conflict("the sandbox has too many grants")),
    }
}

async fn close_grant(
    State(service): Shared,
    Path((id, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let sandbox = find(&service, &id)?;
    let closed = sandbox.gate.as_ref().ok_or_else(no_gate)?.grants().close(&name);
    if closed { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found(&name)) }
}

fn no_gate() -> ApiError {
    ApiError::bad_request("network is not supported by this local sandbox host")
}
