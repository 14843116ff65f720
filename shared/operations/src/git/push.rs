//! `push`: publishes the current branch, with bounded attempts, and never claims what it did not see.
//!
//! The order of things: commit if asked; ask the remote; take in what others pushed to the same branch;
//! announce the push; push exactly one object id to one reference, only if the reference still is what it
//! was. An answer that was lost is looked up at the remote. Deliberately absent: force without the object id
//! that is expected to be lost.

mod attempt;
mod joined;
mod look;
mod machine;
mod outcome;
mod porcelain;
mod preview;
mod ready;
mod sent;
mod steps;
mod wish;

use std::borrow::Cow;

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::look::{Verdict, verdict, verify};
pub(super) use self::machine::decide;
pub(super) use self::outcome::Pushed;
pub use self::preview::Preview;
pub(super) use self::wish::{Expected, Source, Wish};
use super::workspace;
use crate::{Budget, Context, Decision, Exits, Operation, Place, Rejection, Remotes, check};

/// Publishes the current branch to the remote; with `commit_message`, what is changed is committed first.
/// If somebody else pushed to the same branch, the own commits are put on top of theirs and it is tried
/// again. Nothing at the remote is overwritten but what `force` and `expected_old` name.
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
    /// Push this branch, tag or commit of the workspace to `branch`, and not the current branch. It is pushed
    /// as it is: if the remote's branch has other commits, it fails.
    #[serde(default)]
    pub source: Option<String>,
    /// Push the workspace's tag of this name, under the same name. Not together with `branch` or `source`.
    #[serde(default)]
    pub tag: Option<String>,
    /// Push only if the remote has exactly this, given as its full object id; what others pushed is not taken
    /// in.
    #[serde(default)]
    pub expected_old: Option<String>,
    /// What the remote has may be lost: needs `expected_old`, which says what that is.
    #[serde(default)]
    pub force: bool,
    /// Push only if the remote has no such branch.
    #[serde(default)]
    pub create_only: bool,
    /// How often it is tried, 1 to 5.
    #[serde(default = "three")]
    pub max_attempts: u32,
}

/// What the remote has now.
#[allow(clippy::struct_excessive_bools)] // each is a fact of its own
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PushOutput {
    /// What was pushed: the commit, after any rebase; of a tag that has a message, the tag.
    pub commit_hash: String,
    /// The remote's branch, or the tag.
    pub pushed_branch: String,
    /// Its full name.
    #[serde(default)]
    pub reference: String,
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
    /// What would be done; only with `dry_run`, and only when there is something to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
}

impl From<Pushed> for PushOutput {
    fn from(pushed: Pushed) -> Self {
        Self {
            commit_hash: pushed.new.unwrap_or_default(),
            pushed_branch: short(&pushed.reference).to_owned(),
            reference: pushed.reference,
            attempt: pushed.attempts,
            attempts: pushed.attempts,
            pushed: pushed.changed,
            up_to_date: !pushed.changed && pushed.preview.is_none(),
            committed: pushed.committed,
            rebased: pushed.rebased,
            remote_before: pushed.old,
            superseded: pushed.superseded,
            preview: pushed.preview,
        }
    }
}

/// A reference's name without the folder of its kind.
pub(super) fn short(reference: &str) -> &str {
    ["refs/heads/", "refs/tags/"].iter().find_map(|kind| reference.strip_prefix(kind)).unwrap_or(reference)
}

pub(super) fn three() -> u32 {
    3
}

impl Operation for Push {
    const NAME: &'static str = "push";
    const EFFECT: Effect = Effect::Publishes;
    const BUDGET: Budget = Budget::REMOTE;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1"}"#;
    const DRY_RUN: bool = true;
    type Output = PushOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check_commit(self.commit_message.as_deref(), &self.files)?;
        check_attempts(self.max_attempts)?;
        let refuse = |field: &str, rule: &str| Err(Rejection::argument(field, rule));
        if let Some(branch) = &self.branch {
            check::reference::branch("branch", branch)?;
        }
        if let Some(source) = &self.source {
            check::reference::revision("source", source)?;
            if self.branch.is_none() || self.commit_message.is_some() {
                return refuse(
                    "source",
                    "needs 'branch', and must not be set together with 'commit_message'",
                );
            }
        }
        if let Some(tag) = &self.tag {
            check::reference::branch("tag", tag)?;
            if self.branch.is_some() || self.source.is_some() || self.commit_message.is_some() {
                return refuse("tag", "must not be set together with 'branch', 'source' or 'commit_message'");
            }
        }
        if let Some(expected) = &self.expected_old {
            check::reference::object_id("expected_old", Some(expected))?;
            if self.tag.is_some() && !self.force {
                return refuse("expected_old", "needs 'force' to be true for a tag");
            }
        } else if self.force {
            return refuse("force", "needs 'expected_old', the full object id that may be lost");
        }
        if self.create_only && self.expected_old.is_some() {
            return refuse("create_only", "must not be set together with 'expected_old'");
        }
        Ok(())
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        decide(&self.wish(), context, rounds).map(PushOutput::from)
    }

    fn recorded_input(&self) -> serde_json::Value {
        json!({
            "sandbox_id": self.sandbox_id,
            "commit_message": self.commit_message.as_deref().map(first_line),
            "files": self.files.len(),
            "branch": self.branch,
            "source": self.source,
            "tag": self.tag,
            "expected_old": self.expected_old,
            "force": self.force,
            "create_only": self.create_only,
            "max_attempts": self.max_attempts,
        })
    }
}

impl Push {
    fn wish(&self) -> Wish<'_> {
        let tag = self.tag.as_ref().map(|tag| format!("refs/tags/{tag}"));
        let branch = self.branch.as_ref().map(|branch| format!("refs/heads/{branch}"));
        Wish {
            source: match (&tag, &self.source) {
                (Some(tag), _) => Source::Revision(Cow::Owned(tag.clone())),
                (None, Some(source)) => Source::Revision(Cow::Borrowed(source)),
                (None, None) => Source::Head,
            },
            expected: match &self.expected_old {
                Some(expected) => Expected::Exactly(expected),
                // A tag is not moved.
                None if self.create_only || tag.is_some() => Expected::Absent,
                None => Expected::Ancestor,
            },
            reference: tag.or(branch),
            force: self.force,
            commit: self.commit_message.as_deref().map(|message| (message, self.files.as_slice())),
            fetches: false,
            max_attempts: self.max_attempts,
        }
    }
}

/// A commit that is to be made first.
pub(super) fn check_commit(message: Option<&str>, files: &[String]) -> Result<(), Rejection> {
    check::path::paths("files", files)?;
    match message {
        Some(message) => check::text::message("commit_message", message),
        None if !files.is_empty() => Err(Rejection::argument("files", "needs 'commit_message'")),
        None => Ok(()),
    }
}

pub(super) fn check_attempts(max_attempts: u32) -> Result<(), Rejection> {
    if (1..=5).contains(&max_attempts) {
        return Ok(());
    }
    Err(Rejection::argument("max_attempts", "must be 1 to 5"))
}

/// What is recorded of a message.
pub(super) fn first_line(text: &str) -> String {
    check::text::printable_tail(text.lines().next().unwrap_or_default(), 200)
}
