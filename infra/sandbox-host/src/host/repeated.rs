//! Creations that are asked for again under the same key: made once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use axum::http::{HeaderMap, StatusCode};
use sha2::{Digest, Sha256};

use super::api_error::ApiError;

const HEADER: &str = "idempotency-key";
const KEY_BYTES_MAX: usize = 255;
/// Keys that are remembered; the oldest are forgotten first.
const KEPT: usize = 10_000;

/// What has become of each key's creation.
#[derive(Default)]
pub(super) struct Repeated(Mutex<Keys>);

#[derive(Default)]
struct Keys {
    states: HashMap<String, State>,
    order: VecDeque<String>,
}

struct State {
    body: [u8; 32],
    /// None while it is under way.
    sandbox: Option<String>,
}

/// Whether this is to be made.
pub(super) enum Entered {
    /// Yes.
    First(First),
    /// It was: this sandbox.
    Again(String),
}

/// The duty to say how it went; without a key, none.
pub(super) struct First(Option<String>);

impl Repeated {
    /// Looks at a request's key.
    pub(super) fn enter(&self, headers: &HeaderMap, body: &[u8]) -> Result<Entered, ApiError> {
        let Some(value) = headers.get(HEADER) else { return Ok(Entered::First(First(None))) };
        let key = value.to_str().ok().filter(|key| fits(key));
        let key = key.ok_or_else(|| ApiError::bad_request("Invalid Idempotency-Key"))?.to_owned();
        let body = Sha256::digest(body).into();
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(state) = keys.states.get(&key) {
            if state.body != body {
                let message = "the same Idempotency-Key was used for another request";
                let error = ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, message);
                return Err(error.coded("idempotency_request_mismatch"));
            }
            let under_way = || {
                ApiError::conflict("the first request with this Idempotency-Key is still under way")
                    .coded("idempotency_request_in_progress")
            };
            return state.sandbox.clone().map(Entered::Again).ok_or_else(under_way);
        }
        if keys.order.len() == KEPT
            && let Some(oldest) = keys.order.pop_front()
        {
            keys.states.remove(&oldest);
        }
        keys.order.push_back(key.clone());
        keys.states.insert(key.clone(), State { body, sandbox: None });
        Ok(Entered::First(First(Some(key))))
    }
}

impl First {
    /// It was made; or it failed, and the key may be used again.
    pub(super) fn leave(self, repeated: &Repeated, sandbox: Option<&str>) {
        let Some(key) = self.0 else { return };
        let mut keys = repeated.0.lock().unwrap_or_else(PoisonError::into_inner);
        match (sandbox, keys.states.get_mut(&key)) {
            (Some(id), Some(state)) => state.sandbox = Some(id.to_owned()),
            (Some(_), None) => {}
            (None, _) => {
                keys.states.remove(&key);
                keys.order.retain(|kept| *kept != key);
            }
        }
    }
}

fn fits(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len())
        && key.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
