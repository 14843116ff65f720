//! Commits that are made again, or taken back, on the current branch: shared by `cherry-pick` and `revert`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::attempt::{self, Attempt, Changed, OnConflict};
use super::script::Script;
use super::{resolve, staging};
use crate::{Exits, Rejection, Step, check};

/// The most commits in one request.
const REVISIONS_MAX: usize = 50;
/// No commit has more parents that anybody would name.
const MAINLINE_MAX: u32 = 16;

/// What was made of the commits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PickOutput {
    /// HEAD afterwards.
    pub head: Option<String>,
    /// True when HEAD moved.
    pub changed: bool,
    /// The new commits, first made first; empty with `no_commit`.
    pub commits: Vec<String>,
    /// True when the changes are staged and not committed.
    pub staged: bool,
}

/// What both operations are asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pick<'a> {
    /// git's command: `cherry-pick` or `revert`.
    pub(super) command: &'a str,
    /// The commits, in order.
    pub(super) revisions: &'a [String],
    /// Of a merge, which parent the change is taken against.
    pub(super) mainline: Option<u32>,
    /// Only stage the changes.
    pub(super) no_commit: bool,
    /// What becomes of the workspace when there is a conflict.
    pub(super) on_conflict: OnConflict,
}

impl Pick<'_> {
    /// Checks what types cannot.
    pub(super) fn check(&self) -> Result<(), Rejection> {
        if self.revisions.is_empty() || self.revisions.len() > REVISIONS_MAX {
            let rule = format!("must be 1 to {REVISIONS_MAX} commits");
            return Err(Rejection::argument("revisions", rule));
        }
        for (index, revision) in self.revisions.iter().enumerate() {
            check::reference::revision(&format!("revisions[{index}]"), revision)?;
        }
        if self.mainline.is_some_and(|parent| !(1..=MAINLINE_MAX).contains(&parent)) {
            return Err(Rejection::argument("mainline", format!("must be 1 to {MAINLINE_MAX}")));
        }
        if self.no_commit && self.on_conflict == OnConflict::Keep {
            return Err(Rejection::argument("on_conflict", "must be 'abort' together with 'no_commit'"));
        }
        Ok(())
    }

    /// What is staged must not be there: git refuses to begin then, but of several commits it leaves a mark all
    /// the same, and what takes that back would take what is staged with it.
    ///
    /// With `no_commit` too the commits are made, because what is begun as commits can be taken back; then
    /// the branch goes back and leaves their changes staged. What was taken back has nothing to leave.
    pub(super) fn attempt(&self) -> Attempt {
        let mut before = attempt::begin()
            .step("index", Step { may_fail: false, ..staging::staged_step() })
            .step("start", resolve::commit_step("HEAD"));
        let start = before.len() - 1;
        let fixed = [self.command, "--no-edit", "--no-gpg-sign", "--no-rerere-autoupdate", "--strategy=ort"];
        let mut act = Step::git(fixed).with(self.mainline.map(|parent| format!("--mainline={parent}")));
        let mut names = Vec::new();
        for revision in self.revisions {
            names.push((before.len(), revision.clone()));
            act = act.given(before.len());
            before = before.step("revision", resolve::commit_step(revision));
        }
        let soft = Step::git(["reset", "--quiet", "--soft", "--no-recurse-submodules"]).given(start);
        let made = Step::git(["rev-list", "--reverse", "HEAD", "--not"]).given(start).may_fail();
        let last = Script::default().maybe("soft", self.no_commit.then_some(soft)).step("made", made);
        Attempt {
            before,
            names,
            act,
            commit: None,
            undo: Step::git([self.command, "--abort"]),
            last,
            on_conflict: self.on_conflict,
        }
    }

    /// The answer of a success.
    pub(super) fn output(&self, script: &Script, exits: &Exits, changed: &Changed) -> PickOutput {
        let made = script.line(exits, "made").unwrap_or_default();
        PickOutput {
            head: changed.after.oid.clone(),
            changed: changed.moved(),
            commits: made.lines().map(str::to_owned).collect(),
            staged: self.no_commit,
        }
    }
}
