//! `sync`: fetch, rebase and push in one, with bounded attempts. A push that begins with a fetch.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::push::{self, PushOutput, Pushed, Wish};
use super::workspace;
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, check};

/// Brings the current branch and the remote's together: fetches the remote's branches, puts the own commits
/// on top of what the remote has on the same branch, and publishes them; with `commit_message`, what is
/// changed is committed first. If somebody else is faster it is tried again. If both sides changed the same
/// lines, nothing is pushed and the conflicts are told.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sync {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Commit first, with this message: the given files, or everything.
    #[serde(default)]
    pub commit_message: Option<String>,
    /// Paths to commit, relative to the workspace, taken literally; everything if empty.
    #[serde(default)]
    pub files: Vec<String>,
    /// The remote's branch; one of the current branch's name if not given.
    #[serde(default)]
    pub branch: Option<String>,
    /// How often it is sent, 1 to 5.
    #[serde(default = "push::three")]
    pub max_attempts: u32,
}

/// What both sides have now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SyncOutput {
    /// As of a push.
    #[serde(flatten)]
    pub push: PushOutput,
    /// True when commits of others came into the current branch.
    pub updated: bool,
}

impl From<Pushed> for SyncOutput {
    fn from(pushed: Pushed) -> Self {
        Self { updated: pushed.updated, push: pushed.into() }
    }
}

impl Operation for Sync {
    const NAME: &'static str = "sync";
    const EFFECT: Effect = Effect::Publishes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    const DRY_RUN: bool = true;
    type Output = SyncOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        push::check_commit(self.commit_message.as_deref(), &self.files)?;
        push::check_attempts(self.max_attempts)?;
        self.branch.as_deref().map_or(Ok(()), |branch| check::reference::branch("branch", branch))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        push::decide(&self.wish(), context, rounds).map(SyncOutput::from)
    }

    fn recorded_input(&self) -> serde_json::Value {
        json!({
            "sandbox_id": self.sandbox_id,
            "commit_message": self.commit_message.as_deref().map(push::first_line),
            "files": self.files.len(),
            "branch": self.branch,
            "max_attempts": self.max_attempts,
        })
    }
}

impl Sync {
    fn wish(&self) -> Wish<'_> {
        Wish {
            reference: self.branch.as_ref().map(|branch| format!("refs/heads/{branch}")),
            commit: self.commit_message.as_deref().map(|message| (message, self.files.as_slice())),
            fetches: true,
            max_attempts: self.max_attempts,
            ..Wish::default()
        }
    }
}
