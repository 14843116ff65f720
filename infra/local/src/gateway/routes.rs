//! What answers each route of the table. `POST /git/{operation}` is one for all operations, and
//! `POST /sandbox/{operation}` for those on sandboxes.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gitledger_events::Stream;
use gitledger_events::sandbox::KillReason;
use gitledger_functions::access::Principal;
use gitledger_functions::answer::Outcome;
use gitledger_functions::costs::{self, Question};
use gitledger_functions::{Answer, Refusal, trigger};
use gitledger_ledger::{Position, Recorded};
use gitledger_operations::Rejection;
use gitledger_operations::table;
use gitledger_projections::SandboxState;
use gitledger_sandboxes::{LeaseError, Trace};
use uuid::Uuid;

use super::access::Asking;
use super::route::Told;
use super::shapes::{EventsPage, Health, Index, IndexLine, PAGE_MAX, Page, Sandbox, Sandboxes, WAIT_MAX_S};
use super::table::ROUTES;
use super::{BODY_BYTES_MAX, Gateway, reply};

/// How long a body may take to arrive, in seconds.
const BODY_MAX_S: u64 = 30;

pub(super) async fn index() -> Response {
    let line = |method: &str, path: &str, summary: &str| IndexLine {
        route: format!("{} {path}", method.to_uppercase()),
        summary: summary.to_owned(),
    };
    let mut index = Index {
        name: "gitledger",
        version: env!("CARGO_PKG_VERSION"),
        operations: Vec::new(),
        others: Vec::new(),
    };
    for route in ROUTES {
        match &route.told {
            Told::Once(words) => index.others.push(line(route.method.key(), route.path, words.summary)),
            Told::PerOperation(operations) => index.operations.extend(
                operations
                    .iter()
                    .map(|operation| line(route.method.key(), &operation.path(), &operation.summary())),
            ),
        }
    }
    index.others.push(line("post", "/mcp", "The same operations as MCP tools"));
    reply::json(StatusCode::OK, &index)
}

/// The name in a route. What is no UTF-8 names nothing that there is, and is looked for like any other.
pub(super) struct Named(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let name = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(name.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(name)| name)))
    }
}

pub(super) async fn git(
    State(gateway): State<Gateway>,
    Asking(principal): Asking,
    Named(verb): Named,
    request: Request,
) -> Response {
    // An operation on sandboxes is not to be had here, nor one of git there.
    let here = table::find(&verb).is_none_or(|operation| operation.words() == ("git", verb.as_str()));
    let operation = if here { verb } else { format!("git-{verb}") };
    operate(&gateway, principal, &operation, request).await
}

pub(super) async fn about_sandboxes(
    State(gateway): State<Gateway>,
    Asking(principal): Asking,
    Named(verb): Named,
    request: Request,
) -> Response {
    operate(&gateway, principal, &format!("sandbox-{verb}"), request).await
}

async fn operate(gateway: &Gateway, principal: Principal, operation: &str, request: Request) -> Response {
    let headers = request.headers().clone();
    let read = body(request).await.and_then(|bytes| asked(gateway, operation, &headers, &bytes));
    let request = match read {
        Ok(request) => {
            let trace = Trace::sent(|name| headers.get(name)?.to_str().ok());
            gitledger_functions::Request { trace, ..request.by(principal) }
        }
        Err(refusal) => return reply::refusal(&refusal),
    };
    // Held until the answer is made: stopping waits for it.
    let _held = gateway.running.token();
    let wait = headers.get("prefer").and_then(|value| trigger::prefer(value.to_str().ok()?));
    match gateway.operate_for(request, wait).await {
        Ok(answer) => reply::answer(&answer, has_ended(gateway, &answer).await),
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
    if trigger::is_signed(operation) {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let input = trigger::signed_input(bytes.to_vec(), header)?;
        return Ok(gitledger_functions::Request::new(operation, input, None, gateway.world.clock.id())?);
    }
    let key = match headers.get("idempotency-key") {
        None => None,
        Some(value) => {
            Some(value.to_str().map_err(|_| Rejection::argument("Idempotency-Key", "must be ASCII"))?)
        }
    };
    let input = trigger::json_body(bytes)?;
    Ok(gitledger_functions::Request::new(operation, input, key, gateway.world.clock.id())?)
}

pub(super) async fn operation(
    State(gateway): State<Gateway>,
    Asking(principal): Asking,
    Named(id): Named,
) -> Response {
    let missing = || reply::refusal(&Refusal::NotFound { what: "operation" });
    let Ok(id) = id.parse::<Uuid>() else { return missing() };
    match gateway.world.ledger.read_stream(&Stream::operation(id), 1).await {
        Err(error) => reply::refusal(&error.into()),
        // Another key's is as if it were not.
        Ok(records) => match Answer::shown(id, &records, &principal) {
            None => missing(),
            Some(answer) => {
                let ended = Answer::of_stream(id, &records).is_some();
                reply::answer(&gateway.world.price(answer), ended)
            }
        },
    }
}

/// A page of CloudEvents; with `wait`, an empty page is held back until there is an event.
pub(super) async fn events(
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
    match ledger.read_all(after, page.limit.clamp(1, PAGE_MAX)).await {
        Err(error) => reply::refusal(&error.into()),
        Ok(recorded) => {
            let next = recorded.last().map_or(after, |last| last.position);
            let events = recorded.iter().map(Recorded::cloud_event).collect();
            reply::json(StatusCode::OK, &EventsPage { events, next: next.as_u64() })
        }
    }
}

pub(super) async fn sandboxes(State(gateway): State<Gateway>, Asking(principal): Asking) -> Response {
    match gateway.world.projector.caught_up().await {
        Err(error) => reply::refusal(&error.into()),
        Ok(folded) => {
            let seen = folded.sandboxes.live().filter(|one| sees(&principal, one));
            reply::json(StatusCode::OK, &Sandboxes { sandboxes: seen.map(Sandbox::from).collect() })
        }
    }
}

fn sees(principal: &Principal, sandbox: &SandboxState) -> bool {
    principal.may_see(sandbox.key_id.as_deref(), sandbox.repo.as_ref())
}

pub(super) async fn sandbox(
    State(gateway): State<Gateway>,
    Asking(principal): Asking,
    Named(id): Named,
) -> Response {
    match gateway.world.projector.caught_up().await {
        Err(error) => reply::refusal(&error.into()),
        Ok(folded) => match folded.sandboxes.get(&id).filter(|one| sees(&principal, one)) {
            Some(sandbox) => reply::json(StatusCode::OK, &Sandbox::from(sandbox)),
            None => reply::refusal(&Refusal::NotFound { what: "sandbox" }),
        },
    }
}

pub(super) async fn kill(
    State(gateway): State<Gateway>,
    Asking(principal): Asking,
    Named(id): Named,
) -> Response {
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

pub(super) async fn cost(
    State(gateway): State<Gateway>,
    question: Result<Query<Question>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let Ok(Query(question)) = question else {
        let rule = "has by (agent, task, repo, operation, operation-id, sandbox, day), from, to, period (hour, day, month)";
        return reply::refusal(&Rejection::argument("query", rule).into());
    };
    let world = &gateway.world;
    match costs::tell(world.ledger.as_ref(), &world.prices, &question, world.clock.now()).await {
        Ok(told) => reply::json(StatusCode::OK, &told),
        Err(error) => reply::refusal(&error.into()),
    }
}

pub(super) async fn metrics(State(gateway): State<Gateway>) -> Response {
    match crate::metrics::text(&gateway.world).await {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
        }
        Err(refusal) => reply::refusal(&refusal),
    }
}

pub(super) async fn healthz(State(gateway): State<Gateway>) -> Response {
    match gateway.world.ledger.head().await {
        Ok(head) => reply::json(StatusCode::OK, &Health { status: "ok", position: head.as_u64() }),
        Err(error) => reply::refusal(&error.into()),
    }
}
