//! The routes. `POST /git/{operation}` is one route for the whole table.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gitledger_events::Stream;
use gitledger_events::sandbox::KillReason;
use gitledger_functions::access::Principal;
use gitledger_functions::answer::Outcome;
use gitledger_functions::{Answer, Refusal, trigger};
use gitledger_ledger::{Position, Recorded};
use gitledger_operations::Rejection;
use gitledger_projections::SandboxState;
use gitledger_sandboxes::LeaseError;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Asking, admit};
use super::guard::{Place, own_pages};
use super::{BODY_BYTES_MAX, Gateway, reply};

/// The most events in one page.
const PAGE_MAX: usize = 1000;
/// The longest wait for a new event, in seconds.
const WAIT_MAX_S: u64 = 30;
/// How long a body may take to arrive, in seconds.
const BODY_MAX_S: u64 = 30;

pub(super) fn router(gateway: Gateway, address: SocketAddr) -> Router {
    let place = if gateway.world.access.required() { Place::Keyed } else { Place::Machine(address.port()) };
    Router::new()
        .route("/", get(index))
        .route("/git/{operation}", post(git))
        .route("/operations/{id}", get(operation))
        .route("/events", get(events))
        .route("/sandboxes", get(sandboxes))
        .route("/sandboxes/{id}", get(sandbox).delete(kill))
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .merge(crate::mcp::route(&gateway))
        .fallback(|| async { reply::refusal(&Refusal::NotFound { what: "route" }) })
        .method_not_allowed_fallback(|| async {
            let rule = "is not one of this route's; see GET /".to_owned();
            reply::refusal(&Rejection { code: "method-not-allowed", field: "method".to_owned(), rule }.into())
        })
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(gateway.clone(), admit))
        .layer(from_fn_with_state(place, own_pages))
        .with_state(gateway)
}

async fn index() -> Response {
    let operations: Vec<Value> = gitledger_operations::table::OPERATIONS
        .iter()
        .map(|operation| json!({"route": format!("POST /git/{}", operation.name), "summary": operation.summary()}))
        .collect();
    let others = [
        "GET /operations/{id}",
        "GET /events?after=&limit=&wait=",
        "GET /sandboxes",
        "GET /sandboxes/{id}",
        "DELETE /sandboxes/{id}",
        "GET /metrics",
        "GET /healthz",
        "POST /mcp",
    ];
    reply::json(
        StatusCode::OK,
        &json!({"name": "gitledger", "version": env!("CARGO_PKG_VERSION"),
        "operations": operations, "others": others}),
    )
}

/// The name in a route. What is no UTF-8 names nothing that there is, and is looked for like any other.
struct Named(String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(name.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(name)| name)))
    }
}

async fn git(
    State(gateway): State<Gateway>,
    Asking(principal): Asking,
    Named(operation): Named,
    request: Request,
) -> Response {
    let headers = request.headers().clone();
    let read = body(request).await.and_then(|bytes| asked(&gateway, &operation, &headers, &bytes));
    let request = match read {
        Ok(request) => request.by(principal),
        Err(refusal) => return reply::refusal(&refusal),
    };
    // Held until the answer is made: stopping waits for it.
    let _held = gateway.running.token();
    match gateway.operate(request).await {
        Ok(answer) => reply::answer(&answer, has_ended(&gateway, &answer).await),
        Err(refusal) => reply::refusal(&refusal),
    }
}

/// Whether there is an outcome event. An outcome that is recorded as unknown is final, too.
async fn has_ended(gateway: &Gateway, answer: &Answer) -> bool {
    if answer.outcome != Outcome::Unknown {
        return true;
    }
    let id = answer.operation_id;
    let records = gateway.world.ledger.read_stream(&Stream::operation(id), 1).await;
    records.is_ok_and(|records| Answer::of_stream(id, &records).is_some())
}

async fn body(request: Request) -> Result<Bytes, Refusal> {
    let length =
        request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > BODY_BYTES_MAX) {
        return Err(Refusal::TooLarge { max: BODY_BYTES_MAX });
    }
    let limited =
        request.map(|body| axum::body::Body::new(http_body_util::Limited::new(body, BODY_BYTES_MAX)));
    let read = Bytes::from_request(limited, &());
    match tokio::time::timeout(Duration::from_secs(BODY_MAX_S), read).await {
        Ok(read) => read.map_err(|_| Refusal::TooLarge { max: BODY_BYTES_MAX }),
        Err(_) => Err(Rejection::argument("body", format!("must arrive within {BODY_MAX_S} s")).into()),
    }
}

fn asked(
    gateway: &Gateway,
    operation: &str,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<gitledger_functions::Request, Refusal> {
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => {
            Some(value.to_str().map_err(|_| Rejection::argument("Idempotency-Key", "must be ASCII"))?)
        }
    };
    let input = trigger::json_body(bytes)?;
    Ok(gitledger_functions::Request::new(operation, input, key, gateway.world.clock.id())?)
}

async fn operation(State(gateway): State<Gateway>, Asking(principal): Asking, Named(id): Named) -> Response {
    let missing = || reply::refusal(&Refusal::NotFound { what: "operation" });
    let Ok(id) = id.parse::<Uuid>() else { return missing() };
    match gateway.world.ledger.read_stream(&Stream::operation(id), 1).await {
        Err(error) => reply::refusal(&error.into()),
        Ok(records) => match (records.first(), Answer::of_stream(id, &records)) {
            (None, _) => missing(),
            // Another key's is as if it were not.
            (Some(first), _) if !principal.may_see(first.actor.key_id.as_deref(), first.repo.as_ref()) => {
                missing()
            }
            (Some(_), Some(answer)) => reply::answer(&answer, true),
            (Some(first), None) => {
                let name = first.operation.clone().unwrap_or_default();
                reply::answer(&Answer::unknown(id, &name, "the operation has not ended yet"), false)
            }
        },
    }
}

#[derive(Deserialize)]
struct Page {
    #[serde(default)]
    after: u64,
    limit: Option<usize>,
    #[serde(default)]
    wait: u64,
}

/// A page of CloudEvents; with `wait`, an empty page is held back until there is an event.
async fn events(
    State(gateway): State<Gateway>,
    page: Result<Query<Page>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(page)) = page else {
        let rule = "must be whole numbers: after, limit, wait";
        return reply::refusal(&Rejection::argument("query", rule).into());
    };
    let ledger = &gateway.world.ledger;
    let after = Position::from_u64(page.after);
    if page.wait > 0 {
        let waited = ledger.wait(after, Duration::from_secs(page.wait.min(WAIT_MAX_S))).await;
        if let Err(error) = waited {
            return reply::refusal(&error.into());
        }
    }
    match ledger.read_all(after, page.limit.unwrap_or(100).clamp(1, PAGE_MAX)).await {
        Err(error) => reply::refusal(&error.into()),
        Ok(recorded) => {
            let next = recorded.last().map_or(after, |last| last.position);
            let events: Vec<Value> = recorded.iter().map(Recorded::cloud_event).collect();
            reply::json(StatusCode::OK, &json!({"events": events, "next": next.as_u64()}))
        }
    }
}

async fn sandboxes(State(gateway): State<Gateway>, Asking(principal): Asking) -> Response {
    match gateway.world.projector.caught_up().await {
        Err(error) => reply::refusal(&error.into()),
        Ok(folded) => {
            let live: Vec<Value> =
                folded.sandboxes.live().filter(|one| sees(&principal, one)).map(shown).collect();
            reply::json(StatusCode::OK, &json!({"sandboxes": live}))
        }
    }
}

fn sees(principal: &Principal, sandbox: &SandboxState) -> bool {
    principal.may_see(sandbox.key_id.as_deref(), sandbox.repo.as_ref())
}

/// A sandbox as callers know it: by the same name as in answers, without the fold's own book-keeping.
fn shown(sandbox: &SandboxState) -> Value {
    json!({
        "sandbox_id": sandbox.id,
        "phase": sandbox.phase,
        "actor": sandbox.actor,
        "key_id": sandbox.key_id,
        "repo": sandbox.repo,
        "workspace": sandbox.workspace,
        "lease": sandbox.lease,
        "template": sandbox.template,
        "vcpu": sandbox.vcpu,
        "memory_mb": sandbox.memory_mb,
        "created_at": sandbox.created_at,
        "expires_at": sandbox.expires_at,
        "last_used_at": sandbox.last_used_at,
    })
}

async fn sandbox(State(gateway): State<Gateway>, Asking(principal): Asking, Named(id): Named) -> Response {
    match gateway.world.projector.caught_up().await {
        Err(error) => reply::refusal(&error.into()),
        Ok(folded) => match folded.sandboxes.get(&id).filter(|one| sees(&principal, one)) {
            Some(sandbox) => reply::json(StatusCode::OK, &shown(sandbox)),
            None => reply::refusal(&Refusal::NotFound { what: "sandbox" }),
        },
    }
}

async fn kill(State(gateway): State<Gateway>, Asking(principal): Asking, Named(id): Named) -> Response {
    if let Err(refusal) = principal.check_changes() {
        return reply::refusal(&refusal);
    }
    // Whose it is does not change between this and the end.
    let is_ours = match gateway.world.sandboxes.state(&id).await {
        Err(LeaseError::Ledger(error)) => return reply::refusal(&error.into()),
        Err(_) => false,
        Ok(state) => principal.may_end(state.key_id.as_deref()),
    };
    if !is_ours {
        return reply::refusal(&Refusal::NotFound { what: "sandbox" });
    }
    match gitledger_functions::reaper::kill(&gateway.world, &id, KillReason::Requested).await {
        Ok(true) => StatusCode::NO_CONTENT.into_response(),
        Ok(false) => reply::refusal(&Refusal::NotFound { what: "sandbox" }),
        Err(refusal) => reply::refusal(&refusal),
    }
}

async fn metrics(State(gateway): State<Gateway>) -> Response {
    match gateway.meter.text(&gateway.world).await {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(refusal) => reply::refusal(&refusal),
    }
}

async fn healthz(State(gateway): State<Gateway>) -> Response {
    match gateway.world.ledger.head().await {
        Ok(head) => reply::json(StatusCode::OK, &json!({"status": "ok", "position": head.as_u64()})),
        Err(error) => reply::refusal(&error.into()),
    }
}
