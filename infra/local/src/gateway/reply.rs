//! Answers and refusals as HTTP responses.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use gitledger_functions::{Answer, Refusal};
use serde::Serialize;

/// JSON with a status.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    typed(status, "application/json", body)
}

/// An answer: 200 whatever the recorded outcome, an unknown one included; 202 while there is none.
pub fn answer(answer: &Answer, ended: bool) -> Response {
    if ended {
        return json(StatusCode::OK, answer);
    }
    let mut response = json(StatusCode::ACCEPTED, answer);
    let place = format!("/operations/{}", answer.operation_id);
    add(response.headers_mut(), header::LOCATION, &place);
    add(response.headers_mut(), header::RETRY_AFTER, "1");
    response
}

/// A refusal as `application/problem+json`. A fault is logged here, once, and not told to the caller.
pub fn refusal(refusal: &Refusal) -> Response {
    log(refusal);
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = typed(status, "application/problem+json", &refusal.problem());
    if let Some(challenge) = refusal.challenge() {
        add(response.headers_mut(), header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Logs a fault; the caller's mistakes are the caller's.
pub fn log(refusal: &Refusal) {
    if let Refusal::Fault(reason) = refusal {
        tracing::error!(%reason, "fault");
    }
}

fn typed(status: StatusCode, content_type: &'static str, body: &impl Serialize) -> Response {
    let mut bytes = serde_json::to_vec(body).unwrap_or_default();
    bytes.push(b'\n');
    (status, [(header::CONTENT_TYPE, content_type)], bytes).into_response()
}

fn add(headers: &mut HeaderMap, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
