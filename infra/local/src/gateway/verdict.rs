//! `GET /report`: whether it is time to leave hosted sandboxes, as JSON for programs and as a page for browsers.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gitledger_functions::Refusal;
use gitledger_functions::report::{DAYS_MAX, Question as Asked, Terms};
use gitledger_functions::settings::LEDGER_FILE;
use gitledger_operations::Rejection;
use gitledger_projections::report::Report;
use tokio::sync::Mutex;

use super::{Gateway, reply};
use crate::replay::Until;
use crate::report::{Question, page, report};

/// The page has its style in it, and nothing else.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Makes reports, one at a time: each takes every core for a while. The last is kept until something is recorded.
#[derive(Debug)]
pub struct Verdict {
    data: PathBuf,
    last: Mutex<Option<(Asked, Arc<Report>)>>,
}

impl Verdict {
    /// On the ledger of a data directory.
    pub fn of(data: PathBuf) -> Self {
        Self { data, last: Mutex::default() }
    }

    async fn on(&self, gateway: &Gateway, asked: Asked) -> Result<Arc<Report>, Refusal> {
        let mut last = self.last.lock().await;
        let world = &gateway.world;
        let head = world.ledger.head().await?.as_u64();
        if let Some((_, known)) = last.as_ref().filter(|(of, known)| *of == asked && known.position == head) {
            return Ok(known.clone());
        }
        let terms = Terms::of(asked, &world.prices, &world.sandbox_policy);
        let (data, ledger) = (self.data.clone(), self.data.join(LEDGER_FILE));
        let made =
            report(Question { data, ledger, until: Until::End, terms }).await.map_err(Refusal::Fault)?;
        let made = Arc::new(made);
        *last = Some((asked, made.clone()));
        Ok(made)
    }
}

pub(super) async fn shown(
    State(gateway): State<Gateway>,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let Ok(Query(asked)) = asked else {
        let rule = format!("has days (1 to {DAYS_MAX}) and advice (true or false)");
        return reply::refusal(&Rejection::argument("query", rule).into());
    };
    let made = match asked.checked() {
        Ok(asked) => gateway.verdict.on(&gateway, asked).await,
        Err(rejection) => Err(rejection.into()),
    };
    match made {
        Err(refusal) => reply::refusal(&refusal),
        Ok(report) if wants_a_page(&headers) => {
            let headers = [
                (header::CONTENT_TYPE, "text/html; charset=utf-8"),
                (header::CONTENT_SECURITY_POLICY, POLICY),
                (header::VARY, "accept"),
            ];
            (headers, page::html(&report)).into_response()
        }
        Ok(report) => reply::json(StatusCode::OK, report.as_ref()),
    }
}

/// As browsers ask. Who asks for anything gets JSON.
fn wants_a_page(headers: &HeaderMap) -> bool {
    let accepted =
        headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|one| one.split(';').next().is_some_and(|one| one.trim() == "text/html"))
}
