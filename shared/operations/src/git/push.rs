//! `push`: publishes the current branch, with bounded attempts, and never claims what it did not see.
//!
//! The order of things: commit if asked; ask the remote; take in what others pushed to the same branch;
//! announce the push; push exactly one object id to one reference, only if the reference still is what it
//! was. An answer that was lost is looked up at the remote. Deliberately absent: force.

mod attempt;
mod look;
mod machine;
mod outcome;
mod porcelain;
mod steps;

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::look::{Verdict, verdict, verify};
use self::machine::Machine;
use super::workspace;
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, check};

/// Publishes the current branch to the remote; with `commit_message`, what is changed is committed first.
/// If somebody else pushed to the same branch, the own commits are put on top of theirs and it is tried
/// again. Nothing at the remote is ever overwritten.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Push {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// Commit first, with this message: the given files, or everything. If nothing is changed, what was
    /// committed before is pushed.
    #[serde(default)]
    pub commit_message: Option<String>,
    /// Paths to commit, relative to the workspace, taken literally; everything if empty.
    #[serde(default)]
    pub files: Vec<String>,
    /// The remote's branch; one of the current branch's name if not given.
    #[serde(default)]
    pub branch: Option<String>,
    /// How often it is tried, 1 to 5.
    #[serde(default = "three")]
    pub max_attempts: u32,
}

/// What the remote has now.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushOutput {
    /// The commit that was pushed, after any rebase.
    pub commit_hash: String,
    /// The remote's branch.
    pub pushed_branch: String,
    /// Which attempt landed, from 1; 0 when there was nothing to push.
    pub attempt: u32,
    /// How many were made.
    pub attempts: u32,
    /// True when something was pushed.
    pub pushed: bool,
    /// True when the remote had it all already.
    pub up_to_date: bool,
    /// True when a commit was made first.
    pub committed: bool,
    /// True when the own commits were put on top of somebody else's.
    pub rebased: bool,
    /// What the remote's branch was before; `None` when it did not exist.
    pub remote_before: Option<String>,
    /// True when somebody has already built upon what was pushed.
    pub superseded: bool,
}

fn three() -> u32 {
    3
}

impl Operation for Push {
    const NAME: &'static str = "push";
    const EFFECT: Effect = Effect::Publishes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    type Output = PushOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::path::paths("files", &self.files)?;
        match &self.commit_message {
            Some(message) => check::text::message("commit_message", message)?,
            None if !self.files.is_empty() => {
                return Err(Rejection::argument("files", "needs 'commit_message'"));
            }
            None => {}
        }
        if !(1..=5).contains(&self.max_attempts) {
            return Err(Rejection::argument("max_attempts", "must be 1 to 5"));
        }
        self.branch.as_deref().map_or(Ok(()), |branch| check::reference::branch("branch", branch))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        let remote = match workspace::remote(context) {
            Ok(remote) => remote,
            Err(failure) => return failure.into(),
        };
        let mut machine = Machine::new(self, context, &remote);
        // A branch that is named is judged before anything runs; else as soon as it is known.
        if self.branch.is_some()
            && let Err(end) = machine.permitted()
        {
            return *end;
        }
        // The rounds are told again from the first; the machine itself keeps nothing between calls.
        for exits in rounds {
            if let Err(end) = machine.take(exits) {
                return *end;
            }
        }
        machine.next(rounds)
    }

    fn recorded_input(&self) -> serde_json::Value {
        let first_line =
            |text: &String| check::text::printable_tail(text.lines().next().unwrap_or_default(), 200);
        json!({
            "sandbox_id": self.sandbox_id,
            "commit_message": self.commit_message.as_ref().map(first_line),
            "files": self.files.len(),
            "branch": self.branch,
            "max_attempts": self.max_attempts,
        })
    }
}
