//! The control plane: create, list, find, kill, pause and prolong sandboxes.

mod call;
mod grant;
mod query;
pub(crate) mod retry;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;

pub use grant::Grant;
pub(crate) use grant::TOKEN_USER;
pub use wire::{Created, Listed, NewSandbox, SandboxDetail, State};

use self::call::Answer;
use crate::{Endpoint, SandboxError, http};

/// A page of the list: E2B's largest.
const PAGE: usize = 100;
/// More pages than any team may have sandboxes; a list without end is a broken host.
const PAGES_MAX: usize = 1000;

/// The client of E2B's control plane. Cheap to clone; clones share their connections.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    pub(crate) client: reqwest::Client,
    pub(crate) endpoint: Arc<Endpoint>,
}

impl ControlPlane {
    /// A client. Connects when first used.
    pub fn new(endpoint: Endpoint) -> Result<Self, SandboxError> {
        Ok(Self { client: http::client(&endpoint)?, endpoint: Arc::new(endpoint) })
    }

    /// Where it calls.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Makes a sandbox.
    ///
    /// When the answer is lost ([`SandboxError::Unavailable`]) there may be one all the same: it is found
    /// by its metadata.
    pub async fn create(&self, new: &NewSandbox) -> Result<Created, SandboxError> {
        let body = json!({
            "templateID": new.template.as_deref().unwrap_or(self.endpoint.template()),
            "timeout": seconds(new.life),
            "metadata": new.metadata,
        });
        let call = self.call(Method::POST, "/v2/sandboxes").json(&body);
        let call = match &new.idempotency_key {
            Some(key) => call.header("Idempotency-Key", key),
            None => call,
        };
        call.once().send().await?.json(&[200, 201])
    }

    /// Every sandbox, running or paused, that carries this metadata; newest first.
    pub async fn list(&self, metadata: &BTreeMap<String, String>) -> Result<Vec<Listed>, SandboxError> {
        let filter = query::metadata(metadata);
        let (mut all, mut token) = (Vec::new(), None::<String>);
        for _ in 0..PAGES_MAX {
            let mut path = format!("/v2/sandboxes?state=running%2Cpaused&limit={PAGE}");
            if !filter.is_empty() {
                path.push_str("&metadata=");
                path.push_str(&filter);
            }
            if let Some(token) = &token {
                path.push_str("&nextToken=");
                path.push_str(&query::quote(token));
            }
            let answer = self.call(Method::GET, &path).send().await?;
            token = answer.header("x-next-token");
            all.extend(answer.json::<Vec<Listed>>(&[200])?);
            if token.is_none() {
                return Ok(all);
            }
        }
        Err(SandboxError::Protocol(format!("the list of sandboxes has more than {PAGES_MAX} pages")))
    }

    /// One sandbox; `None` when there is none.
    pub async fn get(&self, sandbox_id: &str) -> Result<Option<SandboxDetail>, SandboxError> {
        let Some(path) = path(sandbox_id, "") else { return Ok(None) };
        found(self.call(Method::GET, &path).send().await?, |answer| answer.json(&[200]).map(Some))
    }

    /// Ends a sandbox, running or paused. False when there was none.
    pub async fn kill(&self, sandbox_id: &str) -> Result<bool, SandboxError> {
        let Some(path) = path(sandbox_id, "") else { return Ok(false) };
        found(self.call(Method::DELETE, &path).send().await?, |answer| {
            answer.expect(&[200, 204]).map(|()| true)
        })
    }

    /// Puts a sandbox to sleep. False when it slept already.
    pub async fn pause(&self, sandbox_id: &str) -> Result<bool, SandboxError> {
        let path = path(sandbox_id, "/pause").ok_or(SandboxError::NotFound)?;
        let answer = self.call(Method::POST, &path).json(&json!({})).send().await?;
        if answer.status == 409 {
            return Ok(false);
        }
        answer.expect(&[200, 204]).map(|()| true)
    }

    /// Makes sure that a sandbox runs, for at least `life` from now. Wakes it when it sleeps; never
    /// shortens its life.
    pub async fn connect(&self, sandbox_id: &str, life: Duration) -> Result<Created, SandboxError> {
        let path = format!("/v2{}", path(sandbox_id, "/connect").ok_or(SandboxError::NotFound)?);
        let body = json!({ "timeout": seconds(life) });
        self.call(Method::POST, &path).json(&body).send().await?.json(&[200, 201])
    }

    /// Sets the end of a running sandbox's life to `life` from now; may shorten it.
    pub async fn set_timeout(&self, sandbox_id: &str, life: Duration) -> Result<(), SandboxError> {
        let path = path(sandbox_id, "/timeout").ok_or(SandboxError::NotFound)?;
        let body = json!({ "timeout": seconds(life) });
        self.call(Method::POST, &path).json(&body).send().await?.expect(&[200, 204])
    }
}

/// Whole seconds, rounded up: 0 would end a sandbox at once.
fn seconds(life: Duration) -> u64 {
    life.as_secs().saturating_add(u64::from(life.subsec_nanos() > 0)).max(1)
}

/// A sandbox's path; `None` for an id that no sandbox can have, which so never gets into a URL.
fn path(sandbox_id: &str, rest: &str) -> Option<String> {
    is_id(sandbox_id).then(|| format!("/sandboxes/{sandbox_id}{rest}"))
}

/// Whether a text can be a sandbox's id.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.len() <= 128 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// The default of `T` (`None`, `false`) when the sandbox does not exist.
fn found<T: Default>(
    answer: Answer,
    read: impl FnOnce(Answer) -> Result<T, SandboxError>,
) -> Result<T, SandboxError> {
    if answer.status == 404 { Ok(T::default()) } else { read(answer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_leave_its_path_is_no_id() {
        assert!(is_id("i0abc-6532622b"));
        for bad in ["", "../x", "a/b", "a?b", "a b", "a%2f"] {
            assert!(path(bad, "").is_none(), "{bad}");
        }
    }

    #[test]
    fn a_life_is_never_rounded_to_nothing() {
        assert_eq!(seconds(Duration::ZERO), 1);
        assert_eq!(seconds(Duration::from_millis(1500)), 2);
        assert_eq!(seconds(Duration::from_mins(1)), 60);
    }
}
