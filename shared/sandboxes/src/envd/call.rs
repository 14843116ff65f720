//! One request to a sandbox's envd: how it is addressed, and how it can fail.

use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response};
use serde::Deserialize;
use serde_json::Value;

use super::Envd;
use super::tokens::Access;
use crate::config::ENVD_PORT;
use crate::control::{State, is_id};
use crate::{SandboxError, http, random, trace};

/// The longest that a request may take, and a stream to its beginning.
pub(super) const UNARY: Duration = Duration::from_mins(1);
/// Attempts at a request that certainly did not arrive.
const ATTEMPTS_MAX: u32 = 5;

/// How a call to envd failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum EnvdError {
    /// envd, or the way to it, said no. Nothing was done.
    #[error("{code}: {message}")]
    Refused {
        /// A Connect code, for example `not_found`.
        code: String,
        /// For people.
        message: String,
    },
    /// The connection broke off, and what was asked may have happened.
    #[error("connection lost: {0}")]
    Cut(String),
    /// It cannot have happened.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
}

impl EnvdError {
    pub(super) fn refused(code: &str, message: impl Into<String>) -> Self {
        Self::Refused { code: code.to_owned(), message: message.into() }
    }
}

impl From<EnvdError> for SandboxError {
    fn from(error: EnvdError) -> Self {
        match error {
            EnvdError::Sandbox(error) => error,
            EnvdError::Cut(text) => Self::Unavailable(text),
            EnvdError::Refused { code, message } => match code.as_str() {
                "unauthenticated" | "permission_denied" => Self::Auth(message),
                "unavailable" | "resource_exhausted" | "deadline_exceeded" => Self::Unavailable(message),
                _ => Self::Protocol(format!("{code}: {message}")),
            },
        }
    }
}

/// What to do about an answer that is not a success.
enum Verdict {
    /// The token is not right (any more).
    Unauthorized,
    /// The proxy knows no running sandbox of this id.
    NotRunning,
    /// It did not get through to envd: envd is not up yet, or the proxy is busy.
    NotYet(String),
    /// Any other no.
    Refused(EnvdError),
}

impl Envd {
    /// Sends what `build` makes, as often as it certainly did not arrive, and gives back a good answer.
    pub(super) async fn send(
        &self,
        sandbox_id: &str,
        path: &str,
        build: impl Fn(RequestBuilder) -> RequestBuilder + Sync,
    ) -> Result<Response, EnvdError> {
        let mut renewed = false;
        let mut attempt = 0;
        loop {
            let access = self.access(sandbox_id).await?;
            let why = match build(self.request(sandbox_id, &access, path)).send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => match verdict(response).await {
                    Verdict::Unauthorized if !renewed => {
                        renewed = true;
                        self.tokens.remove(sandbox_id);
                        continue;
                    }
                    Verdict::Unauthorized => return Err(SandboxError::Auth("token refused".into()).into()),
                    Verdict::NotRunning => return Err(self.why_not_running(sandbox_id).await.into()),
                    Verdict::NotYet(text) => text,
                    Verdict::Refused(error) => return Err(error),
                },
                Err(error) if error.is_connect() => http::chain(&error),
                Err(error) => return Err(EnvdError::Cut(http::chain(&error))),
            };
            attempt += 1;
            if attempt == ATTEMPTS_MAX {
                return Err(SandboxError::Unavailable(why).into());
            }
            tokio::time::sleep(crate::control::retry::pause(attempt, random::fraction())).await;
        }
    }

    /// A unary Connect call; the answer's body.
    pub(super) async fn unary(&self, id: &str, method: &str, body: &Value) -> Result<Vec<u8>, EnvdError> {
        let build = |request: RequestBuilder| {
            request.header("Connect-Protocol-Version", "1").timeout(UNARY).json(body)
        };
        let response = self.send(id, &format!("/{method}"), build).await?;
        http::read(response).await.map_err(EnvdError::Cut)
    }

    async fn access(&self, sandbox_id: &str) -> Result<Access, SandboxError> {
        if !is_id(sandbox_id) {
            return Err(SandboxError::NotFound);
        }
        if let Some(access) = self.tokens.get(sandbox_id) {
            return Ok(access);
        }
        let detail = self.control.get(sandbox_id).await?.ok_or(SandboxError::NotFound)?;
        self.tokens.put(sandbox_id, detail.access_token.clone(), detail.domain.clone());
        Ok(Access { token: detail.access_token, domain: detail.domain })
    }

    fn request(&self, sandbox_id: &str, access: &Access, path: &str) -> RequestBuilder {
        let base = self.control.endpoint.envd_url(sandbox_id, access.domain.as_deref());
        let request = self
            .control
            .client
            .request(Method::POST, format!("{base}{path}"))
            .header("E2b-Sandbox-Id", sandbox_id)
            .header("E2b-Sandbox-Port", ENVD_PORT);
        let request = trace::pass_on(request);
        match access.token.as_ref().and_then(crate::Secret::header) {
            Some(token) => request.header("X-Access-Token", token),
            None => request,
        }
    }

    /// The proxy says the same of a paused sandbox and of one that never was; the control plane knows.
    pub(crate) async fn why_not_running(&self, sandbox_id: &str) -> SandboxError {
        match self.control.get(sandbox_id).await {
            Ok(Some(detail)) if detail.listed.state == State::Paused => SandboxError::Paused,
            Ok(Some(_)) => SandboxError::Unavailable("the sandbox runs but cannot be reached".into()),
            Ok(None) => {
                self.forget(sandbox_id);
                SandboxError::NotFound
            }
            Err(error) => error,
        }
    }
}

async fn verdict(response: Response) -> Verdict {
    #[derive(Deserialize)]
    struct Said {
        code: Value,
        #[serde(default)]
        message: String,
    }
    let status = response.status().as_u16();
    let body = http::read(response).await.unwrap_or_default();
    let message = http::said(&body);
    if let Ok(Said { code: Value::String(code), message }) = serde_json::from_slice(&body) {
        return match code.as_str() {
            "unauthenticated" if status == 401 => Verdict::Unauthorized,
            _ => Verdict::Refused(EnvdError::Refused { code, message }),
        };
    }
    match status {
        401 => Verdict::Unauthorized,
        502 if message.contains("was not found") => Verdict::NotRunning,
        409 | 429 | 502 | 503 | 504 => Verdict::NotYet(format!("{status} {message}")),
        507 => Verdict::Refused(SandboxError::DiskFull.into()),
        404 => Verdict::Refused(EnvdError::refused("not_found", message)),
        _ => Verdict::Refused(EnvdError::refused("unknown", format!("{status} {message}"))),
    }
}
