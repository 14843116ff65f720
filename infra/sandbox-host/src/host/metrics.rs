//! The routes of what sandboxes use, and of their logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::api_error::ApiError;
use super::gauge::Sample;
use super::identity::parse_id;
use super::service::{Service, Shared, find};
use super::warden;
use crate::limits::Limits;

const MIB: u64 = 1024 * 1024;
/// The most sandboxes in one question.
const IDS_MAX: usize = 100;

pub(super) fn routes() -> Router<Arc<Service>> {
    Router::new()
        .route("/sandboxes/metrics", get(of_many))
        .route("/sandboxes/{id}/metrics", get(of_one))
        .route("/sandboxes/{id}/logs", get(logs_v1))
        .route("/v2/sandboxes/{id}/logs", get(logs_v2))
}

fn shown(sample: &Sample, limits: &Limits) -> Value {
    json!({
        "timestamp": sample.at, "timestampUnix": sample.at.as_second(),
        "cpuCount": limits.shown_cpus(), "cpuUsedPct": sample.cpu_used_percent,
        "memUsed": sample.memory_used_bytes, "memCache": sample.memory_cache_bytes,
        "memTotal": u64::from(limits.shown_memory_mib()) * MIB,
        "diskUsed": sample.disk_used_bytes, "diskTotal": limits.shown_disk_mib() * MIB,
    })
}

async fn of_one(
    State(service): Shared,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let sandbox = find(&service, &id)?;
    let (mut start, mut end) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        let invalid = || ApiError::bad_request(format!("Invalid {name}"));
        let bound = match &*name {
            "start" => &mut start,
            "end" => &mut end,
            _ => continue,
        };
        let second = value.parse().ok().filter(|second| *second >= 0).ok_or_else(invalid)?;
        *bound = Timestamp::from_second(second).map_err(|_| invalid())?;
    }
    if start > end {
        return Err(ApiError::bad_request("start is after end"));
    }
    if sandbox.is_running() && sandbox.gauge.latest().is_none() {
        // Too young to have been looked at.
        warden::look(&service.fleet).await;
    }
    let samples = sandbox.gauge.between(start, end);
    let bodies: Vec<_> = samples.iter().map(|sample| shown(sample, &service.fleet.ground.limits)).collect();
    Ok(Json(bodies).into_response())
}

async fn of_many(State(service): Shared, RawQuery(query): RawQuery) -> Result<Response, ApiError> {
    let query = query.unwrap_or_default();
    let named = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == "sandbox_ids");
    let ids: Vec<String> =
        named.flat_map(|(_, value)| value.split(',').map(str::to_owned).collect::<Vec<_>>()).collect();
    if ids.is_empty() || ids.len() > IDS_MAX {
        return Err(ApiError::bad_request("Invalid sandbox_ids"));
    }
    let mut bodies = BTreeMap::new();
    for id in &ids {
        let sandbox = parse_id(id).and_then(|id| service.fleet.get(id));
        if let Some((sandbox, sample)) = sandbox.and_then(|one| one.gauge.latest().map(|last| (one, last))) {
            bodies.insert(sandbox.id.clone(), shown(&sample, &service.fleet.ground.limits));
        }
    }
    Ok(Json(json!({"sandboxes": bodies})).into_response())
}

/// envd writes none here: there are only the sandbox's own words about how it started.
async fn logs_v2(State(service): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    Ok(Json(json!({"logs": entries(&service, &id)?})).into_response())
}

async fn logs_v1(State(service): Shared, Path(id): Path<String>) -> Result<Response, ApiError> {
    let entries = entries(&service, &id)?;
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| json!({"timestamp": entry["timestamp"], "line": entry["message"]}))
        .collect();
    Ok(Json(json!({"logs": lines, "logEntries": entries})).into_response())
}

fn entries(service: &Service, id: &str) -> Result<Vec<Value>, ApiError> {
    let sandbox = find(service, id)?;
    let text = std::fs::read_to_string(sandbox.dir.join("envd.log")).unwrap_or_default();
    let at = sandbox.started_at;
    Ok(text
        .lines()
        .map(|line| json!({"timestamp": at, "level": "info", "message": line, "fields": {}}))
        .collect())
}
