//! One call of the control plane, with its retries.

use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::ControlPlane;
use super::retry::{self, Hints};
use crate::{SandboxError, http, random, trace};

/// The longest that one attempt may take; creating a sandbox is the slowest call.
const ATTEMPT: Duration = Duration::from_secs(30);
/// What E2B says when a team has as many sandboxes as it may: trying again at once does not help.
const CONCURRENCY_LIMIT: &str = "maximum number of concurrent";

/// A call about to be made.
pub(super) struct Call {
    request: RequestBuilder,
    /// Whether a repeat after a lost answer does the same as one call.
    idempotent: bool,
}

/// What came back, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl ControlPlane {
    pub(super) fn call(&self, method: Method, path: &str) -> Call {
        let request =
            self.client.request(method, format!("{}{path}", self.endpoint.api_url)).timeout(ATTEMPT);
        let request = match self.endpoint.api_key.header() {
            Some(key) => request.header("X-API-Key", key),
            None => request, // E2B then says 401, which is what a key that is no header is worth
        };
        Call { request: trace::pass_on(request), idempotent: true }
    }
}

impl Call {
    pub(super) fn json(self, body: &impl Serialize) -> Self {
        Self { request: self.request.json(body), ..self }
    }

    pub(super) fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// A lost answer is not followed by a second call: that could do it twice.
    pub(super) fn once(self) -> Self {
        Self { idempotent: false, ..self }
    }

    pub(super) async fn send(self) -> Result<Answer, SandboxError> {
        let mut attempt = 0;
        loop {
            // Bodies here are never streams, so they can always be sent again.
            let again = self.request.try_clone().ok_or_else(|| SandboxError::Protocol("call".into()))?;
            let pause = match Self::attempt(again).await {
                Ok(answer) => match answer.retry_after(attempt) {
                    Some(pause) => pause,
                    None => return Ok(answer),
                },
                Err(broken) if (self.idempotent || broken.unsent) && attempt + 1 < retry::ATTEMPTS_MAX => {
                    retry::pause(attempt, random::fraction())
                }
                Err(broken) => return Err(SandboxError::Unavailable(broken.text)),
            };
            tokio::time::sleep(pause).await;
            attempt += 1;
        }
    }

    async fn attempt(request: RequestBuilder) -> Result<Answer, Broken> {
        let response = request
            .send()
            .await
            .map_err(|error| Broken { unsent: error.is_connect(), text: http::chain(&error) })?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = http::read(response).await.map_err(|text| Broken { unsent: false, text })?;
        Ok(Answer { status, headers, body })
    }
}

/// No answer.
struct Broken {
    /// True when the request cannot have arrived.
    unsent: bool,
    text: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)?.to_str().ok().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// The body, when the status is one of these.
    pub(super) fn json<T: DeserializeOwned>(self, good: &[u16]) -> Result<T, SandboxError> {
        self.expect(good)?;
        serde_json::from_slice(&self.body)
            // The text of the error would quote the answer, which may hold a token.
            .map_err(|error| {
                SandboxError::Protocol(format!("answer unreadable in column {}", error.column()))
            })
    }

    /// Nothing, when the status is one of these.
    pub(super) fn expect(&self, good: &[u16]) -> Result<(), SandboxError> {
        if good.contains(&self.status) {
            return Ok(());
        }
        let said = format!("{} {}", self.status, http::said(&self.body));
        Err(match self.status {
            401 | 403 => SandboxError::Auth(said),
            404 => SandboxError::NotFound,
            429 => SandboxError::Quota(said),
            500..=599 => SandboxError::Unavailable(said),
            _ => SandboxError::Protocol(said),
        })
    }

    fn retry_after(&self, attempt: u32) -> Option<Duration> {
        if self.status == 429 && http::said(&self.body).contains(CONCURRENCY_LIMIT) {
            return None;
        }
        let hints = Hints {
            should_retry: self.header("should-retry").and_then(|text| text.parse().ok()),
            retry_after_s: self.header("retry-after").and_then(|text| text.parse().ok()),
        };
        retry::after_status(self.status, hints, attempt, random::fraction())
    }
}
