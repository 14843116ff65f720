//! A way through the gate of a sandbox's host: for a while, requests to some paths of one remote get its
//! credential. Our own host's, not E2B's.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use gitledger_operations::Remote;
use reqwest::Method;
use serde_json::{Value, json};

use super::{ControlPlane, path};
use crate::{SandboxError, Secret};

/// What the user name of a token is, for every git host that takes tokens.
pub(crate) const TOKEN_USER: &str = "x-access-token";

/// What is opened.
#[derive(Clone, Debug)]
pub struct Grant<'a> {
    /// The remote, and its repository.
    pub remote: &'a Remote,
    /// Its credential; without one the way is opened all the same, for a public repository.
    pub token: Option<&'a Secret>,
    /// Whether something may be pushed.
    pub publishes: bool,
    /// When it is shut at the latest, if nobody shuts it earlier.
    pub lapses_after: Duration,
}

impl ControlPlane {
    /// Opens a way, or replaces the one of this name. A name is an operation's id and a round: nothing that
    /// would have to be quoted in a URL.
    pub async fn open_grant(
        &self,
        sandbox_id: &str,
        name: &str,
        grant: &Grant<'_>,
    ) -> Result<(), SandboxError> {
        let path = grant_path(sandbox_id, name)?;
        self.call(Method::PUT, &path).json(&grant.body()).send().await?.expect(&[204])
    }

    /// Shuts it. Nothing happens when it is shut already.
    pub async fn close_grant(&self, sandbox_id: &str, name: &str) -> Result<(), SandboxError> {
        let path = grant_path(sandbox_id, name)?;
        match self.call(Method::DELETE, &path).send().await?.expect(&[204]) {
            Err(SandboxError::NotFound) => Ok(()),
            other => other,
        }
    }
}

fn grant_path(sandbox_id: &str, name: &str) -> Result<String, SandboxError> {
    let named = super::is_id(name).then(|| path(sandbox_id, &format!("/network/grants/{name}"))).flatten();
    named.ok_or(SandboxError::NotFound)
}

impl Grant<'_> {
    fn body(&self) -> Value {
        let (host, port, encrypt) = self.remote.destination();
        let headers = self.token.map_or_else(
            || json!({}),
            |token| {
                let pair = STANDARD.encode(format!("{TOKEN_USER}:{}", token.expose()));
                json!({ "Authorization": format!("Basic {pair}") })
            },
        );
        let paths = self.remote.gate_paths(self.publishes);
        let rule = |path: String| json!({"path": path, "port": port, "encrypt": encrypt, "transform": {"headers": headers}});
        let rules: Vec<Value> = paths.into_iter().map(rule).collect();
        let lapses_after_ms = u64::try_from(self.lapses_after.as_millis()).unwrap_or(u64::MAX);
        json!({"rules": {host: rules}, "lapses_after_ms": lapses_after_ms})
    }
}

#[cfg(test)]
mod tests {
    use gitledger_operations::Remotes;

    use super::*;

    #[test]
    fn a_name_that_could_leave_its_path_opens_nothing() {
        assert!(grant_path("i1", "0199-0").is_ok());
        for (sandbox, name) in [("i1", "../x"), ("i1", ""), ("i1/x", "a"), ("i1", "a?b")] {
            assert_eq!(grant_path(sandbox, name), Err(SandboxError::NotFound), "{sandbox} {name}");
        }
    }

    #[test]
    fn the_token_goes_to_the_remotes_own_port_and_paths() {
        let remotes = Remotes::default().through_gate(true);
        let remote = remotes.admit("repo_url", "https://github.com/acme/app.git").unwrap();
        let (token, lapses_after) = (Secret::new("t0"), Duration::from_secs(1));
        let grant = Grant { remote: &remote, token: Some(&token), publishes: false, lapses_after };
        let body = grant.body();
        let rules = body["rules"]["github.com"].as_array().unwrap();
        assert_eq!(rules.len(), 2);
        assert_eq!(rules[0]["path"], "/acme/app.git/info/refs");
        assert_eq!((&rules[0]["port"], &rules[0]["encrypt"]), (&json!(443), &json!(true)));
        // x-access-token:t0
        assert_eq!(rules[0]["transform"]["headers"]["Authorization"], "Basic eC1hY2Nlc3MtdG9rZW46dDA=");
        assert!(!format!("{grant:?}").contains("t0"));
    }
}
