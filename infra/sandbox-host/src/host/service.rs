//! What every route of the control plane works with.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderName;
use serde::de::DeserializeOwned;

use super::api_error::ApiError;
use super::fleet::Fleet;
use super::identity::parse_id;
use super::repeated::Repeated;
use super::sandbox::Sandbox;

pub(super) const NEXT_TOKEN: HeaderName = HeaderName::from_static("x-next-token");

/// What the control plane answers from.
pub(super) struct Service {
    pub(super) fleet: Arc<Fleet>,
    pub(super) api_key: Option<String>,
    pub(super) domain: Option<String>,
    /// Creations by the key that their callers gave them.
    pub(super) repeated: Repeated,
}

pub(super) type Shared = State<Arc<Service>>;

/// The body of a request that may have none.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| ApiError::bad_request(format!("Error when parsing request: {error}")))
}

pub(super) fn find(service: &Service, id: &str) -> Result<Arc<Sandbox>, ApiError> {
    parse_id(id).and_then(|id| service.fleet.get(id)).ok_or_else(|| ApiError::not_found(id))
}
