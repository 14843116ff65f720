//! `push-delete`: takes a branch or a tag of the remote away, if it is what the caller expects.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::push::{self, Expected, Preview, Pushed, Source, Wish};
use super::workspace;
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, check};

/// Takes a branch or a tag of the remote away, if it still is what is expected there. One that is gone
/// already is a success. The workspace's own branches and tags stay.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushDelete {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// The remote's branch.
    #[serde(default)]
    pub branch: Option<String>,
    /// The remote's tag; not together with `branch`.
    #[serde(default)]
    pub tag: Option<String>,
    /// What the remote must have, given as its full object id, as `ls-remote` shows it: else nothing is done.
    pub expected_old: String,
    /// How often it is tried, 1 to 5.
    #[serde(default = "push::three")]
    pub max_attempts: u32,
}

/// What is gone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushDeleteOutput {
    /// The full name of the reference.
    pub reference: String,
    /// What it was; `None` when it was gone already.
    pub remote_before: Option<String>,
    /// True when it was taken away.
    pub changed: bool,
    /// How many attempts were made.
    pub attempts: u32,
    /// What would be done; only with `dry_run`, and only when there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

impl From<Pushed> for PushDeleteOutput {
    fn from(pushed: Pushed) -> Self {
        Self {
            reference: pushed.reference,
            remote_before: pushed.old,
            changed: pushed.changed,
            attempts: pushed.attempts,
            preview: pushed.preview,
        }
    }
}

impl Operation for PushDelete {
    const NAME: &'static str = "push-delete";
    const EFFECT: Effect = Effect::Publishes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "branch": "agent-a1-t1", "expected_old": "1f0c5d9fb1b4a2b1d3c4e5f60718293a4b5c6d7e"}"#;
    const DESTRUCTIVE: bool = true;
    const DRY_RUN: bool = true;
    type Output = PushDeleteOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        push::check_attempts(self.max_attempts)?;
        check::reference::object_id("expected_old", Some(&self.expected_old))?;
        match (&self.branch, &self.tag) {
            (Some(branch), None) => check::reference::branch("branch", branch),
            (None, Some(tag)) => check::reference::branch("tag", tag),
            (None, None) => Err(Rejection::argument("branch", "or 'tag' is required")),
            (Some(_), Some(_)) => Err(Rejection::argument("tag", "must not be set together with 'branch'")),
        }
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        push::decide(&self.wish(), context, rounds).map(PushDeleteOutput::from)
    }
}

impl PushDelete {
    fn wish(&self) -> Wish<'_> {
        let branch = self.branch.as_ref().map(|branch| format!("refs/heads/{branch}"));
        let tag = self.tag.as_ref().map(|tag| format!("refs/tags/{tag}"));
        Wish {
            source: Source::Nothing,
            reference: branch.or(tag),
            expected: Expected::Exactly(&self.expected_old),
            max_attempts: self.max_attempts,
            ..Wish::default()
        }
    }
}
