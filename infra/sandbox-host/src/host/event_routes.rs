//! The routes of lifecycle events and webhooks.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use bytes::Bytes;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::api_error::ApiError;
use super::identity::parse_id;
use super::journal::Kind;
use super::service::{Service, Shared, read};
use super::webhooks::Webhook;

const LIMIT_DEFAULT: usize = 10;
const LIMIT_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/events/sandboxes", get(all))
        .route("/events/sandboxes/{id}", get(of_one))
        .route("/events/webhooks", get(webhooks).post(register))
        .route("/events/webhooks/{id}", get(webhook).patch(change).delete(remove))
}

/// The query of a list of events.
struct Page {
    offset: usize,
    limit: usize,
    ascending: bool,
    types: BTreeSet<String>,
}

impl Page {
    fn parse(query: &str) -> Result<Self, ApiError> {
        let mut page = Self { offset: 0, limit: LIMIT_DEFAULT, ascending: false, types: BTreeSet::new() };
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let invalid = || ApiError::bad_request(format!("Invalid {name}"));
            match &*name {
                "offset" => page.offset = value.parse().map_err(|_| invalid())?,
                "limit" => {
                    let limit = value.parse().map_err(|_| invalid())?;
                    page.limit = (1..=LIMIT_MAX).contains(&limit).then_some(limit).ok_or_else(invalid)?;
                }
                "orderAsc" => page.ascending = value.parse().map_err(|_| invalid())?,
                // With commas or repeated.
                "types" => page.types.extend(value.split(',').map(str::to_owned)),
                _ => {}
            }
        }
        Ok(page)
    }
}

async fn all(State(service): Shared, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    listed(&service, query.as_deref(), None)
}

async fn of_one(
    State(service): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let id = parse_id(&id).ok_or_else(|| ApiError::not_found(&id))?;
    listed(&service, query.as_deref(), Some(id))
}

fn listed(service: &Service, query: Option<&str>, sandbox: Option<&str>) -> Result<Response, ApiError> {
    let page = Page::parse(query.unwrap_or_default())?;
    let mut events = service.fleet.journal.matching(|event| {
        sandbox.is_none_or(|id| event.sandbox_id == id)
            && (page.types.is_empty() || page.types.contains(event.kind))
    });
    if !page.ascending {
        events.reverse();
    }
    let bodies: Vec<Value> =
        events.iter().skip(page.offset).take(page.limit).map(super::journal::Event::listed).collect();
    Ok(Json(bodies).into_response())
}

/// What registers or changes a webhook; a change leaves what it does not name.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WebhookBody {
    name: Option<String>,
    url: Option<String>,
    enabled: Option<bool>,
    events: Option<Vec<String>>,
    signature_secret: Option<String>,
}

impl WebhookBody {
    fn url(&self) -> Result<Option<Url>, ApiError> {
        let Some(text) = &self.url else { return Ok(None) };
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        url.map(Some).ok_or_else(|| ApiError::bad_request("Invalid url"))
    }

    fn events(&self) -> Result<Option<Vec<String>>, ApiError> {
        let unknown = self.events.iter().flatten().find(|kind| !Kind::TYPES.contains(&kind.as_str()));
        match unknown {
            Some(kind) => Err(ApiError::bad_request(format!("Unknown event type '{kind}'"))),
            None => Ok(self.events.clone()),
        }
    }
}

async fn register(State(service): Shared, body: Bytes) -> Result<Response, ApiError> {
    let body: WebhookBody = read(&body)?;
    let required = |name: &str| ApiError::bad_request(format!("{name} is required"));
    let url = body.url()?.ok_or_else(|| required("url"))?;
    let events = body.events()?.unwrap_or_else(|| Kind::TYPES.map(str::to_owned).to_vec());
    let name = body.name.ok_or_else(|| required("name"))?;
    let secret = body.signature_secret.filter(|secret| !secret.is_empty());
    let secret = secret.ok_or_else(|| required("signatureSecret"))?;
    let webhook = Webhook::new(name, url, body.enabled.unwrap_or(true), events, secret)
        .map_err(|error| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()))?;
    let shown = webhook.shown();
    service.fleet.journal.webhooks.all().insert(webhook.id.clone(), webhook);
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

async fn webhooks(State(service): Shared) -> Json<Vec<Value>> {
    Json(service.fleet.journal.webhooks.all().values().map(Webhook::shown).collect())
}

fn unknown(id: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, format!("Webhook '{id}' not found"))
}

async fn webhook(State(service): Shared, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let all = service.fleet.journal.webhooks.all();
    all.get(&id).map(|webhook| Json(webhook.shown())).ok_or_else(|| unknown(&id))
}

async fn change(
    State(service): Shared,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, ApiError> {
    let body: WebhookBody = read(&body)?;
    let (url, events) = (body.url()?, body.events()?);
    let mut all = service.fleet.journal.webhooks.all();
    let webhook = all.get_mut(&id).ok_or_else(|| unknown(&id))?;
    webhook.url = url.unwrap_or_else(|| webhook.url.clone());
    webhook.events = events.unwrap_or_else(|| webhook.events.clone());
    webhook.name = body.name.unwrap_or_else(|| webhook.name.clone());
    webhook.enabled = body.enabled.unwrap_or(webhook.enabled);
    if let Some(secret) = body.signature_secret.filter(|secret| !secret.is_empty()) {
        webhook.secret = secret;
    }
    Ok(Json(webhook.shown()))
}

async fn remove(State(service): Shared, Path(id): Path<String>) -> Result<StatusCode, ApiError> {
    let removed = service.fleet.journal.webhooks.all().remove(&id);
    removed.map(|_| StatusCode::NO_CONTENT).ok_or_else(|| unknown(&id))
}
