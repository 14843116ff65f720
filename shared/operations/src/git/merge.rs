//! `merge`: joins another branch with the current one.

use gitledger_events::operation::Effect;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attempt::{self, Attempt, OnConflict};
use super::preview::{self, Joined};
use super::script::Script;
use super::{resolve, staging, workspace};
use crate::{
    Budget, Context, Decision, Done, Exits, Operation, Place, Rejection, Remotes, Step, Undo, check,
};

/// Merges a branch, tag or commit into the current branch. If both sides changed the same lines, nothing is
/// left changed and the conflicts are told; or it stays open to be resolved.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Merge {
    /// The sandbox to work in.
    pub sandbox_id: String,
    /// What is merged: a branch (`origin/main` for the remote's), a tag or an object id.
    pub source: String,
    /// Whether a merge commit is made.
    #[serde(default)]
    pub ff: FastForward,
    /// Make one ordinary commit of all that comes in, without a second parent.
    #[serde(default)]
    pub squash: bool,
    /// The message of the commit, at most 64 KiB; git's own if not given.
    #[serde(default)]
    pub message: Option<String>,
    /// What becomes of the workspace when there is a conflict. A squash cannot stay open.
    #[serde(default)]
    pub on_conflict: OnConflict,
}

/// Whether a merge commit is made where the branch could simply go forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FastForward {
    /// Only where both sides have commits of their own.
    #[default]
    Auto,
    /// Never: fails where both sides have commits of their own.
    Only,
    /// Always, but for a source that is in already.
    Never,
}

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MergeOutput {
    /// HEAD afterwards; with `dry_run` HEAD as it is.
    pub head: Option<String>,
    /// The commit that was merged.
    pub source: Option<String>,
    /// True when HEAD moved; with `dry_run`, when it would. False when everything was in already.
    pub changed: bool,
    /// True when the branch simply went forward, or would.
    pub fast_forward: bool,
}

impl Operation for Merge {
    const NAME: &'static str = "merge";
    const EFFECT: Effect = Effect::Writes;
    const BUDGET: Budget = Budget::LOCAL;
    const EXAMPLE: &'static str = r#"{"sandbox_id": "i1", "source": "side"}"#;
    const DRY_RUN: bool = true;
    const UNDO: Undo = Undo::Checkout;
    type Output = MergeOutput;

    fn place(&self) -> Place<'_> {
        Place::Named(&self.sandbox_id)
    }

    fn check(&self, _: &Remotes) -> Result<(), Rejection> {
        workspace::sandbox_id(&self.sandbox_id)?;
        check::reference::revision("source", &self.source)?;
        if self.squash && self.ff != FastForward::Auto {
            return Err(Rejection::argument("ff", "must be 'auto' together with 'squash'"));
        }
        if self.squash && self.on_conflict == OnConflict::Keep {
            return Err(Rejection::argument("on_conflict", "must be 'abort' together with 'squash'"));
        }
        self.message.as_deref().map_or(Ok(()), |message| check::text::message("message", message))
    }

    fn decide(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<Self::Output> {
        if let Err(failure) = workspace::opened(context) {
            return failure.into();
        }
        if context.envelope.dry_run {
            return self.would(context, rounds);
        }
        let attempt = if self.squash { self.squashing() } else { self.merging() };
        attempt.decide(context, Self::BUDGET, rounds, |script, exits, changed| {
            let source = script.line(exits, "source");
            MergeOutput {
                fast_forward: changed.moved() && source == changed.after.oid,
                changed: changed.moved(),
                head: changed.after.oid.clone(),
                source,
            }
        })
    }

    fn recorded_input(&self) -> serde_json::Value {
        let message = self.message.as_deref().and_then(|message| message.lines().next());
        serde_json::json!({
            "sandbox_id": self.sandbox_id,
            "source": self.source,
            "ff": self.ff,
            "squash": self.squash,
            "message": message.map(|line| check::text::printable_tail(line, 200)),
            "on_conflict": self.on_conflict,
        })
    }
}

impl Merge {
    /// The name is resolved only to be sure of it: git's own message is made of the name.
    fn merging(&self) -> Attempt {
        let begin = attempt::begin();
        let ff = match self.ff {
            FastForward::Auto => "--ff",
            FastForward::Only => "--ff-only",
            FastForward::Never => "--no-ff",
        };
        Attempt {
            names: vec![(begin.len(), self.source.clone())],
            before: begin.step("source", resolve::commit_step(&self.source)),
            act: self.act(["--commit", ff, "--no-squash"], self.message.as_deref()),
            commit: None,
            undo: Step::git(["merge", "--abort"]),
            last: Script::default(),
            on_conflict: self.on_conflict,
        }
    }

    /// A squash leaves no mark of being unfinished, so what is staged already must not be mixed with it;
    /// then `reset --merge` takes back what it staged, and finds nothing when that is committed.
    fn squashing(&self) -> Attempt {
        let begin = attempt::begin().step("index", Step { may_fail: false, ..staging::staged_step() });
        let message = self.message.clone().unwrap_or_else(|| format!("Squash of {}", self.source));
        Attempt {
            names: vec![(begin.len(), self.source.clone())],
            before: begin.step("source", resolve::commit_step(&self.source)),
            act: self.act(["--no-commit", "--ff", "--squash"], None),
            commit: Some(staging::commit_step(&message, false)),
            undo: Step::git(["reset", "--quiet", "--merge", "--no-recurse-submodules"]),
            last: Script::default(),
            on_conflict: OnConflict::Abort,
        }
    }

    /// Every flag stands here because the workspace's configuration could say otherwise.
    fn act(&self, how: [&str; 3], message: Option<&str>) -> Step {
        let fixed = ["merge", "--quiet", "--no-edit", "--no-autostash", "--no-gpg-sign", "--no-log"];
        let more = ["--no-signoff", "--no-stat", "--no-verify", "--no-verify-signatures"];
        let last = ["--no-rerere-autoupdate", "--no-overwrite-ignore", "--strategy=ort"];
        let step = Step::git(fixed).with(more).with(last).with(how);
        let step = match message {
            Some(message) => step.with(["--cleanup=whitespace".to_owned(), format!("--message={message}")]),
            None => step,
        };
        step.with(["--end-of-options", &self.source])
    }

    /// What would come of it, without a working tree.
    fn would(&self, context: &Context<'_>, rounds: &[Exits]) -> Decision<MergeOutput> {
        let script = preview::merge_script(context, "HEAD", &self.source);
        let Some(exits) = rounds.first() else {
            return Decision::run(preview::plan(script, context, Self::BUDGET, rounds));
        };
        let joined = match preview::read_merge(&script, exits, ["HEAD", &self.source]) {
            Ok(joined) => joined,
            Err(failure) => return failure.into(),
        };
        match self.refused(&joined) {
            Some(failure) => failure.into(),
            None => Done::with(MergeOutput {
                changed: !joined.up_to_date(),
                fast_forward: joined.forward() && self.ff != FastForward::Never && !self.squash,
                head: Some(joined.target),
                source: Some(joined.source),
            })
            .into(),
        }
    }

    fn refused(&self, joined: &Joined) -> Option<crate::Failure> {
        let diverged = !joined.up_to_date() && !joined.forward();
        if self.ff == FastForward::Only && diverged {
            let message = "Both sides have commits of their own.";
            return Some(crate::Failure::new(crate::failure::codes::DIVERGED, message));
        }
        (!joined.conflicts.is_empty()).then(|| super::conflict::failure(&joined.conflicts, None))
    }
}
