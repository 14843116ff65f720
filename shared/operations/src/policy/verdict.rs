//! What is asked of the policy, and what it says no with.

use gitledger_events::Repo;
use serde_json::json;

use crate::Failure;
use crate::failure::codes;

/// What a push would do to one reference of a remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PushKind<'a> {
    /// Makes it, or moves it to something that builds upon what is there: nothing is lost.
    Forward,
    /// Moves it to something else.
    Force {
        /// The full object id that is expected there and may be overwritten; anything else is denied.
        expected: Option<&'a str>,
    },
    /// Takes it away.
    Delete,
}

/// The policy said no. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{repo} {reference}: {reason} ({rule})")]
pub struct Denied {
    /// Which rule: `push[1].protect`, counted from 1 in the order of the file, or a built-in one's name.
    pub rule: String,
    /// Why, for people.
    pub reason: String,
    /// Where.
    pub repo: Repo,
    /// The full name of the reference.
    pub reference: String,
}

impl From<Denied> for Failure {
    fn from(denied: Denied) -> Self {
        let output = json!({"rule": denied.rule, "repo": denied.repo, "reference": denied.reference});
        Self { output: Some(output), ..Self::new(codes::POLICY_DENIED, denied.to_string()) }
    }
}

impl From<Denied> for Box<Failure> {
    fn from(denied: Denied) -> Self {
        Self::new(denied.into())
    }
}
