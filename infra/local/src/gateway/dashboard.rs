//! The dashboard's routes: the page and its parts for anybody, everything recorded for keys that may see it all.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use gitledger_functions::Refusal;
use gitledger_ledger::{LedgerError, Position};
use gitledger_operations::Rejection;
use gitledger_projections::cost::Prices;
use gitledger_projections::timeline::filter::{Outcome, With};
use gitledger_projections::timeline::{Filter, Order, Window};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::routes::Named;
use super::{Gateway, reply};
use crate::dashboard::index::Followed;
use crate::dashboard::page;

/// The latest instant that can be asked for, in milliseconds: the year 2200.
const INSTANT_MAX: i64 = 7_258_118_400_000;
/// The window when none is asked for, in milliseconds.
const WINDOW_MS: i64 = 3_600_000;
/// The most operations in one list.
const LIST_MAX: usize = 1000;
/// How long the live stream waits for an event before it looks whether the gateway stops.
const LOOK: Duration = Duration::from_secs(1);
/// After telling of an event, how long the next ones are gathered.
const GATHER: Duration = Duration::from_millis(500);

/// Which window.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Span {
    /// From when, in milliseconds since 1970; an hour before `until` unless given.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0, max = INSTANT_MAX))]
    from: Option<i64>,
    /// Until when, in milliseconds since 1970; now unless given.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0, max = INSTANT_MAX))]
    until: Option<i64>,
    /// How long a step is, in seconds; chosen unless given, and longer where there would be too many.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 1, max = 31_536_000))]
    step: Option<u64>,
}

/// Which operations.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Which {
    /// From when, in milliseconds since 1970; from the first one unless given.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0, max = INSTANT_MAX))]
    from: Option<i64>,
    /// Until when, in milliseconds since 1970; now unless given.
    #[serde(default)]
    #[schemars(with = "i64", range(min = 0, max = INSTANT_MAX))]
    until: Option<i64>,
    /// Only of this name.
    #[serde(default)]
    #[schemars(with = "String")]
    operation: Option<String>,
    /// Only of this agent.
    #[serde(default)]
    #[schemars(with = "String")]
    agent: Option<String>,
    /// Only that ended so.
    #[serde(default)]
    #[schemars(with = "Outcome")]
    outcome: Option<Outcome>,
    /// Only that failed with this coarse type.
    #[serde(default)]
    #[schemars(with = "String")]
    error_type: Option<String>,
    /// Only with this.
    #[serde(default)]
    #[schemars(with = "With")]
    with: Option<With>,
    /// Which come first.
    #[serde(default)]
    order: Order,
    /// How many at most; more than 1000 is taken as 1000.
    #[serde(default = "fifty")]
    limit: usize,
}

fn fifty() -> usize {
    50
}

/// What the live stream says.
#[derive(Serialize)]
struct News {
    /// The ledger's last position.
    position: u64,
}

type Asked<T> = Result<Query<T>, QueryRejection>;

pub(super) async fn shown() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, page::POLICY)];
    (headers, page::served()).into_response()
}

pub(super) async fn asset(Named(name): Named) -> Response {
    match page::asset(&name) {
        Some((media, text)) => {
            ([(header::CONTENT_TYPE, media), (header::CACHE_CONTROL, "no-cache")], text).into_response()
        }
        None => reply::refusal(&Refusal::NotFound { what: "file" }),
    }
}

pub(super) async fn series(State(gateway): State<Gateway>, asked: Asked<Span>) -> Response {
    of_window(&gateway, asked, Followed::series).await
}

pub(super) async fn verdict(State(gateway): State<Gateway>, asked: Asked<Span>) -> Response {
    of_window(&gateway, asked, Followed::verdict).await
}

pub(super) async fn cost(State(gateway): State<Gateway>, asked: Asked<Span>) -> Response {
    of_window(&gateway, asked, Followed::cost).await
}

pub(super) async fn sandboxes(State(gateway): State<Gateway>) -> Response {
    answer(&gateway, Followed::live_sandboxes).await
}

pub(super) async fn operations(State(gateway): State<Gateway>, asked: Asked<Which>) -> Response {
    let Ok(Query(which)) = asked else { return misunderstood() };
    if which.from.into_iter().chain(which.until).any(|at| !(0..=INSTANT_MAX).contains(&at)) {
        return misunderstood();
    }
    let now = gateway.world.clock.now();
    let filter = Filter {
        from: which.from.map_or(i64::MIN, |at| at.saturating_mul(1000)),
        until: which.until.map_or(now.as_microsecond() + 1, |at| at.saturating_mul(1000)),
        operation: which.operation,
        agent: which.agent,
        outcome: which.outcome,
        error_type: which.error_type,
        with: which.with,
        order: which.order,
        limit: which.limit.min(LIST_MAX),
    };
    answer(&gateway, |followed, _, _| followed.operations(&filter)).await
}

pub(super) async fn operation(State(gateway): State<Gateway>, Named(id): Named) -> Response {
    let missing = || reply::refusal(&Refusal::NotFound { what: "operation" });
    let Ok(id) = id.parse::<Uuid>() else { return missing() };
    match gateway.dashboard.story(id, &gateway.world.prices, gateway.world.clock.now()).await {
        Ok(Some(story)) => reply::json(StatusCode::OK, &story),
        Ok(None) => missing(),
        Err(error) => reply::refusal(&error.into()),
    }
}

/// Tells of each new position of the ledger, at most twice a second, until the caller goes or the gateway stops.
pub(super) async fn live(State(gateway): State<Gateway>) -> Response {
    let stream = unfold((gateway, None::<Position>), |(gateway, told)| async move {
        let head = next(&gateway, told).await?;
        let event = Event::default().event("position").json_data(News { position: head.as_u64() }).ok()?;
        Some((Ok::<_, Infallible>(event), (gateway, Some(head))))
    });
    let mut response =
        Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// The ledger's position: at once the first time, then as soon as it is another.
async fn next(gateway: &Gateway, told: Option<Position>) -> Option<Position> {
    let ledger = &gateway.world.ledger;
    let Some(told) = told else { return ledger.head().await.ok() };
    while !gateway.running.is_closed() {
        if ledger.wait(told, LOOK).await.ok()? {
            tokio::time::sleep(GATHER).await;
            return ledger.head().await.ok();
        }
    }
    None
}

async fn of_window<T: Serialize>(
    gateway: &Gateway,
    asked: Asked<Span>,
    make: impl FnOnce(&Followed, &Window, &Prices, Timestamp) -> T,
) -> Response {
    let now = gateway.world.clock.now();
    match asked.ok().and_then(|Query(span)| span.window(now)) {
        Some(window) => answer(gateway, |followed, prices, now| make(followed, &window, prices, now)).await,
        None => misunderstood(),
    }
}

async fn answer<T: Serialize>(
    gateway: &Gateway,
    make: impl FnOnce(&Followed, &Prices, Timestamp) -> T,
) -> Response {
    let answered = async {
        let followed = gateway.dashboard.caught_up().await?;
        Ok::<_, LedgerError>(make(&followed, &gateway.world.prices, gateway.world.clock.now()))
    };
    match answered.await {
        Ok(body) => reply::json(StatusCode::OK, &body),
        Err(error) => reply::refusal(&error.into()),
    }
}

impl Span {
    fn window(&self, now: Timestamp) -> Option<Window> {
        let until = self.until.unwrap_or_else(|| now.as_millisecond());
        let from = self.from.unwrap_or_else(|| until.saturating_sub(WINDOW_MS).max(0));
        let good = [from, until].iter().all(|at| (0..=INSTANT_MAX).contains(at))
            && self.step.is_none_or(|step| (1..=31_536_000).contains(&step));
        let instant = |at| Timestamp::from_millisecond(at).ok();
        if good { Some(Window::covering(instant(from)?, instant(until)?, self.step)) } else { None }
    }
}

fn misunderstood() -> Response {
    let rule =
        "must be as GET /openapi.json says: instants in milliseconds since 1970, words from their lists";
    reply::refusal(&Rejection::argument("query", rule).into())
}
